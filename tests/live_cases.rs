//! Calls become cases on a real FreeSWITCH, with the files of `freeswitch-conf/` and SIP phones. Skipped, with the
//! reason, where no FreeSWITCH is installed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/in_process.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;
#[path = "support/paper.rs"]
mod paper;

use std::sync::Arc;

use dozvon::core::case::{AnsweredBy, Case, Event};
use dozvon::core::facts::Direction;
use dozvon::core::record::{CallRecord, Outcome};
use dozvon::rules::Routing;
use engine::{Engine, MemoryCrm};
use house::freeswitch::free_port;
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};
use paper::{Paper, Word, who};

const OLGA_OF_101: &str = "79161110001";
const STRANGER: &str = "79167654321";
const LINE: &str = "+74951234567";

const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[lines.moscow]
numbers = "+74951234567"
route = "sales"
[lines.other]
numbers = "any"
route = "sales"
[routes.sales]
title = "The owner, then the queue"
why = "A05"
steps = [{ do = "owner", ring = "2s" }, { do = "queue", queue = "sales", wait = "3s" }]
[outbound]
ring = "10s"
caller_id = "+74951234567"
"#;

struct Company {
    house: House,
    engine: Engine,
    paper: Arc<Paper>,
}

impl Company {
    async fn new() -> Option<Self> {
        let calls = free_port().await;
        let house = House::build(&calls.to_string()).await?;
        let crm = MemoryCrm::default().client(OLGA_OF_101, "Ольга", "e101");
        let rules = Routing::parse("test.toml", RULES).unwrap();
        let (paper, control) = (Arc::<Paper>::default(), Some(house.freeswitch.control));
        let engine = Engine::start_at(calls, crm, rules, control, paper.clone()).await;
        Some(Self { house, engine, paper })
    }

    async fn rings(&self, extension: usize) -> Call {
        let call = self.house.phone(extension).next_call(SOON).await;
        call.unwrap_or_else(|| panic!("{extension} rings"))
    }

    /// What was said of the next call that ends: it begins, has its cases, and its record is last.
    async fn told(&mut self) -> (Arc<CallRecord>, Vec<Case>) {
        let record = self.engine.record().await;
        let mut words = self.paper.words(record.id.as_str());
        assert!(matches!(words.first(), Some(Word::Began(..))), "{words:#?}");
        assert!(matches!(words.pop(), Some(Word::Closed(last)) if *last == *record));
        let case = |word: Word| match word {
            Word::Occurred(case) => Some(*case),
            Word::Began(..) | Word::Closed(_) => None,
        };
        let mut cases: Vec<Case> = words.into_iter().filter_map(case).collect();
        let seqs: Vec<u32> = cases.iter().map(|case| case.seq).collect();
        assert_eq!(seqs, (1..=cases.len() as u32).collect::<Vec<_>>());
        // A talk with a client leaves a recording, which is told last.
        if cases.last().is_some_and(|case| case.event == Event::Recorded) {
            cases.pop();
            assert_eq!(cases.last().map(|case| case.event), Some(Event::Ended));
        }
        (record, cases)
    }
}

fn events(cases: &[Case]) -> Vec<Event> {
    cases.iter().map(|case| case.event).collect()
}

async fn talk(one: &Call, other: &Call) {
    assert!(one.is_answered(SOON).await && other.is_answered(SOON).await, "both are in a talk");
    assert_eq!(one.ended(A_WHILE).await, None, "it goes on");
}

#[tokio::test]
async fn a01_the_owner_answers_a_client() {
    let Some(mut company) = Company::new().await else { return };
    company.house.phone(101).behave(AT_ONCE);
    let call = company.house.call_from(OLGA_OF_101).await;
    let owner = company.rings(101).await;
    talk(&call, &owner).await;
    call.hang_up().await;
    let (_, cases) = company.told().await;
    let said = events(&cases);
    // A phone that answers at once may not have rung.
    assert_eq!(
        said.iter().filter(|e| **e != Event::Ringing).collect::<Vec<_>>(),
        [&Event::Answered, &Event::Ended]
    );
    let ended = cases.last().unwrap();
    assert_eq!((ended.answered_by(), who(&ended.first)), (AnsweredBy::Owner, "e101"));
    assert_eq!((ended.line.as_deref(), ended.line_number.as_deref()), (Some("moscow"), Some(LINE)));
    assert_eq!(ended.number.as_ref().map(|n| n.digits()), Some(OLGA_OF_101));
    company.house.ends_empty().await;
}

