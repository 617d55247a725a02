//! Employees taken over from the CRM (E14).

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Arc, CrmError, Directory, Instant, Invalidation, Staff, flight};
use crate::core::staff::Status;

impl Directory {
    /// Takes the employees over from the CRM; says how many take part. On a failure the old ones
    /// stay, and it is logged when things turn bad or good, not each time.
    ///
    /// # Errors
    /// Why the CRM did not answer; [`Directory::state`] shows it too.
    pub async fn refresh_staff(&self) -> Result<usize, CrmError> {
        let begun = Instant::now();
        let answer = self.guarded(self.crm.employees()).await;
        self.count_request("employees", flight::outcome(&answer), begun);
        self.access("employees", answer.as_ref().err());
        let employees = answer.inspect_err(|error| self.staff_failed(error))?;
        let present = employees.iter().filter(|employee| employee.status != Status::Gone).count();
        self.staff.store(Arc::new(Staff::new(employees)));
        let count = i64::try_from(present).unwrap_or(i64::MAX);
        self.metrics.employees.with_label_values(&[&self.name]).set(count);
        let mut health = self.health();
        let (failed_before, known_before) = (health.staff_error.take(), health.staff);
        health.staff = Some(present);
        drop(health);
        if failed_before.is_some() || known_before != Some(present) {
            // Our own actions change it too, with every new client.
            tracing::debug!(
                crm = self.name,
                employees = present,
                "employees taken over from the CRM"
            );
        }
        Ok(present)
    }

    fn staff_failed(&self, error: &CrmError) {
        let mut health = self.health();
        let failed_before = health.staff_error.replace(error.to_string()).is_some();
        let known = health.staff;
        drop(health);
        let crm = self.name.as_str();
        match known {
            _ if failed_before || matches!(error, CrmError::Access(_)) => {
                tracing::debug!(crm, %error, "employees still not readable")
            }
            Some(employees) => {
                tracing::warn!(crm, %error, employees, "employees could not be read from the CRM: those known stay");
            }
            None => {
                tracing::error!(crm, %error, "employees could not be read from the CRM: no owner can be rung until they are");
            }
        }
    }

    /// Takes the employees over at once and at every interval, and forgets what is kept when the
    /// CRM says that its data changed. Ends when `stop` is cancelled.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_up()).await;
    }

    async fn keep_up(self: Arc<Self>) {
        let mut revision = self.revision().await;
        let mut staff = interval(self.config.staff_interval);
        let mut watch = interval(self.config.watch_interval);
        staff.set_missed_tick_behavior(MissedTickBehavior::Delay);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        watch.tick().await;
        loop {
            let refresh = tokio::select! {
                _ = staff.tick() => true,
                _ = watch.tick() => {
                    self.probe();
                    self.look_for_changes().await;
                    self.changed(&mut revision).await || self.nobody_known()
                }
            };
            if refresh {
                // The failure is logged and shown by refresh_staff.
                let _ = self.refresh_staff().await;
            }
        }
    }

    async fn changed(&self, last: &mut Option<i64>) -> bool {
        let now = self.revision().await;
        let changed = now.is_some() && last.is_some() && now != *last;
        *last = now.or(*last);
        if changed {
            // Our own actions change it too, with every new client.
            tracing::debug!(
                crm = self.name,
                "the CRM's data changed: what was remembered of it is dropped"
            );
            self.invalidate(&Invalidation::All).await;
        }
        changed
    }

    /// Drops what is remembered of clients the CRM names. While one looks and another one waits
    /// for that, whoever comes has nothing to do: a CRM tells of hundreds of changes in a burst.
    pub async fn look_for_changes(&self) {
        let Ok(waits) = self.waits_to_look.try_lock() else { return };
        let _looks = self.looks.lock().await;
        drop(waits);
        let Ok(changed) = self.guarded(self.crm.changed()).await else { return };
        for client in changed.clients {
            self.invalidate(&Invalidation::Client(client)).await;
        }
        if changed.added {
            self.invalidate(&Invalidation::Nobody).await;
        }
    }

    fn nobody_known(&self) -> bool {
        self.health().staff.is_none()
    }

    /// A CRM that fails here fails at look-ups too, where it is told.
    async fn revision(&self) -> Option<i64> {
        self.guarded(self.crm.revision()).await.ok().flatten()
    }
}
