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

#[test]
fn a_day_that_opens_at_midnight_before_the_clock_changes_opens_at_midnight() {
    let mut office = calendar("Europe/Berlin", [&[]; 7]);
    let night = Span { start: 0, end: 181 };
    office.week[6] = Some(Day { spans: vec![night], place: place(1) });
    assert_eq!(office.opens(at("2026-03-27T00:00:00Z")), Some(at("2026-03-28T23:00:00Z")));
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
