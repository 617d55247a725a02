//! The hands of callbacks on a real FreeSWITCH. Skipped, with the reason, where none is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[path = "support/hands.rs"]
mod hands;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::call::{Recorded, Recording};
use dozvon::core::campaign::order::Prompt;
use dozvon::core::ids::{LegId, NodeId};
use dozvon::core::plan::HangupCause;
use dozvon::core::record::AttemptResult;
use dozvon::metrics::Metrics;
use dozvon::recording::Recorder;
use dozvon::switch::control::{Dial as Wire, LinkState, NodeConfig, Nodes, Socket, Tcp};
use dozvon::switch::dial::Dial;
use dozvon::switch::dialler::{Dialler, Hands, Leg, LegEvent, Order, Standing};
use hands::{Heard, leg, line, outside};
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A wire that can be cut.
struct Cable {
    whole: watch::Sender<bool>,
}

#[async_trait]
impl Wire for Cable {
    async fn dial(&self, address: &str) -> std::io::Result<Box<dyn Socket>> {
        let mut whole = self.whole.subscribe();
        if !*whole.borrow() {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        let mut far = Tcp.dial(address).await?;
        let (near, mut here) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut here, &mut far) => {}
                _ = whole.wait_for(|whole| !whole) => {}
            }
        });
        Ok(Box::new(near))
    }
}

struct Stage {
    house: House,
    cable: Arc<Cable>,
    nodes: Arc<Nodes>,
    hands: Arc<Dialler>,
    heard: Heard,
    fs: NodeId,
    cancel: CancellationToken,
}

fn hands(nodes: &Arc<Nodes>, cancel: &CancellationToken) -> Arc<Dialler> {
    let cancel = cancel.child_token();
    Dialler::start(nodes.clone(), Dial::default(), Arc::new(Recorder::default()), cancel)
}

async fn stage() -> Option<Stage> {
    let house = House::build("127.0.0.1:9").await?;
    for phone in [101, 102, 103] {
        house.phone(phone).hums(400).await;
        house.phone(phone).behave(AT_ONCE);
    }
    house.mobile.hums(1000).await;
    house.mobile.behave(AT_ONCE);
    let cable = Arc::new(Cable { whole: watch::channel(true).0 });
    let fs = NodeId::new("fs");
    let config = NodeConfig::new(fs.clone(), house.freeswitch.control.to_string(), "ClueCon");
    let cancel = CancellationToken::new();
    let metrics = Arc::new(Metrics::new().expect("once"));
    let nodes = Nodes::start_with(cable.clone(), vec![config], metrics, cancel.clone());
    while nodes.states()[0].1 != LinkState::Up {
        sleep(Duration::from_millis(20)).await;
    }
    let hands = hands(&nodes, &cancel);
    Some(Stage { house, cable, nodes, hands, heard: Heard::new(SOON), fs, cancel })
}

impl Stage {
    fn dial(&self, leg: Leg) -> LegId {
        let id = leg.id.clone();
        self.hands.dial(&self.fs, leg, self.heard.ear());
        id
    }

    async fn answered(&mut self, number: &str) -> LegId {
        let id = self.dial(leg(line(number)));
        self.heard.is_answered(&id).await;
        id
    }

    async fn phone(&self, extension: usize) -> Call {
        let call = self.house.phone(extension).next_call(SOON).await;
        call.unwrap_or_else(|| panic!("{extension} rings"))
    }

    async fn hang_up(&mut self, leg: &LegId) {
        self.hands.order(leg, Order::HangUp(HangupCause::NORMAL));
        self.heard.end(leg).await;
    }
}

/// A18: what phones do, in our words.
#[tokio::test]
async fn a18_busy_rejected_silent_and_unregistered_phones() {
    let Some(mut stage) = stage().await else { return };
    stage.house.phone(101).behave(Behaviour::Silent);
    stage.house.phone(102).behave(Behaviour::Reject(486));
    stage.house.phone(103).behave(Behaviour::Reject(603));
    stage.house.mobile.behave(Behaviour::Reject(404));
    for (number, result) in [
        (line("101"), AttemptResult::NoAnswer),
        (line("102"), AttemptResult::Busy),
        (line("103"), AttemptResult::Rejected),
        (line("109"), AttemptResult::Unregistered),
        (outside("+79035550105"), AttemptResult::Unreachable),
    ] {
        let id = stage.dial(leg(number.clone()));
        assert_eq!(stage.heard.end(&id).await.result, result, "{number:?}");
    }
    stage.house.ends_empty().await;
}

