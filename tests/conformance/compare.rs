//! Compares what the simulator did with what FreeSWITCH did.

use std::collections::HashMap;
use std::fmt::Write as _;

use dozvon::esl::Event;

use crate::player::{Heard, Played};
use crate::timeline::{Seen, Timeline, What};
use crate::tolerated;

/// Headers whose values are UUIDs: equal when the same one stands everywhere.
const IDS: &[&str] =
    &["Application-UUID", "Bridge-A-UUID", "Bridge-B-UUID", "Other-Leg-UUID", "CC-Member-UUID"];

/// UUIDs of the transcript and of the simulator, as they have been found to be the same.
#[derive(Default)]
struct Ids {
    there: HashMap<String, String>,
    here: HashMap<String, String>,
}

impl Ids {
    fn same(&mut self, there: &str, here: &str) -> bool {
        match (self.there.get(there), self.here.get(here)) {
            (Some(known), _) => known == here,
            (None, Some(_)) => false,
            (None, None) => {
                self.there.insert(there.to_owned(), here.to_owned());
                self.here.insert(here.to_owned(), there.to_owned());
                true
            }
        }
    }
}

/// All differences, for a person to read; empty: none.
pub fn differences(name: &str, timeline: &Timeline, played: &Played) -> String {
    let mut ids = Ids::default();
    let letters = &timeline.letters;
    ids.same(&letters["A"], &letters["A"]);
    let mut out = String::new();
    let mut matched = HashMap::new();
    let mut conns: Vec<_> = played.heard.keys().filter(|c| *c != "obs").collect();
    conns.sort();
    conns.reverse();
    for conn in conns {
        let heard = &played.heard[conn];
        replies(conn, timeline, heard, &mut out);
        events(name, conn, timeline, heard, &mut ids, &mut matched, &mut out);
    }
    variables(name, timeline, &matched, &mut ids, &mut out);
    if let Some(observed) = Timeline::observed(name) {
        out.push_str(&crate::observer::differences(name, &observed, &played.heard["obs"]));
    }
    if played.report.channels_left != 0 {
        let _ = writeln!(out, "channels left: {}", played.report.channels_left);
    }
    out
}

