//! `dozvon callbacks`: campaigns and missed calls. Works on the store, beside a running engine and
//! without one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic};

use super::out::print;
use super::table::{plain, table};
use super::token::user;
use super::words;
use crate::callback::Refused;
use crate::callback::book::Book;
use crate::core::campaign::order::{Stage, Try, View, Whom};
use crate::core::ids::CallId;
use crate::core::record::between;
use crate::core::staff::Number;
use crate::sales::{Sale, of_call};
use crate::store::Store;
use crate::tokens::audit;

/// `dozvon callbacks`
#[derive(Debug, clap::Args)]
pub struct CallbacksArgs {
    #[command(subcommand)]
    verb: CallbacksVerb,
}

#[derive(Debug, clap::Subcommand)]
enum CallbacksVerb {
    /// List callbacks, the newest first: those that are not over.
    List {
        /// Those that are over as well.
        #[arg(long)]
        all: bool,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a callback: what was asked for, where it stands, and every try.
    Show {
        /// Its id.
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End callbacks: nobody is dialled any more; a talk goes on.
    Cancel {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// List missed calls nobody has returned, the oldest first.
    Missed {
        /// Those that were returned as well.
        #[arg(long)]
        all: bool,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A callback as it is shown to machines.
#[derive(serde::Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    view: &'a View,
    /// The deals it brought, once they are won (E01).
    #[serde(skip_serializing_if = "<[Sale]>::is_empty")]
    sales: &'a [Sale],
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum CliError {
    #[error("{0}")]
    #[diagnostic(help("make room for the store or end the process that holds it, then try again"))]
    Store(String),
    #[error("there is no callback `{0}`")]
    #[diagnostic(help(
        "`dozvon callbacks list --all` shows those the store has; old ones go after a time"
    ))]
    Unknown(String),
    #[error("callback `{0}` is over already")]
    #[diagnostic(help("`dozvon callbacks show {0}` tells how it came out"))]
    Over(String),
}

impl CliError {
    fn new(refused: Refused, id: &str) -> Self {
        match refused {
            Refused::Store(why) => Self::Store(why),
            Refused::Unknown => Self::Unknown(id.to_owned()),
            Refused::Over => Self::Over(id.to_owned()),
        }
    }
}

impl CallbacksArgs {
    /// Whether it changes something: then it is written to the log.
    pub fn changes(&self) -> bool {
        matches!(self.verb, CallbacksVerb::Cancel { .. })
    }

    /// Runs the verb on the store in this file.
    ///
    /// # Errors
    /// What is wrong with the store, or a callback that is not there.
    pub async fn run(self, store_path: &Path) -> miette::Result<ExitCode> {
        let store = Store::open_existing(store_path).await?;
        let book = Book::new(store.clone());
        match self.verb {
            CallbacksVerb::List { all, limit, json } => {
                let views = book.list(!all, limit).await.map_err(|e| CliError::new(e, ""))?;
                print(&if json { pretty(&views)? } else { list(&views) })?;
            }
            CallbacksVerb::Show { id, json } => {
                let view = book.show(&id.as_str().into()).await;
                let view = view.map_err(|e| CliError::new(e, &id))?;
                let sales = of_call(&store, &CallId::new(&id)).await?;
                let text = || shown(&view) + &super::outbox::sold(&sales);
                print(&if json { pretty(&Shown { view: &view, sales: &sales })? } else { text() })?;
            }
            CallbacksVerb::Cancel { ids } => return cancel(&book, ids).await,
            CallbacksVerb::Missed { all, limit, json } => {
                let calls = book.missed(!all, limit).await.map_err(|e| CliError::new(e, ""))?;
                if json {
                    print(&pretty(&calls)?)?;
                    return Ok(ExitCode::SUCCESS);
                }
                let heads = ["NUMBER", "LINE", "MISSED", "WAITS", "RETURNED"];
                let rows = calls.iter().map(|call| {
                    let waits = between(call.at, call.closed.unwrap_or_else(Timestamp::now));
                    let returned = call.closed.map(|at| {
                        format!("{} {}", seconds(at), call.how.as_deref().unwrap_or_default())
                    });
                    vec![
                        call.number.clone(),
                        call.line.clone().unwrap_or_default(),
                        seconds(call.at),
                        format!("{} min", waits.as_secs() / 60),
                        returned.unwrap_or_default(),
                    ]
                });
                print(&table(&heads, rows.collect()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn cancel(book: &Book, ids: Vec<String>) -> miette::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        match book.cancel(&id.as_str().into()).await {
            Ok(()) => {
                audit(&user(), format_args!("callback {id} is cancelled"));
                print(&format!(
                    "callback {id} is to end: its engine hears of it within a second, or when it is started\n"
                ))?;
            }
            Err(refused @ Refused::Store(_)) => return Err(CliError::new(refused, &id).into()),
            Err(refused) => {
                eprintln!("{}", crate::telemetry::with_help(&CliError::new(refused, &id)));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn list(views: &[View]) -> String {
    let heads = ["ID", "PHONE", "NAME", "ASKED BY", "TAKEN", "IS", "TRIES", "NEXT"];
    let row = |view: &View| {
        vec![
            view.id.to_string(),
            view.order.phone.e164().to_owned(),
            view.order.name.clone().unwrap_or_default(),
            words::asked_by(view.order.kind).to_owned(),
            seconds(view.accepted),
            words::stage(view.stage).to_owned(),
            view.tries.len().to_string(),
            view.next_try.map(seconds).unwrap_or_default(),
        ]
    };
    table(&heads, views.iter().map(row).collect())
}

/// Whole numbers: this is asked for, and no log.
fn shown(view: &View) -> String {
    let order = &view.order;
    let mut text = format!(
        "callback {} for {}: {}\nasked by {} at {}\n",
        view.id,
        order.phone.e164(),
        words::stage(view.stage),
        words::asked_by(order.kind),
        seconds(view.accepted),
    );
    let mut more = |what: &str, is: Option<&str>| {
        if let Some(is) = is.filter(|is| !is.is_empty()) {
            let _ = writeln!(text, "{what}: {}", plain(is));
        }
    };
    more("name", order.name.as_deref());
    more("comment", order.comment.as_deref());
    more("site", Some(&order.site));
    more("line", order.line.as_deref());
    more("department", order.department.as_deref());
    for (name, value) in &order.fields {
        more(name, Some(value));
    }
    if view.joined > 0 {
        let _ = writeln!(text, "{} more orders joined it", view.joined);
    }
    if let Some(next) = view.next_try.filter(|_| !matches!(view.stage, Stage::Over(_))) {
        let _ = writeln!(text, "next try {}", seconds(next));
    }
    for one in &view.tries {
        let _ = writeln!(text, "  {}", line(one));
    }
    text
}

fn line(one: &Try) -> String {
    let whom = match &one.whom {
        Whom::Client(phone) => format!("client {}", phone.e164()),
        Whom::Manager { employee, number } => {
            let number = match number {
                Number::Line(line) => line.to_string(),
                Number::Outside(phone) => phone.e164().to_owned(),
            };
            match employee {
                Some(id) => format!("manager {id} on {number}"),
                None => format!("manager on {number}"),
            }
        }
    };
    let result = one.result.map_or("rings", |result| result.as_str());
    let time = one.until.map(|until| format!(" after {} s", between(one.from, until).as_secs()));
    format!("{} {whom}: {result}{}", seconds(one.from), time.unwrap_or_default())
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn pretty(value: &impl serde::Serialize) -> miette::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").into_diagnostic()
}
