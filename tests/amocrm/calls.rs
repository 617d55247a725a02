//! Calls in the cards of clients.

use serde_json::{Value, json};

use crate::account::Habits;
use crate::office::{
    CLOSED, FIRM, NEW, OLGA, World, contact, new_contact, new_deal, register, sound,
};
use crate::server::Wrong;

fn notes(w: &World, card: &str) -> Vec<Value> {
    w.server.house().account.notes.get(card).cloned().unwrap_or_default()
}

#[tokio::test]
async fn a12_registered_at_the_answer_and_completed_at_the_end() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    call.case.recording = sound("https://pbx.example/recordings/1", None);
    assert_eq!(call.does(register()).await, "registered the call on deal 71");
    let note = notes(&w, "leads/71").remove(0);
    assert_eq!((&note["note_type"], &note["params"]["duration"]), (&json!("call_in"), &json!(0)));
    call.case.talked = 65;
    call.case.recording = sound("https://pbx.example/recordings/1", Some(65));
    assert_eq!(call.does(json!({ "do": "update_call" })).await, "updated the call on deal 71");
    let params = notes(&w, "leads/71").remove(0)["params"].clone();
    assert_eq!((&params["duration"], &params["call_status"]), (&json!(65), &json!(4)));
    assert_eq!(params["link"], "https://pbx.example/recordings/1");
    assert_eq!(params["call_responsible"], json!(504142));
    let again = call.does(json!({ "do": "update_call" })).await;
    assert_eq!(again, "nothing: the call on deal 71 is complete");
}

#[tokio::test]
async fn a01_a_strangers_call_is_registered_once_he_has_a_contact() {
    for strange_call_is_400 in [false, true] {
        for index_lags in [false, true] {
            let w = World::new().await;
            w.server.house().account.habits =
                Habits { strange_call_is_400, index_lags, ..Habits::default() };
            let mut call = w.call("c1", NEW).await;
            assert_eq!(call.does(register()).await, "kept until the number is somebody's");
            let what = call.does(new_contact()).await;
            assert!(what.contains("registered the call"), "{what}");
            call.does(new_deal()).await;
            call.case.talked = 30;
            let what = call.does(json!({ "do": "update_call" })).await;
            assert!(what.starts_with("updated the call on contact"), "{what}");
            let card = format!("contacts/{}", call.bound.client.clone().unwrap());
            let notes = notes(&w, &card);
            assert_eq!((notes.len(), &notes[0]["params"]["duration"]), (1, &json!(30)));
            assert_eq!(notes[0]["params"]["uniq"], "c1");
        }
    }
}

#[tokio::test]
async fn a12_where_calls_cannot_be_changed_a_note_says_where_the_recording_is() {
    let w = World::new().await;
    w.server.house().account.habits.calls_are_sealed = true;
    let mut call = w.call("c1", OLGA).await;
    call.does(register()).await;
    call.case.recording = sound("https://pbx.example/recordings/1", Some(65));
    call.case.talked = 65;
    for _ in 0..2 {
        let what = call.does(json!({ "do": "update_call" })).await;
        assert_eq!(what, "noted the recording on deal 71");
    }
    let notes = notes(&w, "leads/71");
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[1]["params"]["text"], "https://pbx.example/recordings/1 (1:05)");
}

#[tokio::test]
async fn a09_outbound_and_unreached() {
    let w = World::new().await;
    let mut call = w.call("c1", CLOSED).await;
    call.case.direction = dozvon::core::facts::Direction::Outbound;
    call.case.answered = None;
    let unreached = json!({ "do": "register_call", "result": "unreached", "who": "504141",
        "text": "не ответил" });
    call.does(unreached).await;
    let note = notes(&w, "contacts/8").remove(0);
    let params = &note["params"];
    assert_eq!((&note["note_type"], &params["call_status"]), (&json!("call_out"), &json!(6)));
    assert_eq!(params["call_result"], "не ответил");
}

#[tokio::test]
async fn a16_a_callback_registered_twice_is_one_call() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    call.case.direction = dozvon::core::facts::Direction::Callback;
    let unreached = json!({ "do": "register_call", "result": "unreached", "who": "504142",
        "text": "не ответил" });
    call.does(json!({ "do": "register_call", "result": "missed" })).await;
    call.does(unreached).await;
    let notes = notes(&w, "leads/71");
    assert_eq!((notes.len(), &notes[0]["params"]["call_result"]), (1, &json!("не ответил")));
}

