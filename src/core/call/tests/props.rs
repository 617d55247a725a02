//! What holds for every call, whatever FreeSWITCH says and in whatever order.

use proptest::prelude::*;

use super::*;

/// What may happen to a call. Commands are named by how long ago they were sent.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Given(Input),
    Done { back: usize, result: Completion },
    Wait(i64),
}

fn leg() -> impl Strategy<Value = Party> {
    prop::sample::select(vec!["b", "c", "d"]).prop_map(|leg| party(leg, None))
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop::sample::select(vec![None, Some(Duration::from_secs(20))]);
    prop_oneof![
        Just(ring(Role::Owner, "1")),
        Just(ring(Role::Group, "2")),
        wait.clone().prop_map(|wait| Step::Callcenter { queue: "sales".into(), wait }),
        wait.prop_map(|wait| Step::Fifo { queue: "sales".into(), wait }),
        Just(Step::Voicemail { mailbox: Extension::parse("1000").unwrap() }),
        Just(Step::Announce { file: "closed.wav".into() }),
    ]
}

pub(super) fn plan() -> impl Strategy<Value = Input> {
    prop::collection::vec(step(), 0..4).prop_map(|mut plan| {
        plan.push(hangup());
        decision(plan)
    })
}

fn completion() -> impl Strategy<Value = Completion> {
    let words = ["SUCCESS", "USER_BUSY", "NO_ANSWER", "ORIGINATOR_CANCEL"];
    let causes = ["answered", "cancel"];
    (
        prop::option::of(prop::sample::select(words.to_vec())),
        prop::option::of(prop::sample::select(causes.to_vec())),
        any::<[bool; 3]>(),
        0..3_u64,
    )
        .prop_map(|(word, cause, [queue_bridged, taken_out, missing], message_seconds)| {
            Completion {
                disposition: word.map(Into::into),
                queue_cause: cause.map(Into::into),
                queue_bridged,
                taken_out,
                missing,
                message_seconds,
                message_url: String::new(),
            }
        })
}

fn input() -> impl Strategy<Value = Input> {
    let recorded = prop_oneof![
        Just(Recorded::Unknown),
        Just(Recorded::Nothing),
        any::<u64>().prop_map(Recorded::Milliseconds),
    ];
    let words = (prop::option::of(leg()), 0..3_u64, recorded).prop_map(
        |(bridged_with, message_seconds, recorded)| LastWords {
            cause: "NORMAL_CLEARING".into(),
            bridged_with,
            message_seconds,
            message_url: String::new(),
            recorded,
        },
    );
    let probe = prop_oneof![
        Just(Probe::Gone),
        Just(Probe::Alone),
        Just(Probe::Unknown),
        leg().prop_map(Probe::With),
    ];
    prop_oneof![
        4 => plan(),
        2 => prop::option::of(prop::sample::select(vec!["1", "2", "3"])).prop_map(|e| Input::Ringing { employee: e.map(Into::into) }),
        2 => Just(Input::CallerAnswered),
        4 => (leg(), any::<bool>()).prop_map(|(party, answered)| Input::Bridged { party, answered }),
        4 => Just(Input::Unbridged),
        2 => Just(Input::Released),
        2 => Just(Input::Transferred { to: "104".into() }),
        4 => probe.prop_map(Input::Probed),
        1 => Just(Input::Down),
        1 => Just(Input::HungUp { cause: "NORMAL_CLEARING".into() }),
        1 => words.prop_map(Input::Completed),
        1 => Just(Input::Lost),
    ]
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => input().prop_map(Event::Given),
        3 => (0..4_usize, completion()).prop_map(|(back, result)| Event::Done { back, result }),
        2 => (0..120_i64).prop_map(Event::Wait),
    ]
}

/// A call under watch.
struct Watched {
    call: Call,
    now: i64,
    ops: Vec<OpId>,
    answered: usize,
    ended: usize,
    closed: Option<CallRecord>,
    /// Somebody was heard to talk.
    talked: bool,
    lost: bool,
    /// Recordings begun, and told to be complete.
    recorded: (usize, usize),
}

impl Watched {
    fn happens(&mut self, event: Event) -> Result<(), TestCaseError> {
        let now = at(self.now);
        match event {
            Event::Wait(seconds) => {
                self.now += seconds;
                self.call.handle_timeout(at(self.now));
            }
            Event::Done { back, result } => {
                let Some(op) = self.ops.iter().rev().nth(back).cloned() else { return Ok(()) };
                self.call.handle(Input::Done { op, result }, now);
            }
            Event::Given(input) => {
                let open = self.closed.is_none() && !self.call.is_leaving();
                self.talked |= open && matches!(&input, Input::Bridged { answered: true, .. });
                self.lost |= open && input == Input::Lost;
                self.call.handle(input, now);
            }
        }
        self.look()
    }

