//! Commands, their replies and their jobs.

use std::time::Duration;

use dozvon::core::ids::NodeId;
use dozvon::switch::control::{ControlError, LinkState, News};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::peer::{House, api_response, event, job, job_id};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_node_is_up_only_after_the_resync() {
    let mut house = House::new(1);
    let mut news = house.nodes.news();
    let mut peer = house.greeted().await;
    house.settle().await;
    assert_eq!(house.state(), LinkState::Connecting);
    let early = house.nodes.api(&house.node, "status").await;
    assert!(matches!(early, Err(ControlError::Down(..))), "{early:?}");
    peer.resync(r#"{"row_count":1,"rows":[{"uuid":"a"}]}"#).await;
    let News::Resynced { node, channels } = news.next().await else {
        panic!("no resync");
    };
    assert_eq!((node, channels.len()), (house.node.clone(), 1));
    assert!(matches!(news.next().await, News::Up(_)));
    assert_eq!(house.state(), LinkState::Up);
    let text = house.metrics.render();
    assert!(text.contains("dozvon_esl_inbound_up{node=\"fs1\"} 1"), "{text}");
    assert!(text.contains("dozvon_lines_registered 1"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn api_gives_the_body_and_an_error_is_a_refusal() {
    let mut house = House::new(1);
    let mut peer = house.events().await;
    house.settle().await;
    let (nodes, node) = (house.nodes.clone(), house.node.clone());
    let asked = tokio::spawn(async move {
        let yes = nodes.api(&node, "uuid_exists a").await;
        (yes, nodes.api(&node, "uuid_dump a").await)
    });
    assert_eq!(peer.command().await, "api uuid_exists a");
    peer.body("true").await;
    assert_eq!(peer.command().await, "api uuid_dump a");
    peer.body("-ERR No such channel!\n").await;
    let (yes, no) = asked.await.unwrap();
    assert_eq!(yes, Ok("true".to_owned()));
    let no = no.unwrap_err();
    assert_eq!((no.cause(), no.may_have_run()), (Some("No such channel!"), false));
    let unknown = house.nodes.api(&NodeId::new("fs9"), "status").await;
    assert!(matches!(unknown, Err(ControlError::UnknownNode(_))));
}

/// A `bgapi` in a task of its own.
fn bgapi(house: &House, call: &'static str) -> JoinHandle<Result<String, ControlError>> {
    let (nodes, node) = (house.nodes.clone(), house.node.clone());
    tokio::spawn(async move { nodes.bgapi(&node, call, MINUTE).await })
}

#[tokio::test(start_paused = true)]
async fn pitfall_4_a_job_event_may_come_before_the_reply() {
    let mut house = House::new(2);
    let (mut events, mut other) = (house.greeted().await, house.greeted().await);
    events.resync(r#"{"row_count": 0}"#).await;
    house.settle().await;

    let in_order = bgapi(&house, "originate user/101 &park");
    let command = events.command().await;
    assert!(command.starts_with("bgapi originate user/101 &park\n"), "{command}");
    let id = job_id(&command);
    events.ok(&format!("+OK Job-UUID: {id}")).await;
    events.event(&job("somebody-elses", "+OK x\n")).await;
    events.event(&job(&id, "-ERR USER_BUSY\n")).await;
    let busy = in_order.await.unwrap().unwrap_err();
    assert_eq!(busy.cause(), Some("USER_BUSY"));

    let early = bgapi(&house, "originate user/102 &park");
    let id = job_id(&other.command().await);
    events.event(&job(&id, "+OK 2222\n")).await;
    assert_eq!(early.await.unwrap(), Ok("+OK 2222".to_owned()));
    let asked = api(&house, "uuid_exists 2222");
    assert_eq!(other.command().await, "api uuid_exists 2222");
    other.ok(&format!("+OK Job-UUID: {id}")).await;
    other.body("true").await;
    assert_eq!(asked.await.unwrap(), Ok("true".to_owned()));
    assert_eq!(house.nodes.jobs_waiting(), 0);
}

fn api(house: &House, call: &'static str) -> JoinHandle<Result<String, ControlError>> {
    let (nodes, node) = (house.nodes.clone(), house.node.clone());
    tokio::spawn(async move { nodes.api(&node, call).await })
}

#[tokio::test(start_paused = true)]
async fn pitfall_4_a_job_that_never_ends_ends_at_its_deadline() {
    let mut house = House::new(1);
    let mut peer = house.events().await;
    house.settle().await;
    let (from, lost) = (Instant::now(), bgapi(&house, "originate user/101 &park"));
    let id = job_id(&peer.command().await);
    peer.ok(&format!("+OK Job-UUID: {id}")).await;
    let answer_probes = tokio::spawn(async move {
        while peer.next_command().await.is_some() {
            peer.body("false").await;
        }
    });
    let error = lost.await.unwrap().unwrap_err();
    assert_eq!((&error, from.elapsed()), (&ControlError::Deadline(MINUTE), MINUTE));
    assert!(error.may_have_run());
    assert_eq!(house.nodes.jobs_waiting(), 0);
    answer_probes.abort();
}

/// Pitfall 17: each command has its own deadline; a slow one harms no other.
#[tokio::test(start_paused = true)]
async fn pitfall_17_a_late_reply_goes_to_nobody() {
    let mut house = House::new(1);
    let mut peer = house.events().await;
    house.settle().await;
    let slow = house.nodes.api(&house.node, "sofia status").await;
    assert!(matches!(slow, Err(ControlError::Deadline(_))), "{slow:?}");
    let next = api(&house, "version");
    assert_eq!(peer.command().await, "api sofia status");
    assert_eq!(peer.command().await, "api version");
    peer.body("the late one").await;
    peer.body("1.10.12").await;
    assert_eq!(next.await.unwrap(), Ok("1.10.12".to_owned()));
}

/// Callers give up at random; whoever stays gets the answer to his own question.
#[tokio::test(start_paused = true)]
async fn pitfall_3_callers_who_give_up_shift_no_reply() {
    let mut house = House::new(1);
    let mut peer = house.events().await;
    house.settle().await;
    tokio::spawn(async move {
        let mut random = fastrand::Rng::with_seed(7);
        while let Some(command) = peer.next_command().await {
            tokio::time::sleep(Duration::from_millis(random.u64(0..20))).await;
            match command.strip_prefix("api ") {
                Some(asked) => peer.body(asked).await,
                None => {
                    let id = job_id(&command);
                    let asked = command.lines().next().unwrap_or_default();
                    peer.ok(&format!("+OK Job-UUID: {id}")).await;
                    peer.event(&job(&id, asked)).await;
                }
            }
        }
    });
    let mut random = fastrand::Rng::with_seed(11);
    let mut callers = Vec::new();
    for n in 0..500 {
        let (nodes, node, patience) = (house.nodes.clone(), house.node.clone(), random.u64(0..60));
        callers.push(tokio::spawn(async move {
            let question = format!("question {n}");
            let answer = async {
                if n % 2 == 0 {
                    (nodes.api(&node, &question).await, question.clone())
                } else {
                    let job = nodes.bgapi(&node, &question, MINUTE).await;
                    (job, format!("bgapi {question}"))
                }
            };
            let patience = Duration::from_millis(patience);
            tokio::time::timeout(patience, answer).await.ok()
        }));
        tokio::time::sleep(Duration::from_millis(random.u64(0..20))).await;
    }
    let mut answered = 0;
    for caller in callers {
        if let Some((answer, expected)) = caller.await.unwrap() {
            assert_eq!(answer, Ok(expected));
            answered += 1;
        }
    }
    assert!((50..450).contains(&answered), "{answered}");
    assert_eq!(house.nodes.jobs_waiting(), 0);
}

/// The connection is cut after every single byte of a reply, an event and a job: whoever waits
/// is told at once.
#[tokio::test(start_paused = true)]
async fn pitfall_2_a_cut_at_any_byte_ends_every_wait() {
    let answer = api_response("+OK 1");
    let bytes = [&answer[..], &event("Event-Name: CHANNEL_CREATE\nUnique-ID: a\n")].concat();
    for at in 0..bytes.len() {
        let mut house = House::new(1);
        let mut peer = house.events().await;
        house.settle().await;
        let (first, second, third) =
            (api(&house, "one"), api(&house, "two"), bgapi(&house, "three"));
        for _ in 0..3 {
            peer.command().await;
        }
        let from = Instant::now();
        peer.write(&bytes[..at]).await;
        drop(peer);
        let first = first.await.unwrap();
        let whole = at >= answer.len();
        assert_eq!(first.is_ok(), whole, "cut at {at}: {first:?}");
        assert_eq!(second.await.unwrap(), Err(ControlError::Cut), "cut at {at}");
        assert_eq!(third.await.unwrap(), Err(ControlError::Cut), "cut at {at}");
        assert!(from.elapsed() < Duration::from_millis(100));
        assert_eq!(house.nodes.jobs_waiting(), 0);
        house.cancel.cancel();
        house.nodes.stopped().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pitfall_8_commands_during_an_outage_fail_at_once() {
    let mut house = House::new(2);
    let mut peer = house.events().await;
    house.settle().await;
    house.refuse(true);
    peer.ok("+OK bye").await;
    drop(peer);
    house.settle().await;
    let from = Instant::now();
    for _ in 0..100 {
        let error = house.nodes.api(&house.node, "status").await.unwrap_err();
        assert!(matches!(error, ControlError::Down(..)), "{error}");
        let error = house.nodes.bgapi(&house.node, "status", MINUTE).await.unwrap_err();
        assert!(!error.may_have_run());
    }
    assert_eq!(from.elapsed(), Duration::ZERO);
    let text = house.metrics.render();
    let counted = "dozvon_esl_commands_total{outcome=\"down\",verb=\"bgapi\"} 100";
    assert!(text.contains(counted), "{text}");
}
