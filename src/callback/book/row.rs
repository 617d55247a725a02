//! A campaign as it stands in the store.

use jiff::Timestamp;

use crate::core::campaign::Campaign;
use crate::core::campaign::order::{Ending, Kind, Order, Stage};
use crate::core::ids::CampaignId;

/// A row to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub id: CampaignId,
    /// The client, E.164.
    pub phone: String,
    pub kind: &'static str,
    pub stage: &'static str,
    /// When it wants to be woken.
    pub next: Option<Timestamp>,
    pub updated: Timestamp,
    /// Its end is not known yet.
    pub running: bool,
    /// An engine leads it still.
    pub alive: bool,
    /// Everything the campaign knows.
    pub state: String,
}

/// A campaign that is read.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Kept {
    pub id: String,
    /// Everything the campaign knows.
    pub state: String,
}

/// What made a campaign, as a column and a label have it.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "form",
        Kind::MissedCall => "missed_call",
        Kind::Click => "click",
    }
}

/// Where it stands, or how it came out, as a column and a label have it.
pub(crate) fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Waiting => "waiting",
        Stage::DiallingManagers => "dialling_managers",
        Stage::ManagerOnLine => "manager_on_line",
        Stage::DiallingClient => "dialling_client",
        Stage::Connected => "connected",
        Stage::Over(ending) => ending_word(ending),
    }
}

/// How it came out.
pub(crate) fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Talked => "talked",
        Ending::NoManager => "no_manager",
        Ending::ClientUnreached => "client_unreached",
        Ending::ClientAlone => "client_alone",
        Ending::Satisfied => "satisfied",
        Ending::Cancelled => "cancelled",
    }
}

/// The order as it stands in a word.
pub(crate) fn order(body: &str) -> Result<Order, sqlx::Error> {
    crate::outbox::entry::json(body)
}

/// The row of a campaign that stands so now.
pub(crate) fn of(campaign: &Campaign, now: Timestamp) -> Result<Row, sqlx::Error> {
    let order = campaign.order();
    let stage = campaign.stage();
    Ok(Row {
        id: campaign.id().clone(),
        phone: order.phone.e164().to_owned(),
        kind: kind_word(order.kind),
        stage: stage_word(stage),
        next: campaign.timeout(),
        updated: now,
        running: !matches!(stage, Stage::Over(_)),
        alive: !campaign.is_done(),
        state: crate::outbox::entry::text(campaign)?,
    })
}
