//! Employees call out (A09), and each other (E02).

use dozvon::core::case::{AnsweredBy, Event};
use dozvon::core::facts::Direction;
use dozvon::core::record::Outcome;
use dozvon::sim::{CallSpec, Script};

use crate::house::{House, LINE, OLGA, secs, switch, talks};
use crate::paper::who;

fn out(from: &str) -> CallSpec {
    CallSpec::new(from, OLGA)
        .variable("dozvon_direction", "outbound")
        .variable("effective_caller_id_number", LINE)
        .caller(talks())
}

#[tokio::test]
async fn a09_an_outbound_call_is_told_when_the_client_answers() {
    for (from, by, id) in [
        ("101", AnsweredBy::Owner, "e101"),
        ("102", AnsweredBy::Other, "e102"),
        ("155", AnsweredBy::Unlisted, "unlisted"),
    ] {
        let switch = switch().phone(OLGA, Script::answers(secs(2)));
        let mut house = House::with(switch, crate::house::STEPS).await;
        let told = house.call(out(from)).await;
        assert_eq!(told.events(), [Event::Ringing, Event::Answered, Event::Ended]);
        let answered = told.case(Event::Answered);
        assert_eq!(answered.direction, Direction::Outbound);
        assert_eq!((answered.answered_by(), who(&answered.caller)), (by, id));
        assert_eq!((who(&answered.first), who(&answered.last)), (id, id));
        assert_eq!(answered.number.as_ref().map(|n| n.e164()), Some(OLGA));
        assert_eq!(answered.client().map(|c| c.name.as_str()), Some("Ольга"));
        assert_eq!(
            (told.line.as_deref(), answered.line_number.as_deref()),
            (Some("moscow"), Some(LINE))
        );
        assert!(told.case(Event::Ringing).answered_by() == AnsweredBy::Nobody);
    }
}

#[tokio::test]
async fn a09_a_client_who_does_not_answer_is_unreached_and_the_record_says_why() {
    for (script, cause) in [
        (Script::busy(), "USER_BUSY"),
        (Script::rejects(), "CALL_REJECTED"),
        (Script::refuses(404), "UNALLOCATED_NUMBER"),
    ] {
        let mut house = House::with(switch().phone(OLGA, script), crate::house::STEPS).await;
        let told = house.call(out("101")).await;
        assert_eq!(told.events().last(), Some(&Event::Unreached));
        let unreached = told.case(Event::Unreached);
        assert_eq!(unreached.outcome, Some(Outcome::Unreached));
        assert_eq!((who(&unreached.caller), who(&unreached.first)), ("e101", "nobody"));
        assert_eq!(told.record.hangup_cause.as_deref(), Some(cause));
        assert!(told.cases.iter().all(|case| case.event != Event::Answered));
    }
}

#[tokio::test]
async fn e02_a_call_from_extension_to_extension_is_internal() {
    for (to, end) in [("102", Event::Ended), ("103", Event::Unreached)] {
        let mut house = House::new().await;
        let spec = CallSpec::new("101", to).variable("dozvon_direction", "internal");
        let told = house.call(spec.caller(talks().gives_up_after(secs(20)))).await;
        assert_eq!(told.events().last(), Some(&end));
        for case in &told.cases {
            assert_eq!((case.direction, who(&case.caller)), (Direction::Internal, "e101"));
            assert_eq!((&case.number, case.line.as_deref()), (&None, None));
        }
    }
}