/// A mobile that plays an announcement before it is picked up has not answered.
#[tokio::test]
async fn early_media_is_no_answer() {
    let Some(mut stage) = stage().await else { return };
    stage.house.mobile.behave(Behaviour::Manual);
    let id = stage.dial(leg(outside("+79035550105")));
    let call = stage.house.mobile.next_call(SOON).await.expect("it rings");
    call.early_media().await;
    stage.heard.is(&id, LegEvent::Ringing).await;
    assert_eq!(stage.heard.within(&id, A_WHILE).await, None);
    call.answer().await;
    stage.heard.is(&id, LegEvent::Answered).await;
    stage.hang_up(&id).await;
    stage.house.ends_empty().await;
}

/// A19: the phone shows name and comment, and nothing in them calls a second leg.
#[tokio::test]
async fn a19_the_phone_shows_name_and_comment_and_hostile_ones_call_nobody() {
    let Some(mut stage) = stage().await else { return };
    for (name, shown) in [
        ("Иван Петров — перезвоните!", "Иван Петров — перезвоните!"),
        ("ООО «Ромашка» O'Neil \"hi\"", "ООО «Ромашка» O’Neil ”hi”"),
        ("x]user/102", "x user 102"),
        ("x' &bridge(user/102)", "x’ bridge(user 102)"),
        ("x'] user/102 \\'", "x’ user 102 ’"),
        ("{a=b},user/102|user/103", "a b user 102 user 103"),
        ("a\r\nbgapi originate user/102 &park", "a bgapi originate user 102 park"),
        ("${domain} $${domain} %41 \\n", "domain domain 41 n"),
        ("<sip:102@127.0.0.1>", "sip 102 127.0.0.1"),
        ("undef", ""),
        ("", ""),
    ] {
        let mut leg = leg(line("101"));
        leg.shown_name = name.to_owned();
        let id = stage.dial(leg);
        let call = stage.phone(101).await;
        stage.heard.is_answered(&id).await;
        // Its table is written a moment after its events.
        sleep(Duration::from_millis(200)).await;
        assert_eq!(stage.house.freeswitch.channels().await, 1, "{name:?}");
        if !shown.is_empty() {
            assert_eq!(call.shown_name(), shown, "{name:?}");
        }
        assert_eq!(call.shown_number(), "+79161234567", "{name:?}");
        stage.hang_up(&id).await;
    }
    for other in [102, 103] {
        assert!(stage.house.phone(other).next_call(Duration::ZERO).await.is_none(), "{other}");
    }
    stage.house.ends_empty().await;
}

/// A13, A14: manager, client, and both together; the talk is recorded, and ends for both.
#[tokio::test]
async fn a14_manager_and_client_are_put_through_and_recorded() {
    let Some(mut stage) = stage().await else { return };
    let manager = stage.answered("101").await;
    let at_manager = stage.phone(101).await;
    stage.hands.order(&manager, Order::Ringback);
    let client = stage.dial(leg(outside("+79035550105")));
    stage.heard.is_answered(&client).await;
    let at_client = stage.house.mobile.next_call(SOON).await.expect("it rang");
    let file = stage.house.freeswitch.recordings().join("a 1.wav");
    let record = Recording { file: file.to_string_lossy().into(), url: String::new() };
    let order = Order::Bridge { with: manager.clone(), record: Some(record) };
    stage.hands.order(&client, order);
    stage.heard.is(&client, LegEvent::Bridged { with: manager.clone() }).await;
    stage.heard.is(&manager, LegEvent::Bridged { with: client.clone() }).await;
    assert_eq!(at_client.ended(A_WHILE).await, None);
    assert_eq!(at_manager.ended(Duration::ZERO).await, None);
    at_manager.hang_up().await;
    assert_eq!(stage.heard.end(&manager).await.result, AttemptResult::Answered);
    let end = stage.heard.end(&client).await;
    assert!(matches!(end.recorded, Recorded::Milliseconds(ms) if ms >= 1000), "{end:?}");
    assert!(at_client.ended(SOON).await.is_some());
    stage.house.ends_empty().await;
    assert!(file.metadata().expect("the file").len() > 16_000);
}

