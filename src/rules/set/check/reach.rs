//! Which combinations reach which rule, and which rules none can reach.

use super::cube::{Cube, FACTS, Space, is_empty, meet, without, without_all};
use super::say;
use crate::rules::set::cx::Cx;
use crate::rules::set::model::{Chapter, Rule};

/// For each rule of a chapter, the combinations it answers.
pub(super) type Reach = Vec<Vec<Cube>>;

/// Goes through a chapter. `None`: too many combinations.
pub(super) fn chapter(space: &Space, chapter: &Chapter) -> Option<Reach> {
    let mut left = space.possible.clone();
    let mut reach = Vec::new();
    for rule in &chapter.rules {
        let cube = space.cube(&rule.when);
        reach.push(meet(&left, &cube));
        left = without(left, &cube)?;
    }
    Some(reach)
}

/// Names the rules that can never match.
pub(super) fn complain(cx: &mut Cx, space: &Space, chapter: &Chapter, reach: &Reach) {
    for (place, (rule, reached)) in chapter.rules.iter().zip(reach).enumerate() {
        let cube = space.cube(&rule.when);
        // A fact without a word is named already; a default may well be left nothing.
        if rule.default || !reached.is_empty() || is_empty(&cube) {
            continue;
        }
        if space.possible_in(&cube).is_empty() {
            never(cx, space, rule, &cube);
            continue;
        }
        let earlier = chapter.rules.get(..place).unwrap_or_default();
        if earlier.iter().any(|rule| rule.default) {
            continue;
        }
        let takers = takers(space, earlier, &cube);
        let names: Vec<String> = takers.iter().map(|rule| format!("`{}`", rule.path)).collect();
        let message = match names.as_slice() {
            [one] => format!("rule `{}` can never match: {one} takes all that it could", rule.path),
            many => format!(
                "rule `{}` can never match: {} take all that it could",
                rule.path,
                say::list(many, "and")
            ),
        };
        let help = "put it before, make what stands before narrower, or take it out";
        cx.reader.error(&rule.span, message, help);
    }
}

/// Few earlier rules that leave nothing of a cube.
fn takers<'r>(space: &Space, earlier: &'r [Rule], cube: &Cube) -> Vec<&'r Rule> {
    let possible = space.possible_in(cube);
    let mut takers: Vec<&Rule> = Vec::new();
    let mut left = possible.clone();
    for rule in earlier {
        let taken = space.cube(&rule.when);
        if !meet(&left, &taken).is_empty() {
            left = without(left, &taken).unwrap_or_default();
            takers.push(rule);
        }
    }
    // Those that the others make needless are not worth a word.
    for place in (0..takers.len()).rev() {
        let others = takers.iter().enumerate().filter(|(other, _)| *other != place);
        let others: Vec<Cube> = others.map(|(_, rule)| space.cube(&rule.when)).collect();
        if without_all(possible.clone(), &others).is_some_and(|left| left.is_empty()) {
            takers.remove(place);
        }
    }
    takers
}

/// The facts that cannot come together: as few of them as it takes.
fn never(cx: &mut Cx, space: &Space, rule: &Rule, cube: &Cube) {
    let (kept, cube) = conflict(space, cube);
    let facts = say::cube(space, &cube, &cx.lines, &cx.settings);
    let message = format!("rule `{}` can never match: no case has {facts}", rule.path);
    cx.reader.error(&rule.span, message, say::why(&kept));
}

/// The dimensions that make a cube impossible, as few as it takes, and the cube of them.
pub(super) fn conflict(space: &Space, cube: &Cube) -> (Vec<usize>, Cube) {
    let asked = |d: &usize| cube.get(*d) != space.full.get(*d);
    let asked: Vec<usize> = (0..FACTS).filter(asked).collect();
    let keep = |kept: &[usize]| -> Cube {
        let mask = |(d, full): (usize, &u64)| match kept.contains(&d) {
            true => cube.get(d).copied().unwrap_or(*full),
            false => *full,
        };
        space.full.iter().enumerate().map(mask).collect()
    };
    let mut kept = asked.clone();
    for dimension in asked {
        let fewer: Vec<usize> = kept.iter().copied().filter(|d| *d != dimension).collect();
        if space.possible_in(&keep(&fewer)).is_empty() {
            kept = fewer;
        }
    }
    let cube = keep(&kept);
    (kept, cube)
}
