//! What the rules learn of a call, in whatever order things happen to it.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::props::{Event, event, plan};
use super::*;
use crate::core::case::{self, Case};
use crate::core::casebook::{Beginning, Brought, Casebook};
use crate::core::staff::Staff;
use crate::rules::Routing;

static RULES: LazyLock<Routing> = LazyLock::new(|| Routing::default_rules().unwrap());

/// A call and what is said of it.
struct Told {
    call: Call,
    book: Casebook,
    now: i64,
    ops: Vec<OpId>,
    cases: Vec<Case>,
    closed: Option<CallRecord>,
}

impl Told {
    fn new(direction: Direction, first: Input, brought: Brought) -> Self {
        let to = "+79161234567".to_owned();
        let record = CallRecord::new(CallId::new("a"), direction, Caller::Anonymous, to, at(0));
        let Input::Decided(decision) = &first else { panic!("a decision comes first") };
        let staff = Staff::default();
        let beginning = Beginning::new(&record, decision, None, &RULES, &staff, brought);
        let book = Casebook::new(beginning);
        let mut told = Self {
            call: Call::new(record),
            book,
            now: 0,
            ops: vec![],
            cases: vec![],
            closed: None,
        };
        told.handle(first);
        told
    }

    fn handle(&mut self, input: Input) {
        self.call.handle(input, at(self.now));
        self.look();
    }

    fn look(&mut self) {
        for output in drain(&mut self.call) {
            match output {
                Output::Run(op, _) => self.ops.push(op),
                Output::Occurred(occurrence) => {
                    let case = self.book.occurred(self.call.record(), &occurrence, at(self.now));
                    self.cases.extend(case);
                }
                Output::Closed(record) => self.closed = Some(*record),
                _ => {}
            }
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Given(input) => self.handle(input),
            Event::Done { back, result } => {
                if let Some(op) = self.ops.iter().rev().nth(back).cloned() {
                    self.handle(Input::Done { op, result });
                }
            }
            Event::Wait(seconds) => {
                self.now += seconds;
                self.call.handle_timeout(at(self.now));
                self.look();
            }
        }
    }

    fn events(&self) -> Vec<case::Event> {
        self.cases.iter().map(|c| c.event).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_the_cases_of_a_call_are_lawful(
        direction in prop::sample::select(vec![Direction::Inbound, Direction::Outbound, Direction::Internal]),
        first in plan(),
        events in prop::collection::vec(event(), 0..40),
    ) {
        let mut told = Told::new(direction, first, Brought::default());
        for event in events {
            told.happens(event);
        }
        told.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() });
        told.happens(Event::Wait(60));
        told.happens(Event::Wait(60));
        let record = told.closed.clone().expect("one record");
        let said = told.events();
        let count = |what: case::Event| said.iter().filter(|e| **e == what).count();
        let seqs: Vec<u32> = told.cases.iter().map(|c| c.seq).collect();
        prop_assert_eq!(seqs, (1..=said.len() as u32).collect::<Vec<_>>());
        prop_assert!(told.cases.windows(2).all(|two| two[0].at <= two[1].at));

        let talked = !record.talks.is_empty();
        prop_assert_eq!(count(case::Event::Answered), usize::from(talked));
        prop_assert_eq!(count(case::Event::Ended), usize::from(talked && !record.is_left()));
        let nobody = if direction == Direction::Inbound { case::Event::Missed } else { case::Event::Unreached };
        let silent = matches!(record.outcome, Some(Outcome::Rejected | Outcome::LeftToSwitch));
        prop_assert_eq!(count(nobody), usize::from(!talked && !silent));
        let other = if direction == Direction::Inbound { case::Event::Unreached } else { case::Event::Missed };
        prop_assert_eq!(count(other), 0);
        prop_assert!(count(case::Event::Ringing) <= 1 && count(case::Event::Voicemail) <= 1);

        let end = said.iter().position(|e| matches!(e, case::Event::Ended | case::Event::Missed | case::Event::Unreached));
        prop_assert!(end.is_none_or(|at| at + 1 == said.len()), "{said:?}");
        let answered = said.iter().position(|e| *e == case::Event::Answered);
        let ringing = said.iter().position(|e| *e == case::Event::Ringing);
        prop_assert!(ringing.is_none_or(|at| answered.is_none_or(|answer| at < answer)), "{said:?}");

        // The first answerer is kept, the last speaker is the last; nobody is both there and not.
        let firsts: Vec<_> = told.cases.iter().filter_map(|c| c.first.clone()).collect();
        prop_assert!(firsts.windows(2).all(|two| two[0] == two[1]));
        if let Some(last) = told.cases.last().filter(|_| end.is_some()) {
            prop_assert_eq!(last.outcome, record.outcome);
            prop_assert_eq!(last.first.is_some(), talked);
            prop_assert_eq!(last.last.is_some(), talked);
            prop_assert_eq!(last.talked, record.talked().as_secs());
        }
    }
}

#[test]
fn e09_a_talk_that_was_let_go_of_has_not_ended() {
    let mut told = Told::new(
        Direction::Inbound,
        decision(vec![ring(Role::Owner, "1"), hangup()]),
        Brought::default(),
    );
    told.handle(bridged("b", Some("1")));
    told.handle(Input::Lost);
    assert_eq!(told.events(), [case::Event::Answered]);
    assert_eq!(told.closed.unwrap().outcome, Some(Outcome::Answered));
}

#[test]
fn e09_who_takes_a_call_up_again_says_nothing_twice() {
    for (talked_before, said) in [(false, vec![101, 102]), (true, vec![])] {
        let brought = Brought { led_before: true, talked_before, ..Brought::default() };
        let plan = decision(vec![ring(Role::Owner, "1"), hangup()]);
        let mut told = Told::new(Direction::Inbound, plan, brought);
        told.handle(bridged("b", Some("1")));
        told.handle(completed());
        assert_eq!(told.cases.iter().map(|c| c.seq).collect::<Vec<_>>(), said);
    }
}

#[test]
fn c06_who_was_rung_stands_in_order_agents_of_queues_included() {
    let plan = decision(vec![ring(Role::Owner, "1"), queue(), hangup()]);
    let mut told = Told::new(Direction::Inbound, plan, Brought::default());
    let rings = |employee: &str| Input::Ringing { employee: Some(employee.into()) };
    let owner = told.ops.last().cloned().unwrap();
    told.handle(rings("1"));
    told.handle(done(owner, "NO_ANSWER"));
    for agent in ["7", "5", "7"] {
        told.handle(rings(agent));
    }
    told.handle(bridged("b", Some("3")));
    told.handle(completed());
    assert_eq!(told.events(), [case::Event::Ringing, case::Event::Answered, case::Event::Ended]);
    let rung: Vec<_> = told.cases[2].rung.iter().map(|e| e.as_str()).collect();
    assert_eq!(rung, ["1", "7", "5", "3"]);
    assert_eq!(told.cases[0].rung.len(), 1);
    assert_eq!(told.closed.unwrap().attempts[1].employees.len(), 2);
}

#[test]
fn b10_a_message_is_told_before_the_missed_call_that_has_it() {
    let step = Step::Voicemail { mailbox: Extension::parse("100").unwrap() };
    let mut told =
        Told::new(Direction::Inbound, decision(vec![step, hangup()]), Brought::default());
    told.handle(Input::Completed(LastWords { message_seconds: 4, ..LastWords::default() }));
    assert_eq!(told.events(), [case::Event::Voicemail, case::Event::Missed]);
    for case in &told.cases {
        assert_eq!(case.voicemail.as_ref().and_then(|sound| sound.seconds), Some(4));
    }
}
