//! The hands of callbacks on the simulated FreeSWITCH, in virtual time.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[path = "support/hands.rs"]
mod hands;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::call::Recording;
use dozvon::core::campaign::order::Prompt;
use dozvon::core::ids::{LegId, NodeId};
use dozvon::core::plan::HangupCause;
use dozvon::core::record::AttemptResult;
use dozvon::metrics::Metrics;
use dozvon::recording::Recorder;
use dozvon::sim::{FreeSwitch, Script};
use dozvon::switch::control::{Dial as Wire, LinkState, NodeConfig, Nodes, Socket};
use dozvon::switch::dial::Dial;
use dozvon::switch::dialler::{
    Dialler, Hands, Leg, LegEvent, NOT_DIALLED, Order, Standing, UNSEEN_END,
};
use hands::{Heard, leg, line, outside};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

struct Simulated {
    freeswitch: FreeSwitch,
    away: AtomicBool,
}

#[async_trait]
impl Wire for Simulated {
    async fn dial(&self, _: &str) -> io::Result<Box<dyn Socket>> {
        if self.away.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Box::new(self.freeswitch.control_pipe()))
    }
}

struct Stage {
    simulated: Arc<Simulated>,
    nodes: Arc<Nodes>,
    hands: Arc<Dialler>,
    heard: Heard,
    fs: NodeId,
    cancel: CancellationToken,
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// 101 answers, 102 rings for ever, 103 is busy, 104 rejects, 105 is not registered, 106 answers
/// and presses 1; a mobile answers.
async fn stage() -> Stage {
    let freeswitch = FreeSwitch::builder()
        .phone("101", Script::answers(secs(1)))
        .phone("102", Script::silent())
        .phone("103", Script::busy())
        .phone("104", Script::rejects())
        .phone("105", Script::unregistered())
        .phone("106", Script::answers(secs(1)).presses(secs(2), '1'))
        .phone("107", Script::answers(secs(1)).presses(secs(2), '5'))
        .phone("+79035550105", Script::answers(secs(2)))
        .phone("+79035550106", Script::early_media())
        .gateway("mobile")
        .start()
        .await
        .expect("it starts");
    let simulated = Arc::new(Simulated { freeswitch, away: AtomicBool::new(false) });
    let fs = NodeId::new("fs");
    let cancel = CancellationToken::new();
    let metrics = Arc::new(Metrics::new().expect("once"));
    let config = NodeConfig::new(fs.clone(), "simulated", "ClueCon");
    let nodes = Nodes::start_with(simulated.clone(), vec![config], metrics, cancel.clone());
    let hands = engine(&nodes, &cancel);
    let stage = Stage { simulated, nodes, hands, heard: Heard::new(secs(60)), fs, cancel };
    stage.until_up().await;
    stage
}

fn engine(nodes: &Arc<Nodes>, cancel: &CancellationToken) -> Arc<Dialler> {
    let cancel = cancel.child_token();
    Dialler::start(nodes.clone(), Dial::default(), Arc::new(Recorder::default()), cancel)
}

impl Stage {
    async fn until_up(&self) {
        while self.nodes.states()[0].1 != LinkState::Up {
            sleep(Duration::from_millis(10)).await;
        }
    }

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

    fn cut(&self) {
        self.simulated.away.store(true, Ordering::Relaxed);
        self.simulated.freeswitch.cut_control();
    }

    fn mend(&self) {
        self.simulated.away.store(false, Ordering::Relaxed);
    }

