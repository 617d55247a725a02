//! Deals that were won, and the call or form that brought each (E01).

pub mod night;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ids::{CallId, ClientId, DealId};
use super::phone::Phone;

/// A deal that was won, as the CRM tells it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Won {
    /// The CRM's id.
    pub id: DealId,
    /// When it was won.
    pub closed: Timestamp,
    /// What it brought, in the account's currency; `None`: not told.
    #[serde(default)]
    pub price: Option<f64>,
    /// The communication that made it, as its card tells. `None`: made by hand, or the card cannot
    /// tell.
    #[serde(default)]
    pub communication: Option<CallId>,
    /// Whose it is. `None`: nobody's.
    #[serde(default)]
    pub contact: Option<Contact>,
}

/// Whose a deal is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Contact {
    /// The CRM's id.
    pub id: ClientId,
    /// All his numbers.
    #[serde(default)]
    pub numbers: Vec<Phone>,
    /// His last communication, as his card tells. `None`: made by hand, or the card cannot tell.
    #[serde(default)]
    pub communication: Option<CallId>,
}

/// A call or a form of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Communication {
    /// Which one.
    pub call: CallId,
    /// When it began.
    pub at: Timestamp,
}

/// What we know of a deal ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The communication by which we made the deal.
    pub deal: Option<CallId>,
    /// The one by which we made its contact.
    pub contact: Option<Communication>,
    /// All of its contact.
    pub communications: Vec<Communication>,
}

/// Which communication a deal of a contact made by hand goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// His first one.
    First,
    /// His last one, where it is not longer before the end of the deal than this.
    LastWithin(Duration),
}

/// By which step a communication was found. They are tried in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The deal was made by it.
    Deal,
    /// The contact was made by us, and it was his last one.
    Contact,
    /// All was made by hand, and it was his first one.
    First,
    /// All was made by hand, and it was his last one.
    Last,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deal, Self::Contact, Self::First, Self::Last];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deal => "deal",
            Self::Contact => "contact",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

/// Where a deal comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From this communication, which is a sale by it.
    Found(CallId, Step),
    /// It was made by hand and has no contact.
    NoContact,
    /// Its contact has no communication that it could come from.
    NoCommunication,
}

/// Where a deal comes from (E01): a deal made by us from what made it; else of a contact made by
/// us the last communication; else, as the company chose, his first or last one. Nothing that
/// came after the end of the deal brought it.
pub fn source(won: &Won, memory: &Memory, by_hand: ByHand) -> Source {
    if let Some(call) = won.communication.as_ref().or(memory.deal.as_ref()) {
        return Source::Found(call.clone(), Step::Deal);
    }
    let Some(contact) = &won.contact else { return Source::NoContact };
    let before = || memory.communications.iter().filter(|one| one.at <= won.closed);
    let last = || before().max_by_key(|one| (one.at, &one.call));
    let made = contact.communication.is_some() || memory.contact.is_some();
    let found = match by_hand {
        _ if made => {
            let last = last().map(|one| &one.call).or_else(|| told(won, contact, memory));
            last.map(|call| (call, Step::Contact))
        }
        ByHand::First => {
            before().min_by_key(|one| (one.at, &one.call)).map(|one| (&one.call, Step::First))
        }
        ByHand::LastWithin(time) => {
            let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
            let near = |one: &&Communication| won.closed.duration_since(one.at) <= time;
            last().filter(near).map(|one| (&one.call, Step::Last))
        }
    };
    match found {
        Some((call, step)) => Source::Found(call.clone(), step),
        None => Source::NoCommunication,
    }
}

/// What card and memory tell of a contact made by us, where the journal has forgotten his calls.
fn told<'m>(won: &Won, contact: &'m Contact, memory: &'m Memory) -> Option<&'m CallId> {
    let later = |call: &&CallId| memory.communications.iter().any(|one| one.call == **call);
    let card = contact.communication.as_ref().filter(|call| !later(call));
    let made = memory.contact.as_ref().filter(|made| made.at <= won.closed);
    card.or(made.map(|made| &made.call))
}

#[cfg(test)]
mod tests;
