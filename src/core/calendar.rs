//! Working hours: is a calendar open at an instant, and when does it open next.
//!
//! Hours are read off the wall clock of the calendar's zone. A span belongs to the day it starts
//! on; one over midnight runs into the next day, even when that is a holiday. Where the clock is
//! put forward or back, "open" is whatever the wall clock says: an hour that does not exist is
//! never open, an hour that comes twice is open twice.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::trace::Place;

const DAY: u16 = 24 * 60;
/// How far ahead the next opening is looked for. A calendar closed for longer has none.
const HORIZON_DAYS: usize = 800;
/// How far ahead the next closing is looked for. A calendar open for longer never closes.
const OPEN_DAYS: usize = 62;

/// From when until when, in minutes from the midnight of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    start: u16,
    end: u16,
}

impl Span {
    /// `start` in 0..1440. An `end` not after `start` is meant for the next day; 1440 is midnight.
    /// `None` where a figure is no time of day, or the span is empty.
    pub fn new(start: u16, end: u16) -> Option<Self> {
        if start >= DAY || end > DAY || start == end {
            return None;
        }
        let end = if end < start { end + DAY } else { end };
        Some(Self { start, end })
    }

    fn holds(self, minute: u16) -> bool {
        (self.start..self.end).contains(&minute)
    }

    /// Do the two, of one day, share a minute?
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Does this one run over midnight into `next`, which is of the day after?
    pub fn runs_into(self, next: Self) -> bool {
        self.end > DAY + next.start
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.end > DAY { self.end - DAY } else { self.end };
        let (start, end) = ((self.start / 60, self.start % 60), (end / 60, end % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", start.0, start.1, end.0, end.1)
    }
}

/// The hours of one day, and where they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// In order, without overlaps.
    pub spans: Vec<Span>,
    /// The rule.
    pub place: Place,
}

/// Days off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// First day off.
    pub first: Date,
    /// Last day off.
    pub last: Date,
    /// The rule.
    pub place: Place,
}

/// Working hours of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Its name in the rules.
    pub name: String,
    /// Whose wall clock counts.
    pub zone: TimeZone,
    /// Monday first. `None`: closed all day.
    pub week: [Option<Day>; 7],
    /// Days off.
    pub holidays: Vec<Holiday>,
    /// Days with hours of their own; they win over week and holidays.
    pub work_days: BTreeMap<Date, Day>,
    /// The rule.
    pub place: Place,
}

/// Open or closed, and the rule that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'c> {
    /// Open?
    pub open: bool,
    /// What decided.
    pub because: Because,
    /// The rule.
    pub place: &'c Place,
}

/// What decided whether a calendar is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The hours of the weekday.
    Hours,
    /// The weekday has no hours.
    DayOff,
    /// A holiday.
    Holiday,
    /// A work day with hours of its own.
    WorkDay,
}

impl Calendar {
    fn day(&self, date: Date) -> (&[Span], Because, &Place) {
        if let Some(day) = self.work_days.get(&date) {
            return (&day.spans, Because::WorkDay, &day.place);
        }
        let off = |h: &&Holiday| (h.first..=h.last).contains(&date);
        if let Some(holiday) = self.holidays.iter().find(off) {
            return (&[], Because::Holiday, &holiday.place);
        }
        let index = date.weekday().to_monday_zero_offset() as usize;
        match self.week.get(index).and_then(Option::as_ref) {
            Some(day) => (&day.spans, Because::Hours, &day.place),
            None => (&[], Because::DayOff, &self.place),
        }
    }

    /// Is it open at this instant, and why?
    pub fn state(&self, at: Timestamp) -> State<'_> {
        self.state_on_the_wall(self.zone.to_datetime(at))
    }

    fn state_on_the_wall(&self, wall: DateTime) -> State<'_> {
        let minute = wall.hour() as u16 * 60 + wall.minute() as u16;
        if let Ok(yesterday) = wall.date().yesterday() {
            let (spans, because, place) = self.day(yesterday);
            if spans.iter().any(|s| s.holds(minute + DAY)) {
                return State { open: true, because, place };
            }
        }
        let (spans, because, place) = self.day(wall.date());
        State { open: spans.iter().any(|s| s.holds(minute)), because, place }
    }

    /// The first instant after `at` at which it is open, where it is closed at `at`.
    /// `at` itself where it is open. `None`: not within two years.
    pub fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        if self.state(at).open {
            return Some(at);
        }
        let mut date = self.zone.to_datetime(at).date();
        for _ in 0..HORIZON_DAYS {
            let tomorrow = date.tomorrow().ok()?;
            if let Some(opening) = self.first_opening(date, at) {
                // A change of the clock in the next night counts to this day too; a span of the
                // next day may start before it.
                return self
                    .first_opening(tomorrow, at)
                    .map(|next| next.min(opening))
                    .or(Some(opening));
            }
            date = tomorrow;
        }
        None
    }

    fn first_opening(&self, date: Date, at: Timestamp) -> Option<Timestamp> {
        let instants = self.possible_changes(date, |span| span.start).into_iter();
        instants.filter(|t| *t > at && self.state(*t).open).min()
    }

    /// The first instant after `at` at which it is closed, where it is open at `at`. `at` itself
    /// where it is closed. `None`: not within two months.
    pub fn closes(&self, at: Timestamp) -> Option<Timestamp> {
        if !self.state(at).open {
            return Some(at);
        }
        // A span of the day before may run into this one.
        let mut date = self.zone.to_datetime(at).date().yesterday().ok()?;
        let mut found: Option<Timestamp> = None;
        for _ in 0..OPEN_DAYS {
            let instants = self.possible_changes(date, |span| span.end).into_iter();
            let closing = instants.filter(|t| *t > at && !self.state(*t).open).min();
            match (found, closing) {
                (Some(found), Some(closing)) => return Some(found.min(closing)),
                (Some(found), None) => return Some(found),
                (None, closing) => found = closing,
            }
            date = date.tomorrow().ok()?;
        }
        found
    }

    /// Instants of a day at which closed may turn into open, or open into closed: where a span
    /// starts or ends, and where the clock is put forward or back.
    fn possible_changes(&self, date: Date, edge: impl Fn(&Span) -> u16) -> Vec<Timestamp> {
        let (spans, ..) = self.day(date);
        let mut instants = Vec::new();
        for span in spans {
            let start = date
                .to_datetime(jiff::civil::Time::midnight())
                .checked_add(i64::from(edge(span)).minutes());
            let Ok(start) = start else { continue };
            let ambiguous = self.zone.to_ambiguous_timestamp(start);
            let earlier = ambiguous.earlier();
            match ambiguous.offset() {
                AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => {}
                AmbiguousOffset::Fold { .. } => instants.extend(ambiguous.later()),
            }
            instants.extend(earlier);
        }
        let bounds = (
            self.zone.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())),
            self.zone.to_timestamp(date.to_datetime(jiff::civil::Time::MAX)),
        );
        if let (Ok(first), Ok(last)) = bounds {
            // A change at midnight itself belongs to this day too, hence the hours around it.
            let from = first.checked_sub(3.hours()).unwrap_or(first);
            let changes = self.zone.following(from).map(|t| t.timestamp());
            let until = last.checked_add(3.hours()).unwrap_or(last);
            instants.extend(changes.take_while(|t| *t <= until));
        }
        instants
    }
}

#[cfg(test)]
mod tests;
