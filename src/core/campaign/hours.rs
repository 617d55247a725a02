//! When a client may be called: the working hours of who calls, and what the law allows.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::core::calendar::{Calendar, Day, Span};
use crate::core::trace::Place;

use super::io::Around;

/// Both calendars rarely have to be asked more than twice in turn; two that never meet are given
/// up after so many turns.
const TURNS: usize = 1000;

/// The hours of every day in which a client may be rung, by the clock of his own zone.
pub fn legal(span: Span, zone: TimeZone) -> Calendar {
    let place = Place { file: Arc::from("legal hours"), line: 0 };
    let day = || Some(Day { spans: vec![span], place: place.clone() });
    Calendar {
        name: "legal hours".into(),
        zone,
        week: std::array::from_fn(|_| day()),
        holidays: vec![],
        work_days: std::collections::BTreeMap::new(),
        place: place.clone(),
    }
}

fn both<'a>(around: &Around<'a>) -> impl Iterator<Item = &'a Calendar> + use<'a> {
    around.hours.into_iter().chain(around.legal)
}

/// The first moment from `at` on at which both are open. `None`: never, as far as can be seen.
pub(super) fn opens(at: Timestamp, around: &Around) -> Option<Timestamp> {
    let mut moment = at;
    for _ in 0..TURNS {
        let next = both(around).try_fold(moment, |t, calendar| calendar.opens(t))?;
        if next == moment {
            return Some(moment);
        }
        moment = next;
    }
    None
}

/// The first moment from `at` on at which one of them is closed. `None`: not in sight.
pub(super) fn closes(at: Timestamp, around: &Around) -> Option<Timestamp> {
    both(around).filter_map(|calendar| calendar.closes(at)).min()
}
