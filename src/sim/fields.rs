//! The variables only CHANNEL_HANGUP_COMPLETE has: times, durations, statistics.

use std::fmt::Write as _;

use super::call::{A, Call};
use super::cause;
use super::clock::stamp;
use super::templates as t;
use super::vars::encode;

impl Call {
    /// Adds them (transcripts 02b, 04b, 05a).
    pub(super) fn final_variables(&mut self, l: usize) {
        let leg = &mut self.legs[l];
        let reason = leg.cause.unwrap_or("NORMAL_CLEARING");
        let times = leg.times;
        let mut out = String::with_capacity(3500);
        let mut set = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "variable_{name}: {value}");
        };
        set("hangup_cause", &reason);
        set("hangup_cause_q850", &cause::q850(reason));
        set("digits_dialed", &"none");
        let points = [
            ("start", times.created),
            ("profile_start", times.profile),
            ("answer", times.answered),
            ("bridge", times.bridged),
            ("progress", times.progress),
            ("progress_media", times.progress_media),
            ("end", times.hangup),
        ];
        for (name, at) in points.iter().filter(|(_, at)| *at > 0) {
            set(&format!("{name}_stamp"), &encode(&stamp(*at)));
        }
        for (name, at) in points {
            if at > 0 || name.starts_with("progress") || name == "answer" || name == "bridge" {
                set(&format!("{name}_epoch"), &(at / 1_000_000));
                set(&format!("{name}_uepoch"), &at);
            }
        }
        for name in [
            "last_hold_epoch",
            "last_hold_uepoch",
            "hold_accum_seconds",
            "hold_accum_usec",
            "hold_accum_ms",
            "resurrect_epoch",
            "resurrect_uepoch",
        ] {
            set(name, &0);
        }
        if let Some(app) = leg.vars.get("current_application") {
            set("last_app", &encode(&app));
            if let Some(arg) = leg.vars.get("current_application_data") {
                set("last_arg", &encode(&arg));
            }
        }
        let caller_id = format!("\"{}\" <{}>", leg.profile.name, leg.profile.number);
        set("caller_id", &encode(&caller_id));
        let since = |from: u64, to: u64| {
            if to > 0 && from > 0 { to.saturating_sub(from) } else { 0 }
        };
        // Seconds are the difference of whole seconds, not a rounded duration (transcript 03b).
        let seconds = |from: u64, to: u64| {
            if to > 0 && from > 0 { (to / 1_000_000).saturating_sub(from / 1_000_000) } else { 0 }
        };
        let (start, end) = (times.created, times.hangup);
        let spans = [
            ("duration", start, end),
            ("billsec", times.answered, end),
            ("progresssec", start, times.progress),
            ("answersec", start, times.answered),
            ("waitsec", start, times.bridged),
            ("progress_mediasec", start, times.progress_media),
        ];
        for (name, from, to) in spans {
            set(name, &seconds(from, to));
        }
        let flow = if times.answered > 0 { start } else { 0 };
        set("flow_billsec", &seconds(flow, end));
        for (unit, divide) in [("msec", 1000), ("usec", 1)] {
            let letter = &unit[..1];
            for (name, from, to) in spans {
                let span = since(from, to) / divide;
                match name.strip_suffix("sec") {
                    Some(stem) => set(&format!("{stem}{unit}"), &span),
                    None => set(&format!("{letter}{name}"), &span),
                }
            }
            set(&format!("flow_bill{unit}"), &(since(flow, end) / divide));
        }
        if leg.vars.get("sip_hangup_disposition").is_none() {
            let said = if leg.answered() {
                "send_bye"
            } else if l == A {
                "send_refuse"
            } else {
                "send_cancel"
            };
            set("sip_hangup_disposition", &said);
        }
        leg.vars.append_block(&out);
        if leg.has_media {
            leg.vars.append_block(&t::RTP_STATS.fill(&[]));
        }
    }
}
