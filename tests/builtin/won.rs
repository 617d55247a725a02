//! E01: which deals were won, and what made them.

use dozvon::crm::{Crm, WonSince};
use jiff::Timestamp;

use crate::World;
use crate::office::{NEW, OLGA, contact, deal, unsorted};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn e01_deals_that_were_won_come_with_what_made_them() {
    let w = World::sample().await;
    let mut call = w.call("c1", NEW).await;
    call.does(contact()).await;
    call.does(deal()).await;
    let mut second = w.call("c2", NEW).await;
    let fields = serde_json::json!({"do": "fields", "on": "client", "touch": "last",
        "fields": {"communication_id": "c2"}});
    second.json(fields).await;
    // Deal `d1` of Ольга was imported: nobody made it by a call.
    let ours = call.bound.deal.clone().unwrap();
    let early = at("2026-11-20T10:00:00Z");
    w.crm.close_deal("d1", false, early).await.unwrap();
    let late = at("2026-11-20T11:00:00Z");
    w.crm.close_deal(ours.as_str(), false, late).await.unwrap();
    let won =
        async |since| w.crm.won(&WonSince { since, field: "communication_id" }).await.unwrap();
    let all = won(early).await;
    let ids: Vec<_> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["d1", ours.as_str()]);
    assert_eq!((all[0].closed, all[0].communication.as_ref()), (early, None));
    let olga = all[0].contact.as_ref().unwrap();
    assert_eq!((olga.numbers[0].e164(), olga.communication.as_ref()), (OLGA, None));
    assert_eq!(all[1].communication, Some("c1".into()), "the call that made it");
    let new = all[1].contact.as_ref().unwrap();
    assert_eq!(new.communication, Some("c2".into()), "the card tells the last one");
    assert_eq!(won(at("2026-11-20T10:30:00Z")).await.len(), 1, "from then on");
}

#[tokio::test]
async fn e01_what_is_lost_or_open_again_is_not_won() {
    let w = World::sample().await;
    let now = at("2026-11-20T10:00:00Z");
    w.crm.close_deal("d1", true, now).await.unwrap();
    let ask = WonSince { since: Timestamp::UNIX_EPOCH, field: "communication_id" };
    assert_eq!(w.crm.won(&ask).await.unwrap(), []);
}

#[tokio::test]
async fn e01_a_deal_from_the_inbox_is_of_the_call_that_left_it_there() {
    let w = World::sample().await;
    let mut missed = w.call("c1", NEW).await;
    missed.does(unsorted()).await;
    let id: i64 = w.sql("SELECT id FROM unsorted").await;
    let now = at("2026-11-20T13:00:00Z");
    w.crm.accept(id, "102", now).await.unwrap();
    let deal: String = w.sql("SELECT deal FROM unsorted").await;
    w.crm.close_deal(&deal, false, now).await.unwrap();
    let ask = WonSince { since: now, field: "communication_id" };
    let all = w.crm.won(&ask).await.unwrap();
    assert_eq!(all[0].communication, Some("c1".into()));
}
