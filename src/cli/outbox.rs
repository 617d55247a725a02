//! `dozvon outbox`: what the CRM is still to be told. Works on the store, beside a running engine
//! and without one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic};
use serde_json::json;

use super::out::print;
use super::token::user;
use crate::outbox::desk::{Desk, DeskError, Filter, Line};
use crate::outbox::entry::{Entry, Progress, Shown, State};
use crate::sales::{Sale, of_call};
use crate::store::Store;
use crate::tokens::audit;
use crate::traces::TraceId;

/// `dozvon outbox`
#[derive(Debug, clap::Args)]
pub struct OutboxArgs {
    #[command(subcommand)]
    verb: OutboxVerb,
}

#[derive(Debug, clap::Subcommand)]
enum OutboxVerb {
    /// List what waits, is under way, or was parked.
    List {
        /// Only these: waiting, working, done, parked, dropped; several with commas.
        #[arg(long, value_delimiter = ',')]
        state: Vec<State>,
        /// Only this client's, by the number in E.164.
        #[arg(long)]
        client: Option<String>,
        /// Only this call's.
        #[arg(long)]
        call: Option<String>,
        /// Only entries with a higher number: the next page.
        #[arg(long, default_value_t = 0)]
        after: i64,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show an entry: what occurred, its actions, and what came of each.
    Show {
        /// Its number.
        id: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Release what is parked. Later entries of the same call that are parked go with it.
    Retry {
        /// Their numbers.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// Everything that is parked.
        #[arg(long)]
        all: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give entries up. What was done stays done; later entries of the call stay as they are.
    Drop {
        /// Their numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum CliError {
    #[error("there is no store {0}")]
    #[diagnostic(help("name the store of the engine: `path` in [store] of the configuration"))]
    NoStore(String),
}

impl OutboxArgs {
    /// Whether it changes something: then it is written to the log.
    pub fn changes(&self) -> bool {
        matches!(self.verb, OutboxVerb::Retry { .. } | OutboxVerb::Drop { .. })
    }

    /// Runs the verb on the store in this file.
    ///
    /// # Errors
    /// What is wrong with the store, or an entry that stands otherwise.
    pub async fn run(self, store_path: &Path) -> miette::Result<ExitCode> {
        if !store_path.exists() {
            return Err(CliError::NoStore(store_path.display().to_string()).into());
        }
        let store = Store::open(store_path).await?;
        let desk = Desk::new(store.clone());
        match self.verb {
            OutboxVerb::List { state, client, call, after, limit, json } => {
                let filter = Filter { states: state, client, call, after, limit };
                list(&desk, &filter, json).await
            }
            OutboxVerb::Show { id, json } => {
                let entry = desk.show(id).await?;
                let sales = of_call(&store, &entry.call).await?;
                print(&match json {
                    true => pretty(&json!(Shown::new(entry, sales)))?,
                    false => shown(&entry) + &sold(&sales),
                })?;
                Ok(ExitCode::SUCCESS)
            }
            OutboxVerb::Retry { all: true, json, .. } => {
                let released = desk.retry_all().await?;
                audit(&user(), format_args!("{released} outbox entries are released"));
                let text = format!("{released} entries are released\n");
                print(&if json { pretty(&json!({"released": released}))? } else { text })?;
                Ok(ExitCode::SUCCESS)
            }
            OutboxVerb::Retry { ids, json, .. } => {
                let mut released = Vec::new();
                let done = each(ids, json, "released", async |id| {
                    // One before it may have released it already.
                    if !released.contains(&id) {
                        released.extend(desk.retry(id).await?);
                        audit(&user(), format_args!("outbox entry {id} is released"));
                    }
                    Ok(())
                })
                .await?;
                Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            OutboxVerb::Drop { ids, json } => {
                let done = each(ids, json, "dropped", async |id| {
                    desk.drop(id).await?;
                    audit(&user(), format_args!("outbox entry {id} is dropped"));
                    Ok(())
                })
                .await?;
                Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
        }
    }
}

/// Does it to each, and tells of each. `false`: some could not be done.
async fn each(
    ids: Vec<i64>,
    json: bool,
    done: &str,
    mut act: impl AsyncFnMut(i64) -> Result<(), DeskError>,
) -> miette::Result<bool> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for id in ids {
        match act(id).await {
            Ok(()) => good.push(id),
            Err(error @ DeskError::Store(_)) => return Err(error.into()),
            Err(error) => bad.push((id, crate::telemetry::with_help(&error))),
        }
    }
    if json {
        let bad: Vec<_> = bad.iter().map(|(id, why)| json!({"id": id, "error": why})).collect();
        print(&pretty(&json!({ done: good, "failed": bad }))?)?;
    } else {
        for id in &good {
            print(&format!("entry {id} is {done}\n"))?;
        }
        for (_, why) in &bad {
            eprintln!("{why}");
        }
    }
    Ok(bad.is_empty())
}

async fn list(desk: &Desk, filter: &Filter, json: bool) -> miette::Result<ExitCode> {
    let counts = desk.counts().await?;
    let entries = desk.list(filter).await?;
    if json {
        print(&pretty(&json!({"counts": counts, "entries": entries}))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for entry in &entries {
        let _ = writeln!(text, "{}", line(entry));
    }
    let counts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let all = if counts.is_empty() { "nothing yet".to_owned() } else { counts.join(", ") };
    let _ = writeln!(text, "in the outbox: {all}");
    if entries.len() as u64 == u64::from(filter.limit)
        && let Some(last) = entries.last()
    {
        let _ = writeln!(text, "there may be more: --after {}", last.id);
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Whole numbers: this is asked for, and no log.
fn line(entry: &Line) -> String {
    let Line { id, state, client, event, done, actions, .. } = entry;
    let mut text = format!(
        "{id:>7} {state:<8} {client:<16} {event:<10} {done}/{actions} {}",
        seconds(entry.created)
    );
    if let Some(error) = &entry.last_error {
        let _ = write!(text, "  {error}");
        if *state != State::Parked {
            let _ =
                write!(text, " (failed {} times, next {})", entry.tries, seconds(entry.next_try));
        }
    }
    text
}

fn shown(entry: &Entry) -> String {
    let mut text = format!(
        "entry {}: {}\ncall {} of {}: {} at {}\ntrace {}\nrules {}\n",
        entry.id,
        entry.state,
        entry.call,
        entry.client,
        entry.case.event.as_str(),
        seconds(entry.case.at),
        TraceId::of(&entry.call),
        entry.hash
    );
    if let Some(error) = &entry.last_error {
        let _ = writeln!(text, "failed: {error}");
    }
    for (planned, step) in entry.actions.iter().zip(&entry.progress) {
        let is = match step.is {
            Progress::Todo => "to do",
            Progress::Sending => "sent, answer not known",
            Progress::Done => "done",
            Progress::Refused => "refused",
            Progress::Denied => "waits for a right",
            Progress::Held => "held",
        };
        let what = if step.what.is_empty() { String::new() } else { format!(": {}", step.what) };
        let _ = writeln!(text, "  {} ({}) {is}{what}", planned.action.word(), planned.rule);
    }
    text
}

/// The sales its call brought (E01).
pub(super) fn sold(sales: &[Sale]) -> String {
    let lines = sales.iter().map(|sale| {
        let Sale { crm, deal, step, closed, .. } = sale;
        format!("sale: deal {deal} of {crm}, won {} (by {})\n", seconds(*closed), step.as_str())
    });
    lines.collect()
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn pretty(value: &serde_json::Value) -> miette::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").into_diagnostic()
}
