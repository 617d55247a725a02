//! `dozvon callbacks`: what web forms, missed calls and buttons asked for. Asks the engine, which
//! leads them: one that is cancelled has legs to be hung up.

use std::process::ExitCode;

use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::out::print;
use super::table::{plain, table};
use crate::config::Http;
use crate::core::campaign::order::{Ending, Kind, Stage, Try, View, Whom};
use crate::core::staff::Number;

/// `dozvon callbacks`
///
/// Needs a token: dozvon token new NAME --scope callbacks
#[derive(Debug, clap::Args)]
pub struct CallbacksArgs {
    /// The engine; without it the one whose `http.listen` is configured.
    #[arg(long, global = true)]
    url: Option<String>,
    /// A token with the scope `callbacks`.
    #[arg(long, global = true, env = "DOZVON_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// As JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: CallbacksVerb,
}

#[derive(Debug, clap::Subcommand)]
enum CallbacksVerb {
    /// List them, the newest first.
    List {
        /// Those that are over, too.
        #[arg(long)]
        all: bool,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one with each of its tries.
    Show {
        /// Its id.
        id: String,
    },
    /// Cancel them: no more dials. A talk goes on.
    Cancel {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum CliError {
    #[error("no token is given")]
    #[diagnostic(help(
        "make one: dozvon token new {} --scope callbacks; give it as DOZVON_TOKEN or --token",
        name()
    ))]
    NoToken,
    #[error("the engine at {url} does not answer: {reason}")]
    #[diagnostic(help("start it, or name its address with --url"))]
    Down { url: String, reason: String },
    #[error("{0}")]
    Refused(String),
    #[error("the engine at {url} answers {status}, and no dozvon says so")]
    #[diagnostic(help("name its address with --url"))]
    Foreign { url: String, status: StatusCode },
}

fn name() -> String {
    std::env::var("USER").unwrap_or_else(|_| "NAME".into())
}

