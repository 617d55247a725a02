//! An amoCRM account in memory, which behaves as the documentation and the client sources say.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::checks::invalid;
use self::lists::{page, shown};
use crate::request::{Said, Sent};

#[path = "checks.rs"]
mod checks;
#[path = "inbox.rs"]
mod inbox;
#[path = "lists.rs"]
mod lists;

/// What an account does that nobody documents for certain: tests try either.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habits {
    /// A contact that was just made is not found by a search, nor by a call's number.
    pub index_lags: bool,
    /// A call of a number it does not know: 400. Otherwise 200 and an entry in `errors`.
    pub strange_call_is_400: bool,
    /// Calls cannot be changed later.
    pub calls_are_sealed: bool,
    /// Deals with contacts are answered as all other lists.
    pub complex_is_a_list: bool,
    /// The inbox of Unsorted is switched off.
    pub no_unsorted: bool,
    /// So many closed deals stand on a page, whatever is asked for.
    pub page: Option<usize>,
    /// A number is found as it was typed only.
    pub search_compares_words: bool,
    /// A new contact with a number that somebody has is that somebody.
    pub duplicates_are_merged: bool,
    /// Texts are put in order: spaces, and no more than so many letters of a deal's title.
    pub titles_are_tidied: bool,
}

/// The account.
#[derive(Default)]
pub struct Account {
    pub habits: Habits,
    /// By kind (`contacts`), then by id.
    pub records: BTreeMap<&'static str, BTreeMap<i64, Value>>,
    /// By card (`leads/5`).
    pub notes: BTreeMap<String, Vec<Value>>,
    pub tasks: Vec<Value>,
    pub unsorted: Vec<Value>,
    pub popups: Vec<Value>,
    pub webhooks: Vec<Value>,
    /// Whose token it is.
    pub token_of: i64,
    /// By kind of record.
    pub fields: BTreeMap<&'static str, Vec<Value>>,
    /// Contacts a search also answers with: the number stands in a note of theirs.
    pub mentions: Vec<i64>,
    /// Made, and not yet in the index.
    pub fresh: Vec<i64>,
    last: i64,
    /// Seconds since 1970.
    pub now: i64,
}

const KINDS: [&str; 3] = ["contacts", "companies", "leads"];

fn kind(word: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| *kind == word)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The last ten digits, as the search compares.
fn tail(text: &str) -> String {
    let digits = digits(text);
    digits[digits.len().saturating_sub(10)..].to_owned()
}

