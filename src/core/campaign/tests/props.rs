//! What holds for every campaign, whatever people, FreeSWITCH and the engine do, in any order.
//! `PROPTEST_CASES=5000` tries more of them.

use std::time::Duration;

use proptest::prelude::*;

use super::super::order::{Ending, GroupOrder, Kind, Order, Prompt, Stage, Target};
use super::super::{Input, order};
use super::office::{Office, order as form};
use super::switch::{Is, World};
use crate::core::call::after;
use crate::core::case::Event;
use crate::core::record::Outcome;

/// What may happen.
#[derive(Clone, Debug)]
enum Act {
    Wait(u64),
    PicksUp(usize),
    Ends(usize, &'static str),
    Presses(usize),
    PassedOn(usize),
    Busy(&'static str),
    Free(&'static str),
    Joined,
    Cancel,
    ClientCalled,
    Restart,
    Dies,
    Deaf(bool),
    CutOff(bool),
    /// FreeSWITCH says something of any leg, true or not.
    Rumour(usize, u8),
}

fn act() -> impl Strategy<Value = Act> {
    let who = || prop::sample::select(vec!["anna", "boris", "vera"]);
    let cause =
        prop::sample::select(vec!["USER_BUSY", "CALL_REJECTED", "NO_ANSWER", "NORMAL_CLEARING"]);
    prop_oneof![
        8 => (0..60_000_u64).prop_map(Act::Wait),
        4 => (0..400_u64).prop_map(Act::Wait),
        10 => (0..3_usize).prop_map(Act::PicksUp),
        5 => (0..3_usize, cause).prop_map(|(leg, cause)| Act::Ends(leg, cause)),
        4 => (0..3_usize).prop_map(Act::Presses),
        1 => (0..3_usize).prop_map(Act::PassedOn),
        1 => who().prop_map(Act::Busy),
        1 => who().prop_map(Act::Free),
        1 => Just(Act::Joined),
        1 => Just(Act::Cancel),
        1 => Just(Act::ClientCalled),
        2 => Just(Act::Restart),
        2 => Just(Act::Dies),
        1 => any::<bool>().prop_map(Act::Deaf),
        1 => any::<bool>().prop_map(Act::CutOff),
        3 => (0..6_usize, 0..4_u8).prop_map(|(leg, what)| Act::Rumour(leg, what)),
    ]
}

fn any_order() -> impl Strategy<Value = Order> {
    let targets = prop::sample::select(vec![
        vec![Target::Employee("anna".into())],
        vec![Target::Employee("boris".into()), Target::Queue("support".into())],
        vec![Target::Group { name: "sales".into(), order: GroupOrder::Together }],
        vec![Target::Group { name: "sales".into(), order: GroupOrder::InTurn }],
    ]);
    let kind = prop::sample::select(vec![Kind::Form, Kind::MissedCall, Kind::Click]);
    let key = prop::option::of(Just('1'));
    let prompt = prop::sample::select(vec![Prompt::None, Prompt::Tone]);
    // Few tries are as good as many, and each is stored with every step.
    let give_up = prop_oneof![6 => Just(90), 1 => Just(600)];
    (targets, kind, key, prompt, give_up, 1..4_u32).prop_map(
        |(targets, kind, key, prompt, give_up, tries)| {
            let mut order = form();
            (order.targets, order.kind) = (targets, kind);
            (order.policy.key, order.policy.prompt) = (key, prompt);
            order.policy.give_up = Duration::from_secs(give_up);
            order.policy.client_tries = tries;
            order
        },
    )
}

fn happens(world: &mut World, act: &Act) {
    let live: Vec<_> =
        world.channels.iter().filter(|c| c.is != Is::Down).map(|c| c.id.clone()).collect();
    match act {
        Act::Wait(ms) => world.until(after(world.now, Duration::from_millis(*ms))),
        Act::PicksUp(n) => live.iter().rev().nth(*n).into_iter().for_each(|l| world.picks_up(l)),
        Act::Ends(n, cause) => {
            live.iter().rev().nth(*n).into_iter().for_each(|l| world.ends(l, cause));
        }
        Act::Presses(n) => {
            if let Some(leg) = live.iter().rev().nth(*n).cloned() {
                world.event(Input::Confirmed { leg });
            }
        }
        Act::PassedOn(n) => {
            let legs: Vec<_> =
                world.channels.iter().filter(|c| !c.client && c.with.is_some()).collect();
            let leg = legs.get(*n).map(|c| c.id.clone());
            leg.into_iter().for_each(|l| world.passed_on(&l));
        }
        Act::Busy(who) => {
            let lines = world.office.lines_of(who);
            world.office.busy.extend(lines);
        }
        Act::Free(who) => {
            for line in world.office.lines_of(who) {
                world.office.busy.remove(&line);
            }
        }
        Act::Joined => world.give(Input::Joined(Box::new(form()))),
        Act::Cancel => world.give(Input::Cancel),
        Act::ClientCalled => world.give(Input::ClientCalled),
        Act::Restart => {
            world.deaf = false;
            world.give(Input::Recovered);
        }
        Act::Dies => world.dying = true,
        Act::Deaf(deaf) => world.deaf = *deaf,
        Act::CutOff(off) => world.cut_off = *off,
        Act::Rumour(n, what) => {
            let Some(leg) = world.channels.get(*n).map(|c| c.id.clone()) else { return };
            world.give(match what {
                0 => Input::Ringing { leg },
                1 => Input::Lost { leg },
                2 => Input::Unknown { leg },
                _ => Input::Bridged { leg },
            });
        }
    }
}

/// The last cases of an ending, as the module's description has them.
fn last_event(kind: Kind, ending: Ending) -> Option<Event> {
    match (ending, kind) {
        (Ending::Talked, _) => Some(Event::Ended),
        (Ending::ClientUnreached | Ending::ClientAlone, Kind::Click) => Some(Event::Unreached),
        (Ending::ClientUnreached, _) => Some(Event::CallbackClientUnreached),
        (Ending::ClientAlone, _) | (Ending::NoManager, Kind::Form) => Some(Event::CallbackFailed),
        _ => None,
    }
}

fn holds(world: &World) -> Result<(), TestCaseError> {
    let kind = world.campaign.order().kind;
    prop_assert!(!world.twice, "the client was dialled twice at once");
    let order::Stage::Over(ending) = world.campaign.stage() else {
        return Err(TestCaseError::fail("no result"));
    };
    let finals: Vec<Event> = world
        .cases
        .iter()
        .map(|case| case.event)
        .filter(|event| {
            !matches!(
                event,
                Event::CallbackRequested | Event::Ringing | Event::Answered | Event::Recorded
            )
        })
        .collect();
    prop_assert_eq!(finals, last_event(kind, ending).into_iter().collect::<Vec<_>>());
    let seqs: Vec<u32> = world.cases.iter().map(|case| case.seq).collect();
    let wanted: Vec<u32> = (1..).take(seqs.len()).collect();
    prop_assert_eq!(seqs, wanted, "numbers of cases");
    let answered = world.cases.iter().filter(|case| case.event == Event::Answered).count();
    prop_assert_eq!(answered, usize::from(ending == Ending::Talked));
    let asked = world.cases.iter().filter(|c| c.event == Event::CallbackRequested).count();
    prop_assert_eq!(asked, usize::from(kind == Kind::Form), "a form is told of once");
    let record = world.record.as_ref().expect("a record");
    prop_assert_eq!(record.outcome == Some(Outcome::Answered), ending == Ending::Talked);
    for attempt in &record.attempts {
        prop_assert!(attempt.result.is_some() && attempt.until.is_some(), "{attempt:?}");
    }
    Ok(())
}

proptest! {
    // As many as proptest takes by itself (256), or is told to take.
    #![proptest_config(ProptestConfig::default())]

    /// The world itself checks after each step that storing loses nothing, and before each that a
    /// needless time-out does nothing.
    #[test]
    fn the_client_is_dialled_once_at_a_time_no_leg_is_left_up_and_there_is_one_result(
        order in any_order(),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let mut world = World::new(Office::new(), order);
        for act in &acts {
            happens(&mut world, act);
        }
        (world.deaf, world.cut_off, world.dying) = (false, false, false);
        world.finish();
        holds(&world)?;
        let up = world.live_legs();
        prop_assert!(up.is_empty(), "left up: {up:?}");
        prop_assert_eq!(world.campaign.timeout(), None);
        world.give(Input::Cancel);
        world.give(Input::Recovered);
        prop_assert!(world.campaign.is_done());
        prop_assert!(matches!(world.campaign.stage(), Stage::Over(_)));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// FreeSWITCH never comes back: timers alone bring it to an end, and nobody is dialled twice.
    #[test]
    fn a_campaign_whose_node_is_lost_ends_all_the_same(
        order in any_order(),
        acts in prop::collection::vec(act(), 0..20),
    ) {
        let mut world = World::new(Office::new(), order);
        for act in &acts {
            happens(&mut world, act);
        }
        world.cut_off = true;
        world.finish();
        holds(&world)?;
    }
}