    async fn ends_empty(&self) {
        sleep(secs(3)).await;
        assert_eq!(self.simulated.freeswitch.channels(), 0, "a leg stayed");
        assert_eq!(self.hands.legs(), 0, "a leg is still led");
    }
}

/// A17, A18: what came of a phone is told in our words, whatever it did.
#[tokio::test(start_paused = true)]
async fn a18_busy_rejected_silent_and_unregistered_phones() {
    let mut stage = stage().await;
    for (number, result, cause) in [
        (line("102"), AttemptResult::NoAnswer, "NO_ANSWER"),
        (line("103"), AttemptResult::Busy, "USER_BUSY"),
        (line("104"), AttemptResult::Rejected, "CALL_REJECTED"),
        (line("105"), AttemptResult::Unregistered, "USER_NOT_REGISTERED"),
        (line("199"), AttemptResult::Unregistered, "SUBSCRIBER_ABSENT"),
        (outside("+79990000000"), AttemptResult::Unreachable, "UNALLOCATED_NUMBER"),
        (outside("+79035550106"), AttemptResult::NoAnswer, "NO_ANSWER"),
    ] {
        let id = stage.dial(leg(number));
        let end = stage.heard.end(&id).await;
        assert_eq!((end.result, end.cause.as_str()), (result, cause));
    }
    stage.ends_empty().await;
}

/// A13, A14: the manager, then the client, then both together; one hangs up, both end.
#[tokio::test(start_paused = true)]
async fn a14_manager_and_client_are_put_through() {
    let mut stage = stage().await;
    let manager = stage.answered("101").await;
    stage.hands.order(&manager, Order::Ringback);
    let client = stage.dial(leg(outside("+79035550105")));
    stage.heard.is_answered(&client).await;
    let record = Recording { file: "/rec/a.wav".into(), url: String::new() };
    stage.hands.order(&client, Order::Bridge { with: manager.clone(), record: Some(record) });
    stage.heard.is(&client, LegEvent::Bridged { with: manager.clone() }).await;
    stage.heard.is(&manager, LegEvent::Bridged { with: client.clone() }).await;
    sleep(secs(90)).await;
    assert_eq!(stage.hands.exists(&stage.fs, &manager).await, Some(true));
    stage.hands.order(&manager, Order::HangUp(HangupCause::NORMAL));
    assert_eq!(stage.heard.end(&manager).await.result, AttemptResult::Answered);
    let end = stage.heard.end(&client).await;
    assert_eq!(end.result, AttemptResult::Answered);
    assert!(
        matches!(end.recorded, dozvon::core::call::Recorded::Milliseconds(ms) if ms > 80_000),
        "{end:?}"
    );
    stage.ends_empty().await;
}

/// A19: the phone shows name and comment; and nothing in them calls a second leg.
#[tokio::test(start_paused = true)]
async fn a19_hostile_names_make_one_leg() {
    let mut stage = stage().await;
    for name in ["x]user/102", "x' &bridge(user/102)", "{a=b},user/102|x", "a\nb\\' ${x}", ""] {
        let mut leg = leg(line("101"));
        leg.shown_name = name.to_owned();
        let id = stage.dial(leg);
        stage.heard.is_answered(&id).await;
        assert_eq!(stage.simulated.freeswitch.channels(), 1, "{name:?}");
        stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
        stage.heard.end(&id).await;
    }
    stage.ends_empty().await;
}

/// A mailbox presses no key.
#[tokio::test(start_paused = true)]
async fn the_key_is_awaited_and_only_the_right_one_counts() {
    let mut stage = stage().await;
    for (number, event) in
        [("106", LegEvent::Pressed), ("107", LegEvent::NotPressed), ("101", LegEvent::NotPressed)]
    {
        let id = stage.answered(number).await;
        let order = Order::Prompt { prompt: Prompt::Tone, key: Some('1') };
        stage.hands.order(&id, order);
        stage.heard.is(&id, event).await;
        stage.hands.order(&id, Order::Tell(Prompt::Tone));
        stage.heard.end(&id).await;
    }
    stage.ends_empty().await;
}

/// A later order takes the place of an earlier one: nothing is told of that any more.
#[tokio::test(start_paused = true)]
async fn a_prompt_is_told_once_and_only_if_it_was_played() {
    let mut stage = stage().await;
    let id = stage.answered("101").await;
    let prompt = |prompt| Order::Prompt { prompt, key: None };
    stage.hands.order(&id, prompt(Prompt::File("/a.wav".into())));
    stage.heard.is(&id, LegEvent::Prompted).await;
    stage.hands.order(&id, prompt(Prompt::None));
    stage.heard.is(&id, LegEvent::Prompted).await;
    stage.hands.order(&id, prompt(Prompt::File("/a.wav".into())));
    stage.hands.order(&id, Order::Music);
    assert_eq!(stage.heard.within(&id, secs(40)).await, None);
    stage.hands.order(&id, Order::Tell(Prompt::Tone));
    assert_eq!(stage.heard.end(&id).await.result, AttemptResult::Answered);
    stage.ends_empty().await;
}

/// Who is hung up while it rings was not answered, and the phone stops.
#[tokio::test(start_paused = true)]
async fn a_ringing_leg_is_hung_up_even_if_it_was_just_dialled() {
    let mut stage = stage().await;
    for wait in [0, 1, 2000] {
        let id = stage.dial(leg(line("102")));
        sleep(Duration::from_millis(wait)).await;
        stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
        assert_eq!(stage.heard.end(&id).await.result, AttemptResult::CallerGone, "{wait}");
    }
    stage.ends_empty().await;
}

/// Nobody is put through to a phone that only rings: FreeSWITCH would end both.
#[tokio::test(start_paused = true)]
async fn a_leg_that_rings_or_is_gone_is_not_bridged() {
    let mut stage = stage().await;
    let manager = stage.answered("101").await;
    let client = stage.dial(leg(line("102")));
    stage.heard.is(&client, LegEvent::Ringing).await;
    let bridge = |with: &LegId| Order::Bridge { with: with.clone(), record: None };
    stage.hands.order(&manager, bridge(&client));
    stage.heard.is(&manager, LegEvent::NotBridged { with: client.clone() }).await;
    stage.heard.is(&client, LegEvent::NotBridged { with: manager.clone() }).await;
    stage.heard.end(&client).await;
    stage.hands.order(&manager, bridge(&client));
    stage.heard.is(&manager, LegEvent::NotBridged { with: client.clone() }).await;
    assert_eq!(stage.hands.exists(&stage.fs, &manager).await, Some(true));
    stage.hands.order(&manager, Order::HangUp(HangupCause::NORMAL));
    stage.heard.end(&manager).await;
    stage.ends_empty().await;
}

/// A manager whose engine has died does not sit there for ever, music or not.
#[tokio::test(start_paused = true)]
async fn a_leg_nobody_leads_ends_by_itself() {
    for order in [None, Some(Order::Ringback), Some(Order::Music)] {
        let mut stage = stage().await;
        let id = stage.answered("101").await;
        if let Some(order) = order {
            stage.hands.order(&id, order);
        }
        sleep(secs(1)).await;
        stage.cancel.cancel();
        let died = Instant::now();
        while stage.simulated.freeswitch.channels() > 0 {
            sleep(secs(1)).await;
        }
        let lived = died.elapsed();
        assert!(secs(50) < lived && lived < secs(65), "{lived:?}");
    }
}

/// The link is cut while it rings: the leg is found again, and answers later.
#[tokio::test(start_paused = true)]
async fn a_leg_that_rang_as_the_link_was_cut_is_found_again() {
    let mut stage = stage().await;
    let mut leg = leg(line("102"));
    leg.ring = secs(60);
    let id = stage.dial(leg);
    stage.heard.is(&id, LegEvent::Ringing).await;
    stage.cut();
    stage.heard.is(&id, LegEvent::Unseen).await;
    assert_eq!(stage.hands.exists(&stage.fs, &id).await, None);
    assert_eq!(stage.hands.room(), None);
    sleep(secs(5)).await;
    stage.mend();
    let ringing = Standing { answered: false, with: None };
    stage.heard.is(&id, LegEvent::Found(ringing)).await;
    stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
    stage.heard.end(&id).await;
    stage.ends_empty().await;
}

/// The same, and it ended or was answered in the gap.
#[tokio::test(start_paused = true)]
async fn what_happened_in_a_gap_is_told_after_it() {
    let mut stage = stage().await;
    let (rings, picked) = (stage.dial(leg(line("102"))), stage.dial(leg(line("101"))));
    stage.heard.is(&rings, LegEvent::Ringing).await;
    stage.heard.is(&picked, LegEvent::Ringing).await;
    stage.cut();
    stage.heard.is(&rings, LegEvent::Unseen).await;
    stage.heard.is(&picked, LegEvent::Unseen).await;
    sleep(secs(10)).await;
    stage.mend();
    assert_eq!(stage.heard.end(&rings).await.cause, UNSEEN_END);
    let answered = Standing { answered: true, with: None };
    stage.heard.is(&picked, LegEvent::Found(answered)).await;
    stage.hands.order(&picked, Order::HangUp(HangupCause::NORMAL));
    stage.heard.end(&picked).await;
    stage.ends_empty().await;
}

/// A hang-up that was ordered while the link was down is carried out when it is back.
#[tokio::test(start_paused = true)]
async fn a_hang_up_ordered_in_a_gap_is_not_forgotten() {
    let mut stage = stage().await;
    let id = stage.answered("101").await;
    stage.cut();
    stage.heard.is(&id, LegEvent::Unseen).await;
    stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
    sleep(secs(3)).await;
    stage.mend();
    assert_eq!(stage.heard.end(&id).await.result, AttemptResult::Answered);
    stage.ends_empty().await;
}

/// Nothing is dialled on a node that is down; another one may do.
#[tokio::test(start_paused = true)]
async fn a_node_that_is_down_dials_nothing() {
    let mut stage = stage().await;
    assert_eq!(stage.hands.room(), Some(stage.fs.clone()));
    stage.cut();
    sleep(secs(1)).await;
    let id = stage.dial(leg(line("101")));
    assert_eq!(stage.heard.end(&id).await.cause, NOT_DIALLED);
    stage.mend();
    sleep(secs(60)).await;
    stage.ends_empty().await;
}

/// An engine killed at any moment finds its legs again: ringing, answered, talking, gone.
#[tokio::test(start_paused = true)]
async fn legs_of_an_engine_that_died_are_adopted() {
    let mut stage = stage().await;
    let mut long = leg(line("102"));
    long.ring = secs(60);
    let rings = stage.dial(long);
    let waits = stage.answered("101").await;
    let (manager, client) = (stage.answered("106").await, stage.answered("107").await);
    stage.hands.order(&client, Order::Bridge { with: manager.clone(), record: None });
    stage.heard.is(&client, LegEvent::Bridged { with: manager.clone() }).await;
    stage.hands = engine(&stage.nodes, &stage.cancel);
    stage.heard = Heard::new(secs(60));
    let found = |answered, with| LegEvent::Found(Standing { answered, with });
    for (id, event) in [
        (&rings, found(false, None)),
        (&waits, found(true, None)),
        (&client, found(true, Some(manager.clone()))),
    ] {
        stage.hands.adopt(&stage.fs, id.clone(), stage.heard.ear());
        stage.heard.is(id, event).await;
        stage.hands.order(id, Order::HangUp(HangupCause::NORMAL));
        stage.heard.end(id).await;
    }
    let gone = LegId::new("00000000-0000-4000-8000-000000000000");
    stage.hands.adopt(&stage.fs, gone.clone(), stage.heard.ear());
    assert_eq!(stage.heard.end(&gone).await.cause, UNSEEN_END);
    stage.ends_empty().await;
}

/// The same leg dialled twice rings once; the second dial finds the first.
#[tokio::test(start_paused = true)]
async fn a_leg_id_that_is_taken_is_found_not_dialled_again() {
    let mut stage = stage().await;
    let dialled = leg(line("101"));
    let id = stage.dial(dialled.clone());
    stage.heard.is_answered(&id).await;
    stage.dial(dialled);
    stage.heard.is(&id, LegEvent::Found(Standing { answered: true, with: None })).await;
    assert_eq!(stage.simulated.freeswitch.channels(), 1);
    stage.hands.order(&id, Order::HangUp(HangupCause::NORMAL));
    stage.heard.end(&id).await;
}
