//! `dozvon serve`: take calls until a signal says otherwise.

use std::process::ExitCode;
use std::sync::Arc;

use tracing::{error, info};

use super::signals::{Heard, Signals};
use crate::app::App;
use crate::config::Config;
use crate::crm::abilities::differences;
use crate::crm::lazy::Lazy;
use crate::crm::open::{For, open};
use crate::reload::watch::Watch;
use crate::reload::{Door, Loaded};
use crate::telemetry;

/// `dozvon serve`
///
/// Without a configuration file: calls from FreeSWITCH on 127.0.0.1:8084, control link to
/// 127.0.0.1:8021 (ClueCon), data in ./dozvon.sqlite, metrics and health on 127.0.0.1:8080.
///
/// SIGTERM or Ctrl-C: take no more calls, let those in hand go on for 30 s, leave the rest to
/// FreeSWITCH. A second one leaves them at once. SIGHUP: read the rules anew; a changed
/// rule file is read without it, a second after it was saved.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// Put the demo's clients and employees into the built-in CRM.
    #[arg(long)]
    sample: bool,
}

impl ServeArgs {
    /// Runs until SIGTERM or SIGINT; a second signal leaves the calls in hand at once. SIGHUP
    /// takes the rules from their file anew.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub async fn run(self, config: Config) -> miette::Result<ExitCode> {
        telemetry::start(&config.log)?;
        let mut signals = Signals::new()?;
        let watch = Watch::begin(&config.rules);
        let Loaded { routing, sets } = Loaded::load(&config.rules, config.outbox.enabled)?;
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
        let crm = open(&config.crm, crm, For::Calls)?;
        if let Some(sets) = &sets {
            for difference in differences(&routing, sets, &config.crm).lines() {
                info!("{difference}");
            }
        }
        let app = match sets {
            Some(sets) => App::start_ruled(&config, crm, routing, sets).await?,
            None => App::start(&config, crm, routing).await?,
        };
        app.watch_rules(watch);
        while signals.next().await == Heard::Reload {
            // Not waited for: SIGTERM must be heard meanwhile.
            drop(app.rules.reload(Door::Signal));
        }
        app.drain(config.calls.drain, signals.end()).await;
        Ok(ExitCode::SUCCESS)
    }
}
