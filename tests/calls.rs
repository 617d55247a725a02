//! Calls from beginning to end: the engine and the simulated FreeSWITCH over real sockets.
//! What the people in the call experienced and what the record says must be one and the same.

#![allow(clippy::unwrap_used)]

#[path = "support/in_process.rs"]
mod engine;

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::record::{CallRecord, Outcome};
use dozvon::core::trace::Fallback;
use dozvon::rules::Routing;
use dozvon::sim::{Agent, Builder, CallReport, CallSpec, Caller, FreeSwitch, Queue, Script};
use engine::{Engine, MemoryCrm};

const LINE: &str = "+74951234567";
const OLGA_OF_101: &str = "+79161110001";
/// Simulated time runs this much faster.
const SPEED: f64 = 40.0;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn talks() -> Caller {
    Caller::stays().talks_for(secs(4)).gives_up_after(secs(100))
}

/// Phones 101 to 106 and the queue `sales` with 106 in it.
fn switch() -> Builder {
    FreeSwitch::builder()
        .speed(SPEED)
        .tick(Duration::ZERO)
        .phone("101", Script::answers(secs(2)))
        .phone("102", Script::answers(secs(2)))
        .phone("103", Script::silent())
        .phone("106", Script::answers(secs(2)))
        .agent(Agent::new("egor", "106"))
        .queue("sales", Queue::new(&["egor"]))
        .voicemail("100")
        .gateway("mobile")
}

struct House {
    engine: Engine,
    switch: FreeSwitch,
}

impl House {
    async fn new() -> Self {
        Self::with(switch(), Routing::default_rules().unwrap()).await
    }

    async fn with(switch: Builder, rules: Routing) -> Self {
        let crm = MemoryCrm::default().client(OLGA_OF_101, "Ольга Белова", "e101").client(
            "+79161110003",
            "Ivan",
            "e103",
        );
        let engine = Engine::start_with(crm, rules, None).await;
        let switch = switch.engine(&engine.app.calls.to_string()).start().await.unwrap();
        Self { engine, switch }
    }

    /// A call and its record; no channel may be left, and both sides must tell the same.
    async fn call(&mut self, spec: CallSpec) -> (CallReport, Arc<CallRecord>) {
        let report = self.switch.call(spec).report().await;
        let record = self.engine.record().await;
        agree(&report, &record);
        (report, record)
    }
}

/// The truth all else stands on: answered means that somebody talked, in the same order.
fn agree(report: &CallReport, record: &CallRecord) {
    assert_eq!(report.channels_left, 0, "{report:?}");
    let spoke: Vec<_> = report.talks.iter().map(|t| t.with.as_str()).collect();
    let booked: Vec<_> = record.talks.iter().map(|t| t.party.number.as_str()).collect();
    assert_eq!(spoke, booked, "{report:?}\n{record:?}");
    assert_eq!(record.outcome == Some(Outcome::Answered), !spoke.is_empty(), "{record:?}");
}

fn rules(steps: &str) -> Routing {
    let text = format!(
        "schema = 1\ntimezone = \"Europe/Moscow\"\n[lines.main]\nnumbers = \"any\"\nroute = \"r\"\n\
         [routes.r]\ntitle = \"t\"\nwhy = \"w\"\nsteps = [{steps}]\n"
    );
    Routing::parse("test.toml", &text).unwrap()
}

#[tokio::test]
async fn a04_a05_the_owner_is_rung_and_sees_the_clients_name() {
    let mut house = House::new().await;
    let (report, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks())).await;
    assert_eq!(report.rung[0].shown_name, "Ольга Белова");
    assert_eq!((record.steps().as_str(), report.phones_rung()), ("owner answered", vec!["101"]));
    assert_eq!(record.last_speaker().and_then(|p| p.employee.clone()), Some("e101".into()));
}

#[tokio::test]
async fn a04_agents_of_either_queue_see_the_clients_name() {
    for step in ["{ do = \"queue\", queue = \"sales\" }", "{ do = \"fifo\", queue = \"support\" }"]
    {
        let mut house = House::with(switch().fifo("support", &["106"]), rules(step)).await;
        let (report, _) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks())).await;
        assert_eq!(report.answered_by(), Some("106"), "{step}");
        assert_eq!(report.rung[0].shown_name, "Ольга Белова", "{step}");
    }
}

#[tokio::test]
async fn a05_whatever_keeps_the_owner_from_talking_leads_to_the_queue() {
    for (script, result) in [
        (Script::busy(), "busy"),
        (Script::rejects(), "rejected"),
        (Script::silent(), "no_answer"),
        (Script::trying_only(), "no_answer"),
        (Script::early_media(), "no_answer"),
        (Script::unregistered(), "unregistered"),
        (Script::absent(), "unregistered"),
        (Script::refuses(503), "unreachable"),
        (Script::refuses(404), "unreachable"),
    ] {
        let mut house =
            House::with(switch().phone("101", script), Routing::default_rules().unwrap()).await;
        let (report, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks())).await;
        assert_eq!(record.steps(), format!("owner {result}, queue sales answered"));
        assert_eq!(report.answered_by(), Some("106"), "{result}");
    }
}

