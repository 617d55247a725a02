//! Words and marks that actions of every CRM leave behind.

use sha2::{Digest, Sha256};

use super::Id;
use crate::core::action::Bound;
use crate::crm::{ApplyError, Done};

/// Under this mark what an action makes stands in the CRM: a hash of its idempotency key.
pub fn mark(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    digest.iter().take(8).fold("dozvon-".to_owned(), |mark, byte| format!("{mark}{byte:02x}"))
}

/// An id that came from this CRM is a number; another one came from another CRM.
///
/// # Errors
/// [`ApplyError::Refused`], with what it should have been.
pub fn id_of(text: &str, what: &str, crm: &str) -> Result<Id, ApplyError> {
    text.parse().map(Id).map_err(|_| ApplyError::Refused {
        why: format!("`{text}` is no {what} of {crm}: it may be the id of another CRM"),
    })
}

/// It will never do.
pub fn refused(why: &str) -> ApplyError {
    ApplyError::Refused { why: why.to_owned() }
}

/// Done, and nothing to remember.
pub fn said(what: impl Into<String>) -> Done {
    Done { bound: Bound::default(), what: what.into() }
}
