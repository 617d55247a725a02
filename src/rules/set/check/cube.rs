//! Sets of combinations of facts, as products of sets of words. All combinations are gone through
//! exactly, without writing any of them down.

use crate::rules::set::model::{Setting, When};
use crate::rules::set::words::Fact;

/// For each dimension a mask of words. The facts come first, then the choices and flags.
pub(crate) type Cube = Vec<u64>;

/// More pieces than this are not gone through: no set of rules that a person wrote needs them.
const MOST_PIECES: usize = 20_000;

pub(crate) const FACTS: usize = Fact::ALL.len();

/// All combinations of facts that can occur, under any settings.
pub(crate) struct Space {
    /// The mask with all words of a dimension.
    pub full: Cube,
    /// The combinations that can occur; no two share one.
    pub possible: Vec<Cube>,
    /// Settings that are dimensions, by their place.
    settings: Vec<usize>,
}

fn bits(fact: Fact, words: &[&str]) -> u64 {
    let place = |word: &&str| fact.words().iter().position(|known| known == word);
    words.iter().filter_map(place).fold(0, |mask, place| mask | 1 << place)
}

/// The mask of some words of a fact.
pub(crate) fn only(fact: Fact, words: &[&str]) -> (usize, u64) {
    (dimension(fact), bits(fact, words))
}

pub(crate) fn dimension(fact: Fact) -> usize {
    Fact::ALL.iter().position(|other| *other == fact).unwrap_or_default()
}

/// Which facts can come together: events, directions, who answered, message, length.
const EVENTS: [[&[&str]; 5]; 8] = [
    [&["ringing"], ANY_WAY, NOBODY, NO_MESSAGE, LONG],
    [&["answered"], ANY_WAY, SOMEBODY, NO_MESSAGE, LONG],
    [&["missed"], TO_US, NOBODY, &["left", "none"], LONG],
    [&["ended", "recorded"], ANY_WAY, SOMEBODY, &["left", "none"], &["short", "long"]],
    [&["voicemail"], TO_US, ANYBODY, &["left"], LONG],
    [&["unreached"], &["outbound"], NOBODY, NO_MESSAGE, LONG],
    [&["callback_requested", "callback_failed"], &["callback"], NOBODY, NO_MESSAGE, LONG],
    [&["callback_client_unreached"], &["callback"], SOMEBODY, NO_MESSAGE, LONG],
];
const ANY_WAY: &[&str] = &["inbound", "outbound", "callback"];
const TO_US: &[&str] = &["inbound", "callback"];
const ANYBODY: &[&str] = &["owner", "other", "unlisted", "nobody"];
const SOMEBODY: &[&str] = &["owner", "other", "unlisted"];
const NOBODY: &[&str] = &["nobody"];
const NO_MESSAGE: &[&str] = &["none"];
const LONG: &[&str] = &["long"];

impl Space {
    pub(crate) fn new(lines: usize, settings: &[Setting], short_call: bool) -> Self {
        let mask = |words: usize| if words >= 64 { u64::MAX } else { (1 << words) - 1 };
        let mut full: Cube = Fact::ALL.iter().map(|fact| mask(fact.words().len())).collect();
        if let Some(line) = full.get_mut(dimension(Fact::Line)) {
            *line = mask(lines + 1);
        }
        let dimensions = settings.iter().enumerate().filter(|(_, s)| !s.of.is_empty());
        let dimensions: Vec<usize> = dimensions.map(|(place, _)| place).collect();
        full.extend(
            dimensions.iter().filter_map(|place| Some(mask(settings.get(*place)?.of.len()))),
        );
        let mut space = Self { full, possible: Vec::new(), settings: dimensions };
        for [events, directions, answered, message, length] in EVENTS {
            let mut cube = space.full.clone();
            for (fact, words) in [
                (Fact::Event, events),
                (Fact::Direction, directions),
                (Fact::AnsweredBy, answered),
                (Fact::Voicemail, message),
                (Fact::Length, if short_call { length } else { LONG }),
            ] {
                narrow(&mut cube, only(fact, words));
            }
            let mut unknown = cube.clone();
            narrow(&mut unknown, only(Fact::Client, &["unknown"]));
            narrow(&mut unknown, only(Fact::Deal, &["none"]));
            narrow(&mut cube, only(Fact::Client, &["known"]));
            narrow(&mut cube, only(Fact::Number, &["shown"]));
            let mut by_owner = cube.clone();
            narrow(&mut by_owner, only(Fact::Owner, &["somebody"]));
            narrow(&mut by_owner, only(Fact::AnsweredBy, &["owner"]));
            narrow(&mut unknown, only(Fact::Owner, &["nobody"]));
            for other in [&mut unknown, &mut cube] {
                narrow(other, only(Fact::AnsweredBy, &["other", "unlisted", "nobody"]));
            }
            let all = [unknown, cube, by_owner];
            space.possible.extend(all.into_iter().filter(|cube| !is_empty(cube)));
        }
        space
    }