#[tokio::test]
async fn a05_a_silent_owner_is_rung_for_at_least_ten_seconds() {
    let mut house = House::new().await;
    let (report, _) = house.call(CallSpec::new("+79161110003", LINE).caller(talks())).await;
    let rung = &report.rung[0];
    let time = rung.until.unwrap() - rung.at;
    // One second more at the most, and what a busy machine adds in simulated time.
    assert!(time >= secs(10), "{time:?}");
}

#[tokio::test]
async fn e02_a_blind_transfer_is_one_call_with_one_record() {
    let script = Script::answers(secs(2)).transfers(secs(3), "102");
    let mut house =
        House::with(switch().phone("101", script), Routing::default_rules().unwrap()).await;
    let caller = Caller::stays().hangs_up_after(secs(20));
    let (report, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).await;
    assert_eq!(report.connections, 2);
    assert_eq!(record.transfers.len(), 1);
    assert_eq!(record.first_answerer().map(|p| p.number.as_str()), Some("101"));
    assert_eq!(record.last_speaker().map(|p| p.number.as_str()), Some("102"));
    assert_eq!(
        house
            .engine
            .metric("dozvon_calls_total{direction=\"inbound\",line=\"main\",outcome=\"answered\"}"),
        1.0
    );
}

/// The end of the first connection's `socket` comes to the second one, while FreeSWITCH is busy.
#[tokio::test]
async fn e02_a_late_word_of_the_earlier_connection_does_not_stop_the_later_one() {
    let script = Script::answers(secs(2)).transfers(secs(3), "103");
    let switch = switch().phone("101", script).phone("103", Script::busy()).late_events();
    let mut house = House::with(switch, Routing::default_rules().unwrap()).await;
    let caller = Caller::stays().hangs_up_after(secs(20));
    let (_, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).await;
    let steps = record.steps();
    assert!(steps.starts_with("owner answered, dialled busy, owner answered"), "{steps}");
}

#[tokio::test]
async fn a_client_passed_on_to_an_outside_number_talks_there() {
    let script = Script::answers(secs(2)).transfers(secs(3), "+79035550199");
    let switch = switch().phone("101", script).phone("+79035550199", Script::answers(secs(1)));
    let mut house = House::with(switch, Routing::default_rules().unwrap()).await;
    let caller = Caller::stays().hangs_up_after(secs(20));
    let (_, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).await;
    assert_eq!(record.steps(), "owner answered, dialled answered");
    assert_eq!(record.last_speaker().map(|p| p.number.as_str()), Some("+79035550199"));
}

#[tokio::test]
async fn e02_an_attended_transfer_is_one_call_with_one_record() {
    let script = Script::answers(secs(2)).transfers_attended(secs(3), "102", secs(4));
    let mut house =
        House::with(switch().phone("101", script), Routing::default_rules().unwrap()).await;
    let caller = Caller::stays().hangs_up_after(secs(30));
    let (_, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).await;
    assert_eq!(record.last_speaker().map(|p| p.number.as_str()), Some("102"));
}

#[tokio::test]
async fn two_calls_from_one_number_at_once_stay_two() {
    let mut house = House::new().await;
    let one = house.switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks()));
    let two = house.switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks()));
    let (one, two) = (one.report().await, two.report().await);
    let records = [house.engine.record().await, house.engine.record().await];
    for report in [one, two] {
        let record = records.iter().find(|r| r.id.as_str() == report.uuid).unwrap();
        agree(&report, record);
    }
}

#[tokio::test]
async fn the_caller_may_leave_at_any_moment() {
    for after in 1..16 {
        let mut house = House::new().await;
        let caller = Caller::stays().hangs_up_after(secs(after));
        let (_, record) = house.call(CallSpec::new("+79161110003", LINE).caller(caller)).await;
        let expected = [Some(Outcome::Abandoned), Some(Outcome::Answered)];
        assert!(expected.contains(&record.outcome), "{after} s: {record:?}");
    }
}

/// Gone before FreeSWITCH told who it was: nothing is known of such a call, and nothing is left.
#[tokio::test]
async fn pitfall_12_a_caller_gone_at_the_very_first_moment_leaves_nothing_behind() {
    let house = House::new().await;
    for _ in 0..20 {
        let caller = Caller::stays().hangs_up_after(Duration::ZERO);
        let report =
            house.switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).report().await;
        assert_eq!((report.channels_left, report.talks.len()), (0, 0));
    }
    house.engine.until_metric("dozvon_calls_active", 0.0).await;
    house.engine.until_metric("dozvon_esl_sessions_open", 0.0).await;
}

