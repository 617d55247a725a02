//! When a task is due.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::model::Due;
use crate::core::calendar::Calendar;

/// Working time is looked for over so many spans of hours; after that the clock alone counts.
const SPANS: usize = 1000;

/// The moment, for a case at `at`. `zone` is the set's.
pub(crate) fn due(policy: &Due, at: Timestamp, zone: &TimeZone) -> Timestamp {
    let found = match policy {
        Due::After(time) => at.checked_add(*time).ok(),
        Due::EndOfDay(hour) => end_of_day(*hour, at, zone),
        Due::Working(time, calendar) => SignedDuration::try_from(*time)
            .ok()
            .and_then(|time| working(calendar, at, time).or_else(|| at.checked_add(time).ok())),
    };
    found.unwrap_or(Timestamp::MAX)
}

fn end_of_day(hour: Time, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let wall = zone.to_datetime(at);
    let day = if wall.time() < hour { wall.date() } else { wall.date().tomorrow().ok()? };
    zone.to_timestamp(day.at(23, 59, 59, 0)).ok()
}

/// `None`: the calendar is never open again.
fn working(calendar: &Calendar, at: Timestamp, time: SignedDuration) -> Option<Timestamp> {
    let (mut at, mut left) = (at, time);
    for _ in 0..SPANS {
        let opens = calendar.opens(at)?;
        let closes = calendar.closes(opens);
        let open = closes.map(|closes| closes.duration_since(opens));
        match (closes, open) {
            (Some(closes), Some(open)) if open < left => {
                left -= open;
                at = closes;
            }
            _ => return opens.checked_add(left).ok(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn hours(text: &str) -> Due {
        let set = format!(
            "schema = 1\ntitle = \"t\"\nwhy = \"w\"\ntimezone = \"Europe/Berlin\"\nchapters = []\n[settings]\n\
             admin = {{ type = \"employee\", value = \"101\", why = \"E14\" }}\n\
             d = {{ type = \"due\", value = {text}, why = \"C05\" }}\n"
        );
        let set = crate::rules::RuleSet::parse("t.toml", &set);
        let error = match set {
            Ok(set) => match set.setting("d") {
                Some(super::super::model::Value::Due(due)) => return due.clone(),
                other => panic!("{other:?}"),
            },
            Err(error) => error,
        };
        panic!("{}", error.lines().join("\n"))
    }

    #[track_caller]
    fn is_due(policy: &str, case: &str, wanted: &str) {
        assert_eq!(due(&hours(policy), at(case), &zone()), at(wanted), "{policy} after {case}");
    }

    #[test]
    fn c05_so_many_seconds_after_the_case() {
        is_due("\"3600s\"", "2026-11-20T12:00:00+01:00", "2026-11-20T13:00:00+01:00");
    }

    #[test]
    fn e07_before_the_hour_today_from_the_hour_on_tomorrow() {
        let policy = "{ end_of_day = \"19:00\" }";
        is_due(policy, "2026-11-20T18:59:59+01:00", "2026-11-20T23:59:59+01:00");
        is_due(policy, "2026-11-20T19:00:00+01:00", "2026-11-21T23:59:59+01:00");
        // The clock was put back in the night: the day had 25 hours.
        is_due(policy, "2026-10-25T00:30:00+02:00", "2026-10-25T23:59:59+01:00");
    }

    const OFFICE: &str = "{ working = \"2h\", hours = { mon-fri = \"09:00-18:00\" } }";

    #[test]
    fn working_time_stands_still_at_night_and_at_the_weekend() {
        is_due(OFFICE, "2026-11-19T12:00:00+01:00", "2026-11-19T14:00:00+01:00");
        is_due(OFFICE, "2026-11-19T17:00:00+01:00", "2026-11-20T10:00:00+01:00");
        is_due(OFFICE, "2026-11-20T17:30:00+01:00", "2026-11-23T10:30:00+01:00");
        is_due(OFFICE, "2026-11-21T03:00:00+01:00", "2026-11-23T11:00:00+01:00");
        is_due(OFFICE, "2026-11-19T16:00:00+01:00", "2026-11-19T18:00:00+01:00");
    }

    #[test]
    fn working_time_passes_over_holidays() {
        let policy = "{ working = \"1h\", hours = { mon-fri = \"09:00-18:00\" }, holidays = [\"2027-01-01\"] }";
        is_due(policy, "2026-12-31T17:30:00+01:00", "2027-01-04T09:30:00+01:00");
    }

    #[test]
    fn a_night_shift_works_over_midnight_and_over_a_change_of_the_clock() {
        let night = "{ working = \"4h\", hours = { mon-sun = \"22:00-06:00\" } }";
        is_due(night, "2026-11-19T23:00:00+01:00", "2026-11-20T03:00:00+01:00");
        // Put forward: an hour of the night does not exist. Put back: one comes twice.
        is_due(night, "2026-03-28T23:00:00+01:00", "2026-03-29T04:00:00+02:00");
        is_due(night, "2026-10-24T23:00:00+02:00", "2026-10-25T02:00:00+01:00");
    }

    #[test]
    fn who_works_round_the_clock_never_closes() {
        let always = "{ working = \"50h\", hours = { mon-sun = \"00:00-24:00\" } }";
        is_due(always, "2026-11-19T23:00:00+01:00", "2026-11-22T01:00:00+01:00");
    }
}
