//! Who is calling, as the CRM tells it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ClientId, DealId, EmployeeId};

/// A contact or company with the deals that matter to routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The CRM's id.
    pub id: ClientId,
    /// Name as it shall stand on the ringing phone (A04).
    pub name: String,
    /// The company the contact belongs to.
    pub company: Option<String>,
    /// Who is responsible for the client.
    pub owner: Option<EmployeeId>,
    /// Open and closed deals.
    pub deals: Vec<Deal>,
    /// Why this one, where the number belongs to several: a sentence for the trace. `None`: there
    /// was no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// A deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The CRM's id.
    pub id: DealId,
    /// Its title.
    pub title: String,
    /// Who is responsible for it.
    pub owner: Option<EmployeeId>,
    /// When it was made; the oldest open one decides (D03).
    pub created: Timestamp,
    /// Neither won nor lost.
    pub open: bool,
}

impl Client {
    /// The oldest open deal (D03). Equal times: the smaller id, so that the answer is stable.
    pub fn open_deal(&self) -> Option<&Deal> {
        self.deals
            .iter()
            .filter(|d| d.open)
            .min_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)))
    }

    /// The deal a talk with the client is about: the oldest open one (D03), else the newest closed
    /// one.
    pub fn main_deal(&self) -> Option<&Deal> {
        let newest =
            || self.deals.iter().max_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        self.open_deal().or_else(newest)
    }

    /// What is shown on the ringing phone: name, and the company behind it (A04).
    pub fn display_name(&self) -> String {
        match &self.company {
            Some(company) if !company.is_empty() && *company != self.name => {
                if self.name.is_empty() {
                    company.clone()
                } else {
                    format!("{} ({company})", self.name)
                }
            }
            _ => self.name.clone(),
        }
    }
}

/// What the directory answered. "No owner", "CRM slow" and "CRM down" must not look alike
/// (E09; `peers.md`, requirement 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "lookup")]
pub enum Lookup {
    /// There was nothing to ask for: an anonymous caller, an internal call.
    NotAsked,
    /// The CRM knows the number.
    Found {
        /// The client.
        client: Arc<Client>,
        /// How fresh the answer is.
        source: Source,
    },
    /// The CRM answered and knows nobody with this number.
    Unknown {
        /// How fresh the answer is.
        source: Source,
    },
    /// No answer within the deadline, and no old copy to go by.
    Slow,
    /// A fault, or the breaker is open, and no old copy to go by.
    Down,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Asked just now.
    Fresh,
    /// From the cache, within its time to live.
    Cached,
    /// An outlived copy, because the CRM is slow or down.
    Stale,
}

impl Lookup {
    /// The client, where one was found.
    pub fn client(&self) -> Option<&Arc<Client>> {
        match self {
            Self::Found { client, .. } => Some(client),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d03_the_oldest_open_deal_decides() {
        let deal = |id: &str, day: &str, open| Deal {
            id: id.into(),
            title: String::new(),
            owner: None,
            created: format!("{day}T00:00:00Z").parse().unwrap(),
            open,
        };
        let client = Client {
            id: "1".into(),
            name: "Анна".into(),
            company: Some("Ромашка".into()),
            owner: None,
            deals: vec![
                deal("3", "2026-03-01", true),
                deal("2", "2026-02-01", true),
                deal("1", "2026-01-01", false),
            ],
            choice: None,
        };
        assert_eq!(client.open_deal().map(|d| d.id.as_str()), Some("2"));
        assert_eq!(client.display_name(), "Анна (Ромашка)");
    }
}
