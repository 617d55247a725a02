//! Steps: the closed vocabulary of what can be done with a call.

use std::str::FromStr;
use std::time::Duration;

use super::model::{Attempt, Numbers, Order, SkipIf, StepKind, StepRule};
use super::read::{At, Reader, Tab};
use super::words::{shown, suggest};
use crate::core::ids::{Extension, QueueName};
use crate::core::plan::HangupCause;

/// Longer than anybody lets a phone ring.
pub(super) const MOST_RING: Duration = Duration::from_secs(120);
const MOST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// A05 (seed 000): ten seconds.
const OWNER_RING: Duration = Duration::from_secs(10);
const OTHER_RING: Duration = Duration::from_secs(20);

/// Where steps stand decides which are possible.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Route,
    Internal,
    Blocked,
}

/// The steps under `key`, and their tables, so that checks can point at them.
pub(super) fn steps(
    reader: &mut Reader,
    tab: &Tab,
    key: &str,
    place: Where,
) -> Option<Vec<At<StepRule>>> {
    let tables = reader.tables(tab, key, &format!("a step of {}", tab.what))?;
    if tables.is_empty() {
        let message = format!("`{key}` of {} is empty", tab.what);
        reader.error(
            &tab.key_span(key),
            message,
            "name at least one step, such as { do = \"hangup\" }",
        );
    }
    let steps = tables.iter().filter_map(|table| {
        let kind = step(reader, table, place)?;
        let place = reader.place(&table.span);
        Some(At { value: StepRule { kind, place }, span: table.span.clone() })
    });
    let steps: Vec<_> = steps.collect();
    unreachable(reader, &steps);
    Some(steps)
}

fn unreachable(reader: &mut Reader, steps: &[At<StepRule>]) {
    for (index, step) in steps.iter().enumerate() {
        let (message, help) = match &step.value.kind {
            StepKind::Hangup { .. } => (
                "never reached: the step before it hangs up".to_owned(),
                "take it out, or move it up",
            ),
            StepKind::Queue { queue, wait: None } | StepKind::Fifo { queue, wait: None } => (
                format!("never reached, unless queue `{queue}` has limits of its own"),
                "give the queue a wait, such as wait = \"5m\"",
            ),
            _ => continue,
        };
        if let Some(after) = steps.get(index + 1) {
            reader.warn(&after.span.clone(), message, help);
            return;
        }
    }
}

const STEPS: [&str; 8] =
    ["owner", "employee", "group", "queue", "fifo", "voicemail", "announce", "hangup"];

fn step(reader: &mut Reader, tab: &Tab, place: Where) -> Option<StepKind> {
    let Some(name) = tab.item("do") else {
        reader.missing(tab, "do", &format!("add do = \"…\", one of: {}", STEPS.join(", ")));
        return None;
    };
    let Some(word) = name.value.as_str() else {
        reader.error(&name.span, "`do` must be a text in quotes", "");
        return None;
    };
    let span = name.span;
    if place == Where::Blocked
        && ["owner", "employee", "group", "queue", "fifo", "voicemail"].contains(&word)
    {
        let message = format!("a blocked caller cannot be given `{word}`");
        reader.error(&span, message, "announce and hangup are possible");
        return None;
    }
    if place == Where::Internal && word == "owner" {
        let message = "a call between employees has no owner (E02)";
        reader.error(&span, message, "take the step out");
        return None;
    }
    let tab = &Tab { what: format!("step `{word}`"), ..tab.clone() };
    match word {
        "owner" => {
            reader.keys(tab, &["do", "ring", "skip_if", "deputy", "numbers"]);
            Some(StepKind::Owner(attempt(reader, tab, OWNER_RING)))
        }
        "employee" => {
            reader.keys(tab, &["do", "employee", "ring", "skip_if", "deputy", "numbers"]);
            let employee = need(reader, tab, "employee", "his id in the CRM, or his extension");
            let attempt = attempt(reader, tab, OTHER_RING);
            Some(StepKind::Employee { employee: employee?.value.to_owned(), attempt })
        }
        "group" => {
            reader.keys(tab, &["do", "group", "order", "ring", "skip_if"]);
            let group = need(reader, tab, "group", "its name in the CRM");
            let orders = [("together", Order::Together), ("in_turn", Order::InTurn)];
            let order = reader.text(tab, "order");
            let order = order.and_then(|w| reader.word(&w, "order", &orders));
            let ring = reader.duration(tab, "ring", MOST_RING);
            let skip_if = skip_if(reader, tab);
            Some(StepKind::Group {
                group: group?.value.to_owned(),
                order: order.unwrap_or(Order::Together),
                ring: ring.unwrap_or(OTHER_RING),
                skip_if,
            })
        }
        "queue" | "fifo" => {
            reader.keys(tab, &["do", "queue", "wait"]);
            let queue = need(reader, tab, "queue", "its name in FreeSWITCH");
            let queue = queue.and_then(|q| queue_name(reader, &q));
            let wait = reader.duration(tab, "wait", MOST_WAIT);
            let queue = queue?;
            Some(if word == "queue" {
                StepKind::Queue { queue, wait }
            } else {
                StepKind::Fifo { queue, wait }
            })
        }
        "voicemail" => {
            reader.keys(tab, &["do", "mailbox"]);
            let mailbox = match reader.text(tab, "mailbox") {
                Some(text) => Some(extension(reader, &text)?),
                None => None,
            };
            if mailbox.is_none() && place == Where::Route {
                if tab.item("mailbox").is_none() {
                    reader.missing(tab, "mailbox", "add mailbox = \"100\"");
                }
                return None;
            }
            Some(StepKind::Voicemail { mailbox })
        }
        "announce" => {
            reader.keys(tab, &["do", "file"]);
            let file = need(reader, tab, "file", "a path, or a stream such as tone_stream://…")?;
            if file.value.is_empty() || file.value.chars().any(char::is_control) {
                let help = "write a path without line breaks";
                reader.error(&file.span, "this is no file name", help);
                return None;
            }
            Some(StepKind::Announce { file: file.value.to_owned() })
        }
        "hangup" => {
            reader.keys(tab, &["do", "cause"]);
            let cause = match reader.text(tab, "cause") {
                Some(text) => cause(reader, &text)?,
                None => HangupCause::NORMAL,
            };
            Some(StepKind::Hangup { cause })
        }
        _ => {
            let message = format!("there is no step `{}`", shown(word));
            reader.error(&span, message, &suggest(word, &STEPS));
            None
        }
    }
}

