//! What a failed request means, and for whom.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;

use super::left;
use crate::crm::{ApplyError, CrmError};

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection: nothing was sent.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Sent, and no whole answer came, or a change was answered 500, 502, 504: it may be done.
    #[error("its answer was lost: {0}")]
    Lost(String),
    /// 429, 408, 425 and 5xx: later.
    #[error("it cannot take it now: {why}")]
    Later {
        /// `Retry-After`.
        after: Option<Duration>,
        /// Status and text.
        why: String,
    },
    /// 401, or a token that cannot be renewed. Somebody has to give access anew.
    #[error("it refuses our access: {0}")]
    Access(String),
    /// 402: the account is not paid for.
    #[error("the account is not paid for: {0}")]
    Unpaid(String),
    /// 403: a right is missing, or the address is blocked.
    #[error("it forbids this: {0}")]
    Forbidden(String),
    /// Another 4xx: it will never have this.
    #[error("it refuses this: {why}")]
    Refused {
        /// The status.
        status: u16,
        /// Status and text.
        why: String,
        /// The body, for those who look closer.
        body: Bytes,
    },
    /// HTML, a cut body, another form than expected.
    #[error("its answer cannot be understood: {0}")]
    Strange(String),
}

impl Fault {
    /// Why no answer came. The address may hold a token: it is not told.
    pub(super) fn of_sending(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            why = inner.to_string();
            cause = inner.source();
        }
        if error.is_connect() || error.is_builder() {
            Self::Unreachable(why)
        } else if error.is_timeout() {
            Self::Lost("it did not answer in time".to_owned())
        } else {
            Self::Lost(why)
        }
    }

    pub(super) fn of_status(
        crm: &str,
        status: StatusCode,
        after: Option<Duration>,
        told: &str,
        body: Bytes,
    ) -> Self {
        let code = status.as_u16();
        let why = match told.trim() {
            "" => format!("{crm} answered {code}"),
            told => format!("{crm} answered {code}: {told}"),
        };
        match code {
            408 | 425 | 429 | 500..=599 => Self::Later { after, why },
            // Nothing was done here: it is to be sent elsewhere, once somebody corrects the address.
            300..=399 => {
                let why = format!("{why}, a redirect: is the address right?");
                Self::Later { after: None, why }
            }
            401 => Self::Access(why),
            402 => Self::Unpaid(why),
            403 => Self::Forbidden(why),
            _ => Self::Refused { status: code, why, body },
        }
    }
}

impl From<Fault> for CrmError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(ref why) if why.contains("in time") => Self::Slow,
            Fault::Access(_) | Fault::Forbidden(_) | Fault::Unpaid(_) => {
                Self::Access(fault.to_string())
            }
            other => Self::Fault(other.to_string()),
        }
    }
}

impl From<Fault> for ApplyError {
    fn from(fault: Fault) -> Self {
        let why = fault.to_string();
        match fault {
            Fault::Later { after, .. } => Self::Later { after, why },
            Fault::Unreachable(_) => Self::Later { after: None, why },
            // Somebody mends it, and nothing may be lost meanwhile.
            Fault::Access(_) | Fault::Unpaid(_) => Self::Denied { alone: false, begun: false, why },
            Fault::Forbidden(_) => Self::Denied { alone: true, begun: false, why },
            // Only looked up so far.
            Fault::Lost(_) | Fault::Strange(_) if !left::has_left() => {
                Self::Later { after: None, why }
            }
            Fault::Lost(_) | Fault::Strange(_) => Self::Lost { why },
            Fault::Refused { .. } => Self::Refused { why },
        }
    }
}
