//! The second pair of eyes: everything FreeSWITCH told about every leg (`NAME.observer`).
//!
//! Legs run in threads of their own there, so only the order within one leg is certain. That is
//! what is compared, for all legs of a call.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::player::Heard;
use crate::timeline::{Seen, Timeline, What};
use crate::tolerated;

/// What is compared of each event.
const KEYS: &[&str] =
    &["Application", "Answer-State", "Channel-State", "Channel-Call-State", "Hangup-Cause"];

fn short(seen: &Seen) -> String {
    let mut text = seen.name.clone();
    for key in KEYS {
        if let Some(value) = seen.headers.get(key) {
            let _ = write!(text, " {value}");
        }
    }
    text
}

/// Events by leg, the legs in the order they appear in.
fn by_leg<'a>(name: &str, all: impl Iterator<Item = &'a Seen>) -> Vec<Vec<String>> {
    let (mut order, mut legs) = (Vec::new(), HashMap::<String, Vec<String>>::new());
    for seen in all {
        let Some(leg) = &seen.leg else { continue };
        if !legs.contains_key(leg) {
            order.push(leg.clone());
        }
        let events = legs.entry(leg.clone()).or_default();
        if !tolerated::observed(name, order.iter().position(|l| l == leg), seen) {
            events.push(short(seen));
        }
    }
    order.into_iter().map(|leg| legs.remove(&leg).unwrap()).collect()
}

/// All differences, for a person to read.
pub fn differences(name: &str, there: &Timeline, here: &Heard) -> String {
    let told = there.lines.iter().filter_map(|l| match &l.what {
        What::Event(seen) => Some(seen),
        _ => None,
    });
    let there = by_leg(name, told);
    let here = by_leg(name, here.events.iter().map(|(seen, _)| seen));
    let mut out = String::new();
    for leg in 0..there.len().max(here.len()) {
        let nothing = Vec::new();
        let (a, b) = (there.get(leg).unwrap_or(&nothing), here.get(leg).unwrap_or(&nothing));
        if let Some(n) = (0..a.len().max(b.len())).find(|n| a.get(*n) != b.get(*n)) {
            let _ = writeln!(out, "observer, leg {leg}, event {n}:");
            for (side, events) in [("there", a), ("here ", b)] {
                for event in events.iter().skip(n).take(4) {
                    let _ = writeln!(out, "  {side} {event}");
                }
            }
        }
    }
    out
}
