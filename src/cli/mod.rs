//! The command line: a file per verb.

mod asks;
pub mod callbacks;
pub mod check;
pub mod crm;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod load;
pub mod out;
pub mod outbox;
pub mod replay;
pub mod sales;
pub mod serve;
pub mod signals;
pub mod table;
pub mod test;
pub mod token;
pub mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app;
use crate::config::Config;

/// Brings each call to the person who owns the deal.
#[derive(Debug, Parser)]
#[command(name = "dozvon", version, about)]
pub struct Cli {
    /// The configuration file; without it `dozvon.toml` is read if it exists.
    #[arg(long, short, global = true, value_name = "FILE", env = "DOZVON_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Take calls.
    Serve(serve::ServeArgs),
    /// Look whether FreeSWITCH, the CRM and the phones are as they have to be.
    Doctor(doctor::DoctorArgs),
    /// Play the story: engine, simulated FreeSWITCH and CRM in one process.
    Demo(demo::DemoArgs),
    /// Check the rules: every mistake at once, with its place.
    Check(check::CheckArgs),
    /// Run the tests beside the rule sets.
    Test(test::TestArgs),
    /// Tell what a call would meet, and why.
    Explain(explain::ExplainArgs),
    /// Measure an engine: the simulated FreeSWITCH as a load generator.
    Load(load::LoadArgs),
    /// The built-in CRM's records; other CRMs learn of this engine.
    Crm(crm::CrmArgs),
    /// What the CRM is still to be told: look at it, release it, give it up.
    Outbox(outbox::OutboxArgs),
    /// Who may use the API: make and revoke tokens.
    Token(token::TokenArgs),
    /// Callbacks and missed calls: look at them, end them.
    Callbacks(callbacks::CallbacksArgs),
    /// Deals that were won, and the calls and forms that brought them.
    Sales(sales::SalesArgs),
    /// Judge what occurred with other rules, and show what would have been different.
    Replay(replay::ReplayArgs),
}

impl Cli {
    /// Threads of the runtime; `None`: its own default, a thread a core, or what
    /// `TOKIO_WORKER_THREADS` says.
    ///
    /// An engine stands beside FreeSWITCH and takes half the cores: a thread more costs each call
    /// about 40 µs of waking and stealing, and one carries some thousand calls a second.
    pub fn workers(&self) -> Option<usize> {
        let serves = matches!(self.verb, Verb::Serve(_));
        let told = std::env::var_os("TOKIO_WORKER_THREADS").is_some();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (serves && !told).then(|| (cores / 2).max(1))
    }

    /// Runs the verb.
    ///
    /// # Errors
    /// For a person to read.
    pub async fn run(self) -> miette::Result<ExitCode> {
        let config = Config::load(self.config.as_deref());
        match self.verb {
            Verb::Serve(args) => args.run(config?).await,
            Verb::Doctor(args) => args.run(config?).await,
            Verb::Demo(args) => args.run().await,
            Verb::Load(args) => args.run().await,
            Verb::Check(args) => {
                let config = config?;
                let staff = match config.store.path.exists() || !config.crm.is_empty() {
                    true => Some(asks::directory(&config).await?.staff()),
                    false => None,
                };
                let somebody = staff.as_deref().filter(|s| s.iter().next().is_some());
                args.run(|| app::load_rules(&config), &config, somebody)
            }
            Verb::Test(args) => args.run(),
            Verb::Explain(args) => asks::explain(args, &config?).await,
            Verb::Crm(args) => args.run(&config?).await.map(|()| ExitCode::SUCCESS),
            Verb::Outbox(args) => {
                let config = config?;
                logged(args.changes(), &config)?;
                args.run(&config.store.path).await
            }
            Verb::Token(args) => {
                let config = config?;
                logged(args.changes(), &config)?;
                args.run(&config.store.path).await
            }
            Verb::Callbacks(args) => {
                let config = config?;
                logged(args.changes(), &config)?;
                args.run(&config.store.path).await
            }
            Verb::Sales(args) => {
                let config = config?;
                logged(args.changes(), &config)?;
                args.run(&config).await
            }
            Verb::Replay(args) => {
                let config = config?;
                let staff = asks::directory(&config).await?.staff();
                args.run(&config, &staff).await
            }
        }
    }
}

/// A change leaves an audit line, as one by HTTP does.
fn logged(changes: bool, config: &Config) -> miette::Result<()> {
    if changes {
        crate::telemetry::start(&config.log)?;
    }
    Ok(())
}
