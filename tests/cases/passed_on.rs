//! Clients who are passed on: one call, one sequence of cases, the right last speaker.

use dozvon::core::case::{Event, Known};
use dozvon::core::facts::Direction;
use dozvon::sim::{CallSpec, Caller, Script};

use crate::house::{House, LINE, OLGA, STEPS, Told, secs, switch};
use crate::paper::who;

async fn passed_on(script: Script) -> Told {
    let mut house = House::with(switch().phone("101", script), STEPS).await;
    let caller = Caller::stays().hangs_up_after(secs(30));
    let told = house.call(CallSpec::new(OLGA, LINE).caller(caller)).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Answered, Event::Ended]);
    for case in &told.cases {
        assert_eq!((case.direction, case.line.as_deref()), (Direction::Inbound, Some("moscow")));
        assert_eq!(
            case.line_number.as_deref(),
            Some(LINE),
            "the client's number, not the extension"
        );
        assert!(matches!(case.client, Known::Client(_)));
    }
    told
}

#[tokio::test]
async fn e02_a_blind_transfer_has_a_first_and_a_last_speaker() {
    let told = passed_on(Script::answers(secs(2)).transfers(secs(3), "102")).await;
    assert_eq!(told.report.connections, 2);
    let ended = told.case(Event::Ended);
    assert_eq!((who(&ended.first), who(&ended.last)), ("e101", "e102"));
    assert_eq!(ended.rung, ["e101".into(), "e102".into()]);
    assert_eq!(who(&told.case(Event::Answered).last), "e101");
}

#[tokio::test]
async fn e02_an_attended_transfer_has_a_first_and_a_last_speaker() {
    let told =
        passed_on(Script::answers(secs(2)).transfers_attended(secs(3), "102", secs(4))).await;
    let ended = told.case(Event::Ended);
    assert_eq!((who(&ended.first), who(&ended.last)), ("e101", "e102"));
}

#[tokio::test]
async fn a_transfer_that_nobody_takes_does_not_make_the_call_a_missed_one() {
    let told = passed_on(Script::answers(secs(2)).transfers(secs(3), "103")).await;
    assert_eq!(who(&told.case(Event::Ended).first), "e101");
}
