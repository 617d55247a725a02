//! What we made a moment ago. amoCRM's search may not know it yet, so it is remembered here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::desk::Entity;
use crate::core::phone::Phone;

/// Longer than any index takes.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// Contacts and Unsorted entries by number, companies by name.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Made>);

#[derive(Debug, Default)]
struct Made {
    clients: HashMap<Phone, (Instant, Entity)>,
    unsorted: HashMap<Phone, (Instant, String)>,
    companies: HashMap<String, (Instant, i64)>,
}

impl Recent {
    pub(super) fn made_client(&self, phone: &Phone, client: Entity) {
        let now = Instant::now();
        let mut made = self.lock();
        made.clients.retain(|_, (at, _)| *at + KEPT > now);
        made.clients.insert(phone.clone(), (now, client));
    }

    pub(super) fn client(&self, phone: &Phone) -> Option<Entity> {
        self.lock()
            .clients
            .get(phone)
            .filter(|(at, _)| *at + KEPT > Instant::now())
            .map(|(_, c)| *c)
    }

    pub(super) fn forget_client(&self, phone: &Phone) {
        self.lock().clients.remove(phone);
    }

    pub(super) fn made_unsorted(&self, phone: &Phone, uid: &str) {
        let now = Instant::now();
        let mut made = self.lock();
        made.unsorted.retain(|_, (at, _)| *at + KEPT > now);
        made.unsorted.insert(phone.clone(), (now, uid.to_owned()));
    }

    pub(super) fn unsorted(&self, phone: &Phone) -> Option<String> {
        let made = self.lock();
        let kept = made.unsorted.get(phone).filter(|(at, _)| *at + KEPT > Instant::now());
        kept.map(|(_, uid)| uid.clone())
    }

    pub(super) fn forget_unsorted(&self, phone: &Phone) {
        self.lock().unsorted.remove(phone);
    }

    pub(super) fn made_company(&self, name: &str, id: i64) {
        let now = Instant::now();
        let mut made = self.lock();
        made.companies.retain(|_, (at, _)| *at + KEPT > now);
        made.companies.insert(name.to_lowercase(), (now, id));
    }

    pub(super) fn company(&self, name: &str) -> Option<i64> {
        let made = self.lock();
        let kept = made.companies.get(&name.to_lowercase());
        kept.filter(|(at, _)| *at + KEPT > Instant::now()).map(|(_, id)| *id)
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
