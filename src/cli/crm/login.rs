//! `dozvon crm login`: the first authorisation, and the subscription to changes.

use std::io::BufRead;
use std::sync::Arc;

use miette::{IntoDiagnostic, miette};

use crate::cli::out::print;
use crate::config::Config;
use crate::crm::Crm;
use crate::crm::amocrm::{Amo, AmoConfig};
use crate::crm::config::CrmConfig;
use crate::crm::lazy::Lazy;

/// `dozvon crm login`
#[derive(Debug, clap::Args)]
pub(super) struct LoginArgs {
    /// Which account: its name in the configuration, or its kind where there is one of it.
    name: String,
    /// The code amoCRM gave, or the whole address it led to. Without it you are asked.
    #[arg(long)]
    code: Option<String>,
}

impl LoginArgs {
    pub(super) async fn run(self, config: &Config) -> miette::Result<()> {
        let (name, account) = account(&self.name, config)?;
        let store = Arc::new(Lazy::new(config.store.path.clone()));
        let amo = Amo::new(account, store).map_err(|fault| miette!("[crm.{name}]: {fault}"))?;
        match amo.authorize_url() {
            None => print("a long-lived token is configured: nobody has to log in\n")?,
            Some(address) => {
                let code = match self.code {
                    Some(code) => code,
                    None => asked(&address)?,
                };
                let login = amo.login(code_in(&code)).await;
                login.map_err(|fault| {
                    let help = "a code is good for 20 minutes and once, and `redirect_uri` must \
                                be that of the integration, letter by letter";
                    miette!(help = help, "amoCRM gave no access: {fault}")
                })?;
            }
        }
        let staff = amo.employees().await.map_err(|error| {
            let help = "a token that is refused here has another account or no rights";
            miette!(help = help, "there is access, but it does not go far: {error}")
        })?;
        print(&format!("{name}: there is access; {} users\n", staff.len()))?;
        subscribe(&amo, name, account, config).await
    }
}

fn account<'c>(wanted: &str, config: &'c Config) -> miette::Result<(&'c str, &'c AmoConfig)> {
    let all = config.crm.iter().filter_map(|(name, crm)| match crm {
        CrmConfig::Amocrm(account) => Some((name.as_str(), &**account)),
        _ => None,
    });
    let all: Vec<_> = all.collect();
    let by_name = all.iter().find(|(name, _)| *name == wanted);
    match (by_name, all.as_slice()) {
        (Some(found), _) => Ok(*found),
        (None, [only]) if wanted == crate::crm::amocrm::NAME => Ok(*only),
        (None, []) => Err(miette!(
            help = "add a section [crm.NAME] with kind = \"amocrm\", url, client_id, \
                    client_secret_file and redirect_uri",
            "no account of amoCRM is configured"
        )),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
            Err(miette!(
                help = format!("name one of: {}", names.join(", ")),
                "no account of amoCRM is called `{wanted}`"
            ))
        }
    }
}

fn asked(address: &str) -> miette::Result<String> {
    print(&format!(
        "1. Open this in a browser, as an administrator of the account:\n\n   {address}\n\n\
         2. Choose the account and allow access.\n\
         3. The browser is led to the redirect address, with `code=…` in it. It need not show \
         anything.\n   Paste that address, or the code, within 20 minutes:\n\n"
    ))?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).into_diagnostic()?;
    match line.trim() {
        "" => Err(miette!("there was no code: nothing was changed")),
        code => Ok(code.to_owned()),
    }
}

/// The code in an address; a code by itself.
fn code_in(text: &str) -> String {
    let text = text.trim();
    let Some((_, query)) = text.split_once('?') else { return text.to_owned() };
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "code").map_or_else(|| text.to_owned(), |(_, code)| code.into())
}

async fn subscribe(
    amo: &Amo,
    name: &str,
    account: &AmoConfig,
    config: &Config,
) -> miette::Result<()> {
    let (Some(secret), Some(own)) = (&account.hook_secret, &config.http.public_url) else {
        return print(
            "changes are not told to us: set `hook_secret` here and `http.public_url`, and run \
             this again\n",
        );
    };
    let address = format!("{}/crm/{name}/{}/changes", own.trim_end_matches('/'), secret.reveal());
    match amo.subscribe(&address).await {
        Ok(()) => print("amoCRM tells us changes from now on\n"),
        Err(fault) => print(&format!(
            "amoCRM does not tell us changes: {fault}; an administrator can add them under \
             Settings, Integrations, Web hooks\n"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_the_address_it_came_with() {
        let address = "https://pbx.example/cb?code=def50&state=1&referer=a.amocrm.ru";
        assert_eq!(code_in(address), "def50");
        assert_eq!(code_in(" def50 \n"), "def50");
    }

    #[test]
    fn an_account_is_named_or_the_only_one() {
        let amo = || CrmConfig::Amocrm(Box::default());
        let mut config = Config::default();
        assert!(account("amocrm", &config).is_err());
        config.crm.insert("sales".into(), amo());
        assert_eq!(account("amocrm", &config).unwrap().0, "sales");
        config.crm.insert("service".into(), amo());
        assert_eq!(account("service", &config).unwrap().0, "service");
        let why = format!("{:?}", account("amocrm", &config).unwrap_err());
        assert!(why.contains("sales, service"), "{why}");
    }
}
