//! What a person sees of it, and what a call leaves behind.

use dozvon::core::phone::{Phone, Region};
use dozvon::crm::builtin::view::{
    CallRow, ContactRow, DealRow, Listed, NotificationRow, TaskRow, UnsortedRow,
};
use serde_json::json;

use crate::World;
use crate::office::{NEW, OLGA, contact, deal, task, unsorted};

fn phone(text: &str) -> Phone {
    Phone::parse(text, Region::default()).unwrap()
}

async fn a_call_with_everything(w: &World) {
    let mut call = w.call("call-uuid", NEW).await;
    call.json(json!({ "do": "register_call", "result": "answered", "who": "102" })).await;
    call.does(contact()).await;
    call.does(deal()).await;
    call.json(json!({ "do": "tag", "on": "deal", "tags": ["утро"] })).await;
    call.does(task("never", "2026-11-20T13:00:00Z")).await;
    call.json(json!({ "do": "note", "on": "deal", "text": "Хочет\nокна" })).await;
    call.case.at = "2026-11-20T12:05:00Z".parse().unwrap();
    call.json(json!({ "do": "change_owner", "of": "deal", "to": "103" })).await;
    call.json(json!({ "do": "notify", "to": { "these": ["102"] }, "text": "T", "link": "deal" }))
        .await;
}

#[tokio::test]
async fn d05_a_record_shows_all_that_hangs_on_it_in_order_of_time() {
    let w = World::sample().await;
    a_call_with_everything(&w).await;
    let full = w.crm.show::<ContactRow>("dz1").await.unwrap().unwrap();
    let seen: Vec<_> =
        full.history.iter().map(|e| format!("{} {} | {}", e.what, e.id, e.text)).collect();
    insta::assert_snapshot!(seen.join("\n"));
    let deal = w.crm.show::<DealRow>("dz2").await.unwrap().unwrap();
    assert_eq!(deal.history.len(), full.history.len());
    // By the number of the call, and by its own id.
    for id in ["1", "call-uuid"] {
        let call = w.crm.show::<CallRow>(id).await.unwrap().unwrap();
        assert_eq!((call.record.id, call.history.len()), (1, full.history.len()));
    }
    assert!(w.crm.show::<CallRow>("1x").await.unwrap().is_none());
    assert!(w.crm.show::<DealRow>("dz1").await.unwrap().is_none());
}

#[tokio::test]
async fn a02_the_notification_leads_to_the_deal_by_a_command_a_shell_takes() {
    let w = World::sample().await;
    let link = async || {
        let rows = w.crm.list::<NotificationRow>(None, 1).await.unwrap();
        rows[0].link.clone().unwrap_or_default()
    };
    let notify = json!({ "do": "notify", "to": { "these": ["102"] }, "text": "T", "link": "deal" });
    w.call("a", NEW).await.json(notify.clone()).await;
    assert_eq!(link().await, format!("dozvon crm list calls --number {NEW}"));
    w.call("b", OLGA).await.json(notify.clone()).await;
    assert_eq!(link().await, "dozvon crm show deal d1");
    let odd = "[[contact]]\nid = \"a'b; rm\"\nname = \"A\"\nnumbers = [\"+79165559999\"]";
    w.toml(odd).await;
    w.call("c", "+79165559999").await.json(notify.clone()).await;
    assert_eq!(link().await, r"dozvon crm show contact 'a'\''b; rm'");
    w.call("d", "").await.json(notify).await;
    assert_eq!(link().await, "");
    w.crm.read_notification(4).await.unwrap();
    assert_eq!(w.crm.list::<NotificationRow>(None, 9).await.unwrap()[3].id, 4, "unread first");
}

#[tokio::test]
async fn d05_lists_are_filtered_by_number_and_bounded() {
    let w = World::sample().await;
    a_call_with_everything(&w).await;
    w.call("b", OLGA).await.json(json!({ "do": "register_call", "result": "missed" })).await;
    w.call("b", OLGA).await.does(unsorted()).await;
    let (new, olga) = (phone(NEW), phone(OLGA));
    assert_eq!(w.crm.list::<CallRow>(None, 50).await.unwrap().len(), 2);
    let calls = w.crm.list::<CallRow>(Some(&new), 50).await.unwrap();
    assert_eq!(calls.iter().map(|c| c.call.as_str()).collect::<Vec<_>>(), ["call-uuid"]);
    assert_eq!(w.crm.list::<CallRow>(None, 1).await.unwrap().len(), 1);
    let deals = w.crm.list::<DealRow>(Some(&olga), 50).await.unwrap();
    assert_eq!(deals.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["d1"]);
    assert_eq!(w.crm.list::<UnsortedRow>(Some(&new), 50).await.unwrap().len(), 0);
    assert_eq!(w.crm.list::<TaskRow>(Some(&new), 50).await.unwrap().len(), 1);
    let contacts = w.crm.list::<ContactRow>(Some(&new), 50).await.unwrap();
    assert_eq!(contacts[0].cells(), ["dz1", "Пётр", "", "102", NEW, ""]);
    w.crm.delete_client("dz1").await.unwrap();
    assert_eq!(w.crm.list::<ContactRow>(Some(&new), 50).await.unwrap().len(), 0);
    assert_eq!(
        w.crm.list::<DealRow>(None, 50).await.unwrap().iter().filter(|d| d.id == "dz2").count(),
        0
    );
    assert!(w.crm.show::<ContactRow>("dz1").await.unwrap().unwrap().record.deleted);
}