/// A mailbox presses no key; RFC 4733 is what phones press keys by.
#[tokio::test]
async fn the_key_is_awaited_and_only_the_right_one_counts() {
    let Some(mut stage) = stage().await else { return };
    for (keys, event) in [("1", LegEvent::Pressed), ("51", LegEvent::Pressed)] {
        let id = stage.answered("101").await;
        let call = stage.phone(101).await;
        stage.hands.order(&id, Order::Prompt { prompt: Prompt::Tone, key: Some('1') });
        for key in keys.chars() {
            sleep(A_WHILE).await;
            call.press(key).await;
        }
        stage.heard.is(&id, event).await;
        stage.hands.order(&id, Order::Tell(Prompt::Tone));
        assert_eq!(stage.heard.end(&id).await.result, AttemptResult::Answered);
    }
    stage.house.ends_empty().await;
}

/// Nobody pressed it, in three tries; a star is a key as well.
#[tokio::test]
async fn a_mailbox_presses_no_key() {
    let Some(mut stage) = stage().await else { return };
    let (mailbox, other) = (stage.answered("101").await, stage.answered("102").await);
    let call = stage.phone(102).await;
    let order = |key| Order::Prompt { prompt: Prompt::Tone, key: Some(key) };
    stage.hands.order(&mailbox, order('1'));
    stage.hands.order(&other, order('*'));
    sleep(A_WHILE).await;
    call.press('*').await;
    stage.heard.is(&other, LegEvent::Pressed).await;
    let answer = stage.heard.within(&mailbox, SOON * 3).await;
    assert_eq!(answer, Some(LegEvent::NotPressed));
    stage.hang_up(&mailbox).await;
    stage.hang_up(&other).await;
    stage.house.ends_empty().await;
}

/// A prompt, music instead of it, and another one: each is told once, or not at all.
#[tokio::test]
async fn a_later_order_takes_the_place_of_an_earlier_one() {
    let Some(mut stage) = stage().await else { return };
    let id = stage.answered("101").await;
    let tone = || Order::Prompt { prompt: Prompt::Tone, key: None };
    stage.hands.order(&id, tone());
    stage.heard.is(&id, LegEvent::Prompted).await;
    stage.hands.order(&id, tone());
    stage.hands.order(&id, Order::Music);
    assert_eq!(stage.heard.within(&id, A_WHILE).await, None);
    stage.hands.order(&id, tone());
    stage.heard.is(&id, LegEvent::Prompted).await;
    let missing = Prompt::File("/no/such file.wav".into());
    stage.hands.order(&id, Order::Prompt { prompt: missing, key: None });
    stage.heard.is(&id, LegEvent::Prompted).await;
    // What is still queued must not hang the talk up.
    let other = stage.answered("102").await;
    stage.hands.order(&id, tone());
    stage.hands.order(&id, Order::Bridge { with: other.clone(), record: None });
    stage.heard.is(&id, LegEvent::Bridged { with: other.clone() }).await;
    assert_eq!(stage.heard.within(&id, A_WHILE).await, None);
    stage.hang_up(&id).await;
    stage.heard.end(&other).await;
    stage.house.ends_empty().await;
}

/// A leg is hung up while it rings, also in the moment it is dialled; and is never bridged then.
#[tokio::test]
async fn a_ringing_leg_is_hung_up_and_not_bridged() {
    let Some(mut stage) = stage().await else { return };
    stage.house.phone(102).behave(Behaviour::Silent);
    for wait in [0, 1, 20, 500] {
        let id = stage.dial(leg(line("102")));
        sleep(Duration::from_millis(wait)).await;
        stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
        assert_eq!(stage.heard.end(&id).await.result, AttemptResult::CallerGone, "{wait} ms");
    }
    let manager = stage.answered("101").await;
    let client = stage.dial(leg(line("102")));
    stage.heard.is(&client, LegEvent::Ringing).await;
    stage.hands.order(&manager, Order::Bridge { with: client.clone(), record: None });
    stage.heard.is(&manager, LegEvent::NotBridged { with: client.clone() }).await;
    assert_eq!(stage.hands.exists(&stage.fs, &manager).await, Some(true));
    stage.hang_up(&client).await;
    stage.hang_up(&manager).await;
    assert_eq!(stage.hands.exists(&stage.fs, &manager).await, Some(false));
    stage.house.ends_empty().await;
}

