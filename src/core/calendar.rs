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
            let opening = self
                .possible_openings(date)
                .into_iter()
                .filter(|t| *t > at && self.state(*t).open)
                .min();
            if opening.is_some() {
                return opening;
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// Instants of a day at which closed may turn into open: where a span starts, and where the
    /// clock is put forward or back.
    fn possible_openings(&self, date: Date) -> Vec<Timestamp> {
        let (spans, ..) = self.day(date);
        let mut instants = Vec::new();
        for span in spans {
            let start = date
                .to_datetime(jiff::civil::Time::midnight())
                .checked_add(i64::from(span.start).minutes());
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
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn place(line: u32) -> Place {
        let file = Arc::from("test.toml");
        Place { file, line }
    }

    fn day(spans: &[(u16, u16)]) -> Day {
        let spans = spans.iter().map(|(s, e)| Span::new(*s, *e).unwrap());
        Day { spans: spans.collect(), place: place(2) }
    }

    fn hm(hour: u16, minute: u16) -> u16 {
        hour * 60 + minute
    }

    fn calendar(zone: &str, days: [&[(u16, u16)]; 7]) -> Calendar {
        Calendar {
            name: "office".into(),
            zone: TimeZone::get(zone).unwrap(),
            week: days.map(|d| (!d.is_empty()).then(|| day(d))),
            holidays: Vec::new(),
            work_days: BTreeMap::new(),
            place: place(1),
        }
    }

    fn office(zone: &str) -> Calendar {
        let nine_to_seven: &[(u16, u16)] = &[(9 * 60, 19 * 60)];
        let mut days = [nine_to_seven; 7];
        days[5] = &[];
        days[6] = &[];
        calendar(zone, days)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_minute_is_open_and_the_closing_minute_is_not() {
        let office = office("Europe/Moscow");
        assert!(!office.state(at("2026-11-20T08:59:59+03:00")).open);
        assert!(office.state(at("2026-11-20T09:00:00+03:00")).open);
        assert!(office.state(at("2026-11-20T18:59:59+03:00")).open);
        assert!(!office.state(at("2026-11-20T19:00:00+03:00")).open);
    }

    #[test]
    fn the_zone_of_the_calendar_counts_not_the_one_of_the_caller() {
        let noon_in_moscow = at("2026-11-20T18:30:00+03:00");
        assert!(office("Europe/Moscow").state(noon_in_moscow).open);
        assert!(!office("Asia/Yekaterinburg").state(noon_in_moscow).open);
    }

    #[test]
    fn a_closed_evening_opens_after_the_weekend() {
        let office = office("Europe/Moscow");
        let friday_evening = at("2026-11-20T19:00:00+03:00");
        let monday = at("2026-11-23T09:00:00+03:00");
        assert_eq!(office.opens(friday_evening), Some(monday));
        assert_eq!(office.opens(monday), Some(monday));
    }

    #[test]
    fn holidays_win_over_the_week_and_work_days_over_both() {
        let mut office = office("Europe/Moscow");
        office.holidays.push(Holiday {
            first: "2026-12-31".parse().unwrap(),
            last: "2027-01-08".parse().unwrap(),
            place: place(7),
        });
        let saturday: Date = "2026-12-26".parse().unwrap();
        office.work_days.insert(saturday, day(&[(hm(10, 0), hm(16, 0))]));

        let state = office.state(at("2027-01-08T12:00:00+03:00"));
        assert_eq!((state.open, state.because, state.place.line), (false, Because::Holiday, 7));
        assert!(office.state(at("2027-01-11T12:00:00+03:00")).open);
        let state = office.state(at("2026-12-26T12:00:00+03:00"));
        assert_eq!((state.open, state.because), (true, Because::WorkDay));
        assert!(!office.state(at("2026-12-26T09:30:00+03:00")).open);
        let opens = office.opens(at("2026-12-30T20:00:00+03:00"));
        assert_eq!(opens, Some(at("2027-01-11T09:00:00+03:00")));
    }

    #[test]
    fn a_night_shift_runs_over_midnight_into_a_day_off() {
        let mut days: [&[(u16, u16)]; 7] = [&[]; 7];
        days[4] = &[(22 * 60, 6 * 60)];
        let night = calendar("Europe/Moscow", days);
        assert!(night.state(at("2026-11-20T23:59:00+03:00")).open);
        assert!(night.state(at("2026-11-21T05:59:00+03:00")).open);
        assert!(!night.state(at("2026-11-21T06:00:00+03:00")).open);
        assert!(!night.state(at("2026-11-21T22:00:00+03:00")).open);
    }

    #[test]
    fn around_the_clock_has_no_gap_at_midnight() {
        let always = calendar("Europe/Moscow", [&[(0, DAY)]; 7]);
        assert!(always.state(at("2026-11-20T23:59:59.999+03:00")).open);
        assert!(always.state(at("2026-11-21T00:00:00+03:00")).open);
    }

    #[test]
    fn an_opening_in_the_hour_that_does_not_exist_comes_when_the_clock_jumps() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00.
        let early = calendar("Europe/Berlin", [&[(hm(2, 30), hm(8, 0))]; 7]);
        let opens = early.opens(at("2026-03-29T01:59:00+01:00"));
        assert_eq!(opens, Some(at("2026-03-29T03:00:00+02:00")));
    }

    #[test]
    fn an_hour_that_comes_twice_is_open_twice() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00 again.
        let night = calendar("Europe/Berlin", [&[(hm(2, 0), hm(2, 30))]; 7]);
        assert!(night.state(at("2026-10-25T02:15:00+02:00")).open);
        assert!(night.state(at("2026-10-25T02:15:00+01:00")).open);
        let opens = night.opens(at("2026-10-25T02:45:00+02:00"));
        assert_eq!(opens, Some(at("2026-10-25T02:00:00+01:00")));
    }

    #[test]
    fn a_calendar_that_never_opens_says_so() {
        let never = calendar("Europe/Moscow", [&[]; 7]);
        assert_eq!(never.opens(at("2026-11-20T12:00:00Z")), None);
    }

    fn a_span() -> impl Strategy<Value = Option<Span>> {
        (0u16..DAY, 0u16..=DAY).prop_map(|(start, end)| Span::new(start, end))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// `opens` is the first open minute after a closed one, by going through all minutes.
        #[test]
        fn the_next_opening_is_the_first_open_minute(
            week in proptest::collection::vec(proptest::option::of(a_span()), 7),
            zone in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Europe/Moscow"]),
            // The weeks around a change of the clock, and any other.
            start in prop::sample::select(vec!["2026-03-27T00:00:00Z", "2026-03-07T00:00:00Z", "2026-10-24T00:00:00Z", "2026-10-31T12:00:00Z", "2026-10-03T00:00:00Z", "2026-10-29T00:00:00Z", "2026-07-01T00:00:00Z"]),
            minutes in 0i64..2880,
        ) {
            let mut office = calendar(zone, [&[]; 7]);
            for (slot, span) in office.week.iter_mut().zip(week) {
                *slot = span.flatten().map(|s| Day { spans: vec![s], place: place(1) });
            }
            let now = at(start) + minutes.minutes();
            let by_hand = (0..9 * 1440i64).map(|m| now + m.minutes()).find(|t| office.state(*t).open);
            prop_assert_eq!(office.opens(now), by_hand);
        }
    }
}
