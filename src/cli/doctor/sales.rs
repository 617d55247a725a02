//! Sales: the last success of each CRM, or why there is none.

use jiff::{SignedDuration, Timestamp};

use super::report::Report;
use crate::cli::sales::seconds;
use crate::config::Config;
use crate::crm::{Crm, named};
use crate::sales::{desk, run_of};
use crate::store::Store;

/// A night was missed, and the next one as well.
const LONG: SignedDuration = SignedDuration::from_hours(36);

/// Tells of each CRM. Nothing, where sales are not switched on.
pub(super) async fn examine(config: &Config, crm: &dyn Crm, now: Timestamp, report: &mut Report) {
    if config.sales().is_none() {
        return;
    }
    let store = match Store::open_existing(&config.store.path).await {
        Ok(store) => store,
        Err(error) => {
            let advice = "start `dozvon serve` once: it makes the store";
            return report.note("sales", format!("nothing is known of them: {error}"), advice);
        }
    };
    for (crm, _) in named(crm) {
        let about = format!("sales of {crm}");
        let (success, failed) = match run_of(&store, crm).await {
            Ok(Some(run)) => run,
            Ok(None) => (None, None),
            Err(error) => {
                report.bad(about, error.to_string(), "see what is wrong with the store");
                continue;
            }
        };
        let last = success.map_or_else(
            || "no success yet".to_owned(),
            |at| format!("last success {}", seconds(at)),
        );
        match failed {
            Some((at, why)) => {
                report.bad(about, format!("{last}; failed {}: {why}", seconds(at)), desk::HELP);
            }
            None if success.is_none() => {
                report.note(about, last, "start `dozvon serve`, or ask now: `dozvon sales run`");
            }
            None if success.is_some_and(|at| now.duration_since(at) > LONG) => {
                report.bad(about, last, "is an engine running with this configuration?");
            }
            None => report.good(about, last),
        }
    }
}