impl CallbacksArgs {
    /// Runs the verb against the engine.
    ///
    /// # Errors
    /// An engine that does not answer, or says no.
    pub async fn run(self, http: &Http) -> miette::Result<ExitCode> {
        let token = self.token.ok_or(CliError::NoToken)?;
        let engine = Engine { url: self.url.unwrap_or_else(|| local(http)), token };
        match self.verb {
            CallbacksVerb::List { all, limit } => {
                let path = format!("?open={}&limit={limit}", !all);
                let answer = engine.ask(Method::GET, &path).await?;
                if self.json {
                    return told(&answer);
                }
                let found = answer["callbacks"].as_array().cloned().unwrap_or_default();
                let views = found.iter().map(view).collect::<Result<Vec<_>, _>>()?;
                print(&listed(&views))?;
            }
            CallbacksVerb::Show { id } => {
                let answer = engine.ask(Method::GET, &path(&id, "")).await?;
                if self.json {
                    return told(&answer);
                }
                print(&shown(&view(&answer)?))?;
            }
            CallbacksVerb::Cancel { ids } => return cancel(&engine, ids, self.json).await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn cancel(engine: &Engine, ids: Vec<String>, as_json: bool) -> miette::Result<ExitCode> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for id in ids {
        match engine.ask(Method::POST, &path(&id, "/cancel")).await {
            Ok(_) => good.push(id),
            Err(CliError::Refused(why)) => bad.push((id, why)),
            Err(other) => return Err(other.into()),
        }
    }
    if as_json {
        let bad: Vec<_> = bad.iter().map(|(id, why)| json!({"id": id, "error": why})).collect();
        told(&json!({"cancelled": good, "failed": bad}))?;
    } else {
        for id in &good {
            print(&format!("callback {id} is cancelled\n"))?;
        }
        for (id, why) in &bad {
            eprintln!("{id}: {why}");
        }
    }
    Ok(if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The engine of this configuration, as this machine reaches it.
fn local(http: &Http) -> String {
    let mut listen = http.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.is_ipv4() {
            true => std::net::Ipv4Addr::LOCALHOST.into(),
            false => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}")
}

/// What was typed must not lead to another resource.
fn path(id: &str, rest: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    format!("/{id}{rest}")
}

struct Engine {
    url: String,
    token: String,
}

impl Engine {
    async fn ask(&self, method: Method, path: &str) -> Result<Value, CliError> {
        let url = self.url.trim_end_matches('/').to_owned();
        let down = |error: reqwest::Error| CliError::Down {
            url: url.clone(),
            // Its source says what happened, it itself only where.
            reason: std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string),
        };
        let client = crate::http::client().build().map_err(down)?;
        let request = client.request(method, format!("{url}/v1/callbacks{path}"));
        let answer = request.bearer_auth(&self.token).send().await.map_err(down)?;
        let status = answer.status();
        let body: Option<Value> = answer.json().await.ok();
        match body {
            Some(body) if status.is_success() => Ok(body),
            Some(problem) if problem["detail"].is_string() => {
                let text = |key: &str| problem[key].as_str().map(plain);
                let help = text("help").map(|help| format!(" ({help})"));
                let what = text("detail").unwrap_or_default();
                Err(CliError::Refused(what + &help.unwrap_or_default()))
            }
            _ => Err(CliError::Foreign { url, status }),
        }
    }
}

fn view(told: &Value) -> miette::Result<View> {
    serde_json::from_value(told["callback"].clone()).into_diagnostic()
}

fn told(answer: &Value) -> miette::Result<ExitCode> {
    print(&(serde_json::to_string_pretty(answer).into_diagnostic()? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn listed(views: &[View]) -> String {
    if views.is_empty() {
        return "no callbacks\n".to_owned();
    }
    let rows = views.iter().map(|view| {
        vec![
            view.id.to_string(),
            seconds(view.accepted),
            kind(view.order.kind).to_owned(),
            view.order.phone.e164().to_owned(),
            view.order.site.clone(),
            stage(view.stage),
            view.next_try.map(seconds).unwrap_or_default(),
            view.tries.len().to_string(),
        ]
    });
    table(&["id", "taken", "kind", "client", "site", "stage", "next try", "tries"], rows.collect())
}

/// Whole numbers: this is asked for, and no log.
fn shown(view: &View) -> String {
    let order = &view.order;
    let mut lines = vec![
        format!("callback {}: {}", view.id, stage(view.stage)),
        format!(
            "{} for {}, taken {}",
            kind(order.kind),
            order.phone.e164(),
            seconds(view.accepted)
        ),
    ];
    let mut say = |what: &str, text: &Option<String>| {
        lines.extend(text.as_ref().map(|text| format!("{what}: {}", plain(text))));
    };
    say("name", &order.name);
    say("comment", &order.comment);
    say("department", &order.department);
    say("line", &order.line);
    say("wanted", &order.wanted.map(seconds));
    say("next try", &view.next_try.map(seconds));
    lines.extend(order.fields.iter().map(|(k, v)| format!("{}: {}", plain(k), plain(v))));
    if view.joined > 0 {
        lines.push(format!("{} more joined it", view.joined));
    }
    lines.extend(view.tries.iter().map(tried));
    lines.join("\n") + "\n"
}

fn tried(tried: &Try) -> String {
    let whom = match &tried.whom {
        Whom::Client(phone) => format!("client {}", phone.e164()),
        Whom::Manager { employee, number } => {
            let number = match number {
                Number::Line(line) => line.to_string(),
                Number::Outside(phone) => phone.e164().to_owned(),
            };
            match employee {
                Some(employee) => format!("{employee} at {number}"),
                None => format!("somebody at {number}"),
            }
        }
    };
    let answered = tried.answered.map(|at| format!(", picked up {}", seconds(at)));
    let result = tried.result.as_ref().and_then(|result| serde_json::to_value(result).ok());
    let result = result.map(|result| match result {
        Value::String(word) => format!(", {word}"),
        other => format!(", {other}"),
    });
    let rest = answered.unwrap_or_default() + &result.unwrap_or_default();
    format!("  {} {whom}{rest}", seconds(tried.from))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "form",
        Kind::MissedCall => "missed call",
        Kind::Click => "button",
    }
}

fn stage(stage: Stage) -> String {
    let word = |value: Value| value.as_str().unwrap_or_default().replace('_', " ");
    let ending = |ending: Ending| word(json!(ending));
    match stage {
        Stage::Over(how) => format!("over: {}", ending(how)),
        other => word(json!(other)),
    }
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