#[tokio::test]
async fn a_withheld_number_has_no_card() {
    let w = World::new().await;
    let mut call = w.call("c1", "").await;
    assert_eq!(call.does(register()).await, "nothing: amoCRM keeps no call without a number");
    assert!(w.server.dialogue().is_empty());
}

#[tokio::test]
async fn a12_a_call_that_amocrm_puts_on_a_customer_is_told_once_and_completed_there() {
    let w = World::new().await;
    w.server.house().account.records.get_mut("contacts").unwrap().get_mut(&8).unwrap()["_embedded"]
        ["customers"] = json!([{ "id": 88 }]);
    let mut call = w.call("c1", CLOSED).await;
    assert_eq!(call.does(register()).await, "registered the call on customer 88");
    assert_eq!(notes(&w, "contacts/8"), [Value::Null; 0]);
    call.case.talked = 65;
    assert_eq!(call.does(json!({ "do": "update_call" })).await, "updated the call on customer 88");
    assert_eq!(notes(&w, "customers/88")[0]["params"]["duration"], json!(65));
    // Its answer was lost: it is found where amoCRM put it.
    let mut call = w.call("c2", CLOSED).await;
    w.server.fault("POST /api/v4/calls", 1, crate::server::Wrong::LostAfterwards);
    assert!(call.tries(register()).await.is_err());
    let found = call.looks_back(register()).await;
    assert_eq!(found.as_deref(), Some("registered the call on customer 88"));
    assert_eq!(notes(&w, "customers/88").len(), 2);
}

#[tokio::test]
async fn a12_a_call_on_a_record_of_a_kind_we_do_not_know_is_told_once() {
    let w = World::new().await;
    let answer = json!({ "_total_items": 1, "errors": [], "_embedded": { "calls": [
        { "id": 2003, "entity_id": 3, "entity_type": "talk", "request_id": "0" }] } });
    let said = crate::request::Said::ok(answer);
    w.server.fault("POST /api/v4/calls", 1, crate::server::Wrong::Answer(said));
    let mut call = w.call("c1", OLGA).await;
    call.does(register()).await;
    let writes = w.server.paths().into_iter().filter(|sent| !sent.starts_with("GET")).count();
    assert_eq!(writes, 1, "no second record of it");
    call.case.talked = 65;
    call.case.recording = sound("https://pbx.example/recordings/1", Some(65));
    let what = call.does(json!({ "do": "update_call" })).await;
    assert_eq!(what, "noted the recording on deal 71");
}

#[tokio::test]
async fn a12_a_call_that_waited_for_its_client_is_told_once_though_an_answer_was_lost() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(register()).await;
    // Somebody wrote the number into a card meanwhile.
    w.server.house().account.add("contacts", contact(20, "Иван", 504142, NEW, &[]));
    call.case.talked = 65;
    let update = json!({ "do": "update_call" });
    w.server.fault("POST /api/v4/calls", 1, Wrong::LostAfterwards);
    assert!(call.tries(update.clone()).await.is_err());
    assert_eq!(call.looks_back(update.clone()).await, None);
    let what = call.does(update).await;
    assert_eq!(what, "nothing: the call on contact 20 is complete");
    let notes = notes(&w, "contacts/20");
    assert_eq!((notes.len(), &notes[0]["params"]["duration"]), (1, &json!(65)));
}

#[tokio::test]
async fn a12_a_call_that_amocrm_puts_on_another_contact_of_the_number_is_told_once() {
    let w = World::new().await;
    w.server.house().account.add("contacts", contact(5, "Оля", 504141, "9161110001", &[]));
    let mut call = w.call("c1", OLGA).await;
    w.server.fault("POST /api/v4/calls", 1, Wrong::LostAfterwards);
    assert!(call.tries(register()).await.is_err());
    let found = call.looks_back(register()).await;
    assert_eq!(found.as_deref(), Some("registered the call on contact 5"));
    call.case.talked = 65;
    assert_eq!(call.does(json!({ "do": "update_call" })).await, "updated the call on contact 5");
    assert_eq!(notes(&w, "contacts/5").len(), 1);
}

#[tokio::test]
async fn a12_a_call_of_a_company_stands_in_its_card() {
    let w = World::new().await;
    let mut call = w.call("c1", FIRM).await;
    assert_eq!(call.does(register()).await, "registered the call on company 9");
    call.case.talked = 65;
    assert_eq!(call.does(json!({ "do": "update_call" })).await, "updated the call on company 9");
    assert_eq!(notes(&w, "companies/9").len(), 1);
}
