//! What changed in the account. It tells nobody by itself: its histories are read on.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Retail;
use super::wire::{Change, History, Id};
use crate::core::ids::ClientId;
use crate::crm::Changed;
use crate::crm::remote::{Class, Fault};

/// The histories.
const STREAMS: [&str; 3] = ["customers/history", "orders/history", "customers-corporate/history"];
/// A page of a history.
const PAGE: usize = 100;
/// Pages read in one go; the rest is read next time.
const PAGES: usize = 10;
/// Segments are counted anew each night and say nothing of owner, name or orders.
const NOISE: [&str; 1] = ["segments"];

/// How far the histories were read.
#[derive(Debug, Default)]
pub(super) struct Read {
    next: Option<Instant>,
    since: [Since; 3],
}

#[derive(Clone, Debug, Default)]
enum Since {
    /// From now on.
    #[default]
    Begin,
    /// Nothing was there yet: from this time of the account on.
    Time(String),
    /// From this row on.
    Row(u64),
}

impl Retail {
    /// What is new in the histories, at most each `poll`.
    pub(super) async fn read_on(&self) -> Result<Changed, Fault> {
        let mut read = self.read.lock().await;
        if read.next.is_some_and(|next| Instant::now() < next) {
            return Ok(Changed::default());
        }
        read.next = Some(Instant::now() + self.config.poll);
        // Taken over at the end only: a reading that is cut short is done again.
        let mut since = read.since.clone();
        let mut clients = BTreeSet::new();
        let mut added = false;
        for (place, path) in STREAMS.into_iter().enumerate() {
            let first = matches!(since[place], Since::Begin);
            for row in self.rows(path, &mut since[place]).await? {
                if first || row.field.as_deref().is_some_and(|field| NOISE.contains(&field)) {
                    continue;
                }
                added |= row.created;
                clients.extend(row.touched());
            }
        }
        read.since = since;
        let clients = clients.into_iter().map(|id| ClientId::new(id.to_string())).collect();
        Ok(Changed { clients, added })
    }

    async fn rows(&self, path: &str, since: &mut Since) -> Result<Vec<Change>, Fault> {
        let mut rows = Vec::new();
        for _ in 0..PAGES {
            let (filter, value) = match &*since {
                Since::Begin => {
                    let begin = Timestamp::now().saturating_sub(SignedDuration::from_mins(1));
                    ("filter[startDate]", self.times.write(begin.unwrap_or_default()))
                }
                Since::Time(time) => ("filter[startDate]", time.clone()),
                Since::Row(id) => ("filter[sinceId]", id.to_string()),
            };
            let query = [(filter, value.as_str()), ("limit", "100")];
            let answer: History = self.api.get(Class::Delivery, path, &query).await?;
            let many = answer.history.len();
            match (answer.history.iter().map(|row| row.id.0).max(), answer.generated_at) {
                (Some(last), _) => *since = Since::Row(last),
                // The account's own clock, so that a wrong time zone loses nothing.
                (None, Some(now)) if !matches!(since, Since::Row(_)) => *since = Since::Time(now),
                (None, _) => {}
            }
            rows.extend(answer.history);
            if many < PAGE {
                break;
            }
        }
        Ok(rows)
    }
}

impl Change {
    /// The clients it concerns: with the one they were merged into, and contacts of companies.
    fn touched(&self) -> Vec<Id> {
        let order = self.order.as_ref();
        let of_order = order.into_iter().flat_map(|order| [&order.customer, &order.contact]);
        let own = [&self.customer, &self.combined_to];
        let contact = self.customer_contact.as_ref().and_then(|c| c.customer.as_ref());
        own.into_iter().chain(of_order).flatten().chain(contact).map(|who| who.id).collect()
    }
}
