//! Unsorted (Неразобранное): who called and belongs to nobody yet. Contact and deal are hidden
//! until somebody accepts them.

use std::collections::BTreeMap;

use super::calls::Kept;
use super::desk::{Desk, Entity, afterwards, said, user};
use super::examine::Account;
use super::people::embedded_tags;
use super::sent::{self, Accept, Becomes, Change, Decline, Metadata, NewUnsorted};
use super::wire::{Kind, List, Unsorted};
use crate::core::action::{Bound, Made, UnsortedKind};
use crate::core::facts::Direction;
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, Thing, same_number};
use crate::crm::{ApplyError, Done};

/// Pages of the newest entries that are looked through: others than ours, which are known for long.
const PAGES: usize = 10;

impl Desk<'_> {
    pub(super) async fn unsorted(
        &self,
        kind: UnsortedKind,
        (title, name): (&str, &str),
        pipeline: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let Some(number) = self.number() else {
            return Ok(said("nothing: amoCRM keeps no call without a number"));
        };
        if let Some(entry) = self.waiting().await? {
            let what = format!("nothing: Unsorted entry {} waits for this number (C03)", entry.uid);
            let mut bound = bound_to(&entry.uid);
            // It is the one of this call, whose answer was lost.
            if entry.source_uid.as_deref() == Some(self.source_uid(number).as_str()) {
                bound.made = made(&entry);
            }
            if entry.is_of_call(self.call()) && !matches!(self.kept(), Some(Kept::In(_))) {
                bound.call = entry.card().and_then(|card| Kept::In(card).bound().call);
            }
            return Ok(Done { bound, what });
        }
        let pipeline_id = self.amo.inbox(pipeline).await?;
        let mut filled = self.fill(Kind::Leads, fields).await?;
        let tags = embedded_tags(tags);
        let lead =
            Change { name: Some(title.to_owned()), embedded: tags.clone(), ..Change::default() };
        let contact = Change {
            name: Some(name.to_owned()),
            custom_fields_values: vec![sent::phone(number.e164())],
            embedded: tags,
            ..Change::default()
        };
        let case = self.work.case;
        // The kind of calls is for those who called.
        let (path, metadata) = match (kind, case.direction) {
            (UnsortedKind::Call, Direction::Inbound | Direction::Internal) => {
                ("api/v4/leads/unsorted/sip", self.sip(number))
            }
            _ => ("api/v4/leads/unsorted/forms", self.form()),
        };
        let with_call = matches!(metadata, Metadata::Sip { .. });
        let mut new = NewUnsorted {
            source_name: case.line.clone().unwrap_or_else(|| self.amo.config.source.clone()),
            source_uid: self.source_uid(number),
            pipeline_id,
            created_at: case.at.as_second(),
            metadata,
            embedded: Becomes { leads: vec![lead], contacts: vec![contact] },
        };
        let made: Unsorted = loop {
            new.embedded.leads[0].custom_fields_values = filled.fields();
            match self.amo.api.make(path, &[&new]).await {
                Err(fault) if filled.drops(&fault) => {}
                made => break made?,
            }
        };
        self.amo.recent.keep(Thing::Unsorted, number.e164(), &made.uid).await;
        let mut done =
            Done { bound: bound_to(&made.uid), what: format!("made Unsorted entry {}", made.uid) };
        done.bound.made = self::made(&made);
        // It brings the record of the call along.
        if let Some(card) = made.card() {
            if with_call {
                done.bound.call = Kept::In(card).bound().call;
            }
            let noted = self.note_rest(card, &filled.rest).await;
            afterwards(noted, &mut done.what, "a note of its fields")?;
        }
        Ok(done)
    }

    fn source_uid(&self, number: &Phone) -> String {
        format!("dozvon:{}:{}", self.call(), number.digits())
    }

    fn sip(&self, number: &Phone) -> Metadata {
        let case = self.work.case;
        let rung = case.last.as_ref().and_then(|speaker| speaker.employee.as_ref());
        Metadata::Sip {
            phone: number.e164().to_owned(),
            call_responsible: rung.or(case.rung.first()).map(ToString::to_string),
            called_at: case.started.as_second(),
            duration: case.talked,
            link: self.link(),
            service_code: self.amo.config.source.clone(),
            uniq: self.call().to_owned(),
            is_call_event_needed: true,
        }
    }

    fn form(&self) -> Metadata {
        let case = self.work.case;
        let field = |keys: &[&str]| keys.iter().find_map(|key| case.fields.get(*key)).cloned();
        let line = || case.line.clone().unwrap_or_else(|| self.amo.config.source.clone());
        Metadata::Form {
            form_id: field(&["form_id", "site"]).unwrap_or_else(line),
            form_name: field(&["form_name", "site"]).unwrap_or_else(line),
            form_page: field(&["page", "url", "form_page"]).unwrap_or_else(line),
            form_sent_at: case.started.as_second(),
            ip: field(&["ip"]),
            referer: field(&["referer", "referrer"]),
            visitor_uid: field(&["visitor_uid", "visitor_id"]),
        }
    }

    /// The entry that waits for the number: the one of this call, one of ours, else by what the
    /// newest entries say.
    pub(super) async fn waiting(&self) -> Result<Option<Unsorted>, Fault> {
        let Some(number) = self.number() else { return Ok(None) };
        let own = match self.work.bound.unsorted.clone() {
            Some(own) => Some(own),
            None => {
                let recent = &self.amo.recent;
                recent.read(Class::Delivery, Thing::Unsorted, number.e164()).await
            }
        };
        if let Some(uid) = own {
            let path = format!("api/v4/leads/unsorted/{uid}");
            let entry: Option<Unsorted> = self.amo.api.get(Class::Delivery, &path, &[]).await?;
            if let Some(entry) = entry.filter(|entry| entry.uid == uid && !entry.is_decided()) {
                return Ok(Some(entry));
            }
            // Somebody accepted or declined it.
            self.forget_entry().await;
        }
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [
                ("filter[category][0]", "sip"),
                ("filter[category][1]", "forms"),
                ("order[created_at]", "desc"),
                ("page", page.as_str()),
                ("limit", super::PAGE),
            ];
            let path = "api/v4/leads/unsorted";
            let list: Option<List<Unsorted>> =
                self.amo.api.get(Class::Delivery, path, &query).await?;
            let Some(list) = list else { break };
            let more = list.has_next();
            let is = |told: &str| same_number(told, number.digits());
            let mut found = list.items().into_iter().filter(|entry| !entry.is_decided());
            if let Some(found) = found.find(|entry| entry.numbers().any(is)) {
                return Ok(Some(found));
            }
            if !more {
                break;
            }
        }
        Ok(None)
    }

    pub(super) async fn accept_unsorted(
        &self,
        owner: &EmployeeId,
        stage: Option<&str>,
    ) -> Result<Done, ApplyError> {
        let Some(entry) = self.waiting().await? else {
            return Ok(said("nothing: no Unsorted entry waits for this number"));
        };
        let pipeline = entry.pipeline_id.map(|id| id.to_string());
        let status_id = match stage {
            Some(_) => self.amo.place(pipeline.as_deref(), stage).await?.stage,
            None => None,
        };
        let accept = Accept { user_id: user(owner)?, status_id };
        let path = format!("api/v4/leads/unsorted/{}/accept", entry.uid);
        let became: Option<Unsorted> = match self.amo.api.post(&path, &accept).await {
            // Somebody in the CRM may have been quicker.
            Err(fault @ Fault::Refused { .. }) => match self.waiting().await? {
                Some(there) if there.uid == entry.uid => return Err(fault.into()),
                _ => match self.became(&entry.uid).await? {
                    Some(done) => return Ok(done),
                    None => return Ok(self.decided(&entry.uid).await),
                },
            },
            became => became?,
        };
        let became = became.unwrap_or_else(|| entry.clone());
        self.accepted(
            &entry.uid,
            became.contact().or(entry.contact()),
            became.lead().or(entry.lead()),
        )
        .await
    }

    /// What an entry that waits no more was accepted as. `None`: nobody has the number, so it was
    /// declined.
    pub(super) async fn became(&self, uid: &str) -> Result<Option<Done>, ApplyError> {
        self.contact_back("").await?;
        let Some((contact, client)) = self.client_now().await? else { return Ok(None) };
        let lead = client.open_deal().and_then(|deal| super::desk::lead(deal.id.as_str()));
        self.accepted(uid, Some(contact), lead).await.map(Some)
    }

    /// What is left to do once it is accepted.
    async fn accepted(
        &self,
        uid: &str,
        contact: Option<Entity>,
        lead: Option<Entity>,
    ) -> Result<Done, ApplyError> {
        let mut became: Vec<String> = Vec::new();
        if let Some(contact) = contact {
            self.forget_entry().await;
            self.remember(contact).await;
        }
        became.extend(contact.map(Entity::words));
        became.extend(lead.map(Entity::words));
        let bound = Bound {
            client: contact.map(Entity::client),
            deal: lead.map(|lead| lead.id.to_string().as_str().into()),
            unsorted: Some(uid.to_owned()),
            ..Bound::default()
        };
        let what = format!("Unsorted entry {uid} became {}", became.join(" and "));
        self.with_call(Done { bound, what }).await
    }

    /// amoCRM deletes contact and deal of the entry for good.
    pub(super) async fn decline_unsorted(&self) -> Result<Done, ApplyError> {
        let Some(entry) = self.meant().await? else {
            return Ok(said("nothing: no Unsorted entry waits for this number"));
        };
        let account: Option<Account> =
            self.amo.api.get(Class::Delivery, "api/v4/account", &[]).await?;
        let decline = Decline { user_id: account.and_then(|account| account.current_user_id) };
        let path = format!("api/v4/leads/unsorted/{}/decline", entry.uid);
        match self.amo.api.delete(&path, &decline).await {
            Ok(()) => {
                self.forget_entry().await;
                Ok(said(format!("Unsorted entry {} is declined", entry.uid)))
            }
            Err(Fault::Refused { status: 404 | 410, .. }) => Ok(self.decided(&entry.uid).await),
            // Somebody in the CRM may have been quicker.
            Err(fault @ Fault::Refused { .. }) => match self.meant().await? {
                Some(there) if there.uid == entry.uid => Err(fault.into()),
                _ => Ok(self.decided(&entry.uid).await),
            },
            Err(fault) => Err(fault.into()),
        }
    }

    /// The entry to decline: the one this call knows of, else one that is no younger than the case.
    /// What came in since is somebody's new request, and would be deleted for good.
    pub(super) async fn meant(&self) -> Result<Option<Unsorted>, Fault> {
        let at = self.work.case.at.as_second();
        let own = self.work.bound.unsorted.as_ref();
        Ok(self.waiting().await?.filter(|entry| match own {
            Some(own) => *own == entry.uid,
            None => entry.created_at.is_none_or(|made| made <= at),
        }))
    }

    async fn decided(&self, uid: &str) -> Done {
        self.forget_entry().await;
        said(format!("nothing: Unsorted entry {uid} was dealt with already"))
    }

    pub(super) async fn forget_entry(&self) {
        if let Some(number) = self.number() {
            self.amo.recent.forget(Thing::Unsorted, number.e164()).await;
        }
    }
}

/// Hidden as yet; they keep their ids when somebody accepts them.
fn made(entry: &Unsorted) -> Made {
    Made {
        client: entry.contact().map(Entity::client),
        deal: entry.lead().map(|lead| lead.id.to_string().as_str().into()),
    }
}

fn bound_to(uid: &str) -> Bound {
    Bound { unsorted: Some(uid.to_owned()), ..Bound::default() }
}
