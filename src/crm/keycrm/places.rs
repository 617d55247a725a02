//! Pipelines and statuses that rules and settings name: those the account does not have.

use std::collections::BTreeMap;

use super::KeyCrm;
use super::config::Deals;
use super::wire::{Id, Named, Stage};
use crate::crm::Examined;
use crate::crm::remote::{Class, Fault};
use crate::rules::set::DealPlace;

/// Pages of a list.
const PAGES: u32 = 40;

impl KeyCrm {
    pub(super) async fn places_missing(&self, named: &[DealPlace]) -> Vec<Examined> {
        match self.look_for(named).await {
            Ok(told) => told,
            Err(fault) => vec![unknown(&fault)],
        }
    }

    async fn look_for(&self, named: &[DealPlace]) -> Result<Vec<Examined>, Fault> {
        let mut told = Vec::new();
        let of_cards = self.config.deals == Deals::Cards;
        if of_cards && named.iter().any(|place| place.pipeline.is_some()) {
            let all = self.pipelines_there().await?;
            let name = |one: &Named| one.name.clone().unwrap_or_default();
            for place in named {
                let Some(text) = &place.pipeline else { continue };
                let is = |one: &Named| one.id.to_string() == *text || name(one).trim() == text;
                if !all.iter().any(is) {
                    let known: Vec<_> = all.iter().map(name).collect();
                    told.push(Examined::Bad(
                        format!("{}: there is no pipeline `{text}`", place.by),
                        format!("make it, or write one of: {}", known.join(", ")),
                    ));
                }
            }
        }
        if named.iter().any(|place| place.stage.is_some()) {
            let all = self.stages().await?;
            for place in named {
                let Some(text) = &place.stage else { continue };
                if !text.parse().is_ok_and(|id| all.contains_key(&Id(id))) {
                    told.push(Examined::Bad(
                        format!("{}: there is no stage `{text}`", place.by),
                        format!("write the id of a status, one of: {}", list(&all)),
                    ));
                }
            }
        }
        Ok(told)
    }

    /// The same of `declined` and `won`.
    pub(super) async fn statuses_of_settings(&self, told: &mut Vec<Examined>) {
        let (declined, won) = (self.config.declined, &self.config.won);
        if declined.is_none() && won.is_empty() {
            return;
        }
        let all = match self.stages().await {
            Ok(all) => all,
            Err(fault) => return told.push(unknown(&fault)),
        };
        if let Some(id) = declined.filter(|id| !all.contains_key(&Id(*id))) {
            told.push(Examined::Bad(
                format!("there is no status {id}: what is declined keeps the status it has"),
                format!("set `declined` to the id of one of: {}", list(&all)),
            ));
        }
        for word in won {
            if !all.values().any(|stage| stage.is(word)) {
                told.push(Examined::Bad(
                    format!("`won` names `{word}`, which is no status: nothing is won by it"),
                    format!("write ids, names or aliases into `won`: {}", list(&all)),
                ));
            }
        }
    }

    async fn pipelines_there(&self) -> Result<Vec<Named>, Fault> {
        self.api.list(Class::Lookup, "pipelines", &[], PAGES).await
    }

    /// Of all pipelines, or of orders.
    async fn stages(&self) -> Result<BTreeMap<Id, Stage>, Fault> {
        let mut all: Vec<Stage> = Vec::new();
        match self.config.deals {
            Deals::Cards => {
                for pipeline in self.pipelines_there().await? {
                    let path = format!("pipelines/{}/statuses", pipeline.id);
                    all.extend(self.api.list::<Stage>(Class::Lookup, &path, &[], PAGES).await?);
                }
            }
            Deals::Orders => {
                all = self.api.list(Class::Lookup, "order/status", &[], PAGES).await?;
            }
        }
        Ok(all.into_iter().map(|stage| (stage.id, stage)).collect())
    }
}

impl Stage {
    /// By its id, name or alias.
    fn is(&self, word: &str) -> bool {
        let same = |own: &str| own.trim().to_lowercase() == word.trim().to_lowercase();
        let named = [&self.name, &self.alias].into_iter().flatten().any(|own| same(own));
        named || same(&self.id.to_string())
    }
}

fn list(all: &BTreeMap<Id, Stage>) -> String {
    let each = all.values().map(|stage| match stage.name.as_deref() {
        Some(name) => format!("{} ({name})", stage.id),
        None => stage.id.to_string(),
    });
    each.collect::<Vec<_>>().join(", ")
}

fn unknown(fault: &Fault) -> Examined {
    Examined::Bad(
        format!("pipelines and statuses are not known: {fault}"),
        "give the role of the key's user the right to them".to_owned(),
    )
}
