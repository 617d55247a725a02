//! A case before a set: which rules match, and what follows. Pure: the same case, staff and set
//! give the same ruling on every machine.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::strtime;
use minijinja::Value;

use super::RuleSet;
use super::due::due;
use super::facts::{event, point};
use super::model::{ActionRule, FieldRules, Rule, Step, To};
use super::people::People;
use super::text::{Text, Words, names};
use super::words::{Fact, Who, Word};
use crate::core::action::{Action, Planned, Recipients, Ruling};
use crate::core::case::{Case, Event, Speaker};
use crate::core::facts::Direction;
use crate::core::ids::EmployeeId;
use crate::core::staff::Staff;

impl RuleSet {
    /// Whether a rule that may match names this event, be it to do nothing.
    pub fn speaks_of(&self, event: Event) -> bool {
        let bit = 1u64 << self::event(event);
        let names = |rule: &Rule| {
            let events = rule.when.facts[Fact::Event as usize];
            rule.live && !rule.default && events != u64::MAX && events & bit != 0
        };
        self.chapters.iter().flat_map(|chapter| &chapter.rules).any(names)
    }

    /// What follows from a case. A call between employees is not ruled (E02): nothing follows.
    ///
    /// Takes some microseconds, waits for nothing and never fails: what cannot be made, such as a
    /// text, is left empty and stands in the notes.
    pub fn judge(&self, case: &Case, staff: &Staff) -> Ruling {
        let mut ruling = Ruling {
            set: self.name.clone(),
            hash: self.hash(),
            rules: Vec::new(),
            actions: Vec::new(),
            notes: Vec::new(),
        };
        let Some(point) = point(case, &self.lines, self.short_call) else { return ruling };
        let people = People::new(case, staff, &self.admin);
        let mut maker =
            Maker { set: self, case, people, words: OnceCell::new(), notes: Vec::new() };
        for chapter in &self.chapters {
            let Some(rule) = chapter.rules.iter().find(|rule| rule.matches(&point)) else {
                continue;
            };
            ruling.rules.push(rule.path.clone());
            for step in &rule.steps {
                if let Some(action) = maker.action(step, rule) {
                    ruling.actions.push(Planned {
                        key: format!("{}/{}/{}", case.call, case.seq, ruling.actions.len() + 1),
                        rule: rule.path.clone(),
                        after: step.delay.and_then(|delay| case.at.checked_add(delay).ok()),
                        action,
                    });
                }
            }
        }
        ruling.notes = maker.people.notes;
        ruling.notes.append(&mut maker.notes);
        ruling
    }
}

struct Maker<'a> {
    set: &'a RuleSet,
    case: &'a Case,
    people: People<'a>,
    words: OnceCell<Value>,
    notes: Vec<String>,
}

