//! What a person asks of the CRM as calls do: with more time, and the whole answer.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use miette::IntoDiagnostic;

use super::explain::ExplainArgs;
use crate::app;
use crate::config::Config;
use crate::core::client::{Lookup, Source};
use crate::core::phone::Phone;
use crate::core::staff::Staff;
use crate::crm::lazy::Lazy;
use crate::crm::open::{For, open};
use crate::directory::{Directory, DirectoryConfig};
use crate::metrics::Metrics;
use crate::rules::set::Sets;
use crate::store::Store;

/// How long a person waits for a CRM's whole answer: some have to be read through first.
const PATIENCE: Duration = Duration::from_secs(30);

/// `explain` asks the same directory as a call does, once.
pub(super) async fn explain(args: ExplainArgs, config: &Config) -> miette::Result<ExitCode> {
    let rules = app::load_rules(config)?;
    let sets = Sets::load(&config.rules);
    if let Err(missing) = Store::look(&config.store.path)
        && config.crm.is_empty()
    {
        // An engine would make it, and find nobody in it.
        eprintln!("{missing}: nobody is known yet");
        let nobody = async |_: &Phone| Lookup::Unknown { source: Source::Fresh };
        return args.run(&rules, sets, nobody, &Staff::default()).await;
    }
    let directory = directory(config).await?;
    let line = Some(rules.line_of(args.dialled()).name.as_str());
    let directory = directory.of(line);
    let staff = directory.staff();
    let ask = async |phone: &Phone| match directory.lookup(phone).await {
        Lookup::Slow => match ask_as_calls_do(config, line, phone).await {
            Ok(lookup) => {
                eprintln!(
                    "the CRM was too slow to tell the client's deals: he is as a call sees him"
                );
                lookup
            }
            Err(error) => {
                eprintln!("{error}");
                Lookup::Slow
            }
        },
        lookup => lookup,
    };
    args.run(&rules, sets, ask, &staff).await
}

/// What a call is told, where the whole answer takes too long.
async fn ask_as_calls_do(
    config: &Config,
    line: Option<&str>,
    phone: &Phone,
) -> miette::Result<Lookup> {
    Ok(asks(config, For::Calls, config.directory.clone())?.of(line).lookup(phone).await)
}

/// The directory a call would ask, with the employees as the CRM knows them now. Nobody waits on the
/// line: the CRM is given time.
pub(super) async fn directory(config: &Config) -> miette::Result<Arc<Directory>> {
    let own = &config.directory;
    let deadline = own.request_timeout.max(PATIENCE);
    let patient = DirectoryConfig { deadline, request_timeout: deadline, ..own.clone() };
    let directory = asks(config, For::People, patient)?;
    for directory in directory.all() {
        if let Err(error) = directory.refresh_staff().await {
            eprintln!("employees are not known: {error}");
        }
    }
    Ok(directory)
}

fn asks(config: &Config, what_for: For, own: DirectoryConfig) -> miette::Result<Arc<Directory>> {
    let builtin = Arc::new(Lazy::existing(config.store.path.clone()));
    let crm = open(&config.crm, builtin, what_for)?;
    let metrics = Arc::new(Metrics::new().into_diagnostic()?);
    Ok(Directory::new(crm, own, metrics))
}
