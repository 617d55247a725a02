//! Which node a call comes from: FreeSWITCH names its core with every event and every call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Metrics;

/// The node of each core, as heartbeats told.
#[derive(Debug, Default)]
pub(super) struct Cores(Mutex<HashMap<String, String>>);

impl Metrics {
    /// A node has told the UUID of its core. It has a new one with each start.
    pub(super) fn core_is(&self, node: &str, core: &str) {
        let mut cores = self.cores.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cores.get(core).is_none_or(|known| known != node) {
            cores.retain(|_, known| known != node);
            cores.insert(core.to_owned(), node.to_owned());
        }
    }

    /// The label of the node with this core.
    pub fn node_of(&self, core: Option<&str>) -> String {
        let cores = self.cores.0.lock().unwrap_or_else(PoisonError::into_inner);
        core.and_then(|core| cores.get(core)).map_or("unknown", String::as_str).to_owned()
    }
}
