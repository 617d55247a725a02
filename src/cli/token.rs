//! `dozvon token`: who may use the API. Works on the store, beside a running engine and without
//! one.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use miette::IntoDiagnostic;

use super::out::print;
use super::table::table;
use crate::store::Store;
use crate::tokens::{Scope, Token, Tokens, audit};

/// `dozvon token`
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Debug, clap::Subcommand)]
enum TokenVerb {
    /// Make a token and show it, once: only a hash of it is kept.
    New {
        /// Who uses it: letters, digits and - _ .
        name: String,
        /// What for: calls, callbacks, outbox, rules, log; several with commas.
        #[arg(long, value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
    },
    /// List the tokens, those that were revoked too.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a token good for nothing, at once.
    Revoke {
        /// Its name.
        name: String,
    },
}

impl TokenArgs {
    /// Whether it changes something: then it is written to the log.
    pub fn changes(&self) -> bool {
        !matches!(self.verb, TokenVerb::List { .. })
    }

    /// Runs the verb on the store in this file. A new store is made for a new token only.
    ///
    /// # Errors
    /// What is wrong with the store or the name.
    pub async fn run(self, store_path: &Path) -> miette::Result<ExitCode> {
        let store = match self.verb {
            TokenVerb::New { .. } => Store::open(store_path).await?,
            _ => Store::open_existing(store_path).await?,
        };
        let tokens = Tokens::new(store);
        match self.verb {
            TokenVerb::New { name, scope } => {
                let token = tokens.make(&name, &scope, Timestamp::now()).await?;
                let words: Vec<_> = scope.iter().map(|scope| scope.as_str()).collect();
                let what = format!("token `{name}` is made for {}", words.join(", "));
                audit(&user(), what);
                print(&format!("{token}\n"))?;
                eprintln!("keep it now: it is not shown again");
            }
            TokenVerb::List { json } => {
                let all = tokens.list().await?;
                let text = match json {
                    true => serde_json::to_string_pretty(&all).into_diagnostic()? + "\n",
                    false => listed(&all),
                };
                print(&text)?;
            }
            TokenVerb::Revoke { name } => {
                tokens.revoke(&name, Timestamp::now()).await?;
                audit(&user(), format_args!("token `{name}` is revoked"));
                print(&format!("token {name} is revoked\n"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn listed(all: &[Token]) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let rows = all.iter().map(|token| {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let revoked = token.revoked.map(|at| format!("revoked {}", day(at)));
        vec![token.name.clone(), day(token.created), scopes.join(","), revoked.unwrap_or_default()]
    });
    match all.is_empty() {
        true => "no tokens yet\n".to_owned(),
        false => table(&["name", "made", "scopes", ""], rows.collect()),
    }
}

/// Who sits at the command line, as the system says, for the audit lines.
pub fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    format!("command line ({})", name.unwrap_or_else(|_| "unknown".into()))
}
