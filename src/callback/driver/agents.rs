//! Who serves a queue of mod_callcenter.

use std::collections::HashMap;

use crate::core::ids::{Extension, QueueName};
use crate::core::plan::Target;
use crate::core::staff::{Number, Staff};
use crate::switch::control::{LinkState, Nodes};

/// Its agents who are available and have no call, longest idle first. Nobody, where no node tells.
pub(super) async fn of(nodes: &Nodes, queue: &QueueName, staff: &Staff) -> Vec<Target> {
    let name = queue.as_str();
    // What came from a rule file is not to become a second command.
    if !name.chars().all(|c| c.is_alphanumeric() || "_-.@".contains(c)) {
        return Vec::new();
    }
    for (node, state) in nodes.states() {
        if state != LinkState::Up {
            continue;
        }
        let command = format!("callcenter_config queue list agents {name}");
        if let Ok(table) = nodes.api(&node, &command).await {
            return read(&table, staff);
        }
    }
    Vec::new()
}

/// The table: a line of names, then a line an agent. The contact may hold a `|` in its dial string,
/// so columns behind it are counted from the right.
fn read(table: &str, staff: &Staff) -> Vec<Target> {
    let mut lines = table.lines();
    let heads: Vec<_> = lines.next().unwrap_or_default().split('|').collect();
    let contact = heads.iter().position(|head| *head == "contact");
    let mut agents = Vec::new();
    for line in lines {
        let cells: Vec<_> = line.split('|').collect();
        let Some(more) = cells.len().checked_sub(heads.len()) else { continue };
        let row: HashMap<_, _> = heads
            .iter()
            .enumerate()
            .filter_map(|(at, head)| {
                let behind = contact.is_some_and(|contact| at > contact);
                Some((*head, *cells.get(if behind { at + more } else { at })?))
            })
            .collect();
        let cell = |name: &str| row.get(name).copied().unwrap_or_default();
        let available = cell("status").starts_with("Available") && cell("state") == "Waiting";
        if let (true, Some(line)) = (available, line_of(cell("contact"), cell("name"))) {
            let idle: i64 = cell("last_bridge_end").parse().unwrap_or(0);
            agents.push((idle, line));
        }
    }
    agents.sort_by_key(|(idle, _)| *idle);
    agents.into_iter().map(|(_, line)| target(line, staff)).collect()
}

/// Whose phone: the user in the contact `[leg_timeout=10]user/101@domain`, else the agent's name.
fn line_of(contact: &str, name: &str) -> Option<Extension> {
    let user = |text: &str| Extension::parse(text.split('@').next().unwrap_or_default()).ok();
    user(contact.rsplit('/').next().unwrap_or_default()).or_else(|| user(name))
}

fn target(line: Extension, staff: &Staff) -> Target {
    let employee = staff.by_extension(&line).map(|employee| employee.id.clone());
    Target { employee, number: Number::Line(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_wait_for_calls_are_given_longest_idle_first() {
        let table = "name|instance_id|uuid|type|contact|status|state|last_bridge_start|last_bridge_end\n\
            a|single_box||callback|[leg_timeout=10]user/101@x|Available|Waiting|5|900\n\
            b|single_box||callback|user/102|user/109|Available|Waiting|5|100\n\
            c|single_box||callback|user/103|On Break|Waiting|5|1\n\
            d|single_box||callback|user/104|Available|In a queue call|5|1\n\
            +OK\n";
        let lines: Vec<_> = read(table, &Staff::default())
            .into_iter()
            .map(|target| match target.number {
                Number::Line(line) => line.to_string(),
                Number::Outside(phone) => phone.e164().to_owned(),
            })
            .collect();
        assert_eq!(lines, ["102", "101"]);
    }
}