/// The owner and an agent ring in vain. Both were rung, in this order (C06).
#[tokio::test]
async fn a06_a_client_gives_up() {
    let Some(mut company) = Company::new().await else { return };
    company.house.only_agent(103).await;
    for extension in [101, 103] {
        company.house.phone(extension).behave(Behaviour::Silent);
    }
    let call = company.house.call_from(OLGA_OF_101).await;
    company.rings(101).await;
    company.rings(103).await;
    call.hang_up().await;
    let (_, cases) = company.told().await;
    assert_eq!(events(&cases), [Event::Ringing, Event::Missed]);
    assert_eq!(cases[0].rung, ["e101".into()]);
    assert_eq!(cases[1].rung, ["e101".into(), "e103".into()]);
    assert_eq!(cases[1].outcome, Some(Outcome::Abandoned));
    company.house.ends_empty().await;
}

#[tokio::test]
async fn a09_an_employee_reaches_a_client() {
    let Some(mut company) = Company::new().await else { return };
    company.house.mobile.behave(AT_ONCE);
    let inside = company.house.freeswitch.phones;
    for (extension, number, by) in [
        (101, OLGA_OF_101, AnsweredBy::Owner),
        (102, OLGA_OF_101, AnsweredBy::Other),
        (102, STRANGER, AnsweredBy::Other),
    ] {
        let from = extension.to_string();
        let call = company.house.phone(extension).call(inside, number, "A", &from).await;
        let client = company.house.mobile.next_call(SOON).await.expect("the client rings");
        talk(&call, &client).await;
        client.hang_up().await;
        assert!(call.ended(SOON).await.is_some());
        let (_, cases) = company.told().await;
        let (answered, ended) = (&cases[cases.len() - 2], cases.last().unwrap());
        assert_eq!((answered.event, ended.event), (Event::Answered, Event::Ended));
        assert_eq!((answered.direction, answered.answered_by()), (Direction::Outbound, by));
        assert_eq!(answered.number.as_ref().map(|n| n.digits()), Some(number));
        let speaker = format!("e{extension}");
        for party in [&ended.caller, &ended.first, &ended.last] {
            assert_eq!(who(party), speaker);
        }
        assert_eq!(
            (ended.line.as_deref(), ended.line_number.as_deref()),
            (Some("moscow"), Some(LINE))
        );
        company.house.ends_empty().await;
    }
}

#[tokio::test]
async fn a09_a_client_is_not_reached_and_the_record_says_why() {
    let Some(mut company) = Company::new().await else { return };
    let inside = company.house.freeswitch.phones;
    for (behaviour, cause) in
        [(Behaviour::Reject(486), "USER_BUSY"), (Behaviour::Reject(603), "CALL_REJECTED")]
    {
        company.house.mobile.behave(behaviour);
        let call = company.house.phone(101).call(inside, STRANGER, "A", "101").await;
        assert!(call.ended(SOON).await.is_some());
        let (record, cases) = company.told().await;
        let unreached = cases.last().unwrap();
        assert_eq!(
            (unreached.event, unreached.answered_by()),
            (Event::Unreached, AnsweredBy::Nobody)
        );
        assert_eq!((who(&unreached.caller), who(&unreached.first)), ("e101", "nobody"));
        assert_eq!(record.hangup_cause.as_deref(), Some(cause));
        company.house.ends_empty().await;
    }
}

#[tokio::test]
async fn e02_a_blind_transfer_is_one_sequence_with_the_right_last_speaker() {
    let Some(mut company) = Company::new().await else { return };
    for extension in [101, 103] {
        company.house.phone(extension).behave(AT_ONCE);
    }
    let call = company.house.call_from(OLGA_OF_101).await;
    let owner = company.rings(101).await;
    talk(&call, &owner).await;
    owner.transfer("103").await;
    let colleague = company.rings(103).await;
    assert!(owner.ended(SOON).await.is_some());
    talk(&call, &colleague).await;
    colleague.hang_up().await;
    let (_, cases) = company.told().await;
    let ended = cases.last().unwrap();
    assert_eq!((ended.event, ended.direction), (Event::Ended, Direction::Inbound));
    assert_eq!((who(&ended.first), who(&ended.last)), ("e101", "e103"));
    assert_eq!(ended.line_number.as_deref(), Some(LINE));
    assert_eq!(events(&cases).iter().filter(|e| **e == Event::Answered).count(), 1);
    company.house.ends_empty().await;
}

#[tokio::test]
async fn e02_colleagues_call_each_other() {
    let Some(mut company) = Company::new().await else { return };
    let inside = company.house.freeswitch.phones;
    for (behaviour, end) in [(AT_ONCE, Event::Ended), (Behaviour::Reject(486), Event::Unreached)] {
        company.house.phone(102).behave(behaviour);
        let call = company.house.phone(101).call(inside, "102", "Anna", "101").await;
        let colleague = company.rings(102).await;
        if end == Event::Ended {
            talk(&call, &colleague).await;
            call.hang_up().await;
        }
        let (_, cases) = company.told().await;
        assert_eq!(cases.last().map(|case| case.event), Some(end));
        for case in &cases {
            assert_eq!((case.direction, who(&case.caller)), (Direction::Internal, "e101"));
            assert_eq!((&case.number, &case.line), (&None, &None));
        }
        company.house.ends_empty().await;
    }
}
