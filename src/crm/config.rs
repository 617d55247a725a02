//! `[crm.NAME]`: CRMs behind HTTP. None: the built-in one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::abilities::Ability;
use super::{amocrm, keycrm, retailcrm, webhook};
use crate::config::Secret;

/// All CRMs by the names the configuration gives them.
pub type Crms = BTreeMap<String, CrmConfig>;

/// The name of the built-in CRM.
pub const BUILTIN: &str = "builtin";
/// What stands for the receivers of webhooks where CRMs are named.
pub const WEBHOOKS: &str = "webhooks";

/// One CRM, by its `kind`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CrmConfig {
    /// amoCRM, also known as Kommo.
    Amocrm(Box<amocrm::AmoConfig>),
    /// KeyCRM.
    Keycrm(Box<keycrm::KeyConfig>),
    /// retailCRM, also known as Simla.
    Retailcrm(Box<retailcrm::RetailConfig>),
    /// Any other one, by signed requests.
    Webhook(webhook::HookConfig),
}

impl CrmConfig {
    /// Its kind, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Amocrm(_) => amocrm::NAME,
            Self::Keycrm(_) => keycrm::NAME,
            Self::Retailcrm(_) => retailcrm::NAME,
            Self::Webhook(_) => webhook::NAME,
        }
    }

    /// The lines it serves; none named: all that no other CRM serves.
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Amocrm(config) => &config.lines,
            Self::Keycrm(config) => &config.lines,
            Self::Retailcrm(config) => &config.lines,
            Self::Webhook(config) => &config.lines,
        }
    }

    /// What stands in the addresses it calls by itself. `None`: it calls none.
    pub fn hook_secret(&self) -> Option<&Secret> {
        match self {
            Self::Amocrm(config) => config.hook_secret.as_ref(),
            Self::Keycrm(config) => config.hook_secret.as_ref(),
            Self::Retailcrm(config) => config.hook_secret.as_ref(),
            Self::Webhook(_) => None,
        }
    }

    /// What it does otherwise than the rules say.
    pub fn abilities(&self) -> &'static [Ability] {
        match self {
            Self::Amocrm(_) => amocrm::ABILITIES,
            Self::Keycrm(_) => keycrm::ABILITIES,
            Self::Retailcrm(_) => retailcrm::ABILITIES,
            Self::Webhook(_) => webhook::ABILITIES,
        }
    }

    fn check(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Amocrm(config) => config.check(),
            Self::Keycrm(config) => config.check(),
            Self::Retailcrm(config) => config.check(),
            Self::Webhook(config) => config.check(),
        }
    }
}

/// What is wrong with the sections: the CRM, its key, and why.
pub(crate) fn check(crms: &Crms) -> Vec<(String, &'static str, String)> {
    let mut wrong = Vec::new();
    for (index, (name, crm)) in crms.iter().enumerate() {
        let complaints = crm.check().into_iter();
        wrong.extend(complaints.map(|(key, why)| (name.clone(), key, why)));
        if [BUILTIN, WEBHOOKS].contains(&name.as_str()) {
            let why = format!("`{name}` is taken: name the section otherwise");
            wrong.push((name.clone(), "kind", why));
        }
        for (other, before) in crms.iter().take(index) {
            if crm.lines().is_empty() && before.lines().is_empty() {
                let why = format!(
                    "`{name}` and `{other}` would both serve every line: name the lines of one"
                );
                wrong.push((name.clone(), "lines", why));
            }
            if let (CrmConfig::Retailcrm(one), CrmConfig::Retailcrm(two)) = (crm, before)
                && one.shares_module(two)
            {
                let why = format!(
                    "`{name}` and `{other}` would replace each other's telephony module in one \
                     account: set another `module` for one"
                );
                wrong.push((name.clone(), "module", why));
            }
            for line in crm.lines().iter().filter(|line| before.lines().contains(line)) {
                let why = format!("line `{line}` is served by `{other}` already");
                wrong.push((name.clone(), "lines", why));
            }
        }
    }
    wrong
}

/// The CRM of a line.
pub fn of_line<'c>(crms: &'c Crms, line: Option<&str>) -> Option<(&'c String, &'c CrmConfig)> {
    let named = |crm: &CrmConfig| line.is_some_and(|line| crm.lines().iter().any(|l| l == line));
    let all = || crms.iter().find(|(_, crm)| crm.lines().is_empty());
    crms.iter().find(|(_, crm)| named(crm)).or_else(all)
}

/// A key that stands in the configuration, in the environment, or in a file of its own. A file is
/// read when the CRM is opened.
///
/// # Errors
/// What is missing, without the key.
pub(super) fn secret(
    key: Option<&Secret>,
    file: Option<&std::path::Path>,
) -> Result<Secret, String> {
    match (key, file) {
        (Some(key), _) => Ok(key.clone()),
        (None, Some(file)) => match std::fs::read_to_string(file) {
            Ok(text) if !text.trim().is_empty() => Ok(Secret::from(text.trim().to_owned())),
            Ok(_) => Err(format!("the key file {} is empty", file.display())),
            Err(error) => Err(format!("the key file {} cannot be read: {error}", file.display())),
        },
        (None, None) => Err("no key is set".to_owned()),
    }
}