/// The link is cut while one rings and one waits: both are found again.
#[tokio::test]
async fn legs_are_found_again_after_the_link_was_cut() {
    let Some(mut stage) = stage().await else { return };
    stage.house.phone(102).behave(Behaviour::Silent);
    let waits = stage.answered("101").await;
    let mut long = leg(line("102"));
    long.ring = Duration::from_secs(60);
    let rings = stage.dial(long);
    stage.heard.is(&rings, LegEvent::Ringing).await;
    stage.cable.whole.send_replace(false);
    for id in [&waits, &rings] {
        stage.heard.is(id, LegEvent::Unseen).await;
    }
    assert_eq!(stage.hands.exists(&stage.fs, &waits).await, None);
    stage.cable.whole.send_replace(true);
    for (id, answered) in [(&waits, true), (&rings, false)] {
        let standing = Standing { answered, with: None };
        stage.heard.is(id, LegEvent::Found(standing)).await;
        stage.hang_up(id).await;
    }
    stage.house.ends_empty().await;
}

/// An engine dies and its legs are adopted by the next one; a manager nobody comes back for does
/// not sit in silence for ever, even with the ring-back tone in his ear.
#[tokio::test]
async fn legs_of_an_engine_that_died_are_adopted_or_end_by_themselves() {
    let Some(mut stage) = stage().await else { return };
    let (manager, client) = (stage.answered("101").await, stage.answered("102").await);
    stage.hands.order(&client, Order::Bridge { with: manager.clone(), record: None });
    stage.heard.is(&client, LegEvent::Bridged { with: manager.clone() }).await;
    stage.hands = hands(&stage.nodes, &stage.cancel);
    stage.heard = Heard::new(SOON);
    stage.hands.adopt(&stage.fs, client.clone(), stage.heard.ear());
    let standing = Standing { answered: true, with: Some(manager) };
    stage.heard.is(&client, LegEvent::Found(standing)).await;
    stage.hang_up(&client).await;
    stage.house.ends_empty().await;

    let mut short = leg(line("101"));
    short.patience = Duration::from_secs(3);
    let (left, mut silent) = (short.clone(), leg(line("102")));
    silent.patience = Duration::from_secs(3);
    let (left, silent) = (stage.dial(left), stage.dial(silent));
    stage.heard.is_answered(&left).await;
    stage.heard.is_answered(&silent).await;
    stage.hands.order(&left, Order::Ringback);
    sleep(Duration::from_millis(300)).await;
    stage.cancel.cancel();
    stage.nodes.stopped().await;
    stage.house.freeswitch.is_quiet_within(SOON).await;
}

/// A15: the agents of a queue who are free, the longest idle first.
#[tokio::test]
async fn a15_the_free_agents_of_a_real_queue() {
    let Some(mut stage) = stage().await else { return };
    stage.house.only_agent(101).await;
    stage.house.freeswitch.api("callcenter_config agent set status 102 Available").await;
    let presence = stage.nodes.presence();
    let queue = "sales".into();
    let free = || {
        let lines = presence.queue(&queue).expect("the queue is known").into_iter();
        lines.map(|agent| agent.line.to_string()).collect::<Vec<_>>()
    };
    let until = async |lines: &[&str]| {
        while free() != lines {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, until(&["101", "102"])).await.expect("both are free");
    let id = stage.answered("101").await;
    tokio::time::timeout(SOON, until(&["102"])).await.expect("101 talks");
    stage.hang_up(&id).await;
    tokio::time::timeout(SOON, until(&["102", "101"])).await.expect("102 is idle longest");
    stage.house.ends_empty().await;
}

/// A leg id that is taken is found, not dialled once more.
#[tokio::test]
async fn a_leg_id_that_is_taken_is_found_not_dialled_again() {
    let Some(mut stage) = stage().await else { return };
    let dialled = leg(line("101"));
    let id = stage.dial(dialled.clone());
    stage.heard.is_answered(&id).await;
    stage.dial(dialled);
    stage.heard.is(&id, LegEvent::Found(Standing { answered: true, with: None })).await;
    assert_eq!(stage.house.freeswitch.channels().await, 1);
    stage.hang_up(&id).await;
    stage.house.ends_empty().await;
}
