//! Counters stand at 0 before anything happens. Prometheus sees no rise in one that appears with 1,
//! so the first call that is lost would be seen nowhere.

use prometheus::IntGaugeVec;
use prometheus::core::Collector;

use super::Metrics;
use crate::callback::book::row::{ending_word, kind_word, stage_word};
use crate::core::campaign::order::{Ending, Kind, Stage};
use crate::core::facts::Direction;
use crate::core::plan::Role;
use crate::core::record::{AnsweredBy, AttemptResult, Outcome};
use crate::core::sale::Step;
use crate::core::trace::Fallback;

/// Answers of the directory.
const LOOKUPS: [&str; 7] = ["hit", "miss", "negative", "stale", "coalesced", "slow", "down"];
/// Ends of an Event Socket session.
const ENDS: [&str; 8] =
    ["call", "silent", "closed", "unreadable", "not_async", "not_full", "no_id", "refused"];
/// Control commands.
const VERBS: [&str; 3] = ["api", "bgapi", "sendmsg"];
/// What became of web forms.
const FORMS: [&str; 7] = ["taken", "joined", "repeated", "robot", "limited", "refused", "failed"];
/// Requests to a CRM.
const REQUESTS: [&str; 2] = ["find", "employees"];
/// What comes of them.
const ANSWERS: [&str; 3] = ["ok", "slow", "fault"];
/// What comes of an action for a CRM.
const DELIVERIES: [&str; 6] = ["done", "later", "lost", "refused", "held", "given_up"];
/// What finds the communication of a deal that was won.
const SALES: [&str; 4] =
    [Step::Deal.as_str(), Step::Contact.as_str(), Step::First.as_str(), Step::Last.as_str()];
/// Ways of a call.
const DIRECTIONS: [&str; 4] = [
    Direction::Inbound.as_str(),
    Direction::Outbound.as_str(),
    Direction::Internal.as_str(),
    Direction::Callback.as_str(),
];
/// How a caller got nobody.
const UNANSWERED: [Outcome; 3] = [Outcome::Abandoned, Outcome::Missed, Outcome::Voicemail];

/// All values of a label whose list is closed, where series of the metric come as they are needed.
/// For tests of what boards and alerts ask.
pub fn closed_list(metric: &str, label: &str) -> Option<&'static [&'static str]> {
    match (metric, label) {
        ("dozvon_outbox_deliveries_total", "result") => Some(&DELIVERIES),
        ("dozvon_crm_request_seconds", "op") => Some(&REQUESTS),
        ("dozvon_esl_command_seconds", "verb") => Some(&VERBS),
        ("dozvon_call_talk_seconds", "direction") => Some(&DIRECTIONS),
        ("dozvon_sales_total", "step") => Some(&SALES),
        ("dozvon_sales_runs_total", "result") => Some(&["ok", "failed"]),
        _ => None,
    }
}

impl Metrics {
    /// What has closed lists only.
    pub(super) fn begin_at_zero(&self) {
        self.begin_callbacks_at_zero();
        self.store_writable.set(1);
        self.crm_rate_limited.begin_at_zero();
        self.calls_begun.with_label_values(&["unknown"]);
        for fallback in Fallback::ALL {
            self.fallbacks.with_label_values(&[fallback.as_str()]);
        }
        for role in Role::ALL.map(AnsweredBy::Rung) {
            for result in AttemptResult::ALL {
                self.attempts.with_label_values(&[role.as_str(), result.as_str()]);
            }
        }
        // Calls that end before it is known on which line they came have none.
        for direction in Direction::ALL {
            self.begin_calls_at_zero(direction, "");
        }
        for label in LOOKUPS {
            self.lookups.with_label_values(&[label]);
        }
        for label in ENDS {
            self.sessions_ended.with_label_values(&[label]);
        }
        for result in ["sent", "full", "lost"] {
            self.traces.with_label_values(&[result]);
        }
        for verb in VERBS {
            for outcome in ["ok", "error", "timeout", "down"] {
                self.commands.with_label_values(&[verb, outcome]);
            }
        }
    }

    fn begin_callbacks_at_zero(&self) {
        for label in FORMS {
            self.forms.with_label_values(&[label]);
        }
        for kind in [Kind::Form, Kind::MissedCall, Kind::Click].map(kind_word) {
            for ending in Ending::ALL.map(ending_word) {
                self.callbacks.with_label_values(&[kind, ending]);
            }
            for by in ["phone", "key"] {
                self.callback_deduplicated.with_label_values(&[kind, by]);
            }
        }
        for stage in Stage::RUNNING.map(stage_word) {
            self.callback_pending.with_label_values(&[stage]).set(0);
        }
        for leg in ["manager", "client"] {
            for result in AttemptResult::ALL {
                self.callback_attempts.with_label_values(&[leg, result.as_str()]);
            }
        }
    }

    fn begin_calls_at_zero(&self, direction: Direction, line: &str) {
        for outcome in Outcome::ALL {
            self.calls.with_label_values(&[direction.as_str(), line, outcome.as_str()]);
        }
    }

    /// What comes with a CRM.
    pub fn know_crm(&self, crm: &str) {
        self.crm_circuit_open.with_label_values(&[crm]).set(0);
        self.crm_access.with_label_values(&[crm]).set(1);
        for request in REQUESTS {
            for answer in ANSWERS {
                self.crm_requests.with_label_values(&[crm, request, answer]);
            }
        }
    }

    /// What comes with a rule set in force.
    pub fn know_rules<'a>(&self, rules: impl Iterator<Item = &'a str>) {
        rules.for_each(|rule| drop(self.rule_matches.with_label_values(&[rule])));
    }

    /// What comes with a CRM that an outbox delivers to.
    pub fn know_outbox_of(&self, crm: &str) {
        for gauge in
            [&self.outbox_pending, &self.outbox_oldest, &self.outbox_overdue, &self.outbox_parked]
        {
            gauge.with_label_values(&[crm]);
        }
    }

    /// Those CRMs.
    pub fn crms_of_outbox(&self) -> impl Iterator<Item = String> {
        let families = self.outbox_pending.collect();
        let series = families.into_iter().flat_map(|family| family.get_metric().to_vec());
        series.filter_map(|one| one.get_label().first().map(|label| label.value().to_owned()))
    }

    /// The age of the oldest entry that waits, and how many are parked, of all CRMs.
    pub fn outbox_trouble(&self) -> (i64, i64) {
        let of = |gauge: &IntGaugeVec, crm: &str| gauge.with_label_values(&[crm]).get();
        self.crms_of_outbox().fold((0, 0), |(oldest, parked), crm| {
            (of(&self.outbox_oldest, &crm).max(oldest), parked + of(&self.outbox_parked, &crm))
        })
    }

    /// What comes with the lines of the rules in force.
    pub fn know_lines<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            self.begin_calls_at_zero(Direction::Inbound, line);
            self.abandon_seconds.with_label_values(&[line]);
            for outcome in UNANSWERED {
                self.unanswered.with_label_values(&[line, outcome.as_str()]);
            }
            let rung = Role::ALL.map(AnsweredBy::Rung);
            for by in rung.into_iter().chain([AnsweredBy::Queue, AnsweredBy::Transfer]) {
                self.answer_seconds.with_label_values(&[line, by.as_str()]);
            }
        }
    }
}
