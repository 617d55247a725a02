//! Codes for orders that rules and settings name: those the account does not have. An order with one
//! of them would be refused.

use super::Retail;
use super::wire::{OrderTypes, Statuses};
use crate::crm::Examined;
use crate::crm::remote::{Class, Fault};
use crate::rules::set::DealPlace;

const STATUSES: &str = "make it under Settings, Reference books, Order statuses, or write one of";
const TYPES: &str = "make it under Settings, Reference books, Order types, or write one of";

impl Retail {
    /// Pipelines are types of orders here, stages statuses.
    pub(super) async fn places_missing(&self, named: &[DealPlace]) -> Vec<Examined> {
        let mut told = Vec::new();
        let stages = named.iter().filter_map(|place| Some((place, place.stage.as_deref()?)));
        let stages: Vec<_> = stages.collect();
        if !stages.is_empty() {
            match self.statuses().await {
                Ok(all) => told.extend(stages.into_iter().filter_map(|(place, code)| {
                    let what = format!("{}: there is no status of orders `{code}`", place.by);
                    missing(code, all.statuses.keys(), what, STATUSES)
                })),
                Err(fault) => told.push(unknown("the statuses of orders", &fault)),
            }
        }
        let types = named.iter().filter_map(|place| Some((place, place.pipeline.as_deref()?)));
        let types: Vec<_> = types.collect();
        if !types.is_empty() {
            let all = self.api.get::<OrderTypes>(Class::Lookup, "reference/order-types", &[]);
            match all.await {
                Ok(all) => told.extend(types.into_iter().filter_map(|(place, code)| {
                    let what = format!("{}: there is no type of orders `{code}`", place.by);
                    missing(code, all.order_types.keys(), what, TYPES)
                })),
                Err(fault) => told.push(unknown("the types of orders", &fault)),
            }
        }
        told
    }

    /// The same of `declined` and `won`.
    pub(super) async fn statuses_of_settings(&self, told: &mut Vec<Examined>) {
        let all = match self.statuses().await {
            Ok(all) => all,
            Err(fault) => return told.push(unknown("the statuses of orders", &fault)),
        };
        if let Some(code) = &self.config.declined {
            let what = format!("there is no status of orders `{code}`: nothing can be declined");
            told.extend(missing(code, all.statuses.keys(), what, "set `declined` to one of"));
        }
        let groups = all.statuses.values().map(|status| &status.group);
        let known: Vec<_> = all.statuses.keys().chain(groups).collect();
        for word in &self.config.won {
            let what = format!("`won` names `{word}`, no status of orders and no group of them");
            let what_to_do = "write statuses, or groups of them, into `won`; the statuses are";
            if !known.contains(&word) {
                told.extend(missing(word, all.statuses.keys(), what, what_to_do));
            }
        }
    }

    async fn statuses(&self) -> Result<Statuses, Fault> {
        self.api.get(Class::Lookup, "reference/statuses", &[]).await
    }
}

fn missing<'k>(
    code: &str,
    mut known: impl Iterator<Item = &'k String> + Clone,
    what: String,
    what_to_do: &str,
) -> Option<Examined> {
    let all: Vec<_> = known.clone().map(String::as_str).collect();
    let there = known.any(|one| one == code);
    (!there).then(|| Examined::Bad(what, format!("{what_to_do}: {}", all.join(", "))))
}

fn unknown(what: &str, fault: &Fault) -> Examined {
    Examined::Bad(format!("{what} are not known: {fault}"), "mend that first".to_owned())
}
