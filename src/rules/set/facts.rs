//! The facts of a case as the rules see them: one bit for each word.

use std::time::Duration;

use super::words::Fact;
use crate::core::case::{AnsweredBy, Case, DealFact, Event};
use crate::core::facts::Direction;

/// For each [`Fact`], the bit that is true of a case.
pub(crate) type Point = [u64; Fact::ALL.len()];

/// `None` for a call between employees: it never comes before the rules (E02). A line that no
/// rule of the set names has the bit after the last named one.
pub(crate) fn point(
    case: &Case,
    lines: &[(String, std::ops::Range<usize>)],
    short_call: Option<Duration>,
) -> Option<Point> {
    let bit = |fact| -> Option<u32> {
        Some(match fact {
            Fact::Event => event(case.event),
            Fact::Direction => match case.direction {
                Direction::Inbound => 0,
                Direction::Outbound => 1,
                Direction::Callback => 2,
                Direction::Internal => return None,
            },
            Fact::Client => u32::from(case.client().is_some()),
            Fact::Deal => match case.deal_fact() {
                DealFact::None => 0,
                DealFact::Open => 1,
                DealFact::Closed => 2,
            },
            Fact::Owner => u32::from(case.owner().is_none()),
            Fact::AnsweredBy => match case.answered_by() {
                AnsweredBy::Owner => 0,
                AnsweredBy::Other => 1,
                AnsweredBy::Unlisted => 2,
                AnsweredBy::Nobody => 3,
            },
            Fact::Number => u32::from(case.number.is_none()),
            Fact::Voicemail => u32::from(case.voicemail.is_none()),
            Fact::Length => {
                let over = matches!(case.event, Event::Ended | Event::Recorded);
                let short = short_call.is_some_and(|least| case.talked < least.as_secs());
                u32::from(!(over && short))
            }
            Fact::Line => {
                let line = case.line.as_deref();
                let named = lines.iter().position(|(name, _)| Some(name.as_str()) == line);
                u32::try_from(named.unwrap_or(lines.len())).unwrap_or(u32::MAX)
            }
        })
    };
    let mut point = [0; Fact::ALL.len()];
    for (mask, fact) in point.iter_mut().zip(Fact::ALL) {
        *mask = 1u64.checked_shl(bit(fact)?).unwrap_or(0);
    }
    Some(point)
}

pub(crate) fn event(event: Event) -> u32 {
    match event {
        Event::Ringing => 0,
        Event::Answered => 1,
        Event::Missed => 2,
        Event::Ended => 3,
        Event::Recorded => 4,
        Event::Voicemail => 5,
        Event::Unreached => 6,
        Event::CallbackRequested => 7,
        Event::CallbackFailed => 8,
        Event::CallbackClientUnreached => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(fact: Fact, value: impl serde::Serialize, bit: u32) {
        let name = serde_json::to_value(value).unwrap();
        assert_eq!(fact.words().get(bit as usize).copied(), name.as_str(), "{fact:?}");
    }

    #[test]
    fn the_bits_stand_for_the_words() {
        for e in [
            Event::Ringing,
            Event::Answered,
            Event::Missed,
            Event::Ended,
            Event::Recorded,
            Event::Voicemail,
            Event::Unreached,
            Event::CallbackRequested,
            Event::CallbackFailed,
            Event::CallbackClientUnreached,
        ] {
            word(Fact::Event, e, event(e));
        }
        word(Fact::Direction, Direction::Inbound, 0);
        word(Fact::Direction, Direction::Outbound, 1);
        word(Fact::Direction, Direction::Callback, 2);
        word(Fact::Deal, DealFact::None, 0);
        word(Fact::Deal, DealFact::Open, 1);
        word(Fact::Deal, DealFact::Closed, 2);
        word(Fact::AnsweredBy, AnsweredBy::Owner, 0);
        word(Fact::AnsweredBy, AnsweredBy::Other, 1);
        word(Fact::AnsweredBy, AnsweredBy::Unlisted, 2);
        word(Fact::AnsweredBy, AnsweredBy::Nobody, 3);
    }
}
