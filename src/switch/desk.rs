//! The paperwork of one call: asks what a call began with and hands its cases to the clerk. Where
//! the clerk wants none, it costs nothing.

use std::sync::Arc;

use jiff::Timestamp;

use crate::core::call::Occurrence;
use crate::core::case::Clerk;
use crate::core::casebook::{Beginning, Brought, Casebook};
use crate::core::client::Lookup;
use crate::core::record::CallRecord;
use crate::core::staff::Staff;
use crate::core::trace::Decision;
use crate::rules::Routing;

/// The desk of one call.
pub(super) struct Desk {
    clerk: Arc<dyn Clerk>,
    stage: Stage,
}

enum Stage {
    /// The clerk wants no cases.
    Idle,
    /// The call was not decided on yet.
    Waiting(Brought),
    /// Cases are made.
    Open(Casebook),
}

impl Desk {
    /// For a call that has just arrived.
    pub fn new(clerk: Arc<dyn Clerk>, brought: Brought) -> Self {
        let stage = if clerk.wants() { Stage::Waiting(brought) } else { Stage::Idle };
        Self { clerk, stage }
    }

    /// Nothing can be said before the first decision.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_))
    }

    /// Somebody wants to know what occurs.
    pub fn is_manned(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// The first decision: line and client are known from here on. Later ones change nothing.
    pub fn decided(
        &mut self,
        record: &CallRecord,
        decision: &Decision,
        lookup: Option<&Lookup>,
        rules: &Routing,
        staff: &Staff,
    ) {
        let Stage::Waiting(brought) = &mut self.stage else { return };
        let brought = std::mem::take(brought);
        let beginning = Beginning::new(record, decision, lookup, rules, staff, brought);
        self.clerk.began(&record.id, beginning.line.as_deref());
        self.stage = Stage::Open(Casebook::new(beginning));
    }

    /// Something occurred.
    pub fn occurred(&mut self, record: &CallRecord, occurrence: &Occurrence, at: Timestamp) {
        let Stage::Open(book) = &mut self.stage else { return };
        if let Some(case) = book.occurred(record, occurrence, at) {
            self.clerk.occurred(case);
        }
    }
}
