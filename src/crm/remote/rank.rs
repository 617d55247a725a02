//! Of several clients with one number.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Id;
use crate::core::client::Client;

/// Of several clients the least is taken. Its fields stand in the order in which they decide.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    no_open_deal: bool,
    oldest_open: Option<Timestamp>,
    created: Reverse<Option<Timestamp>>,
    id: Reverse<Id>,
}

impl Rank {
    fn reason(&self, next: &Self, deal: &str) -> String {
        if self.no_open_deal != next.no_open_deal {
            format!("it has an open {deal}")
        } else if self.oldest_open != next.oldest_open {
            format!("its open {deal} is the oldest (D03)")
        } else {
            "it is the newest".to_owned()
        }
    }
}

/// Who has an open deal, else the newest, with a word why. Each comes with its id and the time it
/// was made; `deal` is the CRM's own word for one.
pub fn choose(clients: Vec<(Client, Id, Option<Timestamp>)>, deal: &str) -> Option<Client> {
    let ranked = clients.into_iter().map(|(client, id, created)| {
        let oldest_open = client.open_deal().map(|deal| deal.created);
        let no_open_deal = oldest_open.is_none();
        (Rank { no_open_deal, oldest_open, created: Reverse(created), id: Reverse(id) }, client)
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
    let many = ranked.len();
    let mut ranked = ranked.into_iter();
    let (rank, mut client) = ranked.next()?;
    client.choice = ranked.next().map(|(next, _)| {
        format!("{many} clients have this number; taken, because {}", rank.reason(&next, deal))
    });
    Some(client)
}
