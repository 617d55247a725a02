//! Users are employees. amoCRM knows neither extensions nor who is at his desk.

use super::config::AmoConfig;
use super::wire::User;
use crate::core::staff::{Employee, Status};
use crate::crm::number_of;
use crate::crm::remote::numbers_in;

/// A user as an employee; his numbers are those configured for his id or e-mail, else those in the
/// field named for it.
pub(super) fn employee(user: User, config: &AmoConfig) -> Employee {
    let numbers = &config.numbers;
    let id = user.id.to_string();
    let by_mail = || {
        let mail = |key: &&String| !user.email.is_empty() && key.eq_ignore_ascii_case(&user.email);
        numbers.keys().find(mail).and_then(|key| numbers.get(key))
    };
    let own: Vec<_> = match numbers.get(&id).or_else(by_mail) {
        Some(own) => own.iter().filter_map(|text| number_of(text)).collect(),
        None => {
            let field = config.numbers_field.as_deref();
            field.map(|field| numbers_in(&user.rest, field)).unwrap_or_default()
        }
    };
    let active = user.rights.and_then(|rights| rights.is_active).unwrap_or(true);
    Employee {
        id: id.as_str().into(),
        name: user.name,
        numbers: own,
        groups: user.tied.groups.into_iter().map(|group| group.name).collect(),
        deputy: None,
        status: if active { Status::Active } else { Status::Gone },
        online: None,
    }
}
