//! What our actions made in a CRM, so that a deal that is won goes back to what brought it even
//! where its card cannot tell (E01).

use jiff::Timestamp;
use sqlx::{SqliteConnection, query};

use crate::core::action::Made;
use crate::core::case::Case;
use crate::core::ids::CallId;

/// A client or deal, and the communication that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MadeBy {
    kind: Kind,
    /// As the CRM spells it.
    id: String,
    call: CallId,
    line: Option<String>,
    /// When the communication began.
    at: Timestamp,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Deal,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Deal => "deal",
        }
    }
}

impl MadeBy {
    /// What an action of this case made.
    pub(crate) fn case(case: &Case, made: &Made) -> impl Iterator<Item = Self> + use<> {
        let client = made.client.as_ref().map(|id| (Kind::Client, id.to_string()));
        let deal = made.deal.as_ref().map(|id| (Kind::Deal, id.to_string()));
        let (call, line, at) = (case.call.clone(), case.line.clone(), case.started);
        client.into_iter().chain(deal).map(move |(kind, id)| {
            let (call, line) = (call.clone(), line.clone());
            Self { kind, id, call, line, at }
        })
    }

    /// Writes it down. Twice is the same as once.
    pub(crate) async fn write(&self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        query("INSERT INTO made (kind, id, call, line, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(self.kind.as_str())
            .bind(&self.id)
            .bind(self.call.as_str())
            .bind(self.line.as_deref())
            .bind(self.at.as_microsecond())
            .execute(db)
            .await
            .map(drop)
    }
}