    fn look(&mut self) -> Result<(), TestCaseError> {
        for output in drain(&mut self.call) {
            prop_assert!(self.closed.is_none(), "{output:?} after the end");
            match output {
                // Of several marks behind one step each tells the same.
                Output::Run(op, App::Mark) if self.ops.contains(&op) => {}
                Output::Run(op, _) => {
                    prop_assert!(!self.ops.contains(&op), "{op} twice");
                    prop_assert!(!self.call.released, "{op} on a leg that is not ours");
                    self.ops.push(op);
                }
                Output::Occurred(Occurrence::Answered(_)) => self.answered += 1,
                Output::Occurred(Occurrence::Ended | Occurrence::Missed(_)) => self.ended += 1,
                Output::Record(_) => {
                    prop_assert!(!self.call.record.talks.is_empty(), "nobody talks");
                    self.recorded.0 += 1;
                }
                Output::Occurred(Occurrence::Recorded { .. }) => {
                    prop_assert!(self.ended == 1, "told before the end");
                    self.recorded.1 += 1;
                }
                Output::Closed(record) => self.closed = Some(*record),
                _ => {}
            }
        }
        let may_last = match self.call.state {
            State::Deciding | State::Talking | State::Closed => true,
            State::Stepping { .. }
            | State::Apart { .. }
            | State::Cut { .. }
            | State::Leaving { .. } => false,
        };
        prop_assert!(self.call.timeout().is_some() || may_last, "{:?} for ever", self.call.state);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_call_ends_once_and_an_answered_one_is_never_missed(
        first in plan(),
        events in prop::collection::vec(event(), 0..40),
    ) {
        let mut watched = Watched {
            call: fresh(), now: 0, ops: vec![], answered: 0, ended: 0, closed: None, talked: false, lost: false,
            recorded: (0, 0),
        };
        watched.call.record_into(Recording { file: "/rec/a.wav".into(), url: String::new() });
        watched.happens(Event::Given(first))?;
        for event in events {
            watched.happens(event)?;
        }
        // Sooner or later it is over, and then for good.
        watched.happens(Event::Given(Input::HungUp { cause: "NORMAL_CLEARING".into() }))?;
        watched.happens(Event::Wait(5))?;
        watched.happens(Event::Wait(2))?;
        prop_assert_eq!(watched.call.timeout(), None);
        watched.happens(Event::Given(bridged("e", None)))?;
        watched.happens(Event::Given(completed()))?;
        prop_assert_eq!(watched.ended, 1);
        let (begun, complete) = watched.recorded;
        prop_assert!(begun <= 1 && complete <= begun, "{begun} begun, {complete} complete");
        let record = watched.closed.clone().expect("one record");
        prop_assert_eq!(watched.answered, usize::from(!record.talks.is_empty()));
        prop_assert_eq!(watched.answered == 1, record.outcome == Some(Outcome::Answered));
        prop_assert!(!watched.talked || watched.answered == 1, "a talk was lost");
        prop_assert!(record.talks.iter().all(|t| t.until.is_some_and(|until| until >= t.from)));
        let open = record.attempts.iter().filter(|a| a.result.is_none() || a.until.is_none()).count();
        prop_assert!(open == 0 || (open == 1 && watched.lost), "{:?}", record.attempts);
    }

    /// Nothing else comes: the timers alone bring every call to its end or to a state that may last.
    #[test]
    fn timers_alone_never_run_wild(
        first in plan(),
        events in prop::collection::vec(event(), 0..12),
    ) {
        let mut call = fresh();
        let mut ops: Vec<OpId> = vec![];
        let mut now = 0;
        call.handle(first, at(now));
        for event in events {
            match event {
                Event::Given(input) => call.handle(input, at(now)),
                Event::Wait(seconds) => now += seconds,
                Event::Done { back, result } => {
                    if let Some(op) = ops.iter().rev().nth(back).cloned() {
                        call.handle(Input::Done { op, result }, at(now));
                    }
                }
            }
            ops.extend(drain(&mut call).into_iter().filter_map(|o| match o {
                Output::Run(op, _) => Some(op),
                _ => None,
            }));
        }
        for _ in 0..20 {
            let Some(due) = call.timeout() else { break };
            let before = due.max(at(now));
            call.handle_timeout(due.max(at(now)));
            drain(&mut call);
            if let Some(next) = call.timeout() {
                prop_assert!(next > before, "a timer that fires at once again");
            }
        }
    }
}
