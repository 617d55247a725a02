//! Clients call.

use dozvon::core::case::{AnsweredBy, DealFact, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::core::record::Outcome;
use dozvon::sim::{CallSpec, Caller, Script};

use crate::house::{House, IVAN, LINE, OLGA, STRANGER, secs, switch, talks};
use crate::paper::{Word, who};

#[tokio::test]
async fn a01_an_answered_call_is_told_at_the_answer_and_at_its_end() {
    let mut house = House::new().await;
    let told = house.call(CallSpec::new(OLGA, LINE).caller(talks())).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Answered, Event::Ended]);
    let answered = told.case(Event::Answered);
    assert_eq!((answered.ended, answered.outcome), (None, None));
    assert_eq!(Some(answered.at), told.record.answered_at());
    assert_eq!(
        (answered.line.as_deref(), answered.line_number.as_deref()),
        (Some("moscow"), Some(LINE))
    );
    assert_eq!(answered.number.as_ref().map(|n| n.e164()), Some(OLGA));
    assert_eq!((answered.answered_by(), answered.deal_fact()), (AnsweredBy::Owner, DealFact::Open));
    assert_eq!(answered.rung, ["e101".into()]);
    assert_eq!(answered.fields["utm_source"], "yandex");
    let ended = told.case(Event::Ended);
    assert_eq!(ended.talked, told.record.talked().as_secs());
    assert_eq!((ended.outcome, ended.ended), (Some(Outcome::Answered), told.record.ended));
}

#[tokio::test]
async fn a01_another_employee_answers_from_the_queue() {
    let mut house = House::with(switch().phone("101", Script::busy()), crate::house::STEPS).await;
    let told = house.call(CallSpec::new(OLGA, LINE).caller(talks())).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Answered, Event::Ended]);
    let answered = told.case(Event::Answered);
    assert_eq!((answered.answered_by(), who(&answered.first)), (AnsweredBy::Other, "e106"));
    assert_eq!(answered.rung, ["e106".into()], "a busy phone has not rung (C06)");
}

#[tokio::test]
async fn c06_who_was_rung_first_stands_first() {
    let mut house = House::new().await;
    let told = house.call(CallSpec::new(IVAN, LINE).caller(talks())).await;
    assert_eq!(told.case(Event::Ringing).rung, ["e103".into()]);
    assert_eq!(told.case(Event::Ended).rung, ["e103".into(), "e106".into()]);
}

#[tokio::test]
async fn a06_a_caller_who_gives_up_is_missed_at_that_moment() {
    let mut house = House::new().await;
    let caller = Caller::stays().hangs_up_after(secs(5));
    let told = house.call(CallSpec::new(IVAN, LINE).caller(caller)).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Missed]);
    let missed = told.case(Event::Missed);
    assert_eq!((missed.outcome, missed.ended), (Some(Outcome::Abandoned), told.record.ended));
    assert_eq!((missed.answered_by(), missed.talked), (AnsweredBy::Nobody, 0));
    assert!(matches!(missed.client, Known::Client(_)));
}

#[tokio::test]
async fn a06_a_stranger_whom_nobody_answers_is_missed() {
    let mut house =
        House::with(switch(), "{ do = \"employee\", employee = \"103\", ring = \"5s\" }").await;
    let told = house.call(CallSpec::new(STRANGER, LINE).caller(talks())).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Missed]);
    let missed = told.case(Event::Missed);
    assert_eq!((missed.outcome, &missed.client), (Some(Outcome::Missed), &Known::Nobody));
}

#[tokio::test]
async fn a_withheld_number_is_nobodys() {
    let mut house = House::new().await;
    let told = house.call(CallSpec::new("anonymous", "+74990001122").caller(talks())).await;
    let answered = told.case(Event::Answered);
    assert_eq!((&answered.number, &answered.client), (&None, &Known::Nobody));
    assert_eq!(told.line.as_deref(), Some("other"));
    assert_eq!(answered.line_number.as_deref(), Some("+74990001122"));
    assert!(answered.fields.is_empty());
}

