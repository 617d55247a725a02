//! Reads the command line and runs one verb.

use std::process::ExitCode;

use clap::Parser;
use dozvon::cli::Cli;

fn main() -> miette::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        miette::miette!(
            help = "the system gives no threads to this process",
            "cannot start: {error}"
        )
    })?;
    runtime.block_on(Cli::parse().run())
}
