//! Users are employees. amoCRM knows neither extensions nor who is at his desk.

use std::collections::BTreeMap;

use super::config::number;
use super::wire::User;
use crate::core::staff::{Employee, Status};

/// A user as an employee; his numbers are those configured for his id or e-mail, else that of his
/// profile, where it was asked for.
pub(super) fn employee(user: User, numbers: &BTreeMap<String, Vec<String>>) -> Employee {
    let id = user.id.to_string();
    let by_mail = || {
        let mail = |key: &&String| !user.email.is_empty() && key.eq_ignore_ascii_case(&user.email);
        numbers.keys().find(mail).and_then(|key| numbers.get(key))
    };
    let own: Vec<_> = match numbers.get(&id).or_else(by_mail) {
        Some(own) => own.iter().filter_map(|text| number(text)).collect(),
        None => {
            let told = user.phone_number.as_str().map(str::to_owned);
            let told = told.or_else(|| Some(user.phone_number.as_u64()?.to_string()));
            told.and_then(|text| number(&text)).into_iter().collect()
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
