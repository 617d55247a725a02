//! Clients by their numbers, as they were typed.

use super::fresh::Fresh;
use super::wire::{Customers, Id, Person};
use super::{Entity, Retail};
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, same_number};

impl Retail {
    /// The client with this number, for what is done to him: the newest.
    pub(super) async fn whose_number(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Option<Id>, Fault> {
        let fresh = self.fresh(class).await;
        let mut found = self.with_number(class, phone, &fresh).await?;
        if found.is_empty() {
            let caller = self.who_calls(class, phone).await?;
            found = self.and_caller(class, phone, found, caller).await?;
        }
        Ok(found.into_iter().map(|person| person.id).max())
    }

    /// Clients whose number it is. The CRM's search is wide: it looks into names as well.
    pub(super) async fn with_number(
        &self,
        class: Class,
        phone: &Phone,
        fresh: &Fresh,
    ) -> Result<Vec<Person>, Fault> {
        let digits = phone.digits();
        // The country code is spelt in several ways: 8 and 7, 0 and 380.
        let spelt = digits.len().checked_sub(10).map_or(digits, |from| &digits[from..]);
        let mut found = self.spelt(class, phone, spelt).await?;
        // Where somebody has the number, who was made for it may be merged into him.
        if found.is_empty() {
            found.extend(fresh.customers.iter().filter(|person| has(person, phone)).cloned());
        }
        Ok(found)
    }

    async fn spelt(&self, class: Class, phone: &Phone, spelt: &str) -> Result<Vec<Person>, Fault> {
        let query = [("filter[name]", spelt), ("limit", "100")];
        let mut found = self.api.get::<Customers>(class, "customers", &query).await?.customers;
        found.retain(|person| has(person, phone));
        for person in &found {
            self.remember_site(Entity::Customer, person.id, person.site.as_deref()).await;
        }
        Ok(found)
    }

    /// Clients with this number in one of the spellings people type: for a key without telephony,
    /// where the list has it as it was typed.
    pub(super) async fn typed(&self, class: Class, phone: &Phone) -> Result<Vec<Person>, Fault> {
        let digits = phone.digits();
        let Some(end) = digits.len().checked_sub(10).and_then(|from| digits.get(from..)) else {
            return Ok(Vec::new());
        };
        let (code, a, b, c) = (&end[..3], &end[3..6], &end[6..8], &end[8..]);
        for spelt in [
            format!("{code}) {a}-{b}-{c}"),
            format!("{code} {a}-{b}-{c}"),
            format!("{code}-{a}-{b}-{c}"),
            format!("{code} {a} {b} {c}"),
        ] {
            let found = self.spelt(class, phone, &spelt).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }
}

/// Whether it is his number.
pub(super) fn has(person: &Person, phone: &Phone) -> bool {
    person.phones.iter().any(|stored| same_number(&stored.number, phone.digits()))
}
