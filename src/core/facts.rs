//! What a decision is made of.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::client::Lookup;
use super::phone::{Caller, Phone, Region};
use super::staff::{Presence, Staff};

/// Which way a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From outside to the company.
    Inbound,
    /// From an employee to the outside.
    Outbound,
    /// Between employees (E02).
    Internal,
    /// A callback: the engine rang an employee, then the client. As a call that is led, its client,
    /// who was passed on.
    Callback,
}

impl Direction {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Inbound, Self::Outbound, Self::Internal, Self::Callback];

    /// Its word in rules and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Internal => "internal",
            Self::Callback => "callback",
        }
    }
}

/// Everything `core::route::decide` looks at. Nothing else may influence it.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Which way the call goes, as far as FreeSWITCH tells; the decision may find it is internal.
    pub direction: Direction,
    /// Who calls.
    pub from: &'a Caller,
    /// The dialled number: a line (DID), an extension or an outside number, digits as dialled.
    pub to: &'a str,
    /// The caller was in a talk or a queue of ours already: somebody passed him on to `to`.
    pub passed_on: bool,
    /// Now.
    pub at: Timestamp,
    /// What the directory said.
    pub lookup: &'a Lookup,
    /// Employees.
    pub staff: &'a Staff,
    /// Registered and busy lines.
    pub presence: &'a dyn Presence,
}

/// The number the directory is to be asked for: the outside party. `None` where there is none,
/// and for an employee's own number (E02). Every door to the decision asks by it.
pub fn whom_to_ask(
    direction: Direction,
    from: &Caller,
    to: &str,
    region: Region,
    staff: &Staff,
) -> Option<Phone> {
    let outside = match direction {
        Direction::Inbound | Direction::Callback => from.phone().cloned(),
        Direction::Outbound | Direction::Internal => Phone::parse(to, region).ok(),
    };
    outside.filter(|phone| staff.by_phone(phone).is_none())
}
