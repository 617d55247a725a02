//! A retailCRM: what it was sent it knows, and it fails as it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub use crate::common::{Trouble, pairs, says};
use crate::shape::wrong;

pub const KEY: &str = "Kz7secretSecretSecret42";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub form: BTreeMap<String, String>,
}

impl Seen {
    /// For snapshots: `POST orders/create site=shop order={…}`.
    pub fn line(&self) -> String {
        let path = self.path.trim_start_matches("/api/").trim_start_matches("v5/");
        let parts = self.query.iter().chain(&self.form).map(|(k, v)| format!("  {k} = {v}"));
        let mut line = vec![format!("{} {path}", self.method)];
        line.extend(parts);
        line.join("\n")
    }

    /// The object in a field of the form.
    pub fn object(&self, field: &str) -> Value {
        serde_json::from_str(&self.form[field]).unwrap()
    }
}

#[derive(Default)]
pub struct State {
    pub customers: Vec<Value>,
    pub corporates: Vec<Value>,
    pub orders: Vec<Value>,
    pub tasks: Vec<Value>,
    pub notes: Vec<Value>,
    pub calls: Vec<Value>,
    pub events: Vec<Value>,
    pub notifications: Vec<Value>,
    pub users: Vec<Value>,
    pub module: Option<Value>,
    /// The account's own fields, each with its code, entity and type.
    pub own_fields: Vec<Value>,
    /// What is made is in no list yet.
    pub lags: bool,
    hidden: BTreeSet<u64>,
    /// What no official client would send.
    pub wrong: Vec<String>,
    /// Whole answers by path, instead of what it knows.
    pub fixed: BTreeMap<String, Value>,
    /// So many stand on a page of a list; as many as are asked for, where it is none.
    pub page: Option<usize>,
    pub history: BTreeMap<String, Vec<Value>>,
    pub seen: Vec<Seen>,
    /// Also what was asked for already.
    pub all: Vec<Seen>,
    /// Requests whose path holds the word are troubled, so many times.
    pub trouble: Vec<(&'static str, Trouble, usize)>,
    ids: u64,
}

pub struct Fake {
    pub server: MockServer,
    state: Arc<Mutex<State>>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.state().wrong, Vec::<String>::new(), "not as the official clients do");
        }
    }
}

struct Desk(Arc<Mutex<State>>);

