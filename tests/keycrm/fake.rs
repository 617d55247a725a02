//! A KeyCRM: what it was sent it knows, and it fails as it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub use crate::common::{Trouble, pairs, says};
use crate::shape::wrong;

pub const KEY: &str = "Kz7secretSecretSecret42";
/// The secret part of the address at which calls are told.
pub const HOOK: &str = "hookSecretSecret77";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub body: Value,
}

impl Seen {
    /// The same in one line.
    pub fn short(&self) -> String {
        let path = self.path.trim_start_matches("/v1/").trim_start_matches('/');
        let filters = self.query.iter().filter(|(key, _)| key.starts_with("filter"));
        let filters = filters.map(|(key, value)| match key.ends_with("_between]") {
            // It has the time of the day.
            true => format!(" {key} = …"),
            false => format!(" {key} = {value}"),
        });
        let body = (!self.body.is_null()).then(|| format!(" {}", self.body));
        let first = format!("{} {path}", self.method);
        std::iter::once(first).chain(filters).chain(body).collect()
    }

    /// For snapshots.
    pub fn line(&self) -> String {
        let path = self.path.trim_start_matches("/v1/");
        let query = self.query.iter().map(|(key, value)| match key.as_str() {
            // It has the time of the day.
            "filter[updated_between]" => format!("  {key} = …"),
            _ => format!("  {key} = {value}"),
        });
        let body = (!self.body.is_null()).then(|| format!("  {}", self.body));
        let first = format!("{} {path}", self.method);
        std::iter::once(first).chain(query).chain(body).collect::<Vec<_>>().join("\n")
    }
}

/// What a person does in the CRM.
pub type Edit = fn(&mut State);

#[derive(Default)]
pub struct State {
    pub buyers: Vec<Value>,
    pub companies: Vec<Value>,
    pub cards: Vec<Value>,
    pub orders: Vec<Value>,
    pub users: Vec<Value>,
    /// What was told of calls.
    pub told: Vec<Value>,
    /// Only what is made is troubled.
    pub posts_only: bool,
    /// What is made is not found by a search or in a list yet.
    pub lags: bool,
    /// Cards are listed in the order in which they changed.
    pub by_change: bool,
    /// Occurs while somebody reads: before this page of cards is answered.
    pub meanwhile: Option<(usize, Edit)>,
    /// The account has pipelines switched off.
    pub no_pipelines: bool,
    /// Whole answers by path, instead of what it knows.
    pub fixed: BTreeMap<String, Value>,
    pub seen: Vec<Seen>,
    /// Also what was asked for already.
    pub all: Vec<Seen>,
    /// What the OpenAPI file does not have.
    pub wrong: Vec<String>,
    /// Requests whose path holds the word are troubled, so many times.
    pub trouble: Vec<(&'static str, Trouble, usize)>,
    ids: u64,
}

pub struct Fake {
    pub server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Desk(Arc<Mutex<State>>);

impl Fake {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State { ids: 5000, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Desk(state.clone())).mount(&server).await;
        Self { server, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn trouble(&self, word: &'static str, trouble: Trouble, times: usize) {
        self.state().trouble.push((word, trouble, times));
    }

    /// All requests since the last time this was asked.
    pub fn dialogue(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.state().wrong, Vec::<String>::new(), "not as the OpenAPI file has it");
        }
    }
}

impl Respond for Desk {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let seen = Seen {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: pairs(request.url.query().unwrap_or_default()),
            body: serde_json::from_slice(&request.body).unwrap_or(Value::Null),
        };
        state.seen.push(seen.clone());
        state.all.push(seen.clone());
        let path = seen.path.strip_prefix("/v1").map(str::to_owned);
        if let Some(path) = &path {
            let more = wrong(&seen.method, path, &seen.query, &seen.body);
            state.wrong.extend(more);
            let bearer = format!("Bearer {KEY}");
            if request.headers.get("Authorization").is_none_or(|key| *key != *bearer) {
                return ResponseTemplate::new(401)
                    .set_body_json(json!({"message": "Unauthenticated."}));
            }
        }
        let mut late = None;
        let spared = state.posts_only && seen.method != "POST";
        let troubled = |(word, _, times): &(&str, Trouble, usize)| {
            *times > 0 && seen.path.contains(*word) && !spared
        };
        if let Some(place) = state.trouble.iter().position(troubled) {
            state.trouble[place].2 -= 1;
            match state.trouble[place].1.clone() {
                Trouble::Says(answer) => return answer,
                Trouble::Late(time) => late = Some(time),
            }
        }
        let answer = match path {
            Some(path) => {
                let (status, body) = state.answer(&path, &seen);
                ResponseTemplate::new(status).set_body_json(body)
            }
            None => {
                assert_eq!(seen.path, format!("/telephony/{HOOK}"));
                state.told.push(seen.body["call"].clone());
                ResponseTemplate::new(200).set_body_string("ok")
            }
        };
        match late {
            Some(time) => answer.set_delay(time),
            None => answer,
        }
    }
}

