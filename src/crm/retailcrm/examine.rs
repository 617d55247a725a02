//! What `dozvon doctor` tells of the account.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::wire::{Credentials, OrderMethods, Sites, User};
use super::{Entity, Retail};
use crate::crm::Examined;
use crate::crm::remote::{Class, Fault, no_numbers_in};

/// What a key needs, and what for. A key of the old kind names no scopes and may do everything.
const SCOPES: [(&str, &str); 9] = [
    ("customer_read", "clients are not found"),
    ("customer_write", "no clients are made, no notes written"),
    ("order_read", "open orders are not seen"),
    ("order_write", "no orders are made"),
    ("reference_read", "open and closed orders are not told apart"),
    ("task_read", "a second task is not noticed"),
    ("task_write", "no tasks are made"),
    ("user_read", "employees are not known"),
    ("notification_write", "nobody is notified"),
];

/// How far the account's clock may be from ours before the time zone must be wrong.
const APART: i64 = 10 * 60;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    generated_at: Option<String>,
}

impl Retail {
    pub(super) async fn look_around(&self) -> Vec<Examined> {
        let mut told = Vec::new();
        let credentials =
            self.api.get_unversioned::<Credentials>(Class::Lookup, "credentials").await;
        let credentials = match credentials {
            Ok(credentials) => {
                rights(&credentials, &mut told);
                credentials
            }
            Err(fault) => {
                told.push(unknown("what the key may do", &fault));
                // The rest tells all the same, unless the way or the key is the trouble.
                if !matches!(fault, Fault::Forbidden(_) | Fault::Refused { .. } | Fault::Strange(_))
                {
                    return told;
                }
                Credentials::default()
            }
        };
        self.site(&credentials, &mut told).await;
        self.codes_of_settings(&mut told).await;
        self.statuses_of_settings(&mut told).await;
        self.telephony(&mut told).await;
        self.clock(&mut told).await;
        told
    }

    /// Codes of the configuration that the account does not have.
    async fn codes_of_settings(&self, told: &mut Vec<Examined>) {
        if !self.config.fields.is_empty() {
            match self.own_fields(Duration::ZERO).await {
                Ok(known) if known.is_told() => {
                    let kinds = [(Entity::Customer, "clients"), (Entity::Order, "orders")];
                    for (name, code) in &self.config.fields {
                        let without = kinds.iter().filter(|(kind, _)| !known.has(*kind, code));
                        let without: Vec<_> = without.map(|(_, word)| *word).collect();
                        if !without.is_empty() {
                            told.push(Examined::Bad(
                                format!(
                                    "{} have no field `{code}`: there `{name}` goes into a text",
                                    without.join(" and ")
                                ),
                                "add it under Settings, System, Custom fields, or correct \
                                 `fields`"
                                    .to_owned(),
                            ));
                        }
                    }
                }
                Ok(_) => told.push(Examined::Bad(
                    "the key may not see the account's fields: those of `fields` are not checked, \
                     others are not found"
                        .to_owned(),
                    "tick custom fields under Settings, Integration, API access keys".to_owned(),
                )),
                Err(fault) => told.push(unknown("the account's fields", &fault)),
            }
        }
        if let Some(code) = &self.config.order_method {
            let path = "reference/order-methods";
            match self.api.get::<OrderMethods>(Class::Lookup, path, &[]).await {
                Ok(all) if all.order_methods.contains_key(code) => {}
                Ok(all) => {
                    let codes: Vec<_> = all.order_methods.into_keys().collect();
                    told.push(Examined::Bad(
                        format!("there is no order method `{code}`: no order is taken"),
                        format!("set `order_method` to one of: {}", codes.join(", ")),
                    ));
                }
                Err(fault) => told.push(unknown("the order methods", &fault)),
            }
        }
        if !self.config.numbers.is_empty() || self.config.numbers_field.is_some() {
            match self.users_of(Class::Lookup).await {
                Ok(users) => {
                    if let Some(field) = &self.config.numbers_field {
                        told.extend(no_numbers_in(users.iter().map(|user| &user.rest), field));
                    }
                    for user in self.config.numbers.keys() {
                        let is = |u: &User| u.id.to_string() == *user;
                        let is = |u: &&User| is(u) || u.email.as_ref() == Some(user);
                        let what = match users.iter().find(is) {
                            None => "there is no user",
                            Some(user) if !user.active => "no longer active is the user",
                            Some(_) => continue,
                        };
                        told.push(Examined::Bad(
                            format!("{what} `{user}` of `numbers`"),
                            "name users by their id or e-mail".to_owned(),
                        ));
                    }
                }
                Err(fault) => told.push(unknown("the users", &fault)),
            }
        }
    }

