//! Events on their way through the engine, and what a gap does.

use std::collections::HashSet;
use std::time::Duration;

use dozvon::core::ids::{Extension, LegId};
use dozvon::core::staff::Presence;
use dozvon::switch::control::News;

use crate::peer::House;

fn line(text: &str) -> Extension {
    Extension::parse(text).unwrap()
}

/// Pitfall 7: two calls end while the link is down. The resync says which channels live, and the
/// lines of the others are free.
#[tokio::test(start_paused = true)]
async fn pitfall_7_what_ended_in_a_gap_is_known_after_it() {
    let mut house = House::new(1);
    let presence = house.nodes.presence();
    let mut peer = house.events().await;
    for (id, who) in [("a", 101), ("b", 102), ("c", 103)] {
        let text = format!(
            "Event-Name: CHANNEL_CREATE\nUnique-ID: {id}\nChannel-Presence-ID: {who}%40x\n"
        );
        peer.event(&text).await;
    }
    house.settle().await;
    assert_eq!(presence.busy(&line("102")), Some(true));
    assert_eq!(presence.registered(&line("110")), Some(true));
    let mut news = house.nodes.news();
    drop(peer);
    assert!(matches!(news.next().await, News::Down(_)));
    assert_eq!(presence.busy(&line("102")), None);
    assert_eq!(presence.registered(&line("110")), None);
    let mut peer = house.greeted().await;
    peer.resync(
        r#"{"row_count":1,"rows":[{"uuid":"c","presence_id":"103@x","direction":"outbound"}]}"#,
    )
    .await;
    let News::Resynced { channels, .. } = news.next().await else {
        panic!("no resync");
    };
    assert_eq!(*channels, HashSet::from([LegId::new("c")]));
    assert!(matches!(news.next().await, News::Up(_)));
    assert_eq!(presence.busy(&line("102")), Some(false));
    assert_eq!(presence.busy(&line("103")), Some(true));
}

/// 20,000 numbered events of 50 legs, in writes of all sizes: each leg's come in order.
#[tokio::test(start_paused = true)]
async fn pitfall_9_events_keep_their_order() {
    let mut house = House::new(1);
    let mut news = house.nodes.news();
    let mut peer = house.events().await;
    let writer = tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(9);
        let mut bytes = Vec::new();
        for n in 0..20_000 {
            let leg = random.u32(0..50);
            let text =
                format!("Event-Name: CHANNEL_ANSWER\nUnique-ID: {leg}\nEvent-Sequence: {n}\n");
            bytes.extend(crate::peer::event(&text));
            if random.u8(0..5) == 0 {
                let rest = bytes.split_off(random.usize(0..=bytes.len()));
                peer.write(&bytes).await;
                bytes = rest;
            }
        }
        peer.write(&bytes).await;
        peer
    });
    let (mut seen, mut last) = (0, std::collections::HashMap::new());
    while seen < 20_000 {
        match news.next().await {
            News::Event { event, .. } => {
                let number: i64 = event.raw("Event-Sequence").unwrap().parse().unwrap();
                let before = last.insert(event.raw("Unique-ID").unwrap().to_owned(), number);
                assert!(before.is_none_or(|b| b < number), "{number} after {before:?}");
                seen += 1;
            }
            News::Missed(n) => panic!("{n} events missed by a reader that reads"),
            _ => {}
        }
    }
    writer.await.unwrap();
}

/// A reader stands still for a minute while 50,000 events come: the socket is drained all the
/// time, presence is right, what waits is bounded, and the reader gets a resync for what he missed.
#[tokio::test(start_paused = true)]
async fn pitfall_15_a_reader_that_stalls_holds_up_nobody_and_gets_a_resync() {
    let mut house = House::new(1);
    let mut news = house.nodes.news();
    let mut peer = house.events().await;
    house.settle().await;
    for n in 0..25_000 {
        let who = format!("Unique-ID: leg-{n}\nChannel-Presence-ID: 101%40x\n");
        peer.event(&format!("Event-Name: CHANNEL_CREATE\n{who}")).await;
        peer.event(&format!("Event-Name: CHANNEL_DESTROY\n{who}")).await;
        if n % 1000 == 0 {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }
    house.settle().await;
    assert_eq!(house.nodes.presence().busy(&line("101")), Some(false));
    let News::Missed(missed) = news.next().await else {
        panic!("nothing missed");
    };
    // Resynced, Up and 50,000 events were sent; what is not missed waits: it is bounded.
    assert!(missed >= 45_000, "{missed}");
    peer.tables(r#"{"row_count":1,"rows":[{"uuid":"z"}]}"#).await;
    let live = loop {
        if let News::Resynced { channels, .. } = news.next().await {
            break channels;
        }
    };
    assert!(live.contains(&LegId::new("z")));
}

/// A phone unregisters under another call-id than it had registered with: the tables tell, a few
/// seconds later.
#[tokio::test(start_paused = true)]
async fn a_registration_in_doubt_is_looked_up() {
    let mut house = House::new(1);
    let presence = house.nodes.presence();
    let mut peer = house.events().await;
    // The second look, which the link makes anyway.
    peer.tables(r#"{"row_count": 0}"#).await;
    peer.event("Event-Subclass: sofia%3A%3Aregister\nEvent-Name: CUSTOM\nfrom-user: 111\ncall-id: x\nexpires: 600\n").await;
    peer.event("Event-Subclass: sofia%3A%3Aunregister\nEvent-Name: CUSTOM\nfrom-user: 110\ncall-id: other\nexpires: 0\n").await;
    house.settle().await;
    assert_eq!(presence.registered(&line("110")), Some(true));
    assert_eq!(peer.command().await, "api show channels as json");
    peer.body(r#"{"row_count": 0}"#).await;
    assert_eq!(peer.command().await, "api show registrations as json");
    peer.body(r#"{"row_count":1,"rows":[{"reg_user":"111","token":"x"}]}"#).await;
    for _ in ["agents", "tiers"] {
        peer.command().await;
        peer.body("-ERR no\n").await;
    }
    house.settle().await;
    assert_eq!(presence.registered(&line("110")), Some(false));
    assert_eq!(presence.registered(&line("111")), Some(true));
}
