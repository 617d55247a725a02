//! Whether the CRM lets us in. Broken credentials are a state: seen in a metric, told once, and over
//! by themselves once the key is a good one again. To be asked and to be told are two matters: a key
//! may read and not write, so what is refused of one is not given back by the other.

use std::collections::BTreeMap;

use super::{Arc, CrmError, Directory};

/// What is refused where the CRM may not be asked.
const LOOK_UPS: &str = "look-ups";

/// What is refused, in words of the log, each with the requests that were.
pub(super) type Denied = BTreeMap<String, BTreeMap<&'static str, String>>;

impl Directory {
    /// Takes down what a request came to. Being slow or down says nothing of access.
    pub(super) fn access(&self, op: &'static str, error: Option<&CrmError>) {
        match error {
            None => self.let_in(LOOK_UPS, op),
            Some(CrmError::Access(why)) => self.shut_out(LOOK_UPS, op, why),
            Some(CrmError::Slow | CrmError::Fault(_)) => {}
        }
    }

    /// The directory of the CRM of this name.
    pub(crate) fn named(self: &Arc<Self>, crm: &str) -> Option<&Arc<Self>> {
        self.all().find(|directory| directory.name == crm)
    }

    /// The CRM may not be told this: nothing at all, or what needs one right.
    pub(crate) fn refuses(&self, what: &str, why: &str) {
        self.shut_out(what, "", why);
    }

    /// It took it.
    pub(crate) fn takes(&self, what: &str) {
        self.let_in(what, "");
    }

    fn shut_out(&self, what: &str, op: &'static str, why: &str) {
        let mut health = self.health();
        let refused = health.denied.entry(what.to_owned()).or_default();
        let new = refused.is_empty();
        refused.insert(op, why.to_owned());
        let crm = self.name.as_str();
        // Before anybody else changes the state.
        self.metrics.crm_access.with_label_values(&[crm]).set(0);
        drop(health);
        if new {
            tracing::error!(
                crm,
                refused = what,
                why,
                "the CRM does not let us in: put a good key into its file, or give the missing right; it is tried again without a restart, and what the CRM is to be told waits in the outbox"
            );
        }
    }

    fn let_in(&self, what: &str, op: &'static str) {
        let mut health = self.health();
        let Some(refused) = health.denied.get_mut(what) else { return };
        refused.remove(op);
        if !refused.is_empty() {
            return;
        }
        health.denied.remove(what);
        let all = health.denied.is_empty();
        let crm = self.name.as_str();
        self.metrics.crm_access.with_label_values(&[crm]).set(i64::from(all));
        drop(health);
        tracing::info!(crm, given = what, "the CRM lets us in again");
    }
}

/// `look-ups: it refuses our access: …`, each once.
pub(super) fn told(denied: &Denied) -> Vec<String> {
    let each = denied.iter().filter_map(|(what, refused)| Some((what, refused.values().next()?)));
    each.map(|(what, why)| format!("{what}: {why}")).collect()
}
