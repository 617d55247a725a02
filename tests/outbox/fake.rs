//! A CRM that does as it is told and keeps count. It is not idempotent: sent twice, it does
//! twice, so that a test sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::action::{Action, Bound};
use dozvon::core::client::{Client, Deal};
use dozvon::core::phone::Phone;
use dozvon::core::staff::Employee;
use dozvon::crm::{ApplyError, Crm, CrmError, Done, Work};

/// What the CRM does with an action.
#[derive(Clone, Debug)]
pub enum Does {
    It,
    Later(Option<Duration>),
    /// The answer is lost on the way back.
    AnswerLost,
    /// The request is lost on the way.
    RequestLost,
    Refuses,
    /// The key is refused, or this action `alone`.
    Denies {
        alone: bool,
    },
    /// It is done, and a part of it is forbidden.
    Half,
    /// No answer for ever, with or without having done it.
    Hangs {
        done: bool,
    },
    Takes(Duration),
}

/// Something done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub key: String,
    pub what: &'static str,
    pub number: String,
    /// The deal it stands on, where the call has one.
    pub deal: Option<String>,
}

type Script = Box<dyn FnMut(&Work<'_>) -> Does + Send>;

pub struct Fake {
    pub effects: Mutex<Vec<Effect>>,
    pub clients: Mutex<BTreeMap<String, Client>>,
    script: Mutex<Script>,
    pub down: std::sync::atomic::AtomicBool,
    /// It may not even be asked.
    pub closed: std::sync::atomic::AtomicBool,
    /// Somebody is calling.
    pub calls: std::sync::atomic::AtomicBool,
    /// Requests of any kind, with their times.
    pub asked: Mutex<Vec<std::time::Instant>>,
    pub busy: Mutex<Busy>,
}

/// Actions under way, by number.
#[derive(Default)]
pub struct Busy {
    now: BTreeMap<String, usize>,
    pub most: usize,
    pub most_of_one: usize,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            effects: Mutex::default(),
            clients: Mutex::default(),
            script: Mutex::new(Box::new(|_| Does::It)),
            down: false.into(),
            closed: false.into(),
            calls: false.into(),
            asked: Mutex::default(),
            busy: Mutex::default(),
        }
    }
}

impl Fake {
    pub fn script(&self, script: impl FnMut(&Work<'_>) -> Does + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub fn set_down(&self, down: bool) {
        self.down.store(down, std::sync::atomic::Ordering::SeqCst);
    }

    fn is_down(&self) -> bool {
        self.asked.lock().unwrap().push(std::time::Instant::now());
        self.down.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// What was done, as `what key`.
    pub fn done(&self) -> Vec<String> {
        let effects = self.effects.lock().unwrap();
        effects.iter().map(|e| format!("{} {}", e.what, e.key)).collect()
    }

    pub fn count(&self, what: &str) -> usize {
        self.effects.lock().unwrap().iter().filter(|e| e.what == what).count()
    }

    fn effect(&self, work: &Work<'_>) -> Done {
        let number = work.case.number.as_ref().map_or("", |n| n.e164()).to_owned();
        let deal = work.bound.deal.as_ref().map(|d| d.as_str().to_owned());
        let mut effects = self.effects.lock().unwrap();
        let what = work.action.word();
        effects.push(Effect { key: work.key.to_owned(), what, number: number.clone(), deal });
        let id = effects.len().to_string();
        drop(effects);
        let mut bound = Bound::default();
        let mut clients = self.clients.lock().unwrap();
        match work.action {
            Action::Contact { name, owner, .. } => {
                let client = clients.entry(number).or_insert_with(|| Client {
                    id: id.as_str().into(),
                    name: name.clone(),
                    company: None,
                    owner: Some(owner.clone()),
                    deals: vec![],
                    choice: None,
                });
                bound.client = Some(client.id.clone());
            }
            Action::Deal { title, owner, .. } => {
                if let Some(client) = clients.get_mut(&number) {
                    client.deals.push(Deal {
                        id: id.as_str().into(),
                        title: title.clone(),
                        owner: Some(owner.clone()),
                        created: work.case.at,
                        open: true,
                    });
                }
                bound.deal = Some(id.as_str().into());
            }
            Action::RegisterCall { .. } => bound.call = Some(id),
            _ => {}
        }
        Done { bound, what: format!("did {what}") }
    }
}

fn lost() -> ApplyError {
    ApplyError::Lost { why: "connection reset".into() }
}

#[async_trait]
impl Crm for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        if self.calls.load(std::sync::atomic::Ordering::SeqCst) {
            return self.facts(phone).await;
        }
        Err(CrmError::Fault("nobody is calling: look-ups are kept for callers".into()))
    }

    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        if self.is_down() {
            return Err(CrmError::Fault("503".into()));
        }
        if self.closed.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(CrmError::Access("it forbids this: 403".into()));
        }
        Ok(self.clients.lock().unwrap().get(phone.e164()).cloned())
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        Ok(vec![])
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        if self.is_down() {
            return Err(ApplyError::Later { after: None, why: "503".into() });
        }
        let does = (self.script.lock().unwrap())(work);
        match does {
            Does::It => Ok(self.effect(work)),
            Does::Later(after) => Err(ApplyError::Later { after, why: "429".into() }),
            Does::RequestLost => Err(lost()),
            Does::AnswerLost => {
                self.effect(work);
                Err(lost())
            }
            Does::Denies { alone } => {
                let why = if alone { "it forbids this: 403" } else { "it refuses our access: 401" };
                Err(ApplyError::Denied { alone, begun: false, why: why.into() })
            }
            Does::Half => {
                self.effect(work);
                let why = "its stage: it forbids this: 403".into();
                Err(ApplyError::Denied { alone: true, begun: true, why })
            }
            Does::Refuses => Err(ApplyError::Refused { why: "no such field".into() }),
            Does::Hangs { done } => {
                if done {
                    self.effect(work);
                }
                std::future::pending().await
            }
            Does::Takes(time) => {
                let number = work.case.number.as_ref().map_or("", |n| n.e164()).to_owned();
                {
                    let mut busy = self.busy.lock().unwrap();
                    let of_one = busy.now.entry(number.clone()).or_default();
                    *of_one += 1;
                    let of_one = *of_one;
                    let all = busy.now.values().sum();
                    busy.most = busy.most.max(all);
                    busy.most_of_one = busy.most_of_one.max(of_one);
                }
                tokio::time::sleep(time).await;
                let done = self.effect(work);
                *self.busy.lock().unwrap().now.entry(number).or_default() -= 1;
                Ok(done)
            }
        }
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        if self.is_down() {
            return Err(ApplyError::Later { after: None, why: "503".into() });
        }
        let effects = self.effects.lock().unwrap();
        let Some(at) = effects.iter().position(|e| e.key == work.key) else { return Ok(None) };
        let mut bound = Bound::default();
        match work.action {
            Action::Deal { .. } => bound.deal = Some((at + 1).to_string().as_str().into()),
            Action::Contact { .. } => bound.client = Some((at + 1).to_string().as_str().into()),
            Action::RegisterCall { .. } => bound.call = Some((at + 1).to_string()),
            _ => {}
        }
        Ok(Some(Done { bound, what: "found done".into() }))
    }
}

/// Shares it between lives of an engine.
pub fn fake() -> Arc<Fake> {
    Arc::default()
}