    async fn site(&self, credentials: &Credentials, told: &mut Vec<Examined>) {
        let mut sites = credentials.sites_available.clone();
        if sites.is_empty()
            && let Ok(all) = self.api.get::<Sites>(Class::Lookup, "reference/sites", &[]).await
        {
            sites.extend(all.sites.into_keys());
        }
        match &self.config.site {
            None if sites.len() > 1 => told.push(Examined::Bad(
                format!("the key sees {} shops, and none is chosen", sites.len()),
                format!("set `site` to one of: {}", sites.join(", ")),
            )),
            Some(site) if !sites.is_empty() && !sites.contains(site) => told.push(Examined::Bad(
                format!("the key does not see the shop `{site}`"),
                format!("set `site` to one of: {}", sites.join(", ")),
            )),
            _ => {}
        }
    }

    async fn telephony(&self, told: &mut Vec<Examined>) {
        let module = &self.config.module;
        told.push(match self.module().await {
            Ok(Some((true, telephony))) => {
                let codes = telephony.additional_codes.len();
                let secret = self.config.hook_secret.as_ref().map(|secret| secret.reveal());
                let button = telephony.make_call_url.unwrap_or_default();
                match secret {
                    Some(secret) if !button.ends_with(&format!("/{secret}/call")) => Examined::Bad(
                        format!(
                            "the button of the telephony module `{module}` has another address \
                             than ours"
                        ),
                        "set `http.public_url` and run `dozvon crm install`".to_owned(),
                    ),
                    None if button.contains("/crm/") => Examined::Bad(
                        format!("nothing answers the button of the telephony module `{module}`"),
                        "set `hook_secret` and run `dozvon crm install`".to_owned(),
                    ),
                    _ => Examined::Good(format!("telephony module `{module}`, {codes} extensions")),
                }
            }
            Ok(Some((false, _))) => Examined::Bad(
                format!("the telephony module `{module}` is switched off"),
                "switch it on under Settings, Integration, Telephony".to_owned(),
            ),
            Ok(None) => Examined::Bad(
                format!("the telephony module `{module}` is not registered"),
                "run `dozvon crm install`: calls are not taken without it".to_owned(),
            ),
            Err(fault) => unknown("the telephony module", &fault),
        });
    }

    /// Nothing in its answers says where its times are: its own clock does.
    async fn clock(&self, told: &mut Vec<Examined>) {
        let now = Timestamp::now();
        let since = self.times.write(now);
        let query = [("filter[startDate]", since.as_str()), ("limit", "20")];
        let answer = self.api.get::<Generated>(Class::Lookup, "customers/history", &query).await;
        let theirs = match &answer {
            Ok(answer) => answer.generated_at.as_deref().and_then(|at| self.times.read(at)),
            Err(fault) => return told.push(unknown("the clock of the account", fault)),
        };
        let zone = &self.config.time_zone;
        if let Some(theirs) = theirs {
            let apart = theirs.as_second() - now.as_second();
            told.push(match apart.abs() < APART {
                true => Examined::Good(format!("the account's clock is that of {zone}")),
                false => Examined::Bad(
                    format!("the account's clock is {} minutes from that of {zone}", apart / 60),
                    "set `time_zone` to the account's, from Settings, System".to_owned(),
                ),
            });
        }
    }
}

fn rights(credentials: &Credentials, told: &mut Vec<Examined>) {
    let has = |scope: &str| credentials.scopes.iter().any(|s| s == scope);
    let missing = SCOPES.iter().filter(|(scope, _)| !credentials.scopes.is_empty() && !has(scope));
    let before = told.len();
    told.extend(missing.map(|(scope, consequence)| {
        Examined::Bad(
            format!("the key has no right `{scope}`: {consequence}"),
            "tick it under Settings, Integration, API access keys".to_owned(),
        )
    }));
    if told.len() == before {
        told.push(Examined::Good("the key has all rights".to_owned()));
    }
}

fn unknown(what: &str, fault: &Fault) -> Examined {
    Examined::Bad(format!("{what} is not known: {fault}"), "mend that first".to_owned())
}