/// An id as it stands in an address.
fn is(id: &Value, text: &str) -> bool {
    id.as_u64().map(|id| id.to_string()).as_deref() == Some(text)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Spellings are taken as they are.
fn has_number(who: &Value, wanted: &str) -> bool {
    let phones = match &who["phone"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let is = |phone: &Value, one: &str| digits(phone.as_str().unwrap_or_default()) == digits(one);
    phones.iter().any(|phone| wanted.split(',').any(|one| is(phone, one)))
}

fn within(value: &Value, range: &str) -> bool {
    let (from, to) = range.split_once(',').unwrap();
    assert_eq!((from.len(), to.len()), (19, 19), "{range}");
    let at = value.as_str().unwrap();
    from <= at && at <= to
}

fn not_found() -> (u16, Value) {
    (404, json!({"message": "Not found"}))
}

/// As it writes times.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl State {
    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn answer(&mut self, path: &str, seen: &Seen) -> (u16, Value) {
        let path = path.trim_start_matches('/');
        if let Some(fixed) = self.fixed.get(path).filter(|_| seen.method == "GET") {
            return (200, fixed.clone());
        }
        if self.no_pipelines && path.starts_with("pipelines") {
            return (400, json!({"message": "Leads are not enabled"}));
        }
        let named = |id: u64, name: &str| json!({"id": id, "name": name});
        let parts: Vec<&str> = path.split('/').collect();
        match (seen.method.as_str(), parts.as_slice()) {
            ("GET", ["buyer"]) => self.page(self.buyers.clone(), seen),
            ("GET", ["order"]) => self.page(self.orders.clone(), seen),
            ("GET", ["pipelines", "cards"]) => {
                let page = seen.query.get("page").map_or(1, |page| page.parse().unwrap());
                if let Some((_, edit)) = self.meanwhile.take_if(|(when, _)| *when == page) {
                    edit(self);
                }
                self.page(self.cards.clone(), seen)
            }
            ("GET", ["users"]) => self.page(self.users.clone(), seen),
            ("GET", ["calls"]) => {
                let as_told =
                    |call: &Value| json!({"reference_id": call["id"], "state": call["state"]});
                self.page(self.told.iter().map(as_told).collect(), seen)
            }
            ("GET", ["pipelines"]) => self.page(vec![named(1, "Лендінги"), named(2, "Опт")], seen),
            ("GET", ["pipelines", id, "statuses"]) => {
                let stage = |id: u64, title: &str, alias: &str| {
                    json!({"id": id, "title": title,
                    "alias": alias, "is_final": "false"})
                };
                let stages = match *id {
                    "1" => vec![stage(5, "Новий", "new"), stage(6, "Відмова", "lost")],
                    _ => vec![stage(9, "Угода", "deal")],
                };
                self.page(stages, seen)
            }
            ("GET", ["order", "tag"]) => self.page(vec![named(31, "vip")], seen),
            ("GET", ["order", "source"]) => self.page(vec![named(7, "Дзвінки")], seen),
            ("GET", ["order", "status"]) => self.page(
                vec![
                    json!({"id": 1, "is_closing_order": false}),
                    json!({"id": 12, "is_closing_order": true}),
                ],
                seen,
            ),
            ("GET", ["custom-fields"]) => (200, json!([{"id": 1, "uuid": "LD_1021"}])),
            ("GET", ["buyer", id]) => self.one("buyer", id),
            ("GET", ["pipelines", "cards", id]) => self.one("card", id),
            ("GET", ["order", id]) => self.one("order", id),
            ("POST", ["buyer"]) => self.make("buyer", seen.body.clone()),
            ("POST", ["companies"]) => self.make("company", seen.body.clone()),
            ("POST", ["order"]) => self.make("order", seen.body.clone()),
            ("POST", ["pipelines", "cards"]) => self.make("card", seen.body.clone()),
            ("POST", ["order", id, "tag", tag]) => {
                let tag = json!(tag.parse::<u64>().unwrap());
                let order = self.of("order").iter_mut().find(|order| is(&order["id"], id));
                order.unwrap()["tags"] = json!([tag]);
                (202, json!({}))
            }
            ("PUT", ["buyer", id]) => self.edit("buyer", id, seen),
            ("PUT", ["order", id]) => self.edit("order", id, seen),
            ("PUT", ["pipelines", "cards", id]) => self.edit("card", id, seen),
            _ => not_found(),
        }
    }

    fn of(&mut self, kind: &str) -> &mut Vec<Value> {
        match kind {
            "buyer" => &mut self.buyers,
            "company" => &mut self.companies,
            "card" => &mut self.cards,
            "order" => &mut self.orders,
            other => panic!("no {other}"),
        }
    }

    fn page(&self, mut all: Vec<Value>, seen: &Seen) -> (u16, Value) {
        if self.by_change {
            all.sort_by_key(|value| value["updated_at"].to_string());
        }
        all.retain(|value| value.get("lags").is_none());
        let his = |value: &Value| {
            seen.query.iter().all(|(key, wanted)| match key.as_str() {
                "filter[buyer_phone]" => has_number(value.get("buyer").unwrap_or(value), wanted),
                "filter[updated_between]" => within(&value["updated_at"], wanted),
                "filter[created_between]" => within(&value["created_at"], wanted),
                "filter[buyer_id]" => wanted.split(',').any(|id| is(&value["id"], id)),
                "filter[source_uuid]" => value["source_uuid"] == *wanted,
                "filter[reference_id]" => value["reference_id"] == *wanted,
                "include" | "limit" | "page" | "sort" => true,
                other => panic!("no filter {other}"),
            })
        };
        let found: Vec<Value> = all.into_iter().filter(his).collect();
        let number = |key: &str, or| seen.query.get(key).map_or(or, |text| text.parse().unwrap());
        let (limit, page): (usize, usize) = (number("limit", 15), number("page", 1));
        let more = found.len() > limit * page;
        let next = more.then(|| format!("https://openapi.keycrm.app/x?page={}", page + 1));
        let total = found.len();
        let data: Vec<Value> = found.into_iter().skip(limit * (page - 1)).take(limit).collect();
        let body = json!({"total": total, "current_page": page, "per_page": limit, "data": data,
            "next_page_url": next});
        (200, body)
    }

    fn one(&mut self, kind: &str, id: &str) -> (u16, Value) {
        let found = self.of(kind).iter().find(|value| is(&value["id"], id)).cloned();
        found.map_or_else(not_found, |found| (200, found))
    }

    /// What it is given, it has; not all of it under the name it was given.
    fn make(&mut self, kind: &str, mut new: Value) -> (u16, Value) {
        let id = self.id();
        new["id"] = json!(id);
        (new["created_at"], new["updated_at"]) = (json!(now()), json!(now()));
        if self.lags {
            new["lags"] = json!(true);
        }
        match kind {
            "buyer" => new["manager"] = json!({"id": new["manager_id"]}),
            "order" => {
                new["manager"] = json!({"id": new["manager_id"]});
                (new["status_id"], new["closed_at"]) = (json!(1), Value::Null);
                let number = new["buyer"]["phone"].as_str().unwrap_or_default().to_owned();
                let buyer = self.buyers.iter().find(|buyer| has_number(buyer, &number));
                new["buyer"]["id"] = buyer.map_or(json!(id + 1), |buyer| buyer["id"].clone());
                if new.get("manager_id").is_none() {
                    new["manager"] = Value::Null;
                }
            }
            "company" => {
                let company = json!({"id": id, "name": new["name"]});
                for buyer in &mut self.buyers {
                    if new["buyer_id"].as_array().unwrap().contains(&json!(buyer["id"].to_string()))
                    {
                        buyer["company"] = company.clone();
                    }
                }
            }
            "card" => {
                new["is_finished"] = json!(false);
                new["contact_id"] = json!(id + 100_000);
                if new.get("manager_id").is_none() {
                    new["manager_id"] = Value::Null;
                }
            }
            _ => {}
        }
        self.of(kind).push(new.clone());
        if kind == "card" {
            // It does not tell whom it is about.
            new.as_object_mut().unwrap().remove("contact");
        }
        (201, new)
    }

    fn edit(&mut self, kind: &str, id: &str, seen: &Seen) -> (u16, Value) {
        let found = self.of(kind).iter_mut().find(|value| is(&value["id"], id));
        let Some(found) = found else { return not_found() };
        for (name, value) in seen.body.as_object().unwrap() {
            found[name] = value.clone();
        }
        if kind == "buyer"
            && let Some(manager) = seen.body.get("manager_id")
        {
            found["manager"] = json!({"id": manager});
        }
        found["updated_at"] = json!(now());
        (202, json!({"status": true}))
    }
}
