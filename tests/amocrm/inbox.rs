//! The Unsorted inbox of an account.

use serde_json::{Map, Value, json};

use super::Account;
use crate::request::Said;

impl Account {
    pub fn new_unsorted(&mut self, category: &str, new: &Value) -> Said {
        if self.habits.no_unsorted {
            return Said::refused(400, "Unsorted is off");
        }
        let (lead, person) = (&new["_embedded"]["leads"][0], &new["_embedded"]["contacts"][0]);
        let leads = self.check("leads", lead, "_embedded.leads.0.");
        if let Err(no) = leads.and(self.check("contacts", person, "_embedded.contacts.0.")) {
            return no;
        }
        let contact = self.create("contacts", person);
        let mut lead = lead.clone();
        lead["status_id"] = json!(500);
        let lead = self.create("leads", &lead);
        self.records.get_mut("contacts").unwrap().get_mut(&contact).unwrap()["is_unsorted"] =
            json!(true);
        self.tie("contacts", contact, lead);
        let uid = format!("u{lead}");
        let tied = json!({ "contacts": [{ "id": contact }], "leads": [{ "id": lead }] });
        let mut entry = json!({
            "uid": uid, "category": category, "pipeline_id": 50, "_embedded": tied,
            "source_uid": new["source_uid"], "metadata": new["metadata"],
            "created_at": new["created_at"],
        });
        if category == "sip" {
            // As it comes back.
            entry["metadata"]["duration"] = json!(new["metadata"]["duration"].to_string());
            let mut params = Map::new();
            for key in ["uniq", "duration", "link", "phone"] {
                if let Some(value) = new["metadata"].get(key) {
                    params.insert(key.to_owned(), value.clone());
                }
            }
            self.note(&format!("leads/{lead}"), "call_in", params.into());
        }
        self.unsorted.push(entry.clone());
        Said::ok(json!({
            "_total_items": 1,
            "_embedded": { "unsorted": [{ "uid": uid, "request_id": "0", "_embedded": tied }] },
        }))
    }

    /// Its contact and lead are deleted for good.
    pub fn decline(&mut self, uid: &str) -> Said {
        let Some(place) = self.unsorted.iter().position(|entry| entry["uid"] == uid) else {
            return Said::refused(404, "Not found");
        };
        let entry = self.unsorted.remove(place);
        for kind in ["contacts", "leads"] {
            let id = entry["_embedded"][kind][0]["id"].as_i64().unwrap();
            self.records.get_mut(kind).unwrap().remove(&id);
        }
        Said::ok(json!({
            "uid": uid, "pipeline_id": 50, "category": entry["category"],
            "created_at": entry["created_at"], "_embedded": entry["_embedded"],
        }))
    }

    pub fn accept(&mut self, uid: &str, how: &Value) -> Said {
        let Some(place) = self.unsorted.iter().position(|entry| entry["uid"] == uid) else {
            return Said::refused(404, "Not found");
        };
        let entry = self.unsorted.remove(place);
        let (contact, lead) = (&entry["_embedded"]["contacts"][0], &entry["_embedded"]["leads"][0]);
        for (kind, id) in [("contacts", &contact["id"]), ("leads", &lead["id"])] {
            let record =
                self.records.get_mut(kind).unwrap().get_mut(&id.as_i64().unwrap()).unwrap();
            record["is_unsorted"] = json!(false);
            record["responsible_user_id"] = how["user_id"].clone();
            if kind == "leads" {
                let stage = &how["status_id"];
                record["status_id"] = if stage.is_null() { json!(501) } else { stage.clone() };
            }
        }
        Said::ok(json!({
            "uid": uid, "pipeline_id": 50, "category": entry["category"],
            "_embedded": { "leads": [lead], "contacts": [contact], "companies": [] },
        }))
    }
}