impl Maker<'_> {
    /// `None`: it came out with nothing to do.
    fn action(&mut self, step: &Step, rule: &Rule) -> Option<Action> {
        let at = (rule, step);
        Some(match &step.action {
            ActionRule::Mistaken(_) => return None,
            ActionRule::Contact { name, owner, tags, fields } => Action::Contact {
                name: self.text(name, at),
                owner: self.one(owner, at)?,
                tags: self.texts(tags, at),
                fields: self.fields(fields, at),
            },
            ActionRule::Company { name } => {
                let name = self.text(name, at);
                (!name.is_empty()).then_some(Action::Company { name })?
            }
            ActionRule::Deal { title, owner, pipeline, stage, tags, fields } => Action::Deal {
                title: self.text(title, at),
                owner: self.one(owner, at)?,
                pipeline: self.option(pipeline, at),
                stage: self.option(stage, at),
                tags: self.texts(tags, at),
                fields: self.fields(fields, at),
            },
            ActionRule::Unsorted { kind, title, name, pipeline, tags, fields } => {
                Action::Unsorted {
                    kind: *kind,
                    title: self.text(title, at),
                    name: self.text(name, at),
                    pipeline: self.option(pipeline, at),
                    tags: self.texts(tags, at),
                    fields: self.fields(fields, at),
                }
            }
            ActionRule::AcceptUnsorted { owner, stage } => Action::AcceptUnsorted {
                owner: self.one(owner, at)?,
                stage: self.option(stage, at),
            },
            ActionRule::DeclineUnsorted => Action::DeclineUnsorted {},
            ActionRule::RegisterCall { result, who, text } => Action::RegisterCall {
                result: *result,
                who: who.as_ref().and_then(|who| self.one(who, at)),
                text: self.text(text, at),
            },
            ActionRule::UpdateCall => Action::UpdateCall {},
            ActionRule::Voicemail { on, text } => {
                Action::Voicemail { on: *on, text: self.text(text, at) }
            }
            ActionRule::Task { kind, on, text, owner, due: policy, done, dedupe } => Action::Task {
                kind: kind.clone(),
                on: *on,
                text: self.text(text, at),
                owner: self.one(owner, at)?,
                due: policy.as_ref().map_or(self.case.at, |p| due(p, self.case.at, &self.set.zone)),
                done: *done,
                dedupe: *dedupe,
            },
            ActionRule::Notify { to, text, link } => {
                let to = match to {
                    To::Everybody => Recipients::Everybody,
                    To::These(who) => {
                        let all = self.people.all(who, &at.0.path);
                        (!all.is_empty()).then_some(Recipients::These(all))?
                    }
                };
                Action::Notify { to, text: self.text(text, at), link: *link }
            }
            ActionRule::ChangeOwner { of, to } => {
                Action::ChangeOwner { of: *of, to: self.one(to, at)? }
            }
            ActionRule::Reactivate => Action::Reactivate {},
            ActionRule::Tag { on, tags } => {
                let tags = self.texts(tags, at);
                (!tags.is_empty()).then_some(Action::Tag { on: *on, tags })?
            }
            ActionRule::Fields { on, touch, fields } => {
                let fields = self.fields(fields, at);
                let some = !fields.is_empty();
                some.then_some(Action::Fields { on: *on, touch: *touch, fields })?
            }
            ActionRule::Note { on, text } => {
                let text = self.text(text, at);
                (!text.is_empty()).then_some(Action::Note { on: *on, text })?
            }
            ActionRule::Webhook { url, body } => {
                let url = self.text(url, at);
                let body = body.as_ref().map(|body| self.text(body, at));
                (!url.is_empty()).then_some(Action::Webhook { url, body })?
            }
        })
    }

    /// `None`: the list ends with nobody.
    fn one(&mut self, who: &[Who], (rule, _): (&Rule, &Step)) -> Option<EmployeeId> {
        self.people.one(who, &rule.path)
    }

    fn text(&mut self, text: &Text, (rule, _): (&Rule, &Step)) -> String {
        let all = || self.words.get_or_init(|| self.make_words()).clone();
        self.set.texts.make(text, self, all).unwrap_or_else(|why| {
            self.notes.push(format!("a text of rule `{}` is left empty: {why}", rule.path));
            String::new()
        })
    }

    /// An empty text is none.
    fn option(&mut self, text: &Text, at: (&Rule, &Step)) -> Option<String> {
        Some(self.text(text, at)).filter(|text| !text.is_empty())
    }

    fn texts(&mut self, texts: &[Text], at: (&Rule, &Step)) -> Vec<String> {
        let mut made: Vec<String> = Vec::with_capacity(texts.len());
        for text in texts {
            let text = self.text(text, at);
            if !text.is_empty() && !made.contains(&text) {
                made.push(text);
            }
        }
        made
    }

    fn fields(&mut self, rules: &FieldRules, at: (&Rule, &Step)) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for (name, value) in &self.case.fields {
            let carried = |rule: &String| match rule.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == rule,
            };
            if !value.is_empty() && rules.carried.iter().any(carried) {
                fields.insert(name.clone(), value.clone());
            }
        }
        for (name, text) in &rules.written {
            let value = self.text(text, at);
            if !value.is_empty() {
                fields.insert(name.clone(), value);
            }
        }
        fields
    }

    /// The words that occur in templates of the set. Each is there; one that is not known is
    /// empty.
    fn make_words(&self) -> Value {
        names(self.set.texts.words().map(|(name, word)| match word {
            Word::Fields => (name, self.all_fields()),
            _ => (name, Value::from(&*self.word(word))),
        }))
    }

    fn all_fields(&self) -> Value {
        names(self.case.fields.iter().map(|(name, value)| (name.clone(), Value::from(value))))
    }

    fn speaker<'a>(&'a self, speaker: Option<&'a Speaker>) -> Cow<'a, str> {
        text(speaker.map(|speaker| match &speaker.employee {
            Some(employee) => self.people.name(employee),
            None => speaker.number.as_str(),
        }))
    }

    fn local(&self, at: Timestamp) -> String {
        let wall = self.set.zone.to_datetime(at);
        strtime::format("%Y-%m-%d %H:%M", wall).unwrap_or_default()
    }
}

impl Words for Maker<'_> {
    fn word(&self, word: Word) -> Cow<'_, str> {
        let case = self.case;
        let client = case.client();
        match word {
            Word::Number => text(case.number.as_ref().map(|number| number.e164())),
            Word::Name => text(
                client
                    .map(|client| client.name.as_str())
                    .filter(|name| !name.is_empty())
                    .or(case.name.as_deref()),
            ),
            Word::Company => text(client.and_then(|client| client.company.as_deref())),
            Word::Line => text(case.line.as_deref()),
            Word::LineNumber => text(case.line_number.as_deref()),
            Word::Direction => match case.direction {
                Direction::Inbound => "inbound".into(),
                Direction::Outbound => "outbound".into(),
                Direction::Internal => "internal".into(),
                Direction::Callback => "callback".into(),
            },
            Word::Event => text(Fact::Event.words().get(event(case.event) as usize).copied()),
            Word::Call => case.call.as_str().into(),
            Word::At => self.local(case.at).into(),
            Word::Answerer => self.speaker(case.first.as_ref()),
            Word::LastSpeaker => self.speaker(case.last.as_ref()),
            Word::Caller => self.speaker(case.caller.as_ref()),
            Word::Owner => text(case.owner().map(|owner| self.people.name(owner))),
            Word::Deal => text(case.deal().map(|deal| deal.title.as_str())),
            Word::Talked => case.talked.to_string().into(),
            Word::Duration => format!("{}:{:02}", case.talked / 60, case.talked % 60).into(),
            Word::Recording => text(case.recording.as_ref().map(|sound| sound.url.as_str())),
            Word::Voicemail => text(case.voicemail.as_ref().map(|sound| sound.url.as_str())),
            Word::Comment => text(case.comment.as_deref()),
            Word::Result => text(case.outcome.map(|outcome| outcome.as_str())),
            // It is no text; `fields.NAME` is.
            Word::Fields => "".into(),
        }
    }

    fn field(&self, name: &str) -> &str {
        self.case.fields.get(name).map_or("", String::as_str)
    }
}

fn text(text: Option<&str>) -> Cow<'_, str> {
    Cow::Borrowed(text.unwrap_or_default())
}
