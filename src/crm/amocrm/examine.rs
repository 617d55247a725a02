//! What `dozvon doctor` tells of the account.

use serde::Deserialize;
use serde_json::Value;

use super::Amo;
use super::wire::{Kind, Person, User, or_default};
use crate::crm::remote::{Class, Fault, UTM, no_numbers_in};
use crate::crm::{ApplyError, Examined, phone_of};
use crate::rules::set::DealPlace;

/// What we want to hear of.
pub(super) const SETTINGS: [&str; 14] = [
    "add_lead",
    "update_lead",
    "delete_lead",
    "restore_lead",
    "responsible_lead",
    "status_lead",
    "add_contact",
    "update_contact",
    "delete_contact",
    "responsible_contact",
    "add_company",
    "update_company",
    "delete_company",
    "responsible_company",
];

#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    /// Whose token it is.
    #[serde(default)]
    pub(super) current_user_id: Option<i64>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    parts: Parts,
}

#[derive(Default, Deserialize)]
struct Parts {
    #[serde(default, deserialize_with = "or_default")]
    task_types: Vec<TaskType>,
}

#[derive(Deserialize)]
struct TaskType {
    id: i64,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
}

#[derive(Deserialize)]
struct Webhook {
    destination: String,
    #[serde(default, deserialize_with = "or_default")]
    settings: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    disabled: bool,
}

impl Amo {
    /// All questions side by side: a person waits for them.
    pub(super) async fn look_around(&self) -> Vec<Examined> {
        let query = [("with", "task_types")];
        let (account, users, pipeline, leads, contacts, others, hooks, spelling) = tokio::join!(
            self.api.get::<Account>(Class::Lookup, "api/v4/account", &query),
            self.users(Class::Lookup),
            self.pipeline_there(),
            self.fields_there(Kind::Leads),
            self.fields_there(Kind::Contacts),
            self.records_seen(),
            self.subscription(),
            self.spelling(),
        );
        // The employees tell what is wrong with the way and the token.
        let (Ok(Some(account)), Ok(users)) = (account, users) else { return Vec::new() };
        let mut told = vec![Examined::Good(format!("account {}", account.name))];
        self.rights(account.current_user_id, &users, &mut told);
        told.push(pipeline);
        self.types(&account.parts.task_types, &mut told);
        told.extend([leads, contacts]);
        told.extend(others);
        told.push(hooks);
        told.extend(spelling);
        told
    }

    /// Places for deals that rules name and that the account does not have.
    pub(super) async fn places_missing(&self, named: &[DealPlace]) -> Vec<Examined> {
        let mut told = Vec::new();
        for place in named {
            let why = match self.has_place(place).await {
                Ok(()) => continue,
                Err(ApplyError::Refused { why }) => why,
                Err(other) => other.to_string(),
            };
            let what_to_do = "correct the rule or its setting, or the pipeline in amoCRM";
            told.push(Examined::Bad(format!("{}: {why}", place.by), what_to_do.to_owned()));
        }
        told
    }

    fn rights(&self, me: Option<i64>, users: &[User], told: &mut Vec<Examined>) {
        let mine = users.iter().find(|user| Some(user.id) == me);
        let admin = mine.and_then(|user| user.rights.as_ref()).and_then(|rights| rights.is_admin);
        if admin == Some(false) {
            told.push(Examined::Bad(
                "access was given by a user who is no administrator: users, fields and webhooks \
                 may be closed to it"
                    .to_owned(),
                "give access anew as an administrator: `dozvon crm login amocrm`, or a token of \
                 his"
                .to_owned(),
            ));
        }
        if let Some(field) = &self.config.numbers_field {
            told.extend(no_numbers_in(users.iter().map(|user| &user.rest), field));
        }
        for key in self.config.numbers.keys() {
            let is =
                |user: &User| user.id.to_string() == *key || user.email.eq_ignore_ascii_case(key);
            if !users.iter().any(is) {
                told.push(Examined::Bad(
                    format!("`numbers` names {key}, who is no user of the account"),
                    "write a user's id or e-mail, as they stand under Settings, Users".to_owned(),
                ));
            }
        }
    }

    async fn pipeline_there(&self) -> Examined {
        match self.inbox(None).await {
            Ok(_) => Examined::Good("pipeline and Unsorted are there".to_owned()),
            Err(error) => Examined::Bad(
                error.to_string(),
                "correct `pipeline`, or the pipeline in amoCRM".to_owned(),
            ),
        }
    }

    /// Kinds of records that actions look at, and that are closed to us.
    async fn records_seen(&self) -> Vec<Examined> {
        let seen = async |what: &str| {
            let path = format!("api/v4/{what}");
            let seen = self.api.list::<Value>(Class::Lookup, &path, &[("limit", "1")]).await;
            seen.err().map(|fault| unknown(&format!("the {what}"), &fault))
        };
        let (companies, leads, tasks, unsorted) =
            tokio::join!(seen("companies"), seen("leads"), seen("tasks"), seen("leads/unsorted"));
        [companies, leads, tasks, unsorted].into_iter().flatten().collect()
    }