impl Fake {
    pub async fn start() -> Self {
        let state = State { ids: 1000, ..State::default() };
        let state = Arc::new(Mutex::new(state));
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

impl Respond for Desk {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let seen = Seen {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: pairs(request.url.query().unwrap_or_default()),
            form: pairs(std::str::from_utf8(&request.body).unwrap()),
        };
        state.seen.push(seen.clone());
        state.all.push(seen.clone());
        state.wrong.extend(wrong(&seen));
        if request.headers.get("X-API-KEY").is_none_or(|key| key != KEY) {
            let why = json!({"success": false, "errorMsg": "Wrong \"apiKey\" value."});
            return ResponseTemplate::new(403).set_body_json(why);
        }
        let troubled =
            |(word, _, times): &(&str, Trouble, usize)| *times > 0 && seen.path.contains(*word);
        let mut late = None;
        if let Some(place) = state.trouble.iter().position(troubled) {
            state.trouble[place].2 -= 1;
            match state.trouble[place].1.clone() {
                Trouble::Says(answer) => return answer,
                Trouble::Late(time) => late = Some(time),
            }
        }
        let (status, body) = state.answer(&seen);
        let answer = ResponseTemplate::new(status).set_body_json(body);
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

/// As the CRM does: the end of a number is what counts.
fn same(one: &str, other: &str) -> bool {
    let (one, other) = (digits(one), digits(other));
    let end = |text: &str| text[text.len().saturating_sub(10)..].to_owned();
    one.len() >= 10 && end(&one) == end(&other)
}

fn has_number(who: &Value, number: &str) -> bool {
    let phones = who["phones"].as_array().cloned().unwrap_or_default();
    phones.iter().any(|phone| same(phone["number"].as_str().unwrap_or_default(), number))
}

/// The values of `key[0]`, `key[1]`, …
fn values<'q>(
    query: &'q BTreeMap<String, String>,
    key: &'q str,
) -> impl Iterator<Item = &'q String> {
    query.iter().filter(move |(own, _)| own.starts_with(key)).map(|(_, value)| value)
}

fn page(name: &str, list: Vec<Value>) -> (u16, Value) {
    let pages =
        json!({"limit": 100, "totalCount": list.len(), "currentPage": 1, "totalPageCount": 1});
    (200, json!({"success": true, "pagination": pages, name: list}))
}

fn not_found() -> (u16, Value) {
    (404, json!({"success": false, "errorMsg": "Not found"}))
}

impl State {
    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    fn answer(&mut self, seen: &Seen) -> (u16, Value) {
        let path = seen.path.trim_start_matches("/api/").trim_start_matches("v5/").to_owned();
        if let Some(fixed) = self.fixed.get(&path) {
            return (200, fixed.clone());
        }
        let parts: Vec<&str> = path.split('/').collect();
        match (seen.method.as_str(), parts.as_slice()) {
            ("GET", ["telephony", "manager"]) => self.manager(&seen.query["phone"]),
            ("GET", ["customers"]) => self.list("customers", seen),
            ("GET", ["customers-corporate"]) => self.companies(seen),
            ("GET", ["orders"]) => self.list("orders", seen),
            ("GET", ["tasks"]) => self.task_list(seen),
            ("GET", ["customers", "notes"]) => {
                let of = |note: &&Value| {
                    is(&note["customer"]["id"], &seen.query["filter[customerIds][0]"])
                };
                page("notes", self.notes.iter().filter(of).cloned().collect())
            }
            ("GET", ["custom-fields"]) => page("customFields", self.own_fields.clone()),
            ("GET", ["reference", "order-methods"]) => {
                (200, json!({"success": true, "orderMethods": {"phone": {"code": "phone"}}}))
            }
            ("GET", ["reference", "order-types"]) => {
                (200, json!({"success": true, "orderTypes": {"b2b": {"code": "b2b"}, "b2c": {}}}))
            }
            ("GET", ["customers-corporate", id, "contacts"]) => {
                let of = |company: &&Value| is(&company["id"], id);
                match self.corporates.iter().find(of) {
                    Some(company) => page(
                        "contacts",
                        company["customerContacts"].as_array().cloned().unwrap_or_default(),
                    ),
                    None => not_found(),
                }
            }
            ("GET", ["users"]) => page("users", self.users.clone()),
            ("GET", ["credentials"]) => (
                200,
                json!({"success": true, "siteAccess": "access_full",
                "scopes": ["customer_read", "customer_write", "order_read", "order_write"]}),
            ),
            ("GET", ["reference", "sites"]) => {
                (200, json!({"success": true, "sites": {"shop": {}}}))
            }
            ("GET", ["reference", "statuses"]) => (
                200,
                json!({"success": true, "statuses": {
                "new": {"code": "new", "group": "new"},
                "assembling": {"code": "assembling", "group": "assembling"},
                "complete": {"code": "complete", "group": "complete"},
                "no-call": {"code": "no-call", "group": "cancel"}}}),
            ),
            ("GET", ["integration-modules", _]) => match &self.module {
                Some(module) => (200, json!({"success": true, "integrationModule": module})),
                None => not_found(),
            },
            ("POST", ["integration-modules", _, "edit"]) => {
                self.module = Some(seen.object("integrationModule"));
                (200, json!({"success": true, "info": {}}))
            }
            ("GET", [stream, "history"]) => self.rows(stream, seen),
            ("GET", [kind @ ("customers" | "orders"), mark]) => self.one(kind, mark),
            ("POST", ["customers", "create"]) => {
                self.make("customers", seen.object("customer"), seen)
            }
            ("POST", ["orders", "create"]) => self.make("orders", seen.object("order"), seen),
            ("POST", ["customers-corporate", "create"]) => {
                self.make("corporates", seen.object("customerCorporate"), seen)
            }
            ("POST", ["customers", "notes", "create"]) => {
                self.make("notes", seen.object("note"), seen)
            }
            ("POST", ["customers-corporate", id, "contacts", "create"]) => {
                let of = |company: &&mut Value| is(&company["id"], id);
                let company = self.corporates.iter_mut().find(of).unwrap();
                company["customerContacts"].as_array_mut().unwrap().push(seen.object("contact"));
                (200, json!({"success": true, "id": 1}))
            }
            ("POST", ["tasks", "create"]) => self.make("tasks", seen.object("task"), seen),
            ("POST", [kind, id, "edit"]) => self.edit(kind, id, seen),
            ("POST", ["notifications", "send"]) => {
                self.notifications.push(seen.object("notification"));
                (200, json!({"success": true}))
            }
            ("POST", ["telephony", "call", "event"]) => {
                self.events.push(seen.object("event"));
                (200, json!({"success": true}))
            }
            ("POST", ["telephony", "calls", "upload"]) => self.upload(seen),
            _ => (404, json!({"success": false, "errorMsg": "API method not found"})),
        }
    }

