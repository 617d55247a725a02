//! FreeSWITCH as a script: phones that answer, are busy or silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use crate::core::call::Recorded;
use crate::core::ids::{LegId, NodeId};
use crate::core::record::AttemptResult;
use crate::core::staff::Number;
use crate::switch::dialler::{Ear, End, Hands, Leg, LegEvent, Order};

#[derive(Clone, Copy)]
pub struct Phone {
    answers: Option<Duration>,
    busy: bool,
    talks: Duration,
}

impl Phone {
    pub fn answers(after: Duration) -> Self {
        Self { answers: Some(after), busy: false, talks: Duration::from_secs(3600) }
    }

    pub fn busy() -> Self {
        Self { answers: None, busy: true, talks: Duration::ZERO }
    }

    /// Hangs up so long after it was put through.
    pub fn talks(self, talks: Duration) -> Self {
        Self { talks, ..self }
    }
}

struct Up {
    ear: Ear,
    talks: Duration,
    with: Option<LegId>,
    answered: bool,
}

#[derive(Default)]
struct Board {
    phones: HashMap<String, Phone>,
    up: HashMap<LegId, Up>,
    dialled: Vec<String>,
    talks: usize,
}

pub struct Play {
    begun: Instant,
    board: Arc<Mutex<Board>>,
}

impl Play {
    pub fn new() -> Self {
        Self { begun: Instant::now(), board: Arc::default() }
    }

    /// From now on this phone behaves so; a phone nobody described rings for ever.
    pub fn phone(&self, number: &str, phone: Phone) {
        self.board().phones.insert(number.to_owned(), phone);
    }

    pub fn dialled(&self) -> Vec<String> {
        self.board().dialled.clone()
    }

    pub fn up(&self) -> usize {
        self.board().up.len()
    }

    pub fn talks(&self) -> usize {
        self.board().talks
    }

    pub fn passed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap()
    }
}

fn end(board: &Mutex<Board>, leg: &LegId, cause: &str) {
    let mut board = board.lock().unwrap();
    let Some(up) = board.up.remove(leg) else { return };
    let result = match up.answered {
        true => AttemptResult::Answered,
        false => AttemptResult::from_disposition(cause),
    };
    let recorded = Recorded::Unknown;
    let _ =
        up.ear.send((leg.clone(), LegEvent::Ended(End { result, cause: cause.into(), recorded })));
    if let Some(other) = up.with.and_then(|with| board.up.remove_entry(&with)) {
        let ended =
            End { result: AttemptResult::Answered, cause: "NORMAL_CLEARING".into(), recorded };
        let _ = other.1.ear.send((other.0, LegEvent::Ended(ended)));
    }
}

#[async_trait]
impl Hands for Play {
    fn room(&self) -> Option<NodeId> {
        Some("one".into())
    }

    fn dial(&self, _: &NodeId, leg: Leg, ear: Ear) {
        let number = match &leg.number {
            Number::Line(line) => line.to_string(),
            Number::Outside(phone) => phone.e164().to_owned(),
        };
        let mut board = self.board();
        board.dialled.push(format!("{} s {number} ring", self.begun.elapsed().as_secs()));
        let phone = board.phones.get(&number).copied();
        let talks = phone.map_or(Duration::ZERO, |phone| phone.talks);
        board
            .up
            .insert(leg.id.clone(), Up { ear: ear.clone(), talks, with: None, answered: false });
        let all = self.board.clone();
        tokio::spawn(async move {
            match phone {
                Some(Phone { busy: true, .. }) => end(&all, &leg.id, "USER_BUSY"),
                Some(Phone { answers: Some(after), .. }) => {
                    let _ = ear.send((leg.id.clone(), LegEvent::Ringing));
                    sleep(after).await;
                    if let Some(up) = all.lock().unwrap().up.get_mut(&leg.id) {
                        up.answered = true;
                        let _ = ear.send((leg.id.clone(), LegEvent::Answered));
                    }
                }
                _ => {
                    let _ = ear.send((leg.id.clone(), LegEvent::Ringing));
                    sleep(leg.ring).await;
                    end(&all, &leg.id, "NO_ANSWER");
                }
            }
        });
    }

    fn adopt(&self, _: &NodeId, leg: LegId, ear: Ear) {
        let cause = crate::switch::dialler::UNSEEN_END.into();
        let ended = End { result: AttemptResult::Failed, cause, recorded: Recorded::Unknown };
        let _ = ear.send((leg, LegEvent::Ended(ended)));
    }

    fn order(&self, leg: &LegId, order: Order) {
        let (all, leg) = (self.board.clone(), leg.clone());
        match order {
            Order::HangUp(cause) => end(&all, &leg, cause.0.as_ref()),
            Order::Prompt { .. } => drop(tokio::spawn(async move {
                sleep(Duration::from_secs(1)).await;
                if let Some(up) = all.lock().unwrap().up.get(&leg) {
                    let _ = up.ear.send((leg.clone(), LegEvent::Prompted));
                }
            })),
            Order::Tell(_) => drop(tokio::spawn(async move {
                sleep(Duration::from_secs(1)).await;
                end(&all, &leg, "NORMAL_CLEARING");
            })),
            Order::Bridge { with, .. } => {
                let mut board = all.lock().unwrap();
                board.talks += 1;
                let talks = board.up.get(&leg).map_or(Duration::ZERO, |up| up.talks);
                for (one, other) in [(&leg, &with), (&with, &leg)] {
                    if let Some(up) = board.up.get_mut(one) {
                        up.with = Some(other.clone());
                        let bridged = LegEvent::Bridged { with: other.clone() };
                        let _ = up.ear.send((one.clone(), bridged));
                    }
                }
                drop(board);
                tokio::spawn(async move {
                    sleep(talks).await;
                    end(&all, &leg, "NORMAL_CLEARING");
                });
            }
            Order::Ringback | Order::Music | Order::Record(_) => {}
        }
    }

    async fn exists(&self, _: &NodeId, leg: &LegId) -> Option<bool> {
        Some(self.board().up.contains_key(leg))
    }
}
