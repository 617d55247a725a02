//! What a CRM itself calls over HTTP: it tells what changed, and its users press buttons.

use jiff::Timestamp;

use crate::core::ids::EmployeeId;

/// Somebody pressed a button beside a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Who.
    pub employee: EmployeeId,
    /// The same press has the same one.
    pub once: String,
}

/// The doors of a CRM.
pub trait Hooks: Send + Sync {
    /// Takes down what changed, as a form told it. The directory is told by
    /// [`Crm::changed`](super::Crm::changed).
    fn changes(&self, form: &[(String, String)]);

    /// Who pressed a button, by the token of his page. `None`: the token is not of this CRM.
    fn pressed(&self, token: &str, now: Timestamp) -> Option<Pressed>;
}
