//! A whole call, as it arrives.

use std::collections::{BTreeMap, HashSet};

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::house::{House, NEW};
use crate::receiver::{Does, Receiver, attribute};

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn a_call_that_is_passed_on_is_one_trace_with_all_its_deliveries() {
    let receiver = Receiver::start(Does::Takes).await;
    let house = House::new(Some(&receiver.url)).await;
    let (report, learnt) = house.call().await;
    assert_eq!(report.connections, 2, "it was passed on");
    house.end().await;
    let spans = receiver.spans();

    // One trace, one root, every parent there, every id once.
    let trace = uuid::Uuid::parse_str(&report.uuid).unwrap();
    assert!(spans.iter().all(|span| span.trace_id == trace.as_bytes()), "{spans:#?}");
    let roots: Vec<_> = spans.iter().filter(|span| span.parent_span_id.is_empty()).collect();
    let [root] = roots[..] else { panic!("{} roots", roots.len()) };
    assert_eq!(root.name, "inbound call");
    let children = || spans.iter().filter(|span| span.span_id != root.span_id);
    assert!(children().all(|span| span.parent_span_id == root.span_id), "{spans:#?}");
    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len());
    assert!(spans.iter().all(|span| span.span_id.len() == 8));

    // What was done in the call.
    let mut done = BTreeMap::<_, usize>::new();
    for span in children().filter(|span| !span.name.starts_with("deliver")) {
        assert!(span.start_time_unix_nano >= root.start_time_unix_nano, "{span:#?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:#?}");
        assert!(span.end_time_unix_nano <= root.end_time_unix_nano, "{span:#?}");
        *done.entry(span.name.as_str()).or_default() += 1;
    }
    let expected =
        [("decide", 2), ("lookup", 2), ("ring dialled", 1), ("ring employee", 2), ("talk", 2)];
    assert_eq!(done.into_iter().collect::<Vec<_>>(), expected);
    let results: Vec<_> = named(&spans, "ring employee")
        .iter()
        .map(|span| attribute(&span.attributes, "dozvon.result").unwrap())
        .collect();
    assert_eq!(results, ["no_answer", "answered"]);
    let lookup = named(&spans, "lookup")[0];
    assert_eq!(attribute(&lookup.attributes, "dozvon.lookup.result").as_deref(), Some("unknown"));
    assert!(!named(&spans, "decide")[0].events.is_empty(), "the way of the route");
    let occurred: Vec<_> = root.events.iter().map(|event| event.name.as_str()).collect();
    for event in ["ringing", "answered", "passed on", "another speaker", "ended"] {
        assert!(occurred.contains(&event), "{event}: {occurred:?}");
    }
    assert_eq!(attribute(&root.attributes, "dozvon.outcome").as_deref(), Some("answered"));

    // What the CRM was told: each action that the journal has is a span.
    let mut delivered: Vec<_> = spans
        .iter()
        .filter_map(|span| span.name.strip_prefix("deliver "))
        .map(str::to_owned)
        .collect();
    let mut told: Vec<_> = learnt
        .iter()
        .flat_map(|case| &case.entry.actions)
        .map(|p| p.action.word().to_owned())
        .collect();
    delivered.sort();
    told.sort();
    assert_eq!(delivered, told);
    assert!(delivered.contains(&"deal".to_owned()), "{delivered:?}");
    let deal = named(&spans, "deliver deal")[0];
    for (key, value) in
        [("dozvon.crm", "builtin"), ("dozvon.result", "done"), ("dozvon.tries", "1")]
    {
        assert_eq!(attribute(&deal.attributes, key).as_deref(), Some(value));
    }

    // Who sent it, and that no whole number of anybody is in it.
    let resource = receiver.requests()[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("dozvon-test"));
    assert_eq!(receiver.headers()["x-tenant"], "north");
    let bodies = receiver.bodies().concat();
    assert!(bodies.contains("+7926***0000"), "{bodies}");
    assert!(!bodies.contains(&NEW[2..]) && !bodies.contains("4951234567"), "{bodies}");
}

#[tokio::test]
async fn what_is_delivered_after_a_restart_hangs_on_its_calls_trace() {
    let receiver = Receiver::start(Does::Takes).await;
    let house = House::new(Some(&receiver.url)).await;
    house.crm.set_down(true);
    let report = house.only_call().await;
    let house = house.restart().await;
    let before = receiver.spans();
    assert!(named(&before, "deliver deal").is_empty());
    let first = before.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    house.crm.set_down(false);
    let learnt = house.learnt(&report).await;
    assert!(!learnt.is_empty());
    house.end().await;
    let spans = receiver.spans();
    let deals = named(&spans, "deliver deal");
    let deal = deals.last().unwrap();
    assert_eq!(attribute(&deal.attributes, "dozvon.result").as_deref(), Some("done"));
    let trace = uuid::Uuid::parse_str(&report.uuid).unwrap();
    assert_eq!((&deal.trace_id[..], &deal.parent_span_id), (&trace.as_bytes()[..], &first.span_id));
    let senders = receiver.requests().into_iter().flat_map(|request| request.resource_spans);
    let instances: HashSet<_> = senders
        .map(|sent| attribute(&sent.resource.unwrap().attributes, "service.instance.id"))
        .collect();
    assert_eq!(instances.len(), 2, "two engines sent it");
}

#[tokio::test]
async fn without_a_receiver_no_span_is_made() {
    let house = House::new(None).await;
    house.call().await;
    assert!(!house.app.engine.tracer.is_on());
    assert_eq!(["sent", "full", "lost"].map(|result| house.traces(result)), [0, 0, 0]);
    house.end().await;
}
