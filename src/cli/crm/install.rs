//! `dozvon crm install`: a CRM behind HTTP learns of this engine.

use std::sync::Arc;

use miette::{IntoDiagnostic, miette};

use crate::app;
use crate::cli::out::print;
use crate::config::Config;
use crate::crm::config::CrmConfig;
use crate::crm::lazy::Lazy;
use crate::crm::retailcrm::{NAME, Retail};

/// Registers the engine in the CRM `which`: a name of the configuration, or a kind where only one
/// is of it.
pub(super) async fn install(config: &Config, which: &str) -> miette::Result<()> {
    let mut found = config.crm.iter().filter(|(name, crm)| *name == which || crm.kind() == which);
    let (name, crm) = match (found.next(), found.next()) {
        (Some(one), None) => one,
        (Some(_), Some(_)) => {
            let help = "name it as the configuration does: the NAME of its [crm.NAME]";
            return Err(miette!(help = help, "there are several CRMs of the kind {which}"));
        }
        (None, _) => {
            let help = "name one in a section: [crm.shop] with kind = \"retailcrm\"";
            return Err(miette!(help = help, "the configuration has no CRM `{which}`"));
        }
    };
    let needed = |what: &str, help: &str| miette!(help = help.to_owned(), "{what} is not set");
    let CrmConfig::Retailcrm(retail) = crm else {
        let why = format!("a CRM of the kind {} needs no installing", crm.kind());
        return Err(match crm {
            CrmConfig::Amocrm(_) => miette!(help = "run `dozvon crm login`", "{why}"),
            _ => miette!("{why}"),
        });
    };
    let secret = retail.hook_secret.as_ref().ok_or_else(|| {
        let help = "set it to what `openssl rand -hex 16` gives: it keeps others from calling";
        needed(&format!("crm.{name}.hook_secret"), help)
    })?;
    let url = config.http.public_url.as_deref().ok_or_else(|| {
        needed("http.public_url", "set it to the address at which the CRM reaches this engine")
    })?;
    let base = format!("{}/crm/{name}/{}", url.trim_end_matches('/'), secret.reveal());
    let rules = app::load_rules(config)?;
    let lines = rules.lines().filter(|line| {
        retail.lines.is_empty() || retail.lines.iter().any(|named| *named == line.name)
    });
    let phones: Vec<String> = lines
        .filter_map(|line| line.caller_id.as_ref().map(|phone| phone.e164().to_owned()))
        .collect();
    let store = Arc::new(Lazy::new(config.store.path.clone()));
    let crm = Retail::new(retail, store).into_diagnostic()?;
    let module = crm.install(&base, name, &phones).await.map_err(|fault| {
        let help = format!("`dozvon doctor` tells what the key of crm.{name} may do");
        miette!(help = help, "{NAME} does not take the module: {fault}")
    })?;
    let codes = module.codes.len();
    print(&format!("registered the telephony module `{}`, {codes} extensions\n", module.code))?;
    for (user, code) in &module.codes {
        print(&format!("  user {user}: {code}\n"))?;
    }
    module.remarks.iter().try_for_each(|remark| print(&format!("{remark}\n")))
}
