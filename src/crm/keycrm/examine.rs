//! What `dozvon doctor` tells of the account.

use serde_json::Value;

use super::config::Deals;
use super::wire::{Named, User};
use super::{DEAL, KeyCrm};
use crate::crm::Examined;
use crate::crm::remote::{Class, Fault, no_numbers_in};

/// Pages of sources and users.
const PAGES: u32 = 40;

impl KeyCrm {
    pub(super) async fn look_around(&self) -> Vec<Examined> {
        let mut told = Vec::new();
        let users: Vec<User> = match self.api.list(Class::Lookup, "users", &[], PAGES).await {
            Ok(users) => users,
            // The employees tell what is wrong with the way and the key.
            Err(_) => return told,
        };
        self.right("buyer", "clients are not found", &mut told).await;
        match self.config.deals {
            Deals::Cards => {
                self.pipelines(&mut told).await;
                self.right(DEAL, "open deals are not seen", &mut told).await;
            }
            Deals::Orders => self.right("order", "open orders are not seen", &mut told).await,
        }
        self.right("calls", "a call whose answer was lost may be told twice", &mut told).await;
        self.source(&mut told).await;
        self.statuses_of_settings(&mut told).await;
        self.fields(&mut told).await;
        self.numbers(&users, &mut told);
        self.telephony(&mut told);
        self.hooks(&mut told);
        told
    }

    /// A key may do what the role of its user may; no request tells which that is.
    async fn right(&self, path: &str, consequence: &str, told: &mut Vec<Examined>) {
        let asked = self.api.get::<Value>(Class::Lookup, path, &[("limit", "1")]).await;
        told.push(match asked {
            Ok(_) => Examined::Good(format!("the key may read /{path}")),
            Err(fault) => Examined::Bad(
                format!("the key may not read /{path}: {consequence} ({fault})"),
                "give the role of the key's user the right to it, under Settings, Users".to_owned(),
            ),
        });
    }

    async fn pipelines(&self, told: &mut Vec<Examined>) {
        let asked: Result<Vec<Named>, Fault> =
            self.api.list(Class::Lookup, "pipelines", &[], 1).await;
        told.push(match asked {
            Ok(pipelines) => {
                let names: Vec<_> = pipelines.into_iter().filter_map(|one| one.name).collect();
                Examined::Good(format!("pipelines: {}", names.join(", ")))
            }
            Err(Fault::Refused { status: 400, .. }) => Examined::Bad(
                "pipelines are switched off in the account, and cards are the deals".to_owned(),
                "switch them on under Settings, General, or set `deals = \"orders\"`".to_owned(),
            ),
            Err(fault) => Examined::Bad(
                format!("the pipelines are not known: {fault}"),
                "give the role of the key's user the right to pipelines".to_owned(),
            ),
        });
    }

    async fn source(&self, told: &mut Vec<Examined>) {
        let asked: Result<Vec<Named>, Fault> =
            self.api.list(Class::Lookup, "order/source", &[], PAGES).await;
        told.push(match asked {
            Ok(sources) => {
                let known = sources
                    .iter()
                    .map(|one| format!("{} ({})", one.id, one.name.as_deref().unwrap_or_default()));
                let known = known.collect::<Vec<_>>().join(", ");
                match self.config.source {
                    Some(source) if sources.iter().any(|one| one.id.0 == source) => Examined::Good(
                        format!("new deals have the source {source}, of the sources {known}"),
                    ),
                    Some(source) => Examined::Bad(
                        format!("the account has no source {source}"),
                        format!("set `source` to one of: {known}"),
                    ),
                    None => Examined::Good(format!(
                        "new deals have no source of ours; `source` could be one of: {known}"
                    )),
                }
            }
            Err(fault) => Examined::Bad(
                format!("the sources are not known: {fault}"),
                "mend that first".to_owned(),
            ),
        });
    }

    async fn fields(&self, told: &mut Vec<Examined>) {
        if self.config.fields.is_empty() {
            return;
        }
        let asked = self.api.get::<Value>(Class::Lookup, "custom-fields", &[]).await;
        let Ok(all) = asked else {
            let what = "the account's fields are not known".to_owned();
            return told.push(Examined::Bad(what, "mend that first".to_owned()));
        };
        // A list here, a page elsewhere.
        let list = all.get("data").unwrap_or(&all).as_array().cloned().unwrap_or_default();
        let has = |uuid: &str| list.iter().any(|field| field["uuid"] == uuid);
        for (name, uuid) in self.config.fields.iter().filter(|(_, uuid)| !has(uuid)) {
            told.push(Examined::Bad(
                format!("the account has no field {uuid}, and `{name}` goes there"),
                "make it under Settings, Custom fields, or correct `fields`".to_owned(),
            ));
        }
    }

    fn numbers(&self, users: &[User], told: &mut Vec<Examined>) {
        let without = self.without_numbers(users);
        if !without.is_empty() {
            let ids: Vec<_> = without.iter().map(ToString::to_string).collect();
            told.push(Examined::Bad(
                format!("users without an extension: {}", ids.join(", ")),
                "KeyCRM keeps its own table to itself: write them into [crm.NAME.numbers], or \
                 into a field of theirs that `numbers_field` names; who takes no calls needs none"
                    .to_owned(),
            ));
        }
        if let Some(field) = &self.config.numbers_field {
            told.extend(no_numbers_in(users.iter().map(|user| &user.rest), field));
        }
        let of_nobody = self.of_nobody(users);
        if !of_nobody.is_empty() {
            told.push(Examined::Bad(
                format!("[crm.NAME.numbers] names nobody of the account: {}", of_nobody.join(", ")),
                "write the id, the e-mail or the login of a user".to_owned(),
            ));
        }
    }

    fn hooks(&self, told: &mut Vec<Examined>) {
        told.push(match self.config.hook_secret {
            Some(_) => Examined::Good("KeyCRM may tell of changes and press its button".to_owned()),
            None => Examined::Bad(
                "KeyCRM cannot tell of changes, and its button calls nobody".to_owned(),
                "set `hook_secret` here and `public_url` of [http], and type the addresses into \
                 KeyCRM"
                    .to_owned(),
            ),
        });
    }

    fn telephony(&self, told: &mut Vec<Examined>) {
        told.push(match self.api.tells_calls() {
            true if self.config.nobody.is_none() => Examined::Bad(
                "calls that reached nobody are not told, missed ones of new clients among them"
                    .to_owned(),
                "set `nobody` to the extension under which they shall stand".to_owned(),
            ),
            true => Examined::Good("calls are told at the address of `telephony_url`".to_owned()),
            false => Examined::Bad(
                "KeyCRM learns of no calls".to_owned(),
                "copy the address under Settings, Telephony, Asterisk into a file, and name it as \
                 `telephony_url_file`"
                    .to_owned(),
            ),
        });
    }
}
