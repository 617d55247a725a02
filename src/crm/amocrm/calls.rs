//! Calls in the cards of clients. amoCRM keeps a call of a number it knows only; one of a stranger
//! waits in what is kept of the call until its client is made. A kept call is a note, and there
//! its length and recording are filled in later.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Entity, Spot, afterwards, said, user};
use super::sent::{NewCall, NewNote, NotePatch};
use super::wire::{Call, Id, Kind, List, Note, Person};
use crate::core::action::{Bound, CallResult};
use crate::core::case::Sound;
use crate::core::facts::Direction;
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done};

/// What `register_call` says of a call besides the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Registration {
    result: CallResult,
    who: Option<EmployeeId>,
    text: String,
}

/// What is kept of a call's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It stands in this card.
    In(Entity),
    /// It waits for a client.
    Waits(Registration),
}

impl Kept {
    pub(super) fn read(text: &str) -> Option<Self> {
        match Entity::of_path(text) {
            Some(entity) => Some(Self::In(entity)),
            None => serde_json::from_str(text).ok().map(Self::Waits),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::In(entity) => entity.path(),
            Self::Waits(registration) => serde_json::to_string(registration).unwrap_or_default(),
        }
    }

    pub(super) fn bound(&self) -> Bound {
        Bound { call: Some(self.told()), ..Bound::default() }
    }
}