    /// What a rule asks for.
    pub(crate) fn cube(&self, when: &When) -> Cube {
        let settings = self.settings.iter().map(|place| when.settings.get(place));
        let asked = when.facts.iter().copied();
        let asked = asked.chain(settings.map(|mask| mask.copied().unwrap_or(u64::MAX)));
        self.full.iter().zip(asked).map(|(full, asked)| full & asked).collect()
    }

    /// The possible combinations in a cube.
    pub(crate) fn possible_in(&self, cube: &Cube) -> Vec<Cube> {
        meet(&self.possible, cube)
    }

    /// The place of the setting behind a dimension.
    pub(crate) fn setting(&self, dimension: usize) -> Option<usize> {
        self.settings.get(dimension.checked_sub(FACTS)?).copied()
    }
}

pub(crate) fn narrow(cube: &mut Cube, (dimension, mask): (usize, u64)) {
    if let Some(own) = cube.get_mut(dimension) {
        *own &= mask;
    }
}

pub(crate) fn is_empty(cube: &Cube) -> bool {
    cube.contains(&0)
}

fn common(a: &Cube, b: &Cube) -> Option<Cube> {
    let common: Cube = a.iter().zip(b).map(|(a, b)| a & b).collect();
    (!is_empty(&common)).then_some(common)
}

pub(crate) fn disjoint(a: &Cube, b: &Cube) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b == 0)
}

/// What is in both.
pub(crate) fn meet(all: &[Cube], cube: &Cube) -> Vec<Cube> {
    all.iter().filter_map(|one| common(one, cube)).collect()
}

/// What is left of `all` without `cube`, in pieces that share nothing. `None`: too many pieces.
pub(crate) fn without(all: Vec<Cube>, cube: &Cube) -> Option<Vec<Cube>> {
    let mut left = Vec::with_capacity(all.len());
    for mut one in all {
        if disjoint(&one, cube) {
            left.push(one);
            continue;
        }
        for (dimension, mask) in cube.iter().enumerate() {
            let Some(own) = one.get(dimension).copied() else { continue };
            if own & !mask != 0 {
                let mut piece = one.clone();
                narrow(&mut piece, (dimension, !mask));
                left.push(piece);
                narrow(&mut one, (dimension, *mask));
            }
        }
        if left.len() > MOST_PIECES {
            return None;
        }
    }
    Some(left)
}

/// What is left without any of them.
pub(crate) fn without_all(mut all: Vec<Cube>, cubes: &[Cube]) -> Option<Vec<Cube>> {
    for cube in cubes {
        if all.is_empty() {
            break;
        }
        all = without(all, cube)?;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(all: &[Cube], point: &[u32]) -> bool {
        all.iter().any(|cube| cube.iter().zip(point).all(|(mask, bit)| mask >> bit & 1 == 1))
    }

    fn cube() -> impl Strategy<Value = Cube> {
        proptest::collection::vec(0u64..8, 4)
    }

    proptest! {
        #[test]
        fn what_is_taken_away_is_gone_and_the_rest_is_there_once(
            all in proptest::collection::vec(cube(), 1..2),
            away in proptest::collection::vec(cube(), 0..6),
            point in proptest::collection::vec(0u32..3, 4),
        ) {
            let all: Vec<Cube> = all.into_iter().filter(|cube| !is_empty(cube)).collect();
            let left = without_all(all.clone(), &away).unwrap();
            let wanted = holds(&all, &point) && !holds(&away, &point);
            prop_assert_eq!(holds(&left, &point), wanted);
            let times = left.iter().filter(|cube| holds(&[(*cube).clone()], &point)).count();
            prop_assert!(times <= 1);
        }
    }

    #[test]
    fn no_combination_that_can_occur_is_counted_twice() {
        let space = Space::new(2, &[], true);
        for (place, cube) in space.possible.iter().enumerate() {
            assert!(space.possible.iter().skip(place + 1).all(|other| disjoint(cube, other)));
        }
    }
}
