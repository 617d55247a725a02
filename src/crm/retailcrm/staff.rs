//! Users as employees (E14).

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use super::Retail;
use super::wire::{ModuleAnswer, Telephony, User, UserCode, Users};
use crate::core::staff::{Employee, Number, Status};
use crate::crm::number_of;
use crate::crm::remote::{Class, Fault, numbers_in};

/// Pages of 100 users; more is a loop in the answer.
const PAGES: u32 = 50;

/// Extensions by the id of their user.
pub(super) type Codes = BTreeMap<String, Vec<Number>>;

impl Retail {
    pub(super) async fn all_employees(&self) -> Result<Vec<Employee>, Fault> {
        let codes = self.codes().await?;
        Ok(self
            .users_of(Class::Lookup)
            .await?
            .into_iter()
            .map(|user| self.employee(user, &codes))
            .collect())
    }

    pub(super) async fn users_of(&self, class: Class) -> Result<Vec<User>, Fault> {
        let mut users = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("limit", "100"), ("page", &page)];
            let answer: Users = self.api.get(class, "users", &query).await?;
            users.extend(answer.users);
            if answer.pagination.is_last() {
                break;
            }
        }
        Ok(users)
    }

    /// Our telephony module as the CRM has it. `None`: it is not registered.
    pub(super) async fn module(&self) -> Result<Option<(bool, Telephony)>, Fault> {
        let path = format!("integration-modules/{}", self.config.module);
        match self.api.get::<ModuleAnswer>(Class::Lookup, &path, &[]).await {
            Ok(answer) => Ok(answer
                .integration_module
                .and_then(|module| Some((module.active, module.integrations?.telephony?)))),
            Err(Fault::Refused { status: 404, .. }) => Ok(None),
            Err(Fault::Refused { why, .. }) if why.contains("ot found") => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Extensions by user, as the module has them. Where the key may not look: as they were when it
    /// might, and none where it never might.
    async fn codes(&self) -> Result<Codes, Fault> {
        let mut codes = Codes::new();
        let module = match self.module().await {
            Err(Fault::Refused { .. } | Fault::Forbidden(_)) => return Ok(self.known().clone()),
            module => module?,
        };
        let listed = module.map(|(_, telephony)| telephony.additional_codes);
        for UserCode { user_id, code } in listed.unwrap_or_default() {
            codes.entry(user_id).or_default().extend(number_of(&code));
        }
        self.known().clone_from(&codes);
        Ok(codes)
    }

    fn known(&self) -> MutexGuard<'_, Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As configured, or as his field says. `None`: neither names him.
    pub(super) fn numbers_of(&self, user: &User) -> Option<Vec<Number>> {
        let listed = &self.config.numbers;
        let id = user.id.to_string();
        if let Some(his) = listed.get(&id).or_else(|| listed.get(user.email.as_deref()?)) {
            return Some(his.iter().filter_map(|text| number_of(text)).collect());
        }
        let told = numbers_in(&user.rest, self.config.numbers_field.as_deref()?);
        (!told.is_empty()).then_some(told)
    }

    fn employee(&self, user: User, codes: &Codes) -> Employee {
        let id = user.id.to_string();
        let name = [user.first_name.as_deref(), user.last_name.as_deref()];
        let name: Vec<_> = name.into_iter().flatten().map(str::trim).collect();
        let numbers = self.numbers_of(&user);
        let numbers = numbers.unwrap_or_else(|| codes.get(&id).cloned().unwrap_or_default());
        let mut groups = Vec::new();
        for name in user.groups.into_iter().flat_map(|group| [group.code, group.name]).flatten() {
            if !groups.contains(&name) {
                groups.push(name);
            }
        }
        let takes_calls = user.status.as_deref().is_none_or(|status| status == "free");
        Employee {
            id: id.as_str().into(),
            name: name.join(" ").trim().to_owned(),
            numbers,
            groups,
            deputy: None,
            status: if user.active { Status::Active } else { Status::Gone },
            online: if takes_calls { user.online } else { Some(false) },
        }
    }
}