impl Desk<'_> {
    pub(super) fn kept(&self) -> Option<Kept> {
        Kept::read(self.work.bound.call.as_deref()?)
    }

    pub(super) async fn register_call(
        &self,
        result: CallResult,
        who: Option<&EmployeeId>,
        text: &str,
    ) -> Result<Done, ApplyError> {
        if self.number().is_none() {
            return Ok(said("nothing: amoCRM keeps no call without a number"));
        }
        who.map(user).transpose()?;
        let registration = Registration { result, who: who.cloned(), text: text.to_owned() };
        if let Some(Kept::In(place)) = self.kept() {
            let spot = Spot { client: self.client().await?, deal: None };
            if let Some((at, note)) = self.call_note(place, spot).await? {
                return self.fill_in(at, &note, Some(&registration)).await;
            }
        }
        let spot = self.spot_of_call().await?;
        match spot.of() {
            Some(_) => self.log_call(&registration, spot).await,
            // A client that is talked with is made in a moment.
            None => match self.on_waiting_entry(&registration, false).await? {
                Some(done) => Ok(done),
                None => {
                    let bound = Kept::Waits(registration).bound();
                    let what = "kept until the number is somebody's".to_owned();
                    Ok(Done { bound, what })
                }
            },
        }
    }

    /// The call that waited for this client is registered.
    pub(super) async fn with_call(&self, mut done: Done) -> Result<Done, ApplyError> {
        let Some(Kept::Waits(registration)) = self.kept() else { return Ok(done) };
        let client = done.bound.client.as_ref().or(self.work.bound.client.as_ref());
        let Some(client) = client.and_then(Entity::of_client) else { return Ok(done) };
        let deal = done.bound.deal.as_ref().or(self.work.bound.deal.as_ref());
        let deal = deal.and_then(|deal| super::desk::lead(deal.as_str()));
        let spot = Spot { client: Some(client), deal };
        // After a lost answer it may be there.
        let logged = match self.call_note(client, spot).await {
            Ok(Some((at, _))) => Ok(Done { bound: Kept::In(at).bound(), what: String::new() }),
            Ok(None) => self.log_call(&registration, spot).await,
            Err(fault) => Err(fault.into()),
        };
        let logged = logged.map(|logged| {
            done.bound.call = logged.bound.call;
            done.what = format!("{}; registered the call", done.what);
        });
        afterwards(logged, &mut done.what, "the call's record")?;
        Ok(done)
    }

    /// A record of a call where amoCRM puts it; where it puts it nowhere, a note of our own.
    async fn log_call(&self, registration: &Registration, spot: Spot) -> Result<Done, ApplyError> {
        let place = match self
            .amo
            .api
            .post::<List<Call>>("api/v4/calls", &[self.new_call(registration)?])
            .await
        {
            // On a kind of record we do not know it stands all the same.
            Ok(Some(answer)) => answer.items().into_iter().next().and_then(|call| {
                let kind = Kind::read(&call.entity_type);
                kind.map(|kind| Entity { kind, id: call.entity_id }).or(spot.of())
            }),
            // The number is not in its index yet, or nowhere.
            Ok(None) | Err(Fault::Refused { status: 400 | 404 | 422, .. }) => None,
            Err(fault) => return Err(fault.into()),
        };
        let place = match (place, spot.of()) {
            (Some(place), _) => place,
            (None, Some(own)) => self.call_as_note(registration, own).await?,
            (None, None) => return Ok(said("nothing: amoCRM knows nobody with this number")),
        };
        let what = format!("registered the call on {}", place.words());
        Ok(Done { bound: Kept::In(place).bound(), what })
    }

    async fn call_as_note(
        &self,
        registration: &Registration,
        on: Entity,
    ) -> Result<Entity, ApplyError> {
        let new = NewNote {
            entity_id: on.id,
            note_type: self.note_type(),
            params: self.params(Map::new(), Some(registration)),
        };
        let path = format!("api/v4/{}/notes", on.kind.path());
        let _: Note = self.amo.api.make(&path, &[new]).await?;
        Ok(on)
    }

    /// A stranger who waits in Unsorted: the card that he may become keeps the call.
    async fn on_waiting_entry(
        &self,
        registration: &Registration,
        at_the_end: bool,
    ) -> Result<Option<Done>, ApplyError> {
        let missed = matches!(registration.result, CallResult::Missed | CallResult::Voicemail);
        if !missed && !at_the_end {
            return Ok(None);
        }
        let Some(card) = self.waiting().await?.and_then(|entry| entry.card()) else {
            return Ok(None);
        };
        // It came along with its entry, or an answer was lost.
        if let Some((at, note)) = self.call_note(card, Spot::default()).await? {
            return self.fill_in(at, &note, Some(registration)).await.map(Some);
        }
        match self.call_as_note(registration, card).await {
            Ok(place) => {
                let what = "registered the call on its entry in Unsorted".to_owned();
                Ok(Some(Done { bound: Kept::In(place).bound(), what }))
            }
            // Some accounts may not let anybody at a card that is not accepted.
            Err(ApplyError::Refused { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn update_call(&self) -> Result<Done, ApplyError> {
        let Some(number) = self.number() else {
            return Ok(said("nothing: amoCRM keeps no call without a number"));
        };
        let spot = self.spot_of_call().await?;
        let place = match self.kept() {
            Some(Kept::In(place)) => place,
            Some(Kept::Waits(registration)) => {
                return match spot.of() {
                    // An earlier answer may have been lost.
                    Some(_) => match self.call_anywhere(spot).await? {
                        Some((at, note)) => self.fill_in(at, &note, Some(&registration)).await,
                        None => self.log_call(&registration, spot).await,
                    },
                    None => Ok(self
                        .on_waiting_entry(&registration, true)
                        .await?
                        .unwrap_or_else(|| said(format!("nothing: {number} is nobody's yet")))),
                };
            }
            None => return Ok(said("nothing: this call was not registered")),
        };
        match self.call_note(place, spot).await? {
            Some((at, note)) => self.fill_in(at, &note, None).await,
            None => match self.call_on_customer(spot).await? {
                Some((at, note)) => self.fill_in(at, &note, None).await,
                None if self.outdated => self.recording_note(spot.of().unwrap_or(place)).await,
                None => self.recording_note(place).await,
            },
        }
    }

    /// The note of this call wherever amoCRM may have put it by its own rules: on whoever has the
    /// number, or a deal of his.
    pub(super) async fn call_anywhere(&self, spot: Spot) -> Result<Option<(Entity, Note)>, Fault> {
        let Some(place) = spot.of() else { return Ok(None) };
        if let Some(found) = self.call_note(place, spot).await? {
            return Ok(Some(found));
        }
        if let Some(found) = self.call_on_customer(spot).await? {
            return Ok(Some(found));
        }
        let Some(number) = self.number() else { return Ok(None) };
        for kind in [Kind::Contacts, Kind::Companies] {
            let found = self.amo.with_number(Class::Delivery, kind, number).await?;
            let own = |person: &Person| Entity { kind, id: person.id };
            let deals = found.iter().flat_map(|person| &person.tied.leads).map(|lead| lead.id);
            let deals = self.amo.leads(Class::Delivery, &deals.collect::<Vec<_>>()).await?;
            let deals = deals.iter().filter(|lead| lead.is_open());
            let deals = deals.map(|lead| Entity { kind: Kind::Leads, id: lead.id });
            for at in deals.chain(found.iter().map(own)).filter(|at| spot.both().all(|b| b != *at))
            {
                if let Some(found) = self.call_note(at, Spot::default()).await? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The same on a customer of the client, where the account has customers and the answer that
    /// told it was lost.
    pub(super) async fn call_on_customer(
        &self,
        spot: Spot,
    ) -> Result<Option<(Entity, Note)>, Fault> {
        let Some(client) = spot.client else { return Ok(None) };
        let with = [("with", "customers")];
        let path = format!("api/v4/{}", client.path());
        let found: Option<Person> = self.amo.api.get(Class::Delivery, &path, &with).await?;
        for Id { id } in found.into_iter().flat_map(|person| person.tied.customers) {
            let customer = Entity { kind: Kind::Customers, id };
            if let Some(found) = self.call_note(customer, Spot::default()).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The note of this call and the card it stands in: where it was put, else where it may be.
    pub(super) async fn call_note(
        &self,
        place: Entity,
        spot: Spot,
    ) -> Result<Option<(Entity, Note)>, Fault> {
        for at in std::iter::once(place).chain(spot.both().filter(|at| *at != place)) {
            let path = format!("api/v4/{}/notes", at.path());
            let query = [
                ("filter[note_type][0]", "call_in"),
                ("filter[note_type][1]", "call_out"),
                ("order[updated_at]", "desc"),
                ("limit", "50"),
            ];
            let notes: Vec<Note> = self.amo.api.list(Class::Delivery, &path, &query).await?;
            let own = notes.into_iter().find(|note| note.param("uniq") == Some(self.call()));
            if let Some(note) = own {
                return Ok(Some((at, note)));
            }
        }
        Ok(None)
    }

    /// All parameters are sent, so that none is lost.
    async fn fill_in(
        &self,
        at: Entity,
        note: &Note,
        registration: Option<&Registration>,
    ) -> Result<Done, ApplyError> {
        let params = self.params(note.params.clone(), registration);
        let bound = Kept::In(at).bound();
        if params == note.params {
            let what = format!("nothing: the call on {} is complete", at.words());
            return Ok(Done { bound, what });
        }
        let patch = NotePatch { note_type: &note.note_type, params: &params };
        let path = format!("api/v4/{}/notes/{}", at.path(), note.id);
        match self.amo.api.patch(&path, &patch).await {
            Ok(()) => Ok(Done { bound, what: format!("updated the call on {}", at.words()) }),
            // Calls are somebody else's notes to some accounts.
            Err(Fault::Refused { .. } | Fault::Forbidden(_)) => self.recording_note(at).await,
            Err(fault) => Err(fault.into()),
        }
    }

    /// Where the record cannot be changed, a note says where the recording is.
    async fn recording_note(&self, at: Entity) -> Result<Done, ApplyError> {
        let recording = self.work.case.recording.as_ref().filter(|sound| !sound.url.is_empty());
        let Some(sound) = recording else {
            return Ok(said("nothing: amoCRM does not show the call's record"));
        };
        let text = heard(sound, "");
        if self.noted(at, &text, 0).await?.is_none() {
            self.make_note(at, &text).await?;
        }
        Ok(said(format!("noted the recording on {}", at.words())))
    }

    fn note_type(&self) -> &'static str {
        match self.direction() {
            "inbound" => "call_in",
            _ => "call_out",
        }
    }

    fn direction(&self) -> &'static str {
        match self.work.case.direction {
            Direction::Inbound | Direction::Internal => "inbound",
            Direction::Outbound | Direction::Callback => "outbound",
        }
    }

    pub(super) fn link(&self) -> Option<String> {
        let sound = self.work.case.recording.as_ref().or(self.work.case.voicemail.as_ref())?;
        (!sound.url.is_empty()).then(|| sound.url.clone())
    }

    fn new_call(&self, registration: &Registration) -> Result<NewCall, ApplyError> {
        let case = self.work.case;
        let who = registration.who.as_ref().map(user).transpose()?;
        Ok(NewCall {
            direction: self.direction(),
            uniq: self.call().to_owned(),
            duration: case.talked,
            source: self.amo.config.source.clone(),
            phone: self.number().map(|number| number.e164().to_owned()).unwrap_or_default(),
            link: self.link(),
            call_result: registration.text.clone(),
            call_status: status(registration.result),
            call_responsible: who,
            responsible_user_id: who,
            created_at: case.started.as_second(),
        })
    }

    /// What a call's note says, over what it says already. An answered call stays one.
    fn params(
        &self,
        mut params: Map<String, Value>,
        registration: Option<&Registration>,
    ) -> Map<String, Value> {
        let case = self.work.case;
        let mut set = |key: &str, value: Value| {
            params.insert(key.to_owned(), value);
        };
        set("uniq", self.call().into());
        set("source", self.amo.config.source.as_str().into());
        if let Some(number) = self.number() {
            set("phone", number.e164().into());
        }
        if let Some(link) = self.link() {
            set("link", link.into());
        }
        let answered = json!(status(CallResult::Answered));
        if let Some(Registration { result, who, text }) = registration {
            if params.get("call_status") != Some(&answered) {
                params.insert("call_status".to_owned(), status(*result).into());
            }
            if let Some(who) = who.as_ref().and_then(|who| who.as_str().parse::<i64>().ok()) {
                params.insert("call_responsible".to_owned(), who.into());
            }
            if !text.is_empty() {
                params.insert("call_result".to_owned(), text.as_str().into());
            }
        } else if case.answered.is_some() {
            params.insert("call_status".to_owned(), answered);
        }
        let known = params.get("duration").and_then(number).unwrap_or_default();
        params.insert("duration".to_owned(), case.talked.max(known).into());
        params
    }
}

/// Numbers come back as texts at times.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// amoCRM's own list of results.
fn status(result: CallResult) -> u8 {
    match result {
        CallResult::Voicemail => 1,
        CallResult::Answered => 4,
        CallResult::Missed | CallResult::Unreached => 6,
    }
}

/// A recording or message in a note.
pub(super) fn heard(sound: &Sound, text: &str) -> String {
    let length = sound.seconds.map(|s| format!(" ({}:{:02})", s / 60, s % 60));
    let heard = format!("{}{}", sound.url, length.unwrap_or_default());
    match text.trim() {
        "" => heard,
        text => format!("{text}\n{heard}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_stands_in_a_card_or_waits() {
        let registration =
            Registration { result: CallResult::Missed, who: None, text: "а".to_owned() };
        let card = Entity { kind: Kind::Leads, id: 5 };
        for kept in [Kept::In(card), Kept::Waits(registration)] {
            assert_eq!(Kept::read(&kept.told()), Some(kept));
        }
        assert_eq!(Kept::read("17"), None);
    }
}