fn numbers(record: &Value) -> Vec<String> {
    typed(record).iter().map(|text| tail(text)).collect()
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Numbers as somebody typed them.
fn typed(record: &Value) -> Vec<String> {
    let fields = record["custom_fields_values"].as_array().cloned().unwrap_or_default();
    let phones = fields.into_iter().filter(|field| field["field_code"] == "PHONE");
    let values = phones.flat_map(|field| field["values"].as_array().cloned().unwrap_or_default());
    values.filter_map(|value| value["value"].as_str().map(str::to_owned)).collect()
}

impl Account {
    pub fn add(&mut self, kind: &'static str, record: Value) {
        let id = record["id"].as_i64().unwrap();
        self.last = self.last.max(id);
        self.records.entry(kind).or_default().insert(id, record);
    }

    pub fn record(&self, kind: &'static str, id: i64) -> &Value {
        &self.records[kind][&id]
    }

    pub fn all(&self, kind: &'static str) -> Vec<&Value> {
        self.records.get(kind).map(|all| all.values().collect()).unwrap_or_default()
    }

    fn next(&mut self) -> i64 {
        self.last = self.last.max(10_000_000) + 1;
        self.last
    }

    /// The answer to a request of the API, once its token was looked at.
    pub fn answer(&mut self, sent: &Sent) -> Said {
        let path: Vec<&str> = sent.path.trim_start_matches("/api/").split('/').collect();
        match (sent.method.as_str(), path.as_slice()) {
            ("POST", ["v2", "events"]) => {
                self.popups.push(sent.body["add"][0].clone());
                Said { status: 202, body: Value::Null, kind: "text/html" }
            }
            ("GET", ["v4", "account"]) => {
                let types = json!([{ "id": 1, "name": "Звонок" }, { "id": 2, "name": "Встреча" }]);
                Said::ok(json!({
                    "id": 28805383, "name": "Пример", "subdomain": "example",
                    "current_user_id": self.token_of, "_embedded": { "task_types": types },
                }))
            }
            ("GET", ["v4", "webhooks"]) => page("webhooks", self.webhooks.clone(), sent),
            ("POST", ["v4", "webhooks"]) => {
                let mut hook = sent.body.clone();
                hook["disabled"] = json!(false);
                self.webhooks.push(hook.clone());
                Said::ok(hook)
            }
            ("GET", ["v4", "users"]) => {
                let mut users = self.users();
                if sent.query("with").is_some_and(|with| with.contains("phone_number")) {
                    let numbers = [json!("101"), json!("+79161110009"), json!("8 916 555-00-03")];
                    for (user, number) in users.iter_mut().zip(numbers) {
                        user["phone_number"] = number;
                    }
                }
                page("users", users, sent)
            }
            ("GET", ["v4", "leads", "pipelines"]) => page("pipelines", self.pipelines(), sent),
            ("POST", ["v4", "calls"]) => self.call(&sent.body[0]),
            ("POST", ["v4", "leads", "complex"]) => self.complex(&sent.body[0]),
            ("GET", ["v4", "leads", "unsorted"]) => {
                let kinds = sent.all("filter[category]");
                let mut entries = self.unsorted.clone();
                entries.retain(|entry| {
                    kinds.is_empty() || kinds.iter().any(|kind| entry["category"] == *kind)
                });
                page("unsorted", entries, sent)
            }
            ("GET", ["v4", "leads", "unsorted", uid]) => {
                let found = self.unsorted.iter().find(|entry| entry["uid"] == *uid);
                found.cloned().map_or(Said::nothing(), Said::ok)
            }
            ("POST", ["v4", "leads", "unsorted", category]) => {
                self.new_unsorted(category, &sent.body[0])
            }
            ("POST", ["v4", "leads", "unsorted", uid, "accept"]) => self.accept(uid, &sent.body),
            ("DELETE", ["v4", "leads", "unsorted", uid, "decline"]) => self.decline(uid),
            ("GET", ["v4", "tasks"]) => self.list_tasks(sent),
            ("POST", ["v4", "tasks"]) => self.new_task(&sent.body[0]),
            ("GET", ["v4", word, "custom_fields"]) => {
                let fields = kind(word).and_then(|kind| self.fields.get(kind)).cloned();
                page("custom_fields", fields.unwrap_or_default(), sent)
            }
            ("POST", ["v4", word, "custom_fields"]) => self.new_field(word, &sent.body[0]),
            ("POST", ["v4", word, "notes"]) => self.new_note(word, &sent.body[0]),
            ("GET", ["v4", word, id, "notes"]) => self.list_notes(&format!("{word}/{id}"), sent),
            ("PATCH", ["v4", word, id, "notes", note]) => {
                self.patch_note(&format!("{word}/{id}"), note.parse().unwrap(), &sent.body)
            }
            ("POST", ["v4", word, id, "link"]) => self.link(word, id.parse().unwrap(), sent),
            ("GET", ["v4", word]) if kind(word).is_some() => self.search(kind(word).unwrap(), sent),
            ("POST", ["v4", word]) if kind(word).is_some() => {
                let kind = kind(word).unwrap();
                if let Err(refused) = self.check(kind, &sent.body[0], "") {
                    return refused;
                }
                let id = self.create(kind, &sent.body[0]);
                Said::ok(json!({ "_embedded": { *word: [{ "id": id, "request_id": "0" }] } }))
            }
            ("GET", ["v4", word, id]) => {
                let id: i64 = id.parse().unwrap();
                let found = kind(word).and_then(|kind| self.records.get(kind)?.get(&id));
                found.map_or(Said::nothing(), |found| Said::ok(shown(found.clone(), sent)))
            }
            ("PATCH", ["v4", word, id]) => self.change(word, id.parse().unwrap(), &sent.body),
            other => panic!("the account has nothing at {other:?}"),
        }
    }

    pub fn is_user(&self, id: &Value) -> bool {
        self.users().iter().any(|user| user["id"] == *id)
    }

    fn users(&self) -> Vec<Value> {
        let user = |id: i64, name: &str, mail: &str, active: bool| {
            json!({
                "id": id, "name": name, "email": mail, "lang": "ru",
                "rights": { "is_admin": id == 504141, "is_free": false, "is_active": active,
                    "group_id": null, "role_id": null },
                "_embedded": { "roles": [], "groups": [{ "id": 1, "name": "Продажи" }] },
            })
        };
        vec![
            user(504141, "Алексей", "a@example.com", true),
            user(504142, "Борис", "b@example.com", true),
            user(504143, "Вера", "v@example.com", false),
        ]
    }

    fn pipelines(&self) -> Vec<Value> {
        let stages = json!([
            { "id": 500, "name": "Неразобранное", "type": 1 },
            { "id": 501, "name": "Первичный контакт", "type": 0 },
            { "id": 142, "name": "Успешно реализовано", "type": 0 },
            { "id": 143, "name": "Закрыто и не реализовано", "type": 0 },
        ]);
        vec![json!({
            "id": 50, "name": "Воронка", "is_main": true, "is_archive": false,
            "is_unsorted_on": !self.habits.no_unsorted, "_embedded": { "statuses": stages },
        })]
    }

    fn search(&self, kind: &'static str, sent: &Sent) -> Said {
        let records = self.records.get(kind).cloned().unwrap_or_default();
        let mut found: Vec<(i64, Value)> = records.into_iter().collect();
        if let Some(query) = sent.query("query") {
            let wanted = tail(query);
            found.retain(|(id, record)| {
                let name = record["name"].as_str().unwrap_or_default().to_lowercase();
                let named = name.contains(&query.to_lowercase());
                let mentioned = kind == "contacts" && self.mentions.contains(id);
                let number = match self.habits.search_compares_words {
                    true => typed(record).iter().any(|text| text == query),
                    false => wanted.len() >= 7 && numbers(record).contains(&wanted),
                };
                let indexed = !(self.habits.index_lags && self.fresh.contains(id));
                indexed && (named || mentioned || number)
            });
        }
        if let Some(from) = sent.query("filter[closed_at][from]") {
            return self.closed(from.parse().unwrap(), sent);
        }
        let ids: Vec<i64> = sent.all("filter[id]").iter().map(|id| id.parse().unwrap()).collect();
        if !ids.is_empty() {
            found.retain(|(id, _)| ids.contains(id));
        }
        if kind == "leads" && sent.query("with").is_some_and(|with| with.contains("contacts")) {
            found.iter_mut().for_each(|(_, lead)| self.with_contacts(lead));
        }
        page(kind, found.into_iter().map(|(_, record)| shown(record, sent)).collect(), sent)
    }

    /// Deals by when they were closed, with their contacts, page by page.
    fn closed(&self, from: i64, sent: &Sent) -> Said {
        assert_eq!((sent.query("with"), sent.query("order[id]")), (Some("contacts"), Some("asc")));
        let number = |key: &str| sent.query(key).unwrap().parse::<usize>().unwrap();
        let (size, page) = (self.habits.page.unwrap_or(number("limit")), number("page"));
        let closed = self.all("leads").into_iter();
        let closed: Vec<&Value> =
            closed.filter(|lead| lead["closed_at"].as_i64().is_some_and(|at| at >= from)).collect();
        let here = closed.iter().skip(size * (page - 1)).take(size);
        let mut here: Vec<Value> = here.map(|lead| (*lead).clone()).collect();
        here.iter_mut().for_each(|lead| self.with_contacts(lead));
        if here.is_empty() {
            return Said::nothing();
        }
        let next = (closed.len() > size * page).then(|| json!({ "href": "https://example…" }));
        Said::ok(json!({ "_page": page, "_links": { "next": next },
            "_embedded": { "leads": here } }))
    }

    fn with_contacts(&self, lead: &mut Value) {
        let mut tied = lead["_embedded"]["contacts"].as_array().cloned().unwrap_or_default();
        for contact in self.all("contacts") {
            let leads = contact["_embedded"]["leads"].as_array().unwrap();
            let is_there = tied.iter().any(|own| own["id"] == contact["id"]);
            if !is_there && leads.iter().any(|own| own["id"] == lead["id"]) {
                tied.push(json!({ "id": contact["id"], "is_main": tied.is_empty() }));
            }
        }
        lead["_embedded"]["contacts"] = tied.into();
    }

    /// Somebody put one contact into another: the first one is gone, its deals are the other's.
    pub fn merge(&mut self, from: i64, into: i64) {
        let contacts = self.records.get_mut("contacts").unwrap();
        let gone = contacts.remove(&from).unwrap();
        let kept = &mut contacts.get_mut(&into).unwrap()["_embedded"]["leads"];
        let leads = gone["_embedded"]["leads"].as_array().unwrap().clone();
        kept.as_array_mut().unwrap().extend(leads);
    }

    pub fn create(&mut self, kind: &'static str, new: &Value) -> i64 {
        let id = self.next();
        let mut record = json!({
            "id": id, "name": new["name"], "responsible_user_id": new["responsible_user_id"],
            "created_at": self.now, "updated_at": self.now, "is_deleted": false,
            "custom_fields_values": new["custom_fields_values"],
            "_embedded": { "tags": new["_embedded"]["tags"], "leads": [], "companies": [] },
        });
        if record["_embedded"]["tags"].is_null() {
            record["_embedded"]["tags"] = json!([]);
        }
        self.coded(kind, &mut record["custom_fields_values"]);
        if kind == "leads" {
            if let Some(title) = new["name"].as_str().filter(|_| self.habits.titles_are_tidied) {
                record["name"] = tidy(title).chars().take(20).collect::<String>().into();
            }
            record["status_id"] = match new["status_id"].is_null() {
                true => json!(501),
                false => new["status_id"].clone(),
            };
            record["pipeline_id"] = json!(50);
            record["closed_at"] = Value::Null;
        } else {
            self.fresh.push(id);
        }
        self.add(kind, record);
        for other in ["contacts", "companies"] {
            for tied in new["_embedded"][other].as_array().into_iter().flatten() {
                if let Some(tied) = tied["id"].as_i64() {
                    self.tie(other, tied, id);
                }
            }
        }
        id
    }

    /// Fields come back with their ids and codes, however they were named.
    fn coded(&self, kind: &str, fields: &mut Value) {
        for field in fields.as_array_mut().into_iter().flatten() {
            if field["field_code"] == "PHONE" {
                field["field_id"] = json!(3);
            }
            let mut known = self.fields.get(kind).into_iter().flatten();
            if let Some(def) = known.find(|def| def["id"] == field["field_id"]) {
                field["field_code"] = def["code"].clone();
            }
        }
    }

    pub fn tie(&mut self, kind: &'static str, id: i64, lead: i64) {
        let record = self.records.get_mut(kind).and_then(|all| all.get_mut(&id));
        let record = record.unwrap_or_else(|| panic!("there is no {kind}/{id} to tie to"));
        record["_embedded"]["leads"].as_array_mut().unwrap().push(json!({ "id": lead }));
    }

    fn complex(&mut self, new: &Value) -> Said {
        let person = &new["_embedded"]["contacts"][0];
        let at = "_embedded.contacts.0.";
        if let Err(no) = self.check("leads", new, "").and(self.check("contacts", person, at)) {
            return no;
        }
        let wanted = numbers(person);
        let mut known = self.all("contacts").into_iter();
        let known = known.find(|known| numbers(known).iter().any(|own| wanted.contains(own)));
        let known = known.filter(|_| self.habits.duplicates_are_merged);
        let known = known.map(|known| known["id"].as_i64().unwrap());
        let contact = known.unwrap_or_else(|| self.create("contacts", person));
        let mut plain = new.clone();
        plain["_embedded"]["contacts"] = json!([{ "id": contact }]);
        let lead = self.create("leads", &plain);
        let made = json!([{ "id": lead, "contact_id": contact, "company_id": null,
            "request_id": ["0"], "merged": known.is_some() }]);
        Said::ok(match self.habits.complex_is_a_list {
            true => json!({ "_embedded": { "leads": made } }),
            false => made,
        })
    }

    fn change(&mut self, word: &str, id: i64, change: &Value) -> Said {
        if let Err(refused) = self.check(word, change, "") {
            return refused;
        }
        let mut fields = change["custom_fields_values"].clone();
        let kind = kind(word).unwrap();
        self.coded(kind, &mut fields);
        let now = self.now;
        let Some(record) = self.records.get_mut(kind).and_then(|all| all.get_mut(&id)) else {
            return Said::refused(404, "Not found");
        };
        for key in ["name", "responsible_user_id", "status_id", "pipeline_id"] {
            if !change[key].is_null() {
                record[key] = change[key].clone();
            }
        }
        if !change["_embedded"]["tags"].is_null() {
            record["_embedded"]["tags"] = change["_embedded"]["tags"].clone();
        }
        let tags = record["_embedded"]["tags"].as_array_mut().unwrap();
        for tag in change["tags_to_delete"].as_array().into_iter().flatten() {
            tags.retain(|own| own["name"] != tag["name"]);
        }
        for tag in change["tags_to_add"].as_array().into_iter().flatten() {
            // A tag is on a record or it is not.
            if tags.iter().all(|own| own["name"] != tag["name"]) {
                tags.push(tag.clone());
            }
        }
        for field in fields.as_array().into_iter().flatten() {
            if record["custom_fields_values"].is_null() {
                record["custom_fields_values"] = json!([]);
            }
            let own = record["custom_fields_values"].as_array_mut().unwrap();
            own.retain(|own| own["field_id"] != field["field_id"]);
            own.push(field.clone());
        }
        Said::ok(json!({ "id": id, "updated_at": now }))
    }

    fn link(&mut self, word: &str, id: i64, sent: &Sent) -> Said {
        let to = &sent.body[0];
        if !self.has_card(word, &id.into()) {
            return Said::refused(404, "Not found");
        }
        let record = self.records.get_mut(kind(word).unwrap()).unwrap().get_mut(&id).unwrap();
        let tied = to["to_entity_type"].as_str().unwrap();
        record["_embedded"][tied].as_array_mut().unwrap().push(json!({ "id": to["to_entity_id"] }));
        Said::ok(json!({ "_total_items": 1, "_embedded": { "links": [to] } }))
    }

    /// Where it lands: on the one open deal of who has the number, else on him.
    fn call(&mut self, call: &Value) -> Said {
        let wanted = tail(call["phone"].as_str().unwrap());
        let lags = self.habits.index_lags;
        let all = |kind: &'static str| {
            let all = self.records.get(kind).cloned().unwrap_or_default().into_iter();
            all.map(move |(id, record)| (kind, id, record))
        };
        let known = all("contacts").chain(all("companies")).find(|(_, id, record)| {
            numbers(record).contains(&wanted) && !(lags && self.fresh.contains(id))
        });
        let Some((kind, id, contact)) = known else {
            return match self.habits.strange_call_is_400 {
                true => Said::refused(400, "Request validation failed"),
                false => Said::ok(json!({
                    "_total_items": 0, "errors": [{ "detail": "Entity not found" }],
                    "_embedded": { "calls": [] },
                })),
            };
        };
        let leads = contact["_embedded"]["leads"].as_array().unwrap();
        let open = |lead: &&Value| {
            let lead = &self.records["leads"][&lead["id"].as_i64().unwrap()];
            ![json!(142), json!(143)].contains(&lead["status_id"])
        };
        let open: Vec<&Value> = leads.iter().filter(open).collect();
        let customer = contact["_embedded"]["customers"][0]["id"].as_i64();
        let (singular, card, id) = match (open.as_slice(), customer) {
            ([only], None) => ("lead", format!("leads/{}", only["id"]), only["id"].clone()),
            ([], Some(id)) => ("customer", format!("customers/{id}"), json!(id)),
            _ if kind == "companies" => ("company", format!("companies/{id}"), json!(id)),
            _ => ("contact", format!("contacts/{id}"), json!(id)),
        };
        let direction = if call["direction"] == "inbound" { "call_in" } else { "call_out" };
        let mut params = call.clone();
        for key in ["direction", "created_at", "responsible_user_id"] {
            params.as_object_mut().unwrap().remove(key);
        }
        let note = self.note(&card, direction, params);
        Said::ok(json!({
            "_total_items": 1, "errors": [],
            "_embedded": { "calls": [{ "id": note, "entity_id": id, "entity_type": singular,
                "account_id": 28805383, "request_id": "0" }] },
        }))
    }

    pub fn note(&mut self, card: &str, note_type: &str, params: Value) -> i64 {
        let id = self.next();
        let note = json!({
            "id": id, "note_type": note_type, "params": params, "created_at": self.now,
            "updated_at": self.now,
        });
        self.notes.entry(card.to_owned()).or_default().push(note);
        id
    }

    fn new_note(&mut self, word: &str, new: &Value) -> Said {
        if !self.has_card(word, &new["entity_id"]) {
            return invalid("0.entity_id", "NotFound");
        }
        let card = format!("{word}/{}", new["entity_id"]);
        let mut params = new["params"].clone();
        if let Some(text) = params["text"].as_str().filter(|_| self.habits.titles_are_tidied) {
            params["text"] = tidy(text).into();
        }
        let id = self.note(&card, new["note_type"].as_str().unwrap(), params);
        Said::ok(json!({ "_embedded": { "notes": [{ "id": id, "entity_id": new["entity_id"] }] } }))
    }

    fn list_notes(&self, card: &str, sent: &Sent) -> Said {
        let types = sent.all("filter[note_type]");
        let mut notes = self.notes.get(card).cloned().unwrap_or_default();
        notes.retain(|note| types.iter().any(|wanted| note["note_type"] == *wanted));
        page("notes", notes, sent)
    }

    fn patch_note(&mut self, card: &str, id: i64, patch: &Value) -> Said {
        if self.habits.calls_are_sealed {
            return Said::refused(403, "Forbidden");
        }
        let notes = self.notes.get_mut(card).unwrap();
        let note = notes.iter_mut().find(|note| note["id"] == id).unwrap();
        // A partial one drops the rest.
        note["params"] = patch["params"].clone();
        note["updated_at"] = self.now.into();
        Said::ok(json!({ "id": id, "updated_at": self.now }))
    }

    fn new_task(&mut self, new: &Value) -> Said {
        if !self.is_user(&new["responsible_user_id"]) {
            return invalid("0.responsible_user_id", "NotSupportedChoice");
        }
        if new["entity_type"].as_str().is_some_and(|kind| !self.has_card(kind, &new["entity_id"])) {
            return invalid("0.entity_id", "NotFound");
        }
        let id = self.next();
        let mut task = new.clone();
        if self.habits.titles_are_tidied {
            task["text"] = tidy(task["text"].as_str().unwrap()).into();
        }
        let done = new["is_completed"] == true;
        let result = if done { new["result"].clone() } else { json!([]) };
        let more = json!({ "id": id, "created_at": self.now, "updated_at": self.now, "is_completed": done, "result": result });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.tasks.push(task);
        Said::ok(json!({ "_embedded": { "tasks": [{ "id": id, "request_id": "0" }] } }))
    }

    fn list_tasks(&self, sent: &Sent) -> Said {
        let done = sent.query("filter[is_completed]") == Some("1");
        let ids = sent.all("filter[entity_id]");
        let users = sent.all("filter[responsible_user_id]");
        let since = sent.query("filter[updated_at][from]").map(|text| text.parse().unwrap());
        let kind = sent.query("filter[entity_type]");
        let is = |own: &Value, of: &[&str]| {
            of.iter().any(|id| id.parse() == Ok(own.as_i64().unwrap_or(0)))
        };
        let mut tasks = self.tasks.clone();
        tasks.retain(|task| {
            task["is_completed"] == done
                && kind.is_none_or(|kind| task["entity_type"] == kind)
                && (ids.is_empty() || is(&task["entity_id"], &ids))
                && (users.is_empty() || is(&task["responsible_user_id"], &users))
                && since.is_none_or(|since| task["updated_at"].as_i64().unwrap() >= since)
        });
        page("tasks", tasks, sent)
    }

    fn new_field(&mut self, word: &str, new: &Value) -> Said {
        let code = new["code"].as_str().unwrap_or("A");
        if !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || new["name"] == "reserved"
        {
            return Said::refused(400, "Request validation failed");
        }
        let mut field = new.clone();
        field["id"] = json!(self.next());
        self.fields.entry(kind(word).unwrap()).or_default().push(field.clone());
        Said::ok(json!({ "_embedded": { "custom_fields": [field] } }))
    }
}
