//! What FreeSWITCH says when it is asked: `show channels`, `show registrations`, and
//! `callcenter_config agent list` and `tier list`.

use std::collections::HashMap;

use serde::Deserialize;

use super::Agent;
use crate::core::ids::{Extension, LegId};

/// The tables; `None` where FreeSWITCH gave none.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub(super) channels: Option<Vec<(LegId, Option<Extension>)>>,
    pub(super) registrations: Option<Vec<(Extension, String)>>,
    pub(super) agents: Option<HashMap<String, Agent>>,
    /// The agents of each queue, in the order of the table.
    pub(super) tiers: Option<HashMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
struct Rows<T> {
    /// Absent with no row (FACTS.md, framing).
    #[serde(default = "Vec::new")]
    rows: Vec<T>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Channel {
    uuid: String,
    direction: String,
    name: String,
    dest: String,
    presence_id: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Registration {
    reg_user: String,
    token: String,
}

fn rows<T: for<'de> Deserialize<'de>>(text: &str) -> Option<Vec<T>> {
    let rows: Rows<T> = serde_json::from_str(text).ok()?;
    Some(rows.rows)
}

impl Snapshot {
    /// Reads the answer to `show channels as json`.
    pub fn read_channels(&mut self, text: &str) {
        self.channels = rows::<Channel>(text).map(|rows| {
            let legs = rows.into_iter().map(|c| (LegId::new(&c.uuid), c.line()));
            legs.collect()
        });
    }

    /// Reads the answer to `show registrations as json`.
    pub fn read_registrations(&mut self, text: &str) {
        self.registrations = rows::<Registration>(text).map(|rows| {
            let lines = rows.into_iter().filter_map(|r| {
                let line = Extension::parse(&r.reg_user).ok()?;
                Some((line, r.token))
            });
            lines.collect()
        });
    }

    /// Reads the answer to `callcenter_config agent list`: a line of names, then a line an agent.
    /// Without mod_callcenter there are none, which is no fault.
    pub fn read_agents(&mut self, text: &str) {
        let mut lines = text.lines();
        let names: Vec<_> = lines.next().unwrap_or_default().split('|').collect();
        let column = |name: &str| names.iter().position(|n| *n == name);
        let (Some(name), Some(status), Some(state)) =
            (column("name"), column("status"), column("state"))
        else {
            self.agents = None;
            return;
        };
        let (contact, ended) = (column("contact"), column("last_bridge_end"));
        let agents = lines.filter_map(|line| {
            let cells: Vec<_> = line.split('|').collect();
            // From the right: the contact in the middle is a dial string and may hold a `|`.
            let more = cells.len().checked_sub(names.len())?;
            let last = contact.map_or("", |n| cells[n + more]);
            let agent = Agent {
                status: cells[status + more].to_owned(),
                state: cells[state + more].to_owned(),
                line: user(cells[name]).or_else(|| user(last.rsplit('/').next()?)),
                talked: ended.and_then(|n| cells[n + more].parse().ok()).filter(|at| *at > 0),
            };
            Some((cells[name].to_owned(), agent))
        });
        self.agents = Some(agents.collect());
    }

    /// Reads the answer to `callcenter_config tier list`.
    pub fn read_tiers(&mut self, text: &str) {
        let mut lines = text.lines();
        let names: Vec<_> = lines.next().unwrap_or_default().split('|').collect();
        let column = |name: &str| names.iter().position(|n| *n == name);
        let (Some(queue), Some(agent)) = (column("queue"), column("agent")) else {
            self.tiers = None;
            return;
        };
        let mut tiers: HashMap<String, Vec<String>> = HashMap::new();
        for cells in lines.map(|line| line.split('|').collect::<Vec<_>>()) {
            if let (Some(queue), Some(agent)) = (cells.get(queue), cells.get(agent)) {
                tiers.entry((*queue).to_owned()).or_default().push((*agent).to_owned());
            }
        }
        self.tiers = Some(tiers);
    }

    /// The commands without which nothing is known, and which gave no table.
    pub fn unreadable(&self) -> impl Iterator<Item = &'static str> {
        let channels = self.channels.is_none().then_some("show channels");
        let registrations = self.registrations.is_none().then_some("show registrations");
        channels.into_iter().chain(registrations)
    }
}

/// The extension before an `@`.
fn user(id: &str) -> Option<Extension> {
    Extension::parse(id.split('@').next().unwrap_or_default()).ok()
}

impl Channel {
    /// Whose phone this is: `presence_id`, else the number dialled, or the user in the name of
    /// the channel, `sofia/internal/101@host`.
    fn line(&self) -> Option<Extension> {
        if let Some(line) = user(&self.presence_id) {
            return Some(line);
        }
        if self.direction == "outbound" {
            return Extension::parse(&self.dest).ok();
        }
        user(self.name.rsplit('/').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
