//! Where a dial string leads: a phone, a gateway, nowhere.

use super::cause::{self, Cause};
use super::script::{Presence, Script};
use super::shared::Shared;

/// What a target of a dial string leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Endpoint {
    Phone {
        number: String,
        user: bool,
        script: Script,
    },
    /// No channel is made.
    Fails(Cause),
}

impl Shared {
    /// Looks up where a target leads.
    pub(super) fn endpoint(&self, target: &str) -> Endpoint {
        let find = |number: &str, user: bool, absent: Cause| {
            let number = number.split('@').next().unwrap_or_default();
            match self.phone(number) {
                None => Endpoint::Fails(absent),
                Some(script) => match script.presence {
                    Presence::Absent => Endpoint::Fails(absent),
                    Presence::Unregistered => Endpoint::Fails("USER_NOT_REGISTERED"),
                    Presence::Registered => {
                        Endpoint::Phone { number: number.to_owned(), user, script }
                    }
                },
            }
        };
        let (kind, rest) = target.split_once('/').unwrap_or((target, ""));
        match kind {
            "user" => find(rest, true, "SUBSCRIBER_ABSENT"),
            "error" => Endpoint::Fails(cause::parse(rest)),
            "sofia" => match rest.split_once('/') {
                Some(("gateway", rest)) => {
                    let (gateway, number) = rest.split_once('/').unwrap_or((rest, ""));
                    if !self.config.gateways.iter().any(|g| g == gateway) {
                        return Endpoint::Fails("INVALID_GATEWAY");
                    }
                    match self.phone(number) {
                        Some(script) if script.presence == Presence::Registered => {
                            Endpoint::Phone { number: number.to_owned(), user: false, script }
                        }
                        // The carrier says that there is no such number.
                        _ => Endpoint::Phone {
                            number: number.to_owned(),
                            user: false,
                            script: Script::refuses(404),
                        },
                    }
                }
                Some(("internal" | "external", address)) => {
                    let number = address.trim_start_matches("sip:");
                    match find(number, false, "NORMAL_TEMPORARY_FAILURE") {
                        Endpoint::Phone { number, script, .. } => {
                            Endpoint::Phone { number, script, user: false }
                        }
                        // Nobody listens there: ICMP refuses (transcript 04a).
                        Endpoint::Fails(_) => Endpoint::Phone {
                            number: number.split('@').next().unwrap_or_default().to_owned(),
                            user: false,
                            script: Script::refuses(503),
                        },
                    }
                }
                _ => Endpoint::Fails("INVALID_PROFILE"),
            },
            _ => Endpoint::Fails("CHAN_NOT_IMPLEMENTED"),
        }
    }
}
