//! What callbacks count for: the promise of the first ring.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::house::{House, order};
use super::play::Phone;
use super::secs;
use crate::callback::tally;
use crate::core::calendar::Span;
use crate::core::campaign::order::{Ending, Stage, View};
use crate::core::campaign::{Around, Campaign, EmptyFloor, hours};
use crate::core::facts::Direction;
use crate::core::phone::Caller;
use crate::core::record::CallRecord;
use crate::core::staff::{NoPresence, Staff};
use crate::metrics::Metrics;

/// How many first rings took at most so long.
fn within(metrics: &Metrics, edge: &str) -> bool {
    metrics.render().contains(&format!("first_ring_seconds_bucket{{le=\"{edge}\"}} 1\n"))
}

fn counted(metrics: &Metrics) -> u64 {
    metrics.callback_first_ring_seconds.get_sample_count()
}

/// A18: closed hours do not count.
#[test]
fn a18_a_form_of_the_night_that_is_rung_at_nine_is_in_time() {
    let night: Timestamp = "2026-11-19T23:00:00Z".parse().unwrap();
    let campaign = Campaign::new("a".into(), order("+79161110001"), night);
    let open = hours::legal(Span::new(9 * 60, 18 * 60).unwrap(), TimeZone::UTC);
    let staff = Staff::new([]);
    let around = Around {
        staff: &staff,
        presence: &NoPresence,
        floor: &EmptyFloor,
        hours: Some(&open),
        legal: None,
        node: None,
        line_number: None,
        recording: None,
    };
    let metrics = Metrics::new().unwrap();
    let nine: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    tally::rung(&metrics, campaign.begins(&around), nine + 4.seconds());
    assert!(within(&metrics, "5.0") && !within(&metrics, "2.0"), "{}", metrics.render());
}

/// A campaign that ended so without a leg, an hour after it might have begun.
fn never_rung(ending: Ending, begin: Timestamp) -> Metrics {
    let metrics = Metrics::new().unwrap();
    let taken: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let campaign = Campaign::new("a".into(), order("+79161110001"), taken);
    let view = View { stage: Stage::Over(ending), ..campaign.view() };
    let caller = Caller::read("+79161110001", Default::default());
    let mut record = CallRecord::new("a".into(), Direction::Callback, caller, String::new(), taken);
    record.ended = Some(taken + 1.hour());
    tally::closed(&metrics, &view, &record, begin);
    metrics
}

#[test]
fn a17_a_callback_that_rang_nobody_at_all_is_as_late_as_can_be() {
    let begin: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let metrics = never_rung(Ending::NoManager, begin);
    assert_eq!(counted(&metrics), 1);
    assert!(!within(&metrics, "3600.0"), "{}", metrics.render());
    let called_in = never_rung(Ending::Satisfied, begin);
    assert!(within(&called_in, "3600.0") && !within(&called_in, "600.0"), "he waited an hour");
    let before_the_opening = never_rung(Ending::Satisfied, begin + 2.hours());
    assert_eq!(counted(&before_the_opening), 0, "nobody was late");
}

#[tokio::test(start_paused = true)]
async fn a18_legs_and_the_first_ring_are_counted_while_the_callback_goes_on() {
    let house = House::new().await;
    for line in ["101", "102", "103"] {
        house.hands.phone(line, Phone::busy());
    }
    house.hands.phone("+79161110001", Phone::answers(secs(1)).talks(secs(5)));
    let id = house.begin(order("+79161110001")).await;
    tokio::time::sleep(secs(10)).await;
    let busy = || house.metrics.callback_attempts.with_label_values(&["manager", "busy"]).get();
    assert_eq!((counted(&house.metrics), busy()), (1, 3));
    tokio::time::sleep(secs(30)).await;
    assert_eq!((counted(&house.metrics), busy()), (1, 6), "one first ring");
    house.hands.phone("102", Phone::answers(secs(2)));
    house.over(&id).await;
    let talked = house.metrics.callback_attempts.with_label_values(&["client", "answered"]);
    assert_eq!((counted(&house.metrics), talked.get()), (1, 1));
}
