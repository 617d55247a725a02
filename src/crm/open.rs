//! The CRMs of the configuration, ready to be asked.

use std::sync::Arc;

use super::Crm;
use super::amocrm::Amo;
use super::config::{BUILTIN, CrmConfig, Crms};
use super::keycrm::KeyCrm;
use super::lazy::Lazy;
use super::retailcrm::Retail;
use super::several::Several;
use super::webhook::Hook;

/// A CRM that cannot be used as configured.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("[crm.{name}]: {why}")]
#[diagnostic(help(
    "set a key as a file (`key_file`, `token_file`), or in the environment as \
     DOZVON_CRM__NAME__KEY or DOZVON_CRM__NAME__TOKEN with the CRM's name"
))]
pub struct OpenError {
    name: String,
    why: String,
}

/// What the CRM is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    /// Calls: the quickest answer first.
    Calls,
    /// A person who asks: the whole answer.
    People,
}

/// Opens them; nothing is asked yet. `builtin` serves the lines that no CRM of the configuration
/// does; its store keeps what a CRM must not forget.
///
/// # Errors
/// [`OpenError`]: no key, or no TLS on this machine.
pub fn open(crms: &Crms, builtin: Arc<Lazy>, what_for: For) -> Result<Arc<dyn Crm>, OpenError> {
    if crms.is_empty() {
        return Ok(builtin);
    }
    let mut rest: (String, Arc<dyn Crm>) = (BUILTIN.to_owned(), builtin.clone());
    let mut others = Vec::new();
    for (name, config) in crms {
        let crm =
            one(config, &builtin, what_for).map_err(|why| OpenError { name: name.clone(), why })?;
        match config.lines() {
            [] => rest = (name.clone(), crm),
            lines => others.push((name.clone(), lines.to_vec(), crm)),
        }
    }
    Ok(Arc::new(Several::new(rest, others)))
}

fn one(config: &CrmConfig, store: &Arc<Lazy>, what_for: For) -> Result<Arc<dyn Crm>, String> {
    Ok(match config {
        CrmConfig::Amocrm(config) => {
            let crm = Amo::new(config, store.clone()).map_err(|fault| fault.to_string())?;
            Arc::new(crm)
        }
        CrmConfig::Keycrm(config) => {
            let crm = KeyCrm::new(config, store.clone()).map_err(|fault| fault.to_string())?;
            Arc::new(crm.rough(what_for == For::Calls))
        }
        CrmConfig::Retailcrm(config) => {
            let crm = Retail::new(config, store.clone()).map_err(|fault| fault.to_string())?;
            Arc::new(crm.rough(what_for == For::Calls))
        }
        CrmConfig::Webhook(config) => {
            Arc::new(Hook::new(config).map_err(|fault| fault.to_string())?)
        }
    })
}
