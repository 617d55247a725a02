//! Words and marks that actions of every CRM leave behind.

use sha2::{Digest, Sha256};

use super::Id;
use crate::core::action::{Bound, Made};
use crate::core::ids::{ClientId, DealId};
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

/// A fault when a part is done already: the rest is found out and done by reading back. What is
/// refused will never be done; that is said, and the rest goes on.
///
/// # Errors
/// [`ApplyError::Lost`], or [`ApplyError::Denied`] with a part of it done: read back.
pub fn afterwards(
    result: Result<(), impl Into<ApplyError>>,
    what: &mut String,
    part: &str,
) -> Result<(), ApplyError> {
    match result.map_err(Into::into) {
        Ok(()) => Ok(()),
        Err(ApplyError::Refused { why }) => {
            *what = format!("{what}; {part} was refused: {why}");
            Ok(())
        }
        Err(ApplyError::Denied { alone, why, .. }) => {
            Err(ApplyError::Denied { alone, begun: true, why: format!("{part}: {why}") })
        }
        Err(other) => Err(ApplyError::Lost { why: other.to_string() }),
    }
}

/// Done, and nothing to remember.
pub fn said(what: impl Into<String>) -> Done {
    Done { bound: Bound::default(), what: what.into() }
}

/// A client was there.
pub fn found_client(id: Id, what: String) -> Done {
    let client = Some(ClientId::new(id.to_string()));
    Done { bound: Bound { client, ..Bound::default() }, what }
}

/// A client was made.
pub fn made_client(id: Id, what: String) -> Done {
    let mut done = found_client(id, what);
    done.bound.made.client = done.bound.client.clone();
    done
}

/// A deal was there, by the word the CRM has for it.
pub fn found_deal(client: Option<Id>, deal: Id, what: String) -> Done {
    let client = client.map(|id| ClientId::new(id.to_string()));
    let deal = Some(DealId::new(deal.to_string()));
    Done { bound: Bound { client, deal, ..Bound::default() }, what }
}

/// A deal was made.
pub fn made_deal(client: Option<Id>, deal: Id, what: String) -> Done {
    let mut done = found_deal(client, deal, what);
    done.bound.made.deal = done.bound.deal.clone();
    done
}

/// A deal was made that waits for somebody to take it (A07, A17).
pub fn made_lead(deal: Id, what: String) -> Done {
    let made = Made { deal: Some(DealId::new(deal.to_string())), client: None };
    Done { bound: Bound { unsorted: Some(deal.to_string()), made, ..Bound::default() }, what }
}

/// The fields by which visits are told, as the rules name them.
pub const UTM: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
