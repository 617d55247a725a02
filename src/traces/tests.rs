use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::core::call::Occurrence;
use crate::core::client::Lookup;
use crate::core::facts::Direction;
use crate::core::phone::{Caller, Region};
use crate::core::plan::Role;
use crate::core::record::{Attempt, AttemptResult, Tried};

const CALL: &str = "0195e1a2-9b5c-4d3e-8f70-1234567890ab";

fn record() -> CallRecord {
    let from = Caller::read("+79161110001", Region::default());
    let started: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let mut record =
        CallRecord::new(CALL.into(), Direction::Inbound, from, "+74951234567".into(), started);
    record.ended = Some("2026-11-21T10:01:00Z".parse().unwrap());
    record
}

fn delivery() -> Delivery {
    Delivery {
        call: CALL.into(),
        event: "answered",
        action: "deal",
        rule: "deal/new".into(),
        key: format!("{CALL}/2/1"),
        to: "builtin".into(),
        entry: 7,
        tries: 1,
        read_back: false,
        result: "later",
        why: Some("no answer for +79161110001".into()),
        ended: "2026-11-24T10:00:00Z".parse().unwrap(),
        took: Duration::from_millis(5),
    }
}

fn on(room: usize, ratio: f64) -> (Tracer, mpsc::Receiver<Paper>, Arc<Metrics>) {
    let (papers, waiting) = mpsc::channel(room);
    let metrics = Arc::new(Metrics::new().unwrap());
    let (sampling, trouble) = (Sampling::new(ratio), Arc::default());
    let on = On { papers, sampling, metrics: metrics.clone(), trouble };
    (Tracer(Some(Arc::new(on))), waiting, metrics)
}

#[test]
fn without_a_receiver_nothing_is_noted_and_nothing_is_made() {
    let tracer = Tracer::default();
    let mut trail = tracer.trail(&CALL.into(), false);
    trail.asked(record().started);
    trail.decided(&Lookup::Down, record().started, Duration::ZERO);
    trail.occurred(&Occurrence::Ended, record().started);
    assert!(!trail.is_kept());
    let record = Arc::new(record());
    tracer.closed(&record, trail);
    assert_eq!(Arc::strong_count(&record), 1);
    tracer.delivered(&CALL.into(), || unreachable!("nobody is told"));
    // The metrics still name the call: its id is in the log.
    assert_eq!(tracer.exemplar(&CALL.into()), Some(TraceId::of(&CALL.into())));
}

#[test]
fn a_call_that_is_not_kept_leaves_no_exemplar_either() {
    let (tracer, mut papers, _) = on(8, 0.0);
    let trail = tracer.trail(&CALL.into(), false);
    assert_eq!((trail.exemplar(), tracer.exemplar(&CALL.into())), (None, None));
    tracer.closed(&Arc::new(record()), trail);
    tracer.delivered(&CALL.into(), || unreachable!("the call is not kept"));
    assert!(papers.try_recv().is_err());
}

#[test]
fn what_finds_no_room_is_counted_and_waits_for_nothing() {
    let (tracer, mut papers, metrics) = on(2, 1.0);
    for _ in 0..5 {
        tracer.closed(&Arc::new(record()), tracer.trail(&CALL.into(), false));
    }
    assert_eq!(metrics.traces.with_label_values(&["full"]).get(), 3);
    assert!(papers.try_recv().is_ok());
}

#[test]
fn e09_an_engine_that_goes_on_with_a_call_hangs_its_part_below_the_first() {
    let (first, later) = (Notes::default(), Notes { again: true, ..Notes::default() });
    let (first, later) = (call::spans(&record(), &first), call::spans(&record(), &later));
    assert_eq!(first[0].parent_span_id, None);
    assert_eq!(later[0].parent_span_id, Some(first[0].span_id));
    assert_ne!(later[0].span_id, first[0].span_id);
}

#[test]
fn a17_a_campaign_is_a_trace_and_each_try_of_it_a_span() {
    let (tracer, mut papers, _) = on(8, 1.0);
    let mut campaign = record();
    let (from, until) = (campaign.started, campaign.ended);
    let tried = |role, result| Attempt {
        what: Tried::Ring(role),
        employees: vec![],
        from,
        until,
        result: Some(result),
    };
    campaign.attempts = vec![
        tried(Role::Employee, AttemptResult::Answered),
        tried(Role::Dialled, AttemptResult::NoAnswer),
    ];
    tracer.campaign(&campaign);
    let Ok(Paper::Call(record, notes)) = papers.try_recv() else { panic!("nothing was noted") };
    let spans = call::spans(&record, &notes);
    let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["inbound call", "ring employee", "ring dialled"]);
    let root = delivery().span().parent_span_id;
    assert!(spans[1..].iter().all(|span| span.parent_span_id == root), "{spans:#?}");
    assert_eq!(Some(spans[0].span_id), root, "what the CRM is told hangs on it");
}

#[test]
fn a_delivery_of_days_later_knows_its_call() {
    let span = delivery().span();
    let root = &call::spans(&record(), &Notes::default())[0];
    assert_eq!((span.trace_id, span.parent_span_id), (root.trace_id, Some(root.span_id)));
    assert_eq!(span.until.duration_since(span.from).as_millis(), 5);
    let text = serde_json::to_string(&[&span, root]).unwrap();
    assert!(text.contains("no answer for +7916***0001"), "{text}");
    assert!(!text.contains("9161110001") && !text.contains("4951234567"), "{text}");
}