#[tokio::test]
async fn b10_a_message_is_told_and_then_the_missed_call() {
    let steps = "{ do = \"owner\", ring = \"3s\" }, { do = \"voicemail\", mailbox = \"100\" }";
    let mut house = House::with(switch(), steps).await;
    let caller = Caller::stays().hangs_up_after(secs(20));
    let told = house.call(CallSpec::new(IVAN, LINE).caller(caller)).await;
    assert_eq!(told.events(), [Event::Ringing, Event::Voicemail, Event::Missed]);
    let seconds = |event| told.case(event).voicemail.as_ref().and_then(|sound| sound.seconds);
    assert!(seconds(Event::Voicemail) > Some(0));
    assert_eq!(seconds(Event::Missed), seconds(Event::Voicemail));
    assert_eq!(told.case(Event::Missed).outcome, Some(Outcome::Voicemail));
}

#[tokio::test]
async fn a_blocked_caller_is_not_told_of() {
    let mut house = House::new().await;
    let told = house.call(CallSpec::new("+74990000000", LINE)).await;
    assert_eq!((told.events(), told.record.outcome), (vec![], Some(Outcome::Rejected)));
}

#[tokio::test]
async fn e02_an_employees_own_mobile_is_internal() {
    let mut house = House::new().await;
    for caller in [talks(), Caller::stays().hangs_up_after(secs(1))] {
        let told = house.call(CallSpec::new("+79035550104", LINE).caller(caller)).await;
        assert!(!told.cases.is_empty());
        for case in &told.cases {
            assert_eq!((case.direction, who(&case.caller)), (Direction::Internal, "e104"));
            assert_eq!((case.event == Event::Missed, &case.number), (false, &None));
        }
    }
}

#[tokio::test]
async fn e08_what_call_tracking_knows_is_told() {
    let mut house = House::new().await;
    let spec = CallSpec::new(STRANGER, LINE)
        .variable("dozvon_field_utm_source", "google")
        .variable("dozvon_field_utm_term", "пластиковые окна");
    let told = house.call(spec.caller(talks())).await;
    let fields = &told.case(Event::Answered).fields;
    assert_eq!(
        (fields["utm_source"].as_str(), fields["utm_term"].as_str()),
        ("google", "пластиковые окна")
    );
}

#[tokio::test]
async fn two_calls_from_one_number_at_once_stay_two() {
    let mut house = House::new().await;
    let one = house.switch.call(CallSpec::new(STRANGER, LINE).caller(talks()));
    let two = house.switch.call(CallSpec::new(STRANGER, LINE).caller(talks()));
    let reports = [one.report().await, two.report().await];
    let records = [house.engine.record().await, house.engine.record().await];
    for report in reports {
        let record = records.iter().find(|r| r.id.as_str() == report.uuid).unwrap();
        let told = house.told(report, record.clone());
        assert_eq!(told.case(Event::Answered).call, record.id);
        assert_eq!(told.events().last(), Some(&Event::Ended));
    }
}

const UUID: &str = "6a36b5a2-2d8e-4d3e-9f0c-1c1f8b9c0d01";

/// What FreeSWITCH goes on with is not over: nothing is said of its end.
#[tokio::test]
async fn e09_a_drained_engine_tells_of_no_end_it_has_not_seen() {
    for (from, said) in
        [(OLGA, vec![Event::Ringing, Event::Answered]), (IVAN, vec![Event::Ringing])]
    {
        let house = House::new().await;
        let caller = Caller::stays().hangs_up_after(secs(400));
        let call = house.switch.call(CallSpec::new(from, LINE).caller(caller).uuid(UUID));
        let until = async {
            while house.paper.words(UUID).len() < 1 + said.len() {
                tokio::time::sleep(secs(1) / 100).await;
            }
        };
        tokio::time::timeout(secs(30), until).await.unwrap();
        house.engine.app.drain(secs(0), std::future::pending()).await;
        let words = house.paper.words(UUID);
        let events: Vec<_> = words
            .iter()
            .filter_map(|w| if let Word::Occurred(case) = w { Some(case.event) } else { None })
            .collect();
        assert_eq!(events, said);
        assert!(
            matches!(words.last(), Some(Word::Closed(record)) if record.is_left()),
            "{words:?}"
        );
        drop(call);
    }
}
