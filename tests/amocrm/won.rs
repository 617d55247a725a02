//! E01: which deals were won, whose they are, and what made them.

use dozvon::core::sale::Won;
use dozvon::crm::{Crm, CrmError, WonSince};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::office::{NEW, World, contact, lead, new_contact, new_deal, new_unsorted};
use crate::request::Said;
use crate::server::Wrong;

const DAY: i64 = 1_700_000_000;

fn closed(id: i64, status: i64, at: i64) -> Value {
    let mut lead = lead(id, "Окна", 504141, status);
    lead["closed_at"] = json!(at);
    lead["price"] = json!(1200.5);
    lead
}

async fn won(w: &World, since: i64) -> Result<Vec<Won>, CrmError> {
    let since = Timestamp::from_second(since).unwrap();
    w.crm.won(&WonSince { since, field: "communication_id" }).await
}

/// Contacts 20 to 26 with a deal each, 100 to 106, a second apart.
async fn seven() -> World {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        for n in 0..7 {
            let number = format!("8 (916) 222-00-0{n}");
            account.add("contacts", contact(20 + n, "Иван", 504141, &number, &[100 + n]));
            account.add("leads", closed(100 + n, 142, DAY + n));
        }
    }
    w
}

#[tokio::test]
async fn e01_deals_on_the_stage_won_come_with_contact_price_and_what_made_them() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        for (kind, id) in [("leads", 950), ("contacts", 951)] {
            let field =
                json!({ "id": id, "name": "communication_id", "code": null, "type": "text" });
            account.fields.get_mut(kind).unwrap().push(field);
        }
        let told = |id: i64, value: &str| json!({ "field_id": id, "values": [{ "value": value }] });
        let mut person = contact(20, "Иван", 504141, "8 (916) 222-00-00", &[100, 101, 102]);
        person["custom_fields_values"].as_array_mut().unwrap().push(told(951, "call-9"));
        account.add("contacts", person);
        let mut ours = closed(100, 142, DAY);
        ours["custom_fields_values"] = json!([told(950, "call-1")]);
        account.add("leads", ours);
        account.add("leads", closed(101, 143, DAY));
        account.add("leads", closed(102, 142, DAY - 1));
        account.add("leads", closed(103, 142, DAY));
    }
    let all = won(&w, DAY).await.unwrap();
    let ids: Vec<_> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["100", "103"], "not the lost one, and none from before");
    assert_eq!(all[0].closed.as_second(), DAY);
    assert_eq!(all[0].price, Some(1200.5));
    assert_eq!(all[0].communication, Some("call-1".into()));
    let person = all[0].contact.as_ref().unwrap();
    assert_eq!(person.id, "20".into());
    assert_eq!(person.numbers[0].e164(), "+79162220000");
    assert_eq!(person.communication, Some("call-9".into()));
    assert_eq!(all[1].contact, None, "nobody is tied to it");
}

#[tokio::test]
async fn e01_all_pages_are_read_and_an_empty_list_is_a_204() {
    let w = seven().await;
    w.server.house().account.habits.page = Some(2);
    assert_eq!(won(&w, DAY).await.unwrap().len(), 7);
    let pages = w.server.paths().iter().filter(|path| *path == "GET /api/v4/leads").count();
    assert_eq!(pages, 4);
    assert_eq!(won(&w, DAY + 100).await.unwrap(), []);
    assert_eq!(w.server.paths(), ["GET /api/v4/leads"], "nobody is asked for after that");
}

#[tokio::test]
async fn e01_what_fails_on_any_page_fails_whole() {
    let w = seven().await;
    w.server.house().account.habits.page = Some(2);
    for (wrong, word) in [
        (Wrong::Answer(Said::refused(429, "Too many")), "429"),
        (Wrong::Answer(Said::refused(500, "x")), "500"),
        (Wrong::Answer(Said::refused(402, "x")), "not paid"),
        (Wrong::Answer(Said::refused(401, "x")), "token"),
        (Wrong::Answer(Said { status: 200, body: json!("<html>"), kind: "text/html" }), "no JSON"),
        (
            Wrong::Answer(Said {
                status: 200,
                body: json!("{\"_embedded\": {\"lea"),
                kind: "application/hal+json",
            }),
            "cannot be understood",
        ),
        (Wrong::Silent, "in time"),
    ] {
        w.server.fault_after("GET /api/v4/leads", 2, wrong);
        let error = won(&w, DAY).await.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
        w.server.house().faults.clear();
    }
    w.server.fault("GET /api/v4/contacts", 1, Wrong::Answer(Said::refused(503, "x")));
    assert!(won(&w, DAY).await.is_err(), "whose they are is a part of it");
    assert_eq!(won(&w, DAY).await.unwrap().len(), 7);
}

#[tokio::test]
async fn e01_an_action_says_what_it_made_and_not_what_it_found() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    let made = call.tries(new_contact()).await.unwrap().bound;
    assert!(made.made.client.is_some() && made.made.client == made.client);
    let again = call.tries(new_contact()).await.unwrap().bound;
    assert!(again.client.is_some() && again.made.is_nothing(), "{again:?}");
    let deal = call.tries(new_deal()).await.unwrap().bound;
    assert!(deal.made.deal.is_some() && deal.made.client.is_none());
    assert!(call.bound.made.is_nothing(), "it is not handed on");

    // Deal and contact in one request.
    let mut both = w.call("c2", "+79165550009").await;
    let made = both.tries(new_deal()).await.unwrap().bound.made;
    assert!(made.deal.is_some() && made.client.is_some(), "{made:?}");

    // An entry of the inbox is made by the call that made it, whoever accepts it.
    let mut missed = w.call("c3", "+79165550008").await;
    let made = missed.tries(new_unsorted("call")).await.unwrap().bound.made;
    assert!(made.deal.is_some() && made.client.is_some(), "{made:?}");
    let mut later = w.call("c4", "+79165550008").await;
    let accept = json!({ "do": "accept_unsorted", "owner": "504142" });
    let taken = later.tries(accept).await.unwrap().bound;
    assert_eq!((taken.deal, taken.made.deal), (made.deal, None));
}