    fn types(&self, types: &[TaskType], told: &mut Vec<Examined>) {
        for (kind, id) in &self.config.task_types {
            if types.is_empty() || types.iter().any(|own| own.id == *id) {
                continue;
            }
            let known: Vec<String> =
                types.iter().map(|own| format!("{} {}", own.id, own.name)).collect();
            told.push(Examined::Bad(
                format!("the tasks `{kind}` have the type {id}, which the account does not have"),
                format!("set it to one of: {}", known.join(", ")),
            ));
        }
    }

    /// Fields for visits, and those `create_fields` names.
    async fn fields_there(&self, kind: Kind) -> Examined {
        let mut wanted: Vec<&str> = UTM.to_vec();
        wanted.extend(self.config.create_fields.names());
        let missing = match self.missing_fields(kind, &wanted).await {
            Ok(missing) => missing,
            Err(fault) => return unknown("the fields", &fault),
        };
        let of = kind.path();
        match (missing.is_empty(), self.config.create_fields.any()) {
            (true, _) => Examined::Good(format!("{of} have all UTM fields")),
            (false, true) => Examined::Good(format!(
                "{of} have no fields for {}: they are made when they are needed",
                missing.join(", ")
            )),
            (false, false) => Examined::Bad(
                format!("{of} have no fields for {}: a note will tell them", missing.join(", ")),
                "make text fields of these names, or set `create_fields = true`".to_owned(),
            ),
        }
    }

    async fn subscription(&self) -> Examined {
        let Some(secret) = &self.config.hook_secret else {
            return Examined::Good(
                "without `hook_secret` amoCRM tells no changes: a new owner is seen when \
                 `directory.ttl` is over"
                    .to_owned(),
            );
        };
        let hooks: Vec<Webhook> = match self.api.all(Class::Lookup, "api/v4/webhooks", &[]).await {
            Ok(hooks) => hooks,
            Err(fault) => return unknown("the webhooks", &fault),
        };
        let own = hooks.iter().find(|hook| hook.destination.contains(secret.reveal()));
        let login = "run `dozvon crm login amocrm`, which subscribes to them".to_owned();
        match own {
            None => Examined::Bad("amoCRM tells us no changes".to_owned(), login),
            Some(hook) if hook.disabled => Examined::Bad(
                "amoCRM gave up telling us changes: too many of its posts failed".to_owned(),
                "see that `http.public_url` can be reached from outside, then run `dozvon crm \
                 login amocrm`"
                    .to_owned(),
            ),
            Some(hook) => {
                let wanted = SETTINGS.iter().filter(|s| !hook.settings.iter().any(|own| own == *s));
                let missing: Vec<&str> = wanted.copied().collect();
                match missing.is_empty() {
                    true => Examined::Good("amoCRM tells us changes".to_owned()),
                    false => Examined::Bad(
                        format!("amoCRM does not tell us {}", missing.join(", ")),
                        login,
                    ),
                }
            }
        }
    }

    /// Whether the search finds a number by its last ten digits, however somebody typed it.
    async fn spelling(&self) -> Option<Examined> {
        let query = [("limit", "50"), ("order[id]", "asc")];
        let some: Vec<Person> = match self.api.list(Class::Lookup, "api/v4/contacts", &query).await
        {
            Ok(some) => some,
            Err(fault) => return Some(unknown("the contacts", &fault)),
        };
        let phone = some.iter().flat_map(Person::numbers).find_map(|text| {
            let phone = phone_of(text)?;
            // Plain digits are found in any case.
            text.chars().any(|c| c == '(' || c == ' ' || c == '-').then_some(phone)
        })?;
        let found = self.with_number(Class::Lookup, Kind::Contacts, &phone).await;
        match (found.map(|found| !found.is_empty()), self.config.other_spellings) {
            (Ok(true), true) => Some(Examined::Good(
                "the search knows numbers however they are typed: `other_spellings = false` \
                 spares two requests a stranger"
                    .to_owned(),
            )),
            (Ok(false), false) => Some(Examined::Bad(
                "the search finds numbers only as they are typed".to_owned(),
                "set `other_spellings = true`".to_owned(),
            )),
            (Ok(_), _) | (Err(_), _) => None,
        }
    }

    /// Asks to be told changes at this address.
    ///
    /// # Errors
    /// [`Fault`]: no administrator's rights, or a plan without webhooks.
    pub async fn subscribe(&self, address: &str) -> Result<(), Fault> {
        let body = super::sent::NewWebhook { destination: address, settings: &SETTINGS };
        self.api.post::<Value>("api/v4/webhooks", &body).await.map(drop)
    }
}

fn unknown(what: &str, fault: &Fault) -> Examined {
    let advice = "see that access was given by an administrator".to_owned();
    Examined::Bad(format!("{what} cannot be seen: {fault}"), advice)
}