    fn of(&mut self, kind: &str) -> &mut Vec<Value> {
        match kind {
            "customers" => &mut self.customers,
            "orders" => &mut self.orders,
            "corporates" => &mut self.corporates,
            "notes" => &mut self.notes,
            "tasks" => &mut self.tasks,
            other => panic!("no {other}"),
        }
    }

    fn manager(&self, number: &str) -> (u16, Value) {
        let found = |customer: &&Value| has_number(customer, number) && self.listed(customer);
        let found = self.customers.iter().find(found);
        let Some(customer) = found else { return (200, json!({"success": true, "links": {}})) };
        let mut answer = json!({"success": true, "customer": customer});
        // It tells no manager of the client here, but beside it.
        answer["customer"].as_object_mut().unwrap().remove("managerId");
        if let Some(id) = customer.get("managerId").filter(|id| !id.is_null()) {
            answer["manager"] = json!({"id": id, "firstName": "M", "code": "10"});
        }
        (200, answer)
    }

    fn list(&mut self, kind: &str, seen: &Seen) -> (u16, Value) {
        let query = &seen.query;
        let his = |value: &Value| {
            let id = value["id"].to_string();
            let customer = value["customer"]["id"].to_string();
            query.iter().all(|(key, wanted)| match key.as_str() {
                "filter[name]" => has_number(value, wanted),
                "filter[statusUpdatedAtFrom]" => {
                    value["statusUpdatedAt"].as_str().is_some_and(|at| at >= wanted.as_str())
                }
                key if key.starts_with("filter[ids]") => {
                    values(query, "filter[ids]").any(|one| id == *one)
                }
                key if key.starts_with("filter[extendedStatus]") => {
                    values(query, "filter[extendedStatus]").any(|one| value["status"] == *one)
                }
                "filter[customerId]" => customer == *wanted,
                "filter[customer]" => same(value["phone"].as_str().unwrap_or_default(), wanted),
                "limit" => wanted == "100",
                "page" => true,
                other => panic!("no filter {other}"),
            })
        };
        let found: Vec<Value> = self.of(kind).clone();
        let found = found.into_iter().filter(|value| his(value) && self.listed(value));
        let found: Vec<Value> = found.collect();
        let size = self.page.unwrap_or(100);
        let number: usize = query.get("page").map_or(1, |page| page.parse().unwrap());
        let pages = found.len().div_ceil(size).max(1);
        let here = found.into_iter().skip(size * (number - 1)).take(size).collect();
        let (status, mut body) = page(kind, here);
        body["pagination"]["currentPage"] = json!(number);
        body["pagination"]["totalPageCount"] = json!(pages);
        (status, body)
    }

    /// The lists know of it by now.
    fn listed(&self, value: &Value) -> bool {
        !self.lags || !self.hidden.contains(&value["id"].as_u64().unwrap())
    }

    /// A code the account does not have costs the whole request.
    fn unknown_field(&self, kind: &str, new: &Value) -> Option<(u16, Value)> {
        let known = |code: &String| {
            let is = |f: &Value| f["code"] == **code && f["entity"] == kind.trim_end_matches('s');
            self.own_fields.iter().any(is)
        };
        let code = new["customFields"].as_object()?.keys().find(|code| !known(code))?;
        let errors = json!({ format!("customFields[{code}]"): "This field is unknown." });
        let why = "Errors in the entity format";
        Some((400, json!({"success": false, "errorMsg": why, "errors": errors})))
    }

    fn companies(&self, seen: &Seen) -> (u16, Value) {
        let found = self.corporates.iter().filter(|company| {
            let contacts = company["customerContacts"].as_array().cloned().unwrap_or_default();
            seen.query.iter().all(|(key, wanted)| match key.as_str() {
                "filter[companyName]" => company["nickName"] == *wanted,
                "filter[contactIds][0]" => {
                    contacts.iter().any(|c| is(&c["customer"]["id"], wanted))
                }
                _ => true,
            })
        });
        let found = found.filter(|company| self.listed(company));
        page("customersCorporate", found.cloned().collect())
    }