pub(super) fn need<'t>(
    reader: &mut Reader,
    tab: &Tab<'t>,
    key: &str,
    what: &str,
) -> Option<At<&'t str>> {
    if tab.item(key).is_none() {
        reader.missing(tab, key, &format!("add {key} = \"…\": {what}"));
    }
    reader.text(tab, key)
}

fn attempt(reader: &mut Reader, tab: &Tab, ring: Duration) -> Attempt {
    let numbers = [("all", Numbers::All), ("first", Numbers::First)];
    let word = reader.text(tab, "numbers");
    Attempt {
        ring: reader.duration(tab, "ring", MOST_RING).unwrap_or(ring),
        skip_if: skip_if(reader, tab),
        deputy: reader.flag(tab, "deputy").unwrap_or(true),
        numbers: word
            .and_then(|w| reader.word(&w, "choice of numbers", &numbers))
            .unwrap_or(Numbers::All),
    }
}

fn skip_if(reader: &mut Reader, tab: &Tab) -> SkipIf {
    let Some(words) = reader.texts(tab, "skip_if") else {
        return SkipIf::default();
    };
    let mut skip = SkipIf { offline: false, unregistered: false, busy: false };
    let known = [("offline", 0), ("unregistered", 1), ("busy", 2)];
    for word in &words {
        match reader.word(word, "reason to pass somebody over", &known) {
            Some(0) => skip.offline = true,
            Some(1) => skip.unregistered = true,
            Some(_) => skip.busy = true,
            None => {}
        }
    }
    skip
}

pub(super) fn queue_name(reader: &mut Reader, text: &At<&str>) -> Option<QueueName> {
    let allowed = |c: char| c.is_alphanumeric() || "_-.@".contains(c);
    if text.value.is_empty() || !text.value.chars().all(allowed) {
        let message = format!("`{}` is no name of a queue", shown(text.value));
        let help = "letters, digits and _ - . @ are possible";
        reader.error(&text.span, message, help);
        return None;
    }
    Some(QueueName::new(text.value))
}

fn extension(reader: &mut Reader, text: &At<&str>) -> Option<Extension> {
    match Extension::parse(text.value) {
        Ok(extension) => Some(extension),
        Err(error) => {
            reader.error(&text.span, error.to_string(), "");
            None
        }
    }
}

fn cause(reader: &mut Reader, text: &At<&str>) -> Option<HangupCause> {
    match freeswitch_types::HangupCause::from_str(text.value) {
        Ok(cause) if cause != freeswitch_types::HangupCause::None => Some(HangupCause(cause)),
        _ => {
            let names: Vec<&str> = (1..=1000)
                .filter_map(freeswitch_types::HangupCause::from_number)
                .map(|c| c.as_str())
                .collect();
            let message = format!("FreeSWITCH knows no hangup cause `{}`", shown(text.value));
            let help = match suggest(text.value, &names) {
                near if near.is_empty() => "such as USER_BUSY or NORMAL_CLEARING".to_owned(),
                near => near,
            };
            reader.error(&text.span, message, &help);
            None
        }
    }
}
