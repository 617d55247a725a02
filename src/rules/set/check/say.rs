//! Combinations of facts in words, and what is left to a default in few of them.

use super::cube::{Cube, FACTS, Space, dimension, disjoint, meet, without_all};
use crate::rules::set::model::{Setting, Value};
use crate::rules::set::words::Fact;

/// The dimensions from the one that tells least to the one that tells most: what need not be
/// said is left out in this order.
const ORDER: [Fact; FACTS] = [
    Fact::Line,
    Fact::Number,
    Fact::Length,
    Fact::Voicemail,
    Fact::AnsweredBy,
    Fact::Owner,
    Fact::Deal,
    Fact::Client,
    Fact::Direction,
    Fact::Event,
];

/// `a`, `b and c`.
pub(super) fn list(words: &[String], last: &str) -> String {
    match words.split_last() {
        None => String::new(),
        Some((one, [])) => one.clone(),
        Some((end, others)) => format!("{} {last} {end}", others.join(", ")),
    }
}

/// `event missed, direction inbound or callback`.
pub(super) fn cube(
    space: &Space,
    cube: &Cube,
    lines: &[(String, std::ops::Range<usize>)],
    settings: &[Setting],
) -> String {
    let mut parts = Vec::new();
    for (dimension, (mask, full)) in cube.iter().zip(&space.full).enumerate() {
        if mask == full {
            continue;
        }
        let fact = Fact::ALL.get(dimension);
        let (key, words): (String, Vec<String>) = match fact {
            Some(Fact::Line) => {
                let names = lines.iter().map(|(name, _)| format!("`{name}`"));
                ("line".into(), names.chain(["any other".to_owned()]).collect())
            }
            Some(fact) => {
                (fact.key().into(), fact.words().iter().map(|w| format!("`{w}`")).collect())
            }
            None => match space.setting(dimension).and_then(|place| settings.get(place)) {
                Some(s) => {
                    (format!("setting {}", s.name), s.of.iter().map(|w| format!("`{w}`")).collect())
                }
                None => continue,
            },
        };
        let (named, others): (Vec<_>, Vec<_>) =
            words.into_iter().enumerate().partition(|(bit, _)| mask >> bit & 1 == 1);
        let bare = |words: Vec<(usize, String)>| -> Vec<String> {
            words.into_iter().map(|(_, word)| word).collect()
        };
        parts.push(match named.len() > 4 && others.len() < named.len() {
            true => format!("{key} any but {}", list(&bare(others), "and")),
            false => format!("{key} {}", list(&bare(named), "or")),
        });
    }
    match parts.is_empty() {
        true => "everything".into(),
        false => parts.join(", "),
    }
}

/// The same combinations without what goes without saying: that a client nobody knows has no
/// deals, that nobody answered a missed call.
pub(super) fn shortest(space: &Space, cube: &Cube) -> Cube {
    let mut short = cube.clone();
    for fact in ORDER {
        let place = dimension(fact);
        let mut tried = short.clone();
        if let (Some(mask), Some(all)) = (tried.get_mut(place), space.full.get(place)) {
            *mask = *all;
        }
        let more = without_all(space.possible_in(&tried), std::slice::from_ref(cube));
        if more.is_some_and(|more| more.is_empty()) {
            short = tried;
        }
    }
    short
}

/// Why some facts do not come together.
pub(super) fn why(dimensions: &[usize]) -> &'static str {
    let all = |facts: &[Fact]| {
        dimensions.len() == facts.len()
            && facts.iter().all(|fact| dimensions.contains(&dimension(*fact)))
    };
    if all(&[Fact::Client, Fact::Deal]) {
        "a client nobody knows has no deals"
    } else if all(&[Fact::Client, Fact::AnsweredBy]) || all(&[Fact::Client, Fact::Owner]) {
        "a client nobody knows has no owner"
    } else if all(&[Fact::Owner, Fact::AnsweredBy]) {
        "where nobody is the owner, no owner answers"
    } else if all(&[Fact::Client, Fact::Number])
        || [Fact::Deal, Fact::Owner].iter().any(|fact| all(&[*fact, Fact::Number]))
    {
        "a number that is withheld belongs to nobody we know"
    } else if all(&[Fact::Event, Fact::AnsweredBy]) {
        "somebody answered before `answered`, `ended` and `recorded`, and nobody before the others"
    } else if all(&[Fact::Event, Fact::Length]) {
        "a talk is short or long at its end: `ended` and `recorded`"
    } else if all(&[Fact::Event, Fact::Direction]) {
        "`missed` and `voicemail` are inbound, `unreached` is outbound"
    } else {
        "take one of them out"
    }
}

/// What a chapter's default is left under the settings in force, in few lines.
pub(crate) fn left_over(
    space: &Space,
    left: &[Cube],
    lines: &[(String, std::ops::Range<usize>)],
    settings: &[Setting],
) -> Vec<String> {
    let mut in_force = space.full.clone();
    for (place, mask) in in_force.iter_mut().enumerate().skip(FACTS) {
        let setting = space.setting(place).and_then(|place| settings.get(place));
        *mask = match setting.and_then(|s| s.value.as_ref()) {
            Some(Value::Choice(choice)) => 1 << choice,
            Some(Value::Flag(flag)) => 1 << u32::from(*flag),
            _ => *mask,
        };
    }
    let facts = |cubes: Vec<Cube>| -> Vec<Cube> {
        cubes.into_iter().map(|cube| cube.into_iter().take(FACTS).collect()).collect()
    };
    let left = facts(meet(left, &in_force));
    let possible = facts(meet(&space.possible, &in_force));
    let Some(taken) = without_all(possible, &left) else {
        return vec!["too many combinations to name".into()];
    };
    let full: Cube = space.full.iter().take(FACTS).copied().collect();
    let mut wide: Vec<Cube> = left.iter().map(|cube| widen(cube, &full, &taken)).collect();
    wide.sort_by_key(|cube| std::cmp::Reverse(size(cube)));
    wide.dedup();
    let mut rest = left;
    let mut told = Vec::new();
    for wide in wide {
        if meet(&rest, &wide).is_empty() {
            continue;
        }
        rest = without_all(rest, std::slice::from_ref(&wide)).unwrap_or_default();
        told.push(wide);
    }
    // The order of the events is the order in which people read.
    told.sort_by_key(|cube| cube.first().map(|events| events.trailing_zeros()));
    let padded = |mut wide: Cube| {
        wide.extend(space.full.iter().skip(FACTS));
        wide
    };
    told.into_iter().map(|wide| cube(space, &padded(wide), lines, settings)).collect()
}

/// As wide as it goes without a combination that another rule takes: what cannot occur is free.
fn widen(cube: &Cube, full: &Cube, taken: &[Cube]) -> Cube {
    let free = |cube: &Cube| taken.iter().all(|other| disjoint(cube, other));
    let mut wide = cube.clone();
    for fact in ORDER {
        let place = dimension(fact);
        let all = full.get(place).copied().unwrap_or_default();
        let mut tried = wide.clone();
        if let Some(mask) = tried.get_mut(place) {
            *mask = all;
        }
        if free(&tried) {
            wide = tried;
            continue;
        }
        for bit in (0..64).filter(|bit| all >> bit & 1 == 1) {
            let mut tried = wide.clone();
            if let Some(mask) = tried.get_mut(place) {
                *mask |= 1 << bit;
            }
            if free(&tried) {
                wide = tried;
            }
        }
    }
    wide
}

fn size(cube: &Cube) -> u32 {
    cube.iter().map(|mask| mask.count_ones()).sum()
}
