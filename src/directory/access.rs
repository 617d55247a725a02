//! Whether the CRM lets us in. Broken credentials are a state: seen in a metric, told once, and over
//! by themselves once the key is a good one again.

use super::{CrmError, Directory};

impl Directory {
    /// Takes down what a request came to. Being slow or down says nothing of access.
    pub(super) fn access(&self, op: &'static str, error: Option<&CrmError>) {
        let mut health = self.health();
        let before = health.denied.is_empty();
        match error {
            None => drop(health.denied.remove(op)),
            Some(CrmError::Access(_)) => drop(health.denied.insert(op)),
            Some(CrmError::Slow | CrmError::Fault(_)) => {}
        }
        let now = health.denied.is_empty();
        drop(health);
        let crm = self.name.as_str();
        self.metrics.crm_access.with_label_values(&[crm]).set(i64::from(now));
        match (before, error) {
            (true, Some(error)) if !now => {
                tracing::error!(crm, %error, "the CRM does not let us in: put a good key into its file, or give the missing right; it is tried again without a restart");
            }
            (false, _) if now => tracing::info!(crm, "the CRM lets us in again"),
            _ => {}
        }
    }
}
