//! Deals.

use std::collections::BTreeMap;

use super::catalog::{Filled, Place};
use super::desk::{Desk, Entity, afterwards, lead, nobody, said, user};
use super::sent::{self, Change, Embedded, EmbeddedContact, Field, Main, tags};
use super::wire::{Id, Kind, MadeComplex};
use crate::core::action::{Bound, Made};
use crate::core::case::DealFact;
use crate::core::client::Deal;
use crate::core::ids::{DealId, EmployeeId};
use crate::crm::remote::Fault;
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn deal(
        &self,
        title: &str,
        owner: &EmployeeId,
        (pipeline, stage): (Option<&str>, Option<&str>),
        tag_names: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some(made) = &self.work.bound.deal {
            return self.with_call(said(format!("nothing: this call made deal {made}"))).await;
        }
        let now = self.client_now().await?;
        // The rules were told of none; another call of the client was quicker.
        if self.work.case.deal_fact() != DealFact::Open
            && let Some((_, client)) = &now
            && let Some(open) = client.open_deal()
        {
            let what = format!("nothing: deal {} was opened meanwhile", open.id);
            let deal = Some(open.id.clone());
            let bound = Bound { client: Some(client.id.clone()), deal, ..Bound::default() };
            return self.with_call(Done { bound, what }).await;
        }
        let Place { pipeline, stage } = self.amo.place(pipeline, stage).await?;
        let mut filled = self.fill(Kind::Leads, fields).await?;
        let client = now.map(|(client, _)| client);
        let mut embedded = Embedded { tags: tags(tag_names), ..Embedded::default() };
        match client {
            Some(Entity { kind: Kind::Companies, id }) => {
                embedded.companies = vec![Main { id, is_main: None }];
            }
            Some(Entity { id, .. }) => {
                let main = Main { id, is_main: Some(true) };
                embedded.contacts = vec![EmbeddedContact::Known(main)];
            }
            None => {}
        }
        let mut new = Change {
            name: Some(title.to_owned()),
            responsible_user_id: Some(user(owner)?),
            pipeline_id: pipeline,
            status_id: stage,
            embedded: Some(embedded),
            ..Change::default()
        };
        let Some(client) = client else { return self.deal_with_contact(new, filled).await };
        let made: Id = loop {
            new.custom_fields_values = filled.fields();
            match self.amo.api.make("api/v4/leads", &[&new]).await {
                Err(fault) if filled.drops(&fault) => {}
                made => break made?,
            }
        };
        self.deal_made(client, made.id, &filled.rest).await
    }

    /// A deal of somebody the CRM does not know: both in one request, under its own control of
    /// duplicates.
    async fn deal_with_contact(
        &self,
        mut new: Change,
        mut filled: Filled,
    ) -> Result<Done, ApplyError> {
        let number = self.number().ok_or_else(|| nobody("a deal"))?;
        let phone: Field = sent::phone(number.e164());
        let name = self.work.case.name.clone().unwrap_or_else(|| number.e164().to_owned());
        let contact = Change {
            name: Some(name),
            responsible_user_id: new.responsible_user_id,
            custom_fields_values: vec![phone],
            ..Change::default()
        };
        let embedded = new.embedded.get_or_insert_default();
        embedded.contacts = vec![EmbeddedContact::New(Box::new(contact))];
        let made: Option<MadeComplex> = loop {
            new.custom_fields_values = filled.fields();
            match self.amo.api.post("api/v4/leads/complex", &[&new]).await {
                Err(fault) if filled.drops(&fault) => {}
                made => break made?,
            }
        };
        let made = made.and_then(MadeComplex::first);
        let made = made.ok_or_else(|| Fault::Strange("it does not say what it made".to_owned()))?;
        let client = Entity { kind: Kind::Contacts, id: made.contact_id };
        self.remember(client).await;
        let mut done = self.deal_made(client, made.id, &filled.rest).await?;
        // Its own control of duplicates may have taken one that was there.
        done.bound.made.client = Some(client.client()).filter(|_| !made.merged);
        Ok(done)
    }

    /// What is left to do once the deal is there.
    pub(super) async fn deal_made(
        &self,
        client: Entity,
        id: i64,
        rest: &[(String, String)],
    ) -> Result<Done, ApplyError> {
        let mut what = format!("made deal {id} of {}", client.words());
        let made = Entity { kind: Kind::Leads, id };
        afterwards(self.note_rest(made, rest).await, &mut what, "a note of its fields")?;
        let deal = Some(id.to_string().as_str().into());
        let made = Made { client: None, deal: deal.clone() };
        let bound = Bound { client: Some(client.client()), deal, made, ..Bound::default() };
        self.with_call(Done { bound, what }).await
    }

    /// A deal of this client made for this case, whose answer was lost. Where none has its title,
    /// one of that owner that was not there when the call began stands for it: the account may
    /// have renamed ours, or the owner made one himself, which then has no tags and fields of ours.
    pub(super) async fn deal_back(
        &self,
        (title, owner): (&str, &EmployeeId),
        tag_names: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Option<Done>, ApplyError> {
        let Some((client, now)) = self.client_now().await? else { return Ok(None) };
        let since = self.since();
        let before = self.work.case.client();
        let was_there = |id: &DealId| before.is_some_and(|c| c.deals.iter().any(|d| d.id == *id));
        let new: Vec<&Deal> = now
            .deals
            .iter()
            .filter(|d| d.open && d.created.as_second() >= since && !was_there(&d.id))
            .collect();
        let newest = |is: &dyn Fn(&Deal) -> bool| {
            new.iter().copied().filter(|deal| is(deal)).max_by_key(|deal| deal.created)
        };
        let ours = newest(&|deal| is_title(&deal.title, title));
        let certain = ours.is_some();
        let made = ours.or_else(|| newest(&|deal| deal.owner.as_ref() == Some(owner)));
        let Some(made) = made.and_then(|made| lead(made.id.as_str())) else { return Ok(None) };
        let mut filled = self.fill(Kind::Leads, fields).await?;
        if certain {
            return self.deal_made(client, made.id, &filled.rest).await.map(Some);
        }
        loop {
            let change = Change {
                tags_to_add: tags(tag_names),
                custom_fields_values: filled.fields(),
                ..Change::default()
            };
            if change.tags_to_add.is_empty() && change.custom_fields_values.is_empty() {
                break;
            }
            match self.change(made, &change).await {
                Err(fault) if filled.drops(&fault) => {}
                changed => break changed?,
            }
        }
        let mut done = self.deal_made(client, made.id, &filled.rest).await?;
        done.bound.made = Made::default();
        done.what = format!("took deal {} for the one to be made", made.id);
        Ok(Some(done))
    }
}

/// Whether the account may have made this title of ours: with its spaces in order, or cut.
fn is_title(there: &str, ours: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (there, ours) = (plain(there), plain(ours));
    there == ours || !there.is_empty() && ours.starts_with(&there)
}
