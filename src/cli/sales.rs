//! `dozvon sales`: deals that were won, and the calls and forms that brought them. Works on the
//! store, beside a running engine and without one.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic};
use serde_json::json;

use super::out::print;
use super::table::table;
use super::token::user;
use crate::app;
use crate::config::Config;
use crate::crm::lazy::Lazy;
use crate::crm::open::{For, open};
use crate::metrics::Metrics;
use crate::sales::desk::HELP;
use crate::sales::{Counts, Desk, Ran, Sale, Seller, Standing};
use crate::store::Store;
use crate::tokens::audit;

/// `dozvon sales`
///
/// Without a verb: the last success or error of each CRM, and when it is asked next.
#[derive(Debug, clap::Args)]
pub struct SalesArgs {
    #[command(subcommand)]
    verb: Option<SalesVerb>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum SalesVerb {
    /// Ask now which deals were won since the last success, and mark them. Needs no engine.
    Run {
        /// Only this CRM, by its name in the configuration.
        #[arg(long, value_name = "NAME")]
        crm: Option<String>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List sales with the calls and forms that brought them, the oldest first.
    List {
        /// Only this CRM's.
        #[arg(long, value_name = "NAME")]
        crm: Option<String>,
        /// Only sales with a higher number: the next page.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum CliError {
    #[error("sales are not switched on: nobody asks the CRM for deals that were won")]
    #[diagnostic(help("add a section [sales] to the configuration; the README shows its keys"))]
    Off,
    #[error("there is no CRM `{name}`")]
    #[diagnostic(help("there are: {known}"))]
    Unknown { name: String, known: String },
}

impl SalesArgs {
    /// Whether it changes something: then it is written to the log.
    pub fn changes(&self) -> bool {
        matches!(self.verb, Some(SalesVerb::Run { .. }))
    }

    /// Runs the verb. Exit code 1 where a CRM could not be asked.
    ///
    /// # Errors
    /// What is wrong with the configuration or the store.
    pub async fn run(self, config: &Config) -> miette::Result<ExitCode> {
        let desk = desk(config)?;
        let store = Store::open_existing(&config.store.path).await?;
        match self.verb {
            None => {
                let standing = desk.standing(&store).await?;
                let good = standing.iter().all(|one| one.error.is_none());
                print(&match self.json {
                    true => pretty(&standing)?,
                    false => standing.iter().map(stands).collect(),
                })?;
                Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Some(SalesVerb::Run { crm, json }) => run(&desk, &store, crm, json).await,
            Some(SalesVerb::List { crm, after, limit, json }) => {
                named(&desk, crm.as_deref())?;
                let sales = desk.list(&store, crm.as_deref(), after, limit).await?;
                let mut text = if json { pretty(&sales)? } else { list(&sales) };
                if !json
                    && sales.len() as u64 == u64::from(limit)
                    && let Some(last) = sales.last()
                {
                    let _ = writeln!(text, "there may be more: --after {}", last.id);
                }
                print(&text)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Where sales of this configuration are looked after, without an engine.
///
/// # Errors
/// They are not switched on, the rules cannot be loaded, or a CRM is not rightly configured.
fn desk(config: &Config) -> miette::Result<Desk> {
    let sales = config.sales().ok_or(CliError::Off)?;
    let zone = app::load_rules(config)?.timezone().clone();
    let builtin = Arc::new(Lazy::existing(config.store.path.clone()));
    let crm = open(&config.crm, builtin, For::People)?;
    Ok(Desk::new(Seller {
        config: sales.clone(),
        crm,
        zone: Arc::new(move || zone.clone()),
        wall: Arc::new(Timestamp::now),
        metrics: Arc::new(Metrics::new().into_diagnostic()?),
    }))
}

fn named(desk: &Desk, crm: Option<&str>) -> Result<(), CliError> {
    let names = desk.names();
    match crm {
        Some(name) if !names.iter().any(|known| known == name) => {
            Err(CliError::Unknown { name: name.to_owned(), known: names.join(", ") })
        }
        _ => Ok(()),
    }
}

async fn run(
    desk: &Desk,
    store: &Store,
    crm: Option<String>,
    json: bool,
) -> miette::Result<ExitCode> {
    named(desk, crm.as_deref())?;
    let mut code = ExitCode::SUCCESS;
    let mut all = Vec::new();
    for crm in crm.map_or_else(|| desk.names(), |crm| vec![crm]) {
        audit(&user(), format_args!("sales of {crm} are asked for"));
        let ran = desk.seller().run(store, &crm).await?;
        let (said, told) = match ran {
            Ran::Done(counts) => {
                let said = format!("{crm}: {}\n", counted(&counts));
                (said, json!({"crm": crm, "counts": counts}))
            }
            Ran::Elsewhere => {
                let said = format!("{crm}: a run is under way elsewhere\n");
                (said, json!({"crm": crm, "running": true}))
            }
            Ran::Failed(why) => {
                code = ExitCode::FAILURE;
                (
                    format!("{crm}: {why}\n  {HELP}\n"),
                    json!({"crm": crm, "error": why, "help": HELP}),
                )
            }
        };
        match json {
            true => all.push(told),
            false => print(&said)?,
        }
    }
    if json {
        print(&pretty(&all)?)?;
    }
    Ok(code)
}

fn stands(one: &Standing) -> String {
    let mut text = format!("{}: ", one.crm);
    let _ = match (&one.last_success, &one.counts) {
        (Some(at), Some(counts)) => {
            writeln!(text, "last success {}, {}", seconds(*at), counted(counts))
        }
        _ => writeln!(text, "no success yet"),
    };
    if let (Some(at), Some(why)) = (one.failed, &one.error) {
        let _ = writeln!(text, "  failed {}: {why}\n  {HELP}", seconds(at));
    }
    let _ = match one.running {
        true => writeln!(text, "  a run is under way"),
        false => writeln!(text, "  next {}", seconds(one.next)),
    };
    text
}

/// What a run brought.
pub(super) fn counted(counts: &Counts) -> String {
    let Counts { deals, marked, known, no_contact, no_communication } = counts;
    let won = if *deals == 1 { "deal" } else { "deals" };
    let mut text = format!("{deals} {won} won, {marked} marked");
    for (many, what) in [
        (known, "marked before"),
        (no_contact, "without a contact"),
        (no_communication, "without a communication"),
    ] {
        if *many > 0 {
            let _ = write!(text, ", {many} {what}");
        }
    }
    text
}

fn list(sales: &[Sale]) -> String {
    let heads = ["SALE", "CRM", "DEAL", "WON", "PRICE", "CALL OR FORM", "FOUND BY"];
    let row = |sale: &Sale| {
        vec![
            sale.id.to_string(),
            sale.crm.clone(),
            sale.deal.to_string(),
            seconds(sale.closed),
            sale.price.map(|price| price.to_string()).unwrap_or_default(),
            sale.call.to_string(),
            sale.step.as_str().to_owned(),
        ]
    };
    table(&heads, sales.iter().map(row).collect())
}

/// To the second.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn pretty(value: &impl serde::Serialize) -> miette::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").into_diagnostic()
}