fn replies(conn: &str, timeline: &Timeline, heard: &Heard, out: &mut String) {
    let there: Vec<_> = timeline
        .lines
        .iter()
        .filter(|l| l.conn == conn)
        .filter_map(|l| match &l.what {
            What::Reply(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let here: Vec<_> = heard.replies.iter().map(|r| r.trim()).collect();
    if there != here {
        let _ = writeln!(out, "{conn}: replies differ\n  there {there:?}\n  here  {here:?}");
    }
}

fn events(
    name: &str,
    conn: &str,
    timeline: &Timeline,
    heard: &Heard,
    ids: &mut Ids,
    matched: &mut HashMap<usize, Event>,
    out: &mut String,
) {
    let a = timeline.letters.get("A");
    let told = |seen: &Seen| {
        let caller = seen.leg.as_deref() == Some("A") || seen.leg.as_ref() == a;
        !tolerated::event(name, conn, caller, seen)
    };
    let there: Vec<_> = timeline
        .lines
        .iter()
        .enumerate()
        .filter(|(_, l)| l.conn == conn)
        .filter_map(|(n, l)| match &l.what {
            What::Event(seen) if told(seen) => Some((n, l.at, seen)),
            _ => None,
        })
        .collect();
    let here: Vec<_> = heard.events.iter().filter(|(seen, _)| told(seen)).collect();
    for i in 0..there.len().max(here.len()) {
        match (there.get(i), here.get(i)) {
            (Some((n, at, expected)), Some((seen, event))) => {
                if let Some(event) = event {
                    matched.insert(*n, event.clone());
                }
                let wrong = differs(name, timeline, expected, seen, ids);
                if !wrong.is_empty() {
                    let _ =
                        writeln!(out, "{conn} +{at}: {wrong}\n  there {expected}\n  here  {seen}");
                }
                if expected.name != seen.name {
                    // From here on everything would differ.
                    for (_, at, later) in there.iter().skip(i + 1).take(4) {
                        let _ = writeln!(out, "    there next +{at} {later}");
                    }
                    for (later, _) in here.iter().skip(i + 1).take(4) {
                        let _ = writeln!(out, "    here next {later}");
                    }
                    return;
                }
            }
            (Some((_, at, expected)), None) => {
                let _ = writeln!(out, "{conn} +{at}: missing {expected}");
            }
            (None, Some((seen, _))) => {
                let _ = writeln!(out, "{conn}: too much {seen}");
            }
            (None, None) => {}
        }
    }
}

/// What differs in one message.
fn differs(name: &str, timeline: &Timeline, there: &Seen, here: &Seen, ids: &mut Ids) -> String {
    let mut wrong = Vec::new();
    if there.name != here.name {
        wrong.push("name".to_owned());
        return wrong.join(", ");
    }
    let uuid = |letter: &String| timeline.letters.get(letter).cloned().unwrap_or(letter.clone());
    let leg = there.leg.as_ref().map(uuid);
    match (&leg, &here.leg) {
        (Some(a), Some(b)) if ids.same(a, b) => {}
        (None, None) => {}
        _ => wrong.push("leg".to_owned()),
    }
    for key in crate::timeline::KEYS {
        let (a, b) = (there.headers.get(key), here.headers.get(key));
        let equal = match (a, b) {
            (Some(a), Some(b)) if IDS.contains(key) => ids.same(&uuid(a), b),
            (Some(a), Some(b)) if *key == "Application-Data" => {
                a == b || a.len() == 36 && ids.same(a, b)
            }
            (a, b) => a == b,
        };
        if !equal && !tolerated::header(name, there, key) {
            wrong.push((*key).to_owned());
        }
    }
    wrong.join(", ")
}

/// Decisive variables, which the scripts of the transcripts have noted down.
const VARIABLES: &[&str] = &[
    "bridge_hangup_cause",
    "last_bridge_hangup_cause",
    "originate_disposition",
    "originate_failed_cause",
    "endpoint_disposition",
    "DIALSTATUS",
    "hangup_cause",
    "hangup_cause_q850",
    "sip_hangup_disposition",
    "sip_invite_failure_status",
    "sip_invite_failure_phrase",
    "sip_term_status",
    "sip_term_cause",
    "proto_specific_hangup_cause",
    "last_bridge_proto_specific_hangup_cause",
    "last_bridge_to",
    "bridge_uuid",
    "signal_bond",
    "bridge_channel",
    "cc_cause",
    "cc_cancel_reason",
    "cc_agent",
    "cc_agent_bridged",
    "cc_side",
    "cc_agent_uuid",
    "fifo_status",
    "record_completion_cause",
    "billsec",
    "duration",
    "last_app",
    "last_arg",
];

fn variables(
    name: &str,
    timeline: &Timeline,
    matched: &HashMap<usize, Event>,
    ids: &mut Ids,
    out: &mut String,
) {
    let (mut complete, mut hangup) = (None, None);
    for (n, line) in timeline.lines.iter().enumerate() {
        match &line.what {
            What::Event(seen) => {
                let app = seen.headers.get("Application").map(String::as_str);
                if matches!(
                    app,
                    Some("bridge" | "callcenter" | "fifo" | "record" | "record_session")
                ) && seen.name == "CHANNEL_EXECUTE_COMPLETE"
                    && seen.leg.as_deref() == Some("A")
                {
                    complete = Some(n);
                } else if seen.name == "CHANNEL_HANGUP_COMPLETE" && seen.leg.as_deref() == Some("A")
                {
                    hangup = Some(n);
                }
            }
            What::Note(note) => {
                let Some((what, list)) = note.split_once(" key variables of CHANNEL_") else {
                    continue;
                };
                let Some((event, list)) = list.split_once(": ") else {
                    continue;
                };
                let at = if event == "HANGUP_COMPLETE" { hangup } else { complete };
                let Some(event) = at.and_then(|n| matched.get(&n)) else {
                    let _ = writeln!(out, "{what}: no such event here");
                    continue;
                };
                let noted: HashMap<_, _> =
                    list.split("; ").filter_map(|v| v.split_once('=')).collect();
                for variable in VARIABLES {
                    let there = noted.get(variable).copied();
                    let here = event.variable(variable);
                    if !same_value(variable, there, here.as_deref(), ids)
                        && !tolerated::variable(name, what, variable)
                    {
                        let _ = writeln!(out, "{what}: {variable} there {there:?}, here {here:?}");
                    }
                }
            }
            _ => {}
        }
    }
}

fn same_value(variable: &str, there: Option<&str>, here: Option<&str>, ids: &mut Ids) -> bool {
    match (there, here) {
        (Some(a), Some(b)) if a.len() == 36 && b.len() == 36 => ids.same(a, b),
        // The ports of the phones are not ours to choose.
        (Some(a), Some(b)) if variable == "bridge_channel" => {
            a.split('@').next() == b.split('@').next()
        }
        // Whole seconds of two clocks.
        (Some(a), Some(b)) if variable == "billsec" || variable == "duration" => {
            match (a.parse::<i64>(), b.parse::<i64>()) {
                (Ok(a), Ok(b)) => (a - b).abs() <= 1,
                _ => false,
            }
        }
        (a, b) => a == b,
    }
}
