//! Calls of a CRM that takes each of them once: they are told when they are over.

use super::said;
use crate::core::action::{Bound, CallResult};
use crate::core::case::AnsweredBy;
use crate::core::facts::Direction;
use crate::core::ids::EmployeeId;
use crate::core::record::Outcome;
use crate::crm::{Done, Work};

/// Stands for the registered call until it is over.
const LATER: &str = "later";

/// What becomes of a call that is to be registered while it goes on. `None`: it is over, tell it.
pub fn not_yet(work: &Work<'_>, what: &str) -> Option<Done> {
    let bound = Bound { call: Some(LATER.to_owned()), ..Bound::default() };
    work.case.ended.is_none().then(|| Done { bound, what: what.to_owned() })
}

/// What a call that was put off is told with at its end: how it came out, and who spoke.
///
/// # Errors
/// There is nothing to tell, and why.
#[allow(clippy::result_large_err, reason = "it is the answer, once a call")]
pub fn put_off<'w>(work: &Work<'w>) -> Result<(CallResult, Option<&'w EmployeeId>), Done> {
    match work.bound.call.as_deref() {
        Some(LATER) => {}
        Some(_) => return Err(said("nothing: the call has the address of its recording")),
        None => return Err(said("nothing: this call was not registered")),
    }
    let case = work.case;
    let result = match case.outcome {
        Some(Outcome::Voicemail) => CallResult::Voicemail,
        Some(Outcome::Unreached) => CallResult::Unreached,
        _ if case.answered_by() != AnsweredBy::Nobody => CallResult::Answered,
        _ if is_ours(case.direction) => CallResult::Unreached,
        _ => CallResult::Missed,
    };
    let who = case.speaker().or(case.caller.as_ref()).and_then(|who| who.employee.as_ref());
    Ok((result, who))
}

/// Whether we called the client.
pub fn is_ours(direction: Direction) -> bool {
    matches!(direction, Direction::Outbound | Direction::Callback)
}