#[tokio::test]
async fn callers_without_a_usable_number_reach_the_queue() {
    for (from, reason) in [
        ("", Fallback::NoNumber),
        ("anonymous", Fallback::NoNumber),
        (&*"9".repeat(40), Fallback::NoNumber),
        ("+79265550000", Fallback::Unknown),
    ] {
        let mut house = House::new().await;
        let spec =
            CallSpec::new(from, LINE).name("\"O'Brien, {x=1}user/102\n\napi shutdown|[a]^^:");
        let (report, record) = house.call(spec.caller(talks())).await;
        assert_eq!((record.fallback, report.answered_by()), (Some(reason), Some("106")), "{from}");
        assert_eq!(report.phones_rung(), ["106"], "a name rings nobody (esl.md, pitfall 21)");
    }
}

#[tokio::test]
async fn every_kind_of_step_does_its_work() {
    let busy = || switch().phone("101", Script::busy());
    for (steps, expected, outcome) in [
        ("{ do = \"voicemail\", mailbox = \"100\" }", "voicemail answered", Outcome::Voicemail),
        ("{ do = \"announce\", file = \"closed.wav\" }", "announcement answered", Outcome::Missed),
        ("{ do = \"announce\", file = \"gone.wav\" }", "announcement failed", Outcome::Missed),
        ("{ do = \"fifo\", queue = \"support\" }", "queue support answered", Outcome::Answered),
        ("{ do = \"employee\", employee = \"102\" }", "employee answered", Outcome::Answered),
        ("{ do = \"group\", group = \"sales\" }", "group answered", Outcome::Answered),
    ] {
        let builder =
            busy().fifo("support", &["106"]).file("closed.wav", secs(3)).missing_file("gone.wav");
        let mut house =
            House::with(builder, rules(&format!("{{ do = \"owner\" }}, {steps}"))).await;
        let caller = Caller::stays().hangs_up_after(secs(30));
        let (_, record) = house.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).await;
        assert_eq!(record.outcome, Some(outcome), "{steps}: {record:?}");
        assert_eq!(record.steps(), format!("owner busy, {expected}"));
    }
}

#[tokio::test]
async fn a_blocked_number_is_refused_with_the_chosen_cause() {
    let text = include_str!("../rules/routing.toml")
        .replace("numbers = []  ", "numbers = [\"+79161110001\"]  ");
    let mut house = House::with(switch(), Routing::parse("test.toml", &text).unwrap()).await;
    let (report, record) = house.call(CallSpec::new(OLGA_OF_101, LINE)).await;
    assert_eq!((report.cause, record.outcome), ("CALL_REJECTED", Some(Outcome::Rejected)));
    assert!(report.rung.is_empty());
}

#[tokio::test]
async fn the_queues_time_is_kept_and_the_next_step_follows() {
    let builder = switch().phone("106", Script::silent());
    let rules = rules(
        "{ do = \"queue\", queue = \"sales\", wait = \"20s\" }, { do = \"voicemail\", mailbox = \"100\" }",
    );
    let mut house = House::with(builder, rules).await;
    let caller = Caller::stays().hangs_up_after(secs(1200));
    let (_, record) = house.call(CallSpec::new("+79265550000", LINE).caller(caller)).await;
    assert_eq!(record.steps(), "queue sales queue_timeout, voicemail answered");
}

#[tokio::test]
async fn no_engine_and_the_dialplan_takes_the_call() {
    let switch = switch().engine("127.0.0.1:9").start().await.unwrap();
    let report = switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(talks())).report().await;
    assert_eq!(report.outcome, dozvon::sim::Outcome::DialplanFallback);
}

#[tokio::test]
async fn a_hundred_mixed_calls_are_booked_as_they_were() {
    let mut house = House::new().await;
    let mut calls = Vec::new();
    for number in 0..100_u64 {
        let from =
            ["+79161110001", "+79161110003", "+79265550000", "anonymous"][number as usize % 4];
        let caller =
            Caller::stays().talks_for(secs(number % 7)).gives_up_after(secs(5 + number % 23));
        calls.push(house.switch.call(CallSpec::new(from, LINE).caller(caller)));
    }
    let mut reports = Vec::new();
    for call in calls {
        reports.push(call.report().await);
    }
    for _ in 0..reports.len() {
        let record = house.engine.record().await;
        let report = reports.iter().find(|r| r.uuid == record.id.as_str()).unwrap();
        agree(report, &record);
    }
    house.engine.until_metric("dozvon_calls_active", 0.0).await;
    assert_eq!(house.switch.channels(), 0);
}
