//! Users as employees (E14), with extensions from the configuration or a field of theirs.

use std::sync::Arc;

use super::KeyCrm;
use super::wire::{Id, User};
use crate::core::ids::EmployeeId;
use crate::core::staff::{Employee, Number, Status};
use crate::crm::number_of;
use crate::crm::remote::{Class, Fault, numbers_in};

/// Pages of 50 users.
const PAGES: u32 = 40;

impl KeyCrm {
    pub(super) async fn all_employees(&self) -> Result<Vec<Employee>, Fault> {
        let users = self.api.list(Class::Lookup, "users", &[], PAGES).await?;
        let users: Arc<[User]> = users.into();
        self.users.insert((), users.clone()).await;
        Ok(users.iter().map(|user| self.employee(user)).collect())
    }

    /// The users as last told, asked for once where nobody has.
    async fn known_users(&self) -> Result<Arc<[User]>, Fault> {
        if let Some(known) = self.users.get(&()).await {
            return Ok(known);
        }
        let users: Arc<[User]> = self.api.list(Class::Delivery, "users", &[], PAGES).await?.into();
        self.users.insert((), users.clone()).await;
        Ok(users)
    }

    fn employee(&self, user: &User) -> Employee {
        Employee {
            id: user.id.to_string().as_str().into(),
            name: user.full_name.clone().unwrap_or_default().trim().to_owned(),
            numbers: self.numbers_of(user),
            groups: Vec::new(),
            deputy: None,
            status: match user.status.as_deref() {
                Some("blocked") => Status::Gone,
                _ => Status::Active,
            },
            online: None,
        }
    }

    fn numbers_of(&self, user: &User) -> Vec<Number> {
        let id = user.id.to_string();
        let keys = [Some(id.as_str()), user.email.as_deref(), user.username.as_deref()];
        let listed = keys.into_iter().flatten().find_map(|key| self.config.numbers.get(key));
        match (listed, &self.config.numbers_field) {
            (Some(listed), _) => listed.iter().filter_map(|text| number_of(text)).collect(),
            (None, Some(field)) => numbers_in(&user.rest, field),
            (None, None) => Vec::new(),
        }
    }

    /// Keys of `numbers` that are no user's.
    pub(super) fn of_nobody<'k>(&'k self, users: &[User]) -> Vec<&'k str> {
        let is = |user: &User, key: &str| {
            let names = [user.email.as_deref(), user.username.as_deref()];
            user.id.to_string() == key || names.contains(&Some(key))
        };
        let keys = self.config.numbers.keys().map(String::as_str);
        keys.filter(|key| !users.iter().any(|user| is(user, key))).collect()
    }

    /// Users nobody can ring.
    pub(super) fn without_numbers(&self, users: &[User]) -> Vec<Id> {
        let works = users.iter().filter(|user| user.status.as_deref() == Some("active"));
        works.filter(|user| self.numbers_of(user).is_empty()).map(|user| user.id).collect()
    }

    /// By it KeyCRM knows who called or was called.
    pub(super) async fn extension_of(&self, who: &EmployeeId) -> Result<Option<String>, Fault> {
        let users = self.known_users().await?;
        let user = users.iter().find(|user| user.id.to_string() == who.as_str());
        let numbers = user.map(|user| self.numbers_of(user)).unwrap_or_default();
        Ok(numbers.iter().find_map(|number| match number {
            Number::Line(extension) => Some(extension.to_string()),
            Number::Outside(_) => None,
        }))
    }
}
