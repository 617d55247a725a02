//! Counters stand at 0 before anything happens. Prometheus sees no rise in one that appears with 1,
//! so the first call that is lost would be seen nowhere.

use super::Metrics;
use crate::core::facts::Direction;
use crate::core::plan::Role;
use crate::core::record::{AnsweredBy, AttemptResult, Outcome};
use crate::core::trace::Fallback;

/// Answers of the directory.
const LOOKUPS: [&str; 7] = ["hit", "miss", "negative", "stale", "coalesced", "slow", "down"];
/// Ends of an Event Socket session.
const ENDS: [&str; 7] =
    ["call", "silent", "closed", "unreadable", "not_async", "not_full", "refused"];
/// Requests to a CRM.
const REQUESTS: [&str; 2] = ["find", "employees"];
/// What comes of them.
const ANSWERS: [&str; 3] = ["ok", "slow", "fault"];

impl Metrics {
    /// What has closed lists only.
    pub(super) fn begin_at_zero(&self) {
        for fallback in Fallback::ALL {
            self.fallbacks.with_label_values(&[fallback.as_str()]);
        }
        for result in AttemptResult::ALL {
            let owner = AnsweredBy::Rung(Role::Owner).as_str();
            self.attempts.with_label_values(&[owner, result.as_str()]);
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
        for verb in ["api", "bgapi"] {
            for outcome in ["ok", "error", "timeout", "down"] {
                self.commands.with_label_values(&[verb, outcome]);
            }
        }
    }

    /// What comes with a CRM.
    pub fn know_crm(&self, crm: &str) {
        self.crm_circuit_open.with_label_values(&[crm]).set(0);
        for request in REQUESTS {
            for answer in ANSWERS {
                self.crm_requests.with_label_values(&[crm, request, answer]);
            }
        }
    }

    /// What comes with the lines of the rules in force.
    pub fn know_lines<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        for line in lines {
            for outcome in Outcome::ALL {
                let labels = [Direction::Inbound.as_str(), line, outcome.as_str()];
                self.calls.with_label_values(&labels);
            }
            self.abandon_seconds.with_label_values(&[line]);
        }
    }
}