    fn task_list(&self, seen: &Seen) -> (u16, Value) {
        let of = |task: &&Value| {
            seen.query.iter().all(|(key, wanted)| match key.as_str() {
                "filter[status]" => (task["complete"] == json!(true)) == (wanted == "completed"),
                "filter[performers][0]" => is(&task["performer"], wanted),
                "filter[customer]" => same(task["phone"].as_str().unwrap_or_default(), wanted),
                "filter[createdAtFrom]" => wanted.len() == 19,
                _ => true,
            })
        };
        page("tasks", self.tasks.iter().filter(of).cloned().collect())
    }

    fn one(&mut self, kind: &str, mark: &str) -> (u16, Value) {
        let found = self.of(kind).iter().find(|value| value["externalId"] == mark).cloned();
        match found {
            Some(found) => (200, json!({"success": true, kind.trim_end_matches('s'): found})),
            None => not_found(),
        }
    }

    /// What it is given, it has; not all of it under the name it was given.
    fn make(&mut self, kind: &str, mut new: Value, seen: &Seen) -> (u16, Value) {
        if let Some(refusal) = self.unknown_field(kind, &new) {
            return refusal;
        }
        if kind == "tasks" {
            let performer = new.as_object_mut().unwrap().remove("performerId");
            new["performer"] = performer.unwrap();
            // An account that does not heed it.
            new["complete"] = json!(false);
        }
        if kind == "orders" && new.get("customer").is_none() {
            let id = self.id();
            let phones = json!([{"number": new["phone"]}]);
            self.hidden.insert(id);
            self.customers.push(json!({"id": id, "firstName": new["firstName"],
                "phones": phones, "site": "shop"}));
            new["customer"] = json!({"id": id});
        }
        if kind == "orders" && new.get("status").is_none() {
            new["status"] = json!("new");
        }
        let id = self.id();
        new["id"] = json!(id);
        new["site"] = json!(seen.form.get("site").cloned().unwrap_or("shop".into()));
        new["createdAt"] = json!("2026-11-20 12:00:00");
        self.hidden.insert(id);
        let mut answer = json!({"success": true, "id": id});
        if kind == "orders" {
            answer["order"] = json!({"id": id, "customer": new["customer"]});
        }
        self.of(kind).push(new);
        (201, answer)
    }

    fn edit(&mut self, kind: &str, id: &str, seen: &Seen) -> (u16, Value) {
        let field = kind.trim_end_matches('s');
        let change = seen.object(field);
        if let Some(refusal) = self.unknown_field(kind, &change) {
            return refusal;
        }
        let found = self.of(kind).iter_mut().find(|value| is(&value["id"], id));
        let Some(found) = found else { return not_found() };
        if kind != "tasks" {
            assert_eq!(seen.form["by"], "id");
            assert_eq!(json!(seen.form["site"]), found["site"], "the shop it belongs to");
        } else if json!(seen.form["site"]) != found["site"] {
            return (400, json!({"success": false, "errorMsg": "Task is not loaded"}));
        }
        for (name, value) in change.as_object().unwrap() {
            found[name] = value.clone();
        }
        (200, json!({"success": true, "id": found["id"]}))
    }

    fn rows(&self, stream: &str, seen: &Seen) -> (u16, Value) {
        let since = seen.query.get("filter[sinceId]").map(|id| id.parse::<u64>().unwrap());
        let rows = self.history.get(stream).cloned().unwrap_or_default();
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|row| since.is_none_or(|since| row["id"].as_u64().unwrap() > since))
            .take(100)
            .collect();
        let body = json!({"success": true, "generatedAt": "2026-11-20 12:00:00", "history": rows});
        (200, body)
    }

    fn upload(&mut self, seen: &Seen) -> (u16, Value) {
        let mut twice = Vec::new();
        for call in seen.object("calls").as_array().unwrap() {
            match self.calls.iter().any(|known| known["externalId"] == call["externalId"]) {
                true => twice.push(call["externalId"].clone()),
                false => self.calls.push(call.clone()),
            }
        }
        (200, json!({"success": true, "processedCallsCount": 1, "duplicateCalls": twice}))
    }
}
