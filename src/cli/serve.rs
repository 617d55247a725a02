//! `dozvon serve`: take calls until a signal says otherwise.

use std::process::ExitCode;
use std::sync::Arc;

use miette::IntoDiagnostic;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

use crate::app::{self, App};
use crate::config::Config;
use crate::crm::lazy::Lazy;
use crate::telemetry;

/// `dozvon serve`
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Put the demo's clients and employees into the built-in CRM.
    #[arg(long)]
    sample: bool,
}

impl ServeArgs {
    /// Runs until SIGTERM or SIGINT; a second signal leaves the calls in hand at once.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn run(self, config: Config) -> miette::Result<ExitCode> {
        telemetry::start(&config.log)?;
        let rules = app::load_rules(&config)?;
        let crm = Arc::new(Lazy::new(config.store.path.clone()));
        match crm.open().await {
            Ok(store) if self.sample => crate::crm::builtin::load_sample(store).await.map(drop)?,
            Ok(_) => {}
            Err(error) if self.sample => return Err(error.into()),
            // A caller must not wait for a disk: calls go to the queue until it is mended.
            Err(error) => {
                error!(error = %telemetry::with_help(&error), "the built-in CRM cannot be used; calls go to the queue until it can")
            }
        }
        let (mut interrupt, mut terminate) = signals()?;
        let app = App::start(&config, crm, rules).await?;
        either(&mut interrupt, &mut terminate).await;
        app.drain(config.calls.drain, either(&mut interrupt, &mut terminate)).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// SIGINT and SIGTERM.
fn signals() -> miette::Result<(Signal, Signal)> {
    let interrupt = signal(SignalKind::interrupt()).into_diagnostic()?;
    let terminate = signal(SignalKind::terminate()).into_diagnostic()?;
    Ok((interrupt, terminate))
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
