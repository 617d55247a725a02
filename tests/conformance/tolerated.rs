//! The differences from the real FreeSWITCH that are let pass, each with its reason. Nothing
//! else is.

use crate::timeline::Seen;

/// Messages that are left out on both sides.
/// `caller`: it is about the caller's leg.
pub fn event(name: &str, conn: &str, caller: bool, seen: &Seen) -> bool {
    match seen.name.as_str() {
        // A race with `myevents` (FACTS.md).
        "CHANNEL_PARK" => true,
        // Told of no use to a controller, and not simulated.
        "MEDIA_BUG_START" | "MEDIA_BUG_STOP" => true,
        // Comes before or after the last events (FACTS.md, end of the call).
        "notice linger" => true,
        // The agent's own thread enters CS_CONSUME_MEDIA while the leg is made part of the call: in
        // 08a it is told after CHANNEL_BRIDGE, in 08c before it, in 03a not at all.
        "CHANNEL_STATE" if matches!(name, "08a" | "08c") && joins(seen) => true,
        // In these the recorded script said `exit` before callcenter had told the end (the second
        // connection of 08a heard it 15 ms later); here it is told at once, as in 08c.
        "CUSTOM callcenter::info" if matches!(name, "03a" | "08a") && conn == "out1" => {
            seen.headers.get("Channel-State").map(String::as_str) == Some("CS_REPORTING")
        }
        // The agent's own thread ended after the recorded script had said `exit`; in 03a and 08c
        // it was quicker.
        "CHANNEL_STATE" | "CHANNEL_CALLSTATE" | "CHANNEL_HANGUP_COMPLETE" if name == "08a" => {
            !caller && seen.headers.get("Answer-State").map(String::as_str) == Some("hangup")
        }
        _ => false,
    }
}

/// The agent's leg on its way into the bridge.
fn joins(seen: &Seen) -> bool {
    let header = |key| seen.headers.get(key).map(String::as_str);
    header("Channel-State") == Some("CS_CONSUME_MEDIA")
        && header("Answer-State") == Some("answered")
}

/// Headers whose values may differ.
pub fn header(_name: &str, _there: &Seen, _key: &str) -> bool {
    false
}

/// Variables whose values may differ.
pub fn variable(_name: &str, _what: &str, _variable: &str) -> bool {
    false
}

/// Events of one leg that are left out for the observer, on both sides. `leg`: in the order legs
/// appear in, 0 is the caller's.
pub fn observed(name: &str, leg: Option<usize>, seen: &Seen) -> bool {
    // Legs that have been sent away from the caller run a dialplan of their own, and the one who
    // consults makes a call of his own. The simulator lets them ring, talk and hang up, without
    // all that is told about them.
    if matches!(name, "09d" | "09e" | "09g" | "09h" | "09i") && leg != Some(0) {
        return true;
    }
    match seen.name.as_str() {
        // Told of no use to a controller, and not simulated.
        "PRIVATE_COMMAND" | "MEDIA_BUG_START" | "MEDIA_BUG_STOP" | "API" => true,
        // Codecs are told once or twice, with every renegotiation.
        "CODEC" => true,
        // Both legs are told of the new names some 20 ms after the bridge, in either order.
        "CALL_UPDATE" => true,
        // Not simulated: the re-INVITE and INFO as such, and the keys of the one who is called.
        "CUSTOM sofia::reinvite" | "RECV_INFO" => true,
        "DTMF" => leg != Some(0),
        "notice disconnect" | "notice " => true,
        _ => false,
    }
}
