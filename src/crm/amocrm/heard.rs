//! What amoCRM tells of changes. Its posts have no signature and no order: they are hints, and
//! what is remembered of a client is dropped, never changed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::debug;

use super::Amo;
use super::desk::Entity;
use super::wire::Kind;
use crate::core::ids::ClientId;
use crate::crm::Changed;
use crate::crm::remote::{Class, Fault};

/// More than that at once, and everything is dropped.
const MOST: usize = 2000;

/// Heard, and not yet told on.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<Names>);

#[derive(Clone, Debug, Default)]
struct Names {
    clients: BTreeSet<ClientId>,
    leads: BTreeSet<i64>,
    added: bool,
    /// How often it was too much.
    overflows: i64,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a post: `leads[status][0][id]=5`, `contacts[update][0][type]=company`.
    pub(super) fn take(&self, form: &[(String, String)]) {
        let mut names = self.lock();
        for (key, value) in form {
            let words: Vec<&str> = key.split(['[', ']']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                ["leads", _, _, "id"] => {
                    names.leads.extend(value.parse::<i64>().ok());
                }
                ["contacts" | "companies", _, index, "id"] => {
                    let Ok(id) = value.parse() else { continue };
                    let company = words[0] == "companies" || is_company(form, words[1], index);
                    let kind = if company { Kind::Companies } else { Kind::Contacts };
                    names.clients.insert(Entity { kind, id }.client());
                    // The number may be a new one.
                    names.added = true;
                }
                // Who was hidden is somebody now.
                ["unsorted", "delete", ..] => names.added = true,
                _ => {}
            }
        }
        if names.leads.len() + names.clients.len() > MOST {
            let overflows = names.overflows + 1;
            *names = Names { overflows, ..Names::default() };
        }
    }

    /// Differs once too much was heard to be told one by one.
    pub(super) fn overflows(&self) -> i64 {
        self.lock().overflows
    }
}

/// Companies come among the contacts, with a type.
fn is_company(form: &[(String, String)], action: &str, index: &str) -> bool {
    let key = format!("contacts[{action}][{index}][type]");
    form.iter().any(|(own, value)| *own == key && value == "company")
}

impl Amo {
    /// Whose data changed. A deal's post names no client: those it had at look-ups are told, for it
    /// may be gone, and those it has now.
    pub(super) async fn told_changes(&self) -> Result<Changed, Fault> {
        let names = self.heard.lock().clone();
        let mut clients: BTreeSet<ClientId> = names.clients.clone();
        for lead in &names.leads {
            clients.extend(self.deals.get(lead).await.into_iter().flatten());
        }
        let ids: Vec<i64> = names.leads.iter().copied().collect();
        let now = self.leads_with(Class::Delivery, &ids, &[("with", "contacts")]).await;
        let told = now.is_ok();
        match now {
            Ok(leads) => {
                for lead in leads {
                    let of = |kind, id| Entity { kind, id }.client();
                    clients.extend(lead.tied.contacts.iter().map(|c| of(Kind::Contacts, c.id)));
                    clients.extend(lead.tied.companies.iter().map(|c| of(Kind::Companies, c.id)));
                }
            }
            Err(fault) if clients.is_empty() && !names.added => return Err(fault),
            // What is known already need not wait for the rest.
            Err(fault) => debug!(%fault, "whose the changed deals are is asked again"),
        }
        // Only now: whoever gave up waiting must not lose them.
        let mut left = self.heard.lock();
        left.clients.retain(|client| !names.clients.contains(client));
        left.leads.retain(|lead| !(told && names.leads.contains(lead)));
        // What was heard while the deals were asked for is told next time.
        left.added &= !names.added;
        Ok(Changed { clients: clients.into_iter().collect(), added: names.added })
    }
}
