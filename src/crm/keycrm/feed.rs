//! How far a list of the account was read. Lists come in pages, in an order that nobody documents,
//! while people go on with their work. So:
//!
//! * A page that came is kept, and the next one is asked for next time, whoever gives up meanwhile.
//! * What changes while the pages are read is seen the next time, which begins where KeyCRM's own
//!   clock stood when this one began.
//! * A row that comes twice has moved, and may have pushed another one out of a page that was not
//!   read yet: the same is read once more.

use std::collections::HashMap;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::wire::Id;

/// How far the clocks may be apart.
pub(super) const SLACK: SignedDuration = SignedDuration::from_mins(10);
/// Times further ahead than this are not of our days, whatever zone they are in.
pub(super) const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// KeyCRM's clock. A time it wrote shows that its clock stood there at least, when we read it.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<(Timestamp, Instant)>);

impl Clock {
    pub(super) fn saw(&mut self, written: Timestamp) {
        let (now, latest) = (Instant::now(), Timestamp::now().saturating_add(AHEAD));
        let later = self.at(now).is_none_or(|known| known < written);
        // Somebody may have imported a year that is to come.
        if later && latest.is_ok_and(|latest| written <= latest) {
            self.0 = Some((written, now));
        }
    }

    /// Where it stood then at least. `None`: it wrote nothing yet.
    pub(super) fn at(&self, moment: Instant) -> Option<Timestamp> {
        let (written, read) = self.0?;
        let after = SignedDuration::try_from(moment.saturating_duration_since(read)).ok()?;
        let before = SignedDuration::try_from(read.saturating_duration_since(moment)).ok()?;
        written.checked_add(after).ok()?.checked_sub(before).ok()
    }
}

/// All pages, one after the other.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) begun: Instant,
    pub(super) page: u32,
    /// Rows, and when each changed last.
    pub(super) seen: HashMap<Id, Option<String>>,
    twice: bool,
    again: bool,
}

impl Pass {
    pub(super) fn new(again: bool) -> Self {
        let begun = Instant::now();
        Self { begun, page: 1, seen: HashMap::new(), twice: false, again }
    }

    pub(super) fn saw(&mut self, id: Id, changed: Option<String>) {
        self.twice |= self.seen.insert(id, changed).is_some();
    }

    /// It is over. Whether it has to be done once more: people who never stop are no reason to.
    pub(super) fn missed_some(&self) -> bool {
        self.twice && !self.again
    }
}

/// What changes in a list.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// What changed before is known.
    since: Option<Timestamp>,
    pass: Option<Pass>,
    /// The next pass is for what the last one may have missed.
    again: bool,
    /// What the pass before saw.
    before: HashMap<Id, Option<String>>,
    /// When the last whole pass began.
    whole: Option<Instant>,
}

impl Feed {
    /// From then on, where nothing was read yet.
    pub(super) fn starts(&mut self, since: Timestamp) {
        self.since.get_or_insert(since);
    }

    /// Whether all that had changed at that moment is known.
    pub(super) fn knows(&self, moment: Instant) -> bool {
        self.whole.is_some_and(|begun| begun >= moment)
    }

    /// Whether more changed than a page holds, and not all of it is read.
    pub(super) fn is_behind(&self) -> bool {
        self.pass.as_ref().is_some_and(|pass| pass.page > 1)
    }

    /// Whether there are pages still to be read.
    pub(super) fn goes_on(&self) -> bool {
        self.pass.is_some()
    }

    pub(super) fn since(&mut self) -> Timestamp {
        let a_while_ago = || Timestamp::now().saturating_sub(SLACK).unwrap_or_default();
        *self.since.get_or_insert_with(a_while_ago)
    }

    /// The page to ask for.
    pub(super) fn page(&mut self) -> u32 {
        self.pass.get_or_insert_with(|| Pass::new(self.again)).page
    }

    /// A row of it. Whether it changed since it was seen last.
    pub(super) fn row(&mut self, id: Id, changed: Option<&str>) -> bool {
        let Some(pass) = &mut self.pass else { return true };
        let same = |there: Option<&Option<String>>| {
            changed.is_some() && there.is_some_and(|there| there.as_deref() == changed)
        };
        let known = same(self.before.get(&id)) || same(pass.seen.get(&id));
        pass.saw(id, changed.map(str::to_owned));
        !known
    }

    /// The page was read.
    pub(super) fn turn(&mut self, last: bool, clock: &Clock) {
        let Some(pass) = &mut self.pass else { return };
        pass.page += 1;
        let Some(pass) = self.pass.take_if(|_| last) else { return };
        self.again = pass.missed_some();
        if !self.again {
            // It writes whole seconds.
            let begun = clock.at(pass.begun).map(Timestamp::as_second);
            self.since = self.since.max(begun.and_then(|at| Timestamp::from_second(at).ok()));
        }
        self.whole = Some(pass.begun);
        self.before = pass.seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_clock_is_never_thought_to_be_ahead_of_what_it_wrote() {
        let (mut clock, now) = (Clock::default(), Instant::now());
        assert_eq!(clock.at(now), None);
        let ago = |minutes| Timestamp::now() - SignedDuration::from_mins(minutes);
        let (old, new) = (ago(60), ago(30));
        clock.saw(new);
        clock.saw(old);
        clock.saw(ago(-2 * 24 * 60));
        let read = clock.at(Instant::now()).unwrap();
        assert!(read >= new && read < new + SignedDuration::from_mins(1), "{read}");
        assert!(clock.at(now).unwrap() <= new, "it was read after that");
    }

    #[test]
    fn what_moved_while_it_was_read_is_read_once_more_and_not_for_ever() {
        let (mut feed, mut clock) = (Feed::default(), Clock::default());
        clock.saw(Timestamp::now());
        let start = feed.since();
        for begins_at_start in [true, true, false] {
            assert_eq!(feed.since() == start, begins_at_start);
            assert_eq!(feed.page(), 1);
            feed.row(Id(1), Some("a"));
            feed.turn(false, &clock);
            assert!(feed.goes_on() && feed.page() == 2);
            feed.row(Id(1), Some("b"));
            feed.turn(true, &clock);
            assert!(!feed.goes_on());
        }
    }
}
