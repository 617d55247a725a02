//! The outbox: what the CRM has not taken, and why.

use super::report::Report;
use crate::config::Config;
use crate::crm::config::WEBHOOKS;
use crate::outbox::desk::Desk;
use crate::store::Store;

/// Tells of each CRM that something waits for. Nothing, where there is no store yet.
pub(super) async fn examine(config: &Config, report: &mut Report) {
    if !config.outbox.enabled {
        return;
    }
    let Ok(store) = Store::open_existing(&config.store.path).await else { return };
    let failing = match Desk::new(store).failing().await {
        Ok(failing) => failing,
        Err(error) => return report.bad("outbox", error.to_string(), "look at the store"),
    };
    for one in failing {
        let crm = if one.crm.is_empty() { WEBHOOKS } else { &one.crm };
        let about = format!("outbox of {crm}");
        let (n, id, why) = (one.entries, one.id, &one.why);
        let entries = if n == 1 { "1 entry".to_owned() } else { format!("{n} entries") };
        match one.parked {
            true => report.bad(
                about,
                format!("parked: {entries}, the oldest is {id}: {why}"),
                "mend what it says; what waits for a right goes on by itself then, all else by \
                 `dozvon outbox retry`",
            ),
            false => report.note(
                about,
                format!("failed and tried again: {entries}, the oldest is {id}: {why}"),
                "nothing is lost: it is tried again by itself, see `dozvon outbox list`",
            ),
        }
    }
}
