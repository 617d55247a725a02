//! Cards that somebody merged or deleted while a call of theirs went on.

use serde_json::{Value, json};

use crate::office::{OLGA, World, contact, register, task};
use crate::server::Wrong;

/// Ольга twice, and the one the calls know was put into the other.
fn merged(w: &World) {
    let account = &mut w.server.house().account;
    account.add("contacts", contact(70, "Ольга И.", 504141, OLGA, &[]));
    account.merge(7, 70);
}

fn all() -> Vec<Value> {
    vec![
        json!({ "do": "note", "on": "client", "text": "Звонили" }),
        json!({ "do": "tag", "on": "client", "tags": ["утро"] }),
        json!({ "do": "change_owner", "of": "client", "to": "504142" }),
        json!({ "do": "fields", "on": "client", "touch": "last", "fields": { "utm_source": "ya" } }),
        json!({ "do": "company", "name": "Ромашка" }),
        register(),
        task("never"),
    ]
}

#[tokio::test]
async fn what_was_planned_for_a_contact_is_done_to_the_one_it_was_merged_into() {
    for action in all() {
        let w = World::new().await;
        let mut call = w.call("c1", OLGA).await;
        merged(&w);
        call.does(action.clone()).await;
        let house = w.server.house();
        assert!(!house.account.records["contacts"].contains_key(&7));
        assert!(!house.account.notes.contains_key("contacts/7"), "{action}");
        if action["on"] == "client" || action["do"] == "company" {
            assert_eq!(call.bound.client, Some("70".into()), "{action}");
        }
    }
}

#[tokio::test]
async fn what_was_planned_for_a_deleted_deal_is_done_to_the_one_there_is() {
    for action in [
        json!({ "do": "note", "on": "deal", "text": "Звонили" }),
        task("never"),
        json!({ "do": "tag", "on": "deal", "tags": ["утро"] }),
    ] {
        let w = World::new().await;
        let mut call = w.call("c1", OLGA).await;
        w.server.house().account.records.get_mut("leads").unwrap().remove(&71);
        let what = call.does(action.clone()).await;
        assert!(what.contains("deal 72") || what == "tagged deal 72", "{action}: {what}");
    }
}

#[tokio::test]
async fn a_note_on_a_merged_contact_whose_answer_was_lost_is_not_made_twice() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    merged(&w);
    w.server.fault_after("POST /api/v4/contacts/notes", 1, Wrong::LostAfterwards);
    let note = json!({ "do": "note", "on": "client", "text": "Звонили" });
    assert!(call.tries(note.clone()).await.is_err());
    let found = call.looks_back(note).await.unwrap();
    assert!(found.ends_with("on contact 70"), "{found}");
    assert_eq!(w.server.house().account.notes["contacts/70"].len(), 1);
}

#[tokio::test]
async fn a_client_who_is_gone_for_good_is_refused_with_the_reason() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    w.server.house().account.records.get_mut("contacts").unwrap().remove(&7);
    let why = call.refused(json!({ "do": "note", "on": "client", "text": "?" })).await;
    assert!(why.contains("needs a client"), "{why}");
}

#[tokio::test]
async fn a12_the_recording_of_a_call_whose_deal_was_deleted_stands_with_the_client() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    assert_eq!(call.does(register()).await, "registered the call on deal 71");
    {
        let account = &mut w.server.house().account;
        account.records.get_mut("leads").unwrap().remove(&71);
        account.notes.remove("leads/71");
    }
    call.case.recording = crate::office::sound("https://pbx.example/recordings/1", Some(65));
    let what = call.does(json!({ "do": "update_call" })).await;
    assert_eq!(what, "noted the recording on contact 7");
}
