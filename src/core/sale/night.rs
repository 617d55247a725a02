//! When the nightly work is due, in the time of the company. A night in which the clocks are put
//! forward over that time has it at the moment they are; one that has it twice takes the first.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// After a run that failed, the next one begins so much later.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// When the next run is due: the first night after the last success, whether somebody was there
/// then or not; some minutes after a failure; and at once where there was none yet. A success in
/// the future is one of a clock that was set back, and says nothing.
pub fn due(
    success: Option<Timestamp>,
    failed: Option<Timestamp>,
    (at, zone): (Time, &TimeZone),
    now: Timestamp,
) -> Timestamp {
    let night = success.filter(|success| *success <= now).map_or(now, |s| next(at, zone, s));
    let again = failed.filter(|failed| *failed <= now);
    let again = again.map(|failed| failed.saturating_add(AGAIN).unwrap_or(failed));
    again.map_or(night, |again| night.max(again))
}

/// The next time after `now`.
pub fn next(at: Time, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let today = of_day(at, zone, now, 0);
    if today > now { today } else { of_day(at, zone, now, 1) }
}

/// When the day before began: as far back goes who never looked before.
pub fn day_before(zone: &TimeZone, now: Timestamp) -> Timestamp {
    of_day(Time::midnight(), zone, now, -1)
}

/// At the ends of time all days are one.
fn of_day(at: Time, zone: &TimeZone, now: Timestamp, days: i64) -> Timestamp {
    let today = now.to_zoned(zone.clone()).date();
    let day = today.checked_add(days.days()).unwrap_or(today);
    zone.to_ambiguous_timestamp(day.to_datetime(at)).compatible().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const THREE: Time = Time::constant(3, 0, 0, 0);

    #[test]
    fn e01_each_night_at_the_company_s_time() {
        let moscow = zone("Europe/Moscow");
        let noon = at("2026-11-20T12:00:00+03:00");
        assert_eq!(next(THREE, &moscow, noon), at("2026-11-21T03:00:00+03:00"));
        let early = at("2026-11-20T02:59:59+03:00");
        assert_eq!(next(THREE, &moscow, early), at("2026-11-20T03:00:00+03:00"));
        let then = at("2026-11-20T03:00:00+03:00");
        assert_eq!(next(THREE, &moscow, then), at("2026-11-21T03:00:00+03:00"));
        assert_eq!(day_before(&moscow, early), at("2026-11-19T00:00:00+03:00"));
    }

    /// Berlin puts its clocks from 02:00 to 03:00 on 29 March, from 03:00 to 02:00 on 25 October.
    #[test]
    fn e01_a_night_whose_clocks_are_changed_has_it_once() {
        let berlin = zone("Europe/Berlin");
        let half_past_two = Time::constant(2, 30, 0, 0);
        let spring = at("2026-03-28T12:00:00+01:00");
        let due = next(half_past_two, &berlin, spring);
        assert_eq!(due, at("2026-03-29T03:30:00+02:00"), "half past two is not there");
        assert_eq!(next(half_past_two, &berlin, due), at("2026-03-30T02:30:00+02:00"));
        let autumn = at("2026-10-24T12:00:00+02:00");
        let due = next(half_past_two, &berlin, autumn);
        assert_eq!(due, at("2026-10-25T02:30:00+02:00"));
        // The second half past two is no other night.
        assert_eq!(next(half_past_two, &berlin, due), at("2026-10-26T02:30:00+01:00"));
        // That day has 25 hours.
        assert_eq!(
            day_before(&berlin, at("2026-10-26T00:10:00+01:00")),
            at("2026-10-25T00:00:00+02:00")
        );
    }

    #[test]
    fn e01_a_night_that_was_missed_is_made_up_for_at_once() {
        let moscow = zone("Europe/Moscow");
        let due = |success: Option<&str>, failed: Option<&str>, now| {
            due(success.map(at), failed.map(at), (THREE, &moscow), at(now))
        };
        let noon = "2026-11-20T12:00:00+03:00";
        assert_eq!(due(None, None, noon), at(noon), "the first run");
        assert_eq!(
            due(Some("2026-11-20T03:00:02+03:00"), None, noon),
            at("2026-11-21T03:00:00+03:00")
        );
        let missed = due(Some("2026-11-18T03:00:02+03:00"), None, noon);
        assert!(missed <= at(noon), "the engine was off for two nights: {missed}");
        // By hand in the afternoon: the night comes all the same.
        assert_eq!(
            due(Some("2026-11-20T11:00:00+03:00"), None, noon),
            at("2026-11-21T03:00:00+03:00")
        );
    }

    #[test]
    fn e01_what_failed_is_tried_again_some_minutes_later() {
        let moscow = zone("Europe/Moscow");
        let (success, failed) = (at("2026-11-19T03:00:00+03:00"), at("2026-11-20T03:00:09+03:00"));
        let now = at("2026-11-20T03:01:00+03:00");
        let again = at("2026-11-20T03:15:09+03:00");
        assert_eq!(due(Some(success), Some(failed), (THREE, &moscow), now), again);
        assert_eq!(due(None, Some(failed), (THREE, &moscow), now), again);
        // A clock that was set back: its times say nothing.
        let before = at("2026-11-01T00:00:00+03:00");
        assert_eq!(due(Some(success), Some(failed), (THREE, &moscow), before), before);
    }

    #[test]
    fn a_day_whose_midnight_is_not_there_begins_where_it_begins() {
        // In Beirut 29 March 2026 begins at 01:00.
        let beirut = zone("Asia/Beirut");
        assert_eq!(
            day_before(&beirut, at("2026-03-30T10:00:00+03:00")),
            at("2026-03-29T01:00:00+03:00")
        );
    }
}
