//! The inbox of unqualified leads (C02, C03).

use jiff::Timestamp;
use serde_json::json;

use crate::World;
use crate::office::{CLOSED, NEW, contact, deal, unsorted};

fn now() -> Timestamp {
    "2026-11-20T13:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn c03_one_entry_waits_for_a_number_until_it_is_accepted_or_declined() {
    let w = World::sample().await;
    let made = async |call: &str| w.call(call, NEW).await.does(unsorted()).await;
    assert_eq!(made("a").await, "made unsorted entry 1");
    let mut second = w.call("b", NEW).await;
    let said = second.does(unsorted()).await;
    assert_eq!(said, "nothing: unsorted entry 1 waits for this number (C03)");
    assert_eq!(second.bound.unsorted.as_deref(), Some("1"));
    w.crm.decline(1).await.unwrap();
    assert_eq!(made("c").await, "made unsorted entry 2");
    w.crm.accept(2, "101", now()).await.unwrap();
    assert_eq!(made("d").await, "made unsorted entry 3");
    // Callers who withhold their numbers are not one caller.
    for (call, says) in [("e", "made unsorted entry 4"), ("f", "made unsorted entry 5")] {
        assert_eq!(w.call(call, "").await.does(unsorted()).await, says);
    }
}

#[tokio::test]
async fn c02_an_entry_accepted_at_the_answer_becomes_contact_and_deal() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let accept = json!({ "do": "accept_unsorted", "owner": "102", "stage": "В работе" });
    let said = call.json(accept.clone()).await;
    assert_eq!(said, "nothing: no unsorted entry waits for this number");
    call.does(unsorted()).await;
    let said = call.json(accept).await;
    assert_eq!(said, "unsorted entry 1 became client dz1 and deal dz2");
    assert_eq!(call.bound.deal, Some("dz2".into()));
    let client = w.find(NEW).await.unwrap();
    assert_eq!((client.name.as_str(), client.owner.clone()), ("Пётр", Some("102".into())));
    let deal = client.open_deal().unwrap();
    assert_eq!((deal.title.as_str(), deal.owner.clone()), ("Звонок", Some("102".into())));
    let row = "SELECT stage || ' ' || f.value || ' ' || t.tag FROM deal d \
               JOIN deal_field f ON f.deal = d.id JOIN deal_tag t ON t.deal = d.id";
    assert_eq!(w.sql::<String>(row).await, "В работе ya утро");
    assert_eq!(w.sql::<String>("SELECT tag FROM client_tag").await, "утро");
}

#[tokio::test]
async fn c02_by_hand_it_takes_along_what_hung_on_the_call_and_the_number() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    call.json(json!({ "do": "register_call", "result": "missed" })).await;
    call.does(unsorted()).await;
    call.json(json!({ "do": "note", "on": "deal", "text": "T" })).await;
    call.json(json!({ "do": "notify", "to": { "these": ["101"] }, "text": "T", "link": "deal" }))
        .await;
    w.call("b", NEW).await.json(json!({ "do": "register_call", "result": "missed" })).await;
    let said = w.crm.accept(1, "103", now()).await.unwrap();
    assert_eq!(said, "unsorted entry 1 became client dz1 and deal dz2");
    for query in [
        "SELECT client || ' ' || deal FROM crm_call WHERE call = 'a'",
        "SELECT client || ' ' || deal FROM note",
        "SELECT client || ' ' || deal FROM notification",
        "SELECT client || ' ' || deal FROM unsorted",
    ] {
        assert_eq!(w.sql::<String>(query).await, "dz1 dz2", "{query}");
    }
    let earlier = "SELECT client || ' ' || coalesce(deal, 'none') FROM crm_call WHERE call = 'b'";
    assert_eq!(w.sql::<String>(earlier).await, "dz1 none");
}

#[tokio::test]
async fn c02_a_client_and_an_open_deal_that_are_there_by_then_are_taken() {
    let w = World::sample().await;
    let mut call = w.call("a", CLOSED).await;
    call.does(unsorted()).await;
    let said = w.crm.accept(1, "103", now()).await.unwrap();
    assert_eq!(said, "unsorted entry 1 became client c4 and deal dz1");

    let mut other = w.call("b", NEW).await;
    other.does(unsorted()).await;
    other.does(contact()).await;
    other.does(deal()).await;
    let said = other.json(json!({ "do": "accept_unsorted", "owner": "101" })).await;
    assert_eq!(said, "unsorted entry 2 became client dz2 and deal dz3");
    assert_eq!(w.rows("deal WHERE call IS NOT NULL").await, 2);
}

#[tokio::test]
async fn an_entry_is_decided_once_and_by_somebody_who_is_there() {
    let w = World::sample().await;
    w.call("a", NEW).await.does(unsorted()).await;
    let wrong = w.crm.accept(1, "999", now()).await.unwrap_err().to_string();
    assert!(wrong.contains("no employee has the id `999`"), "{wrong}");
    w.crm.decline(1).await.unwrap();
    for error in [w.crm.accept(1, "101", now()).await, w.crm.decline(1).await] {
        assert!(error.unwrap_err().to_string().contains("unsorted entry 1 is declined already"));
    }
    let missing = w.crm.decline(7).await.unwrap_err().to_string();
    assert!(missing.contains("dozvon crm list unsorted"), "{missing}");
}

#[tokio::test]
async fn c03_a_rule_declines_the_entry_that_waits_and_a_new_one_may_be_made() {
    let w = World::sample().await;
    let decline = || json!({ "do": "decline_unsorted" });
    let nothing = "nothing: no unsorted entry waits for this number";
    let clients = w.rows("client").await;
    let mut call = w.call("a", NEW).await;
    assert_eq!(call.json(decline()).await, nothing);
    call.does(unsorted()).await;
    let mut later = w.call("b", NEW).await;
    assert_eq!(later.json(decline()).await, "unsorted entry 1 is declined");
    assert_eq!(w.sql::<String>("SELECT state FROM unsorted").await, "declined");
    assert_eq!(later.json(decline()).await, nothing);
    assert_eq!(w.rows("client").await, clients);
    assert_eq!(later.does(unsorted()).await, "made unsorted entry 2");
    // A caller who withholds his number has only the entry of his own call.
    let mut hidden = w.call("c", "").await;
    hidden.does(unsorted()).await;
    assert_eq!(w.call("d", "").await.json(decline()).await, nothing);
    assert_eq!(hidden.json(decline()).await, "unsorted entry 3 is declined");
}
