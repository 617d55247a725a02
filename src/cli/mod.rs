//! The command line: a file per verb.

pub mod doctor;
pub mod serve;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

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
}

impl Cli {
    /// Runs the verb.
    ///
    /// # Errors
    /// For a person to read.
    pub async fn run(self) -> miette::Result<std::process::ExitCode> {
        let config = Config::load(self.config.as_deref());
        match self.verb {
            Verb::Serve(args) => args.run(config?).await,
            Verb::Doctor(args) => args.run(config?).await,
        }
    }
}
