//! Callbacks: managers first, then the client (A13–A20, D01, E11, E13).
//!
//! A campaign is a machine like [`crate::core::call::Call`]: it is given inputs and the time and
//! answers with commands, occurrences and at the end one record.
//!
//! ```text
//! Campaign::new(id, order, now)                  it wants a look-up: poll
//! campaign.handle(input, now, &around)
//! campaign.handle_timeout(now, &around)          too early or needless: nothing happens
//! campaign.timeout() -> Option<Timestamp>
//! campaign.poll() -> Option<Output>              until None; then store; then carry out
//! campaign.view() -> View
//! campaign.is_done() -> bool                     over, no leg is left, the record is out
//! ```
//!
//! All of it is serialised except the outputs that were not polled: poll first, store then.
//!
//! # States, and the timer of each
//! | state | what is going on | timer |
//! |---|---|---|
//! | `Identifying` | the client is looked up, and with him the owner (A14) | the CRM takes too long: goes on without |
//! | `Waiting` | for hours, wanted time, delay, the next try | the next try |
//! | `Managers` | managers' phones ring, target after target (A15, E11) | none of its own: each leg has one |
//! | `Prompting` | one has picked up and hears the prompt | it takes too long: goes on |
//! | `Client` | the client's phone rings | none of its own |
//! | `Joining` | both have picked up | the bridge is overdue: look |
//! | `Talking` | they talk; or the manager has passed the client on, and is gone | look whether the client is still there |
//! | `Holding` | the client has picked up, his manager has gone: the next free one | he has waited long enough |
//! | `Clearing` | the client's leg was hung up; nothing begins before it is down | none of its own |
//! | `Over` | legs that are left are being hung up | none of its own |
//!
//! A leg has a timer too: one that was dialled and not heard of is looked for
//! ([`Output::Find`]), one that was hung up is hung up again, until it is known to be down. A leg
//! whose node cannot be asked is never taken for gone; after ten minutes it is written off, and
//! when it was the client's the campaign is over, so that he is never dialled while he may be rung.
//!
//! # Whom it rings
//! A try goes through the targets in order, and within one through the phones. Passed over: who is
//! engaged, on a busy line, on leave (his deputy stands in), without a registered phone (his next
//! number); who was rung in this try already; and who rejected the last try, unless nobody else
//! can be rung. Busy or rejected: his other numbers are left alone too. Nobody took it: again after
//! `retry`, until `give_up` after the first try, counted within hours only (A18). A client who was
//! not reached gives the managers a fresh `give_up`. A form that wants no call has no targets: it is
//! over as soon as the client is identified (E13).
//!
//! # What the rules learn
//! | ending | last case | when else |
//! |---|---|---|
//! | `Talked` | `ended`, then `recorded` | `answered` once both were together (A16) |
//! | `NoManager` | `callback_failed` (A17); a missed call: none, it is on the books as missed; a button: none, nobody was called | |
//! | `ClientUnreached` | `callback_client_unreached`; a button: `unreached` (A09) | |
//! | `ClientAlone` | `callback_failed`; a button: `unreached` | |
//! | `Satisfied`, `Cancelled` | none | |
//!
//! Before these come `callback_requested` (a form, once the client is identified; E13) and
//! `ringing` (once: the first manager's phone, for a button the client's). Direction is
//! `callback`, for a button `outbound`.

mod book;
mod end;
pub mod hours;
pub mod io;
mod leg;
mod legs;
mod managers;
pub mod order;
mod round;
mod talk;
mod wait;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::call::after;
use crate::core::case::Known;
use crate::core::ids::{CampaignId, EmployeeId, LegId};

use book::Book;
use leg::Leg;
use order::{Ending, Kind, Order, Stage, Try, View};
use round::Round;

pub use io::{Around, Dial, EmptyFloor, Floor, Input, Output, Told, Why};

/// The CRM has a deadline of its own; this is the net below it.
const LOOKUP: Duration = Duration::from_secs(5);
/// From picking up to the key, the prompt included; and the longest prompt without a key.
pub const CONFIRM: Duration = Duration::from_secs(20);
/// A bridge takes about 60 ms (FACTS.md). After this it is looked for, and ordered again.
const JOIN: Duration = Duration::from_secs(3);
/// So often a bridge is ordered before the client is let go.
const MOST_JOINS: u8 = 3;
/// FreeSWITCH ends both sides of a talk together (FACTS.md), but a client who is passed on. So much
/// after his manager's leg somebody looks whether his is there.
const APART: Duration = Duration::from_secs(1);
/// How often a talk is looked at whose events may be lost. They tell sooner.
const WATCH: Duration = Duration::from_secs(60);
/// A client who picked up and whose manager has gone waits this long for another one.
pub const HOLD: Duration = Duration::from_secs(30);
/// With nobody free meanwhile it is tried again after this long.
const HOLD_RETRY: Duration = Duration::from_secs(3);
/// A client's ringing that was cut short because the manager left is no try of his; but no client
/// is rung in vain more often than this.
const MOST_CUT_SHORT: u32 = 3;

/// Where it is. The table in the module's description tells of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Identifying {
        due: Timestamp,
    },
    Waiting {
        due: Timestamp,
    },
    Managers {
        round: Round,
    },
    Prompting {
        manager: LegId,
        due: Timestamp,
    },
    Client {
        manager: LegId,
        client: LegId,
    },
    Joining {
        manager: LegId,
        client: LegId,
        due: Timestamp,
        joins: u8,
    },
    /// `manager` has gone where the client was passed on.
    Talking {
        manager: Option<LegId>,
        client: LegId,
        due: Timestamp,
    },
    Holding {
        client: LegId,
        until: Timestamp,
        /// The next round where this one found nobody.
        again: Option<Timestamp>,
        round: Round,
    },
    /// `at_once`: he picked up in the moment he was hung up.
    Clearing {
        at_once: bool,
    },
    Over {
        ending: Ending,
        closed: bool,
    },
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    id: CampaignId,
    order: Order,
    accepted: Timestamp,
    joined: u32,
    state: State,
    /// No try before this.
    not_before: Timestamp,
    /// No try begins after this, once the first one has begun.
    window: Option<Timestamp>,
    /// The legs that are not known to be down.
    legs: Vec<Leg>,
    tries: Vec<Try>,
    known: Known,
    /// When the CRM was last asked.
    asked: Timestamp,
    /// Who rejected the last try, or left the client alone.
    avoid: Vec<EmployeeId>,
    /// Dials of the client that count, and those that do not.
    client_dials: u32,
    cut_short: u32,
    book: Book,
    #[serde(skip)]
    outputs: VecDeque<Output>,
}

// === what drives it ===

impl Campaign {
    /// A campaign that is taken now.
    pub fn new(id: CampaignId, order: Order, now: Timestamp) -> Self {
        let mut campaign = Self {
            state: State::Identifying { due: after(now, LOOKUP) },
            not_before: now,
            accepted: now,
            joined: 0,
            window: None,
            legs: vec![],
            tries: vec![],
            known: Known::Unsure,
            asked: now,
            avoid: vec![],
            client_dials: 0,
            cut_short: 0,
            book: Book::default(),
            outputs: VecDeque::new(),
            id,
            order,
        };
        if !campaign.is_click() {
            let delayed = after(now, campaign.order.policy.delay);
            campaign.not_before = campaign.order.wanted.unwrap_or(now).max(delayed);
        }
        campaign.identify(now);
        campaign
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Campaign::handle_timeout`] wants to be called.
    pub fn timeout(&self) -> Option<Timestamp> {
        let own = match &self.state {
            State::Identifying { due }
            | State::Waiting { due }
            | State::Prompting { due, .. }
            | State::Joining { due, .. }
            | State::Talking { due, .. } => Some(*due),
            State::Holding { until, again, .. } => Some(again.unwrap_or(*until).min(*until)),
            State::Managers { .. }
            | State::Client { .. }
            | State::Clearing { .. }
            | State::Over { .. } => None,
        };
        own.into_iter().chain(self.legs.iter().filter_map(Leg::timeout)).min()
    }

    /// The time came. Too early or needless calls do nothing.
    pub fn handle_timeout(&mut self, now: Timestamp, around: &Around) {
        let due: Vec<LegId> = self
            .legs
            .iter()
            .filter(|leg| leg.timeout().is_some_and(|due| due <= now))
            .map(|leg| leg.id.clone())
            .collect();
        for leg in due {
            self.look_after(&leg, now, around);
        }
        let come = |due: &Timestamp| *due <= now;
        match self.state.clone() {
            State::Identifying { due } if come(&due) => self.identified(Known::Unsure, now, around),
            State::Waiting { due } if come(&due) => self.begin_try(now, around),
            State::Prompting { manager, due } if come(&due) => {
                self.dial_client(&manager, now, around)
            }
            State::Joining { due, .. } | State::Talking { due, .. } if come(&due) => {
                self.look_for_bridge(now);
            }
            State::Holding { until, .. } if come(&until) => {
                self.over(Ending::ClientAlone, now, around)
            }
            State::Holding { again: Some(again), .. } if come(&again) => {
                self.ring_anew(now, around);
            }
            _ => {}
        }
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now: Timestamp, around: &Around) {
        match input {
            Input::Known(known) => self.identified(known, now, around),
            Input::Ringing { leg } => self.rings(&leg, now, around),
            Input::Answered { leg } => self.answered(&leg, now, around),
            Input::Confirmed { leg } => self.confirmed(&leg, now, around),
            Input::Bridged { leg } => self.bridged(&leg, now, around),
            Input::PassedOn { leg, to } => self.passed_on(&leg, to, now),
            Input::Down { leg, cause, recorded } => {
                self.recorded(&leg, recorded);
                self.down(&leg, &cause, now, around);
            }
            Input::Lost { leg } => self.find(&leg, now),
            Input::Found { leg, answered, with } => {
                self.found(&leg, answered, with.as_ref(), now, around);
            }
            Input::Gone { leg } => self.gone(&leg, now, around),
            Input::Unknown { leg } => self.unknown(&leg, now, around),
            Input::Joined(order) => self.join(*order, now, around),
            Input::Cancel => self.cancel(now, around),
            Input::ClientCalled => self.client_called(now, around),
            Input::Recovered => self.recovered(now, around),
        }
    }

    /// Over, every leg down, the record out. It can be forgotten.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Over { closed: true, .. })
    }

    /// Which.
    pub fn id(&self) -> &CampaignId {
        &self.id
    }

    /// What was asked for, with what joined it.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The legs that are not known to be down, and whose they are: for [`Floor::engaged`] of the
    /// other campaigns, and to know whose news a leg's are.
    pub fn legs(&self) -> impl Iterator<Item = (&LegId, &order::Whom)> {
        self.legs.iter().map(|leg| (&leg.id, &leg.whom))
    }

    /// All legs it dialled so far.
    pub fn tries(&self) -> &[Try] {
        &self.tries
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Identifying { .. } if self.is_untried() => Stage::Accepted,
            State::Identifying { .. } | State::Waiting { .. } | State::Clearing { .. } => {
                Stage::Waiting
            }
            State::Managers { .. } | State::Holding { .. } => Stage::DiallingManagers,
            State::Prompting { .. } => Stage::ManagerOnLine,
            State::Client { .. } | State::Joining { .. } => Stage::DiallingClient,
            State::Talking { .. } => Stage::Connected,
            State::Over { ending, .. } => Stage::Over(*ending),
        }
    }

    /// All that may be said of it.
    pub fn view(&self) -> View {
        let next_try = match &self.state {
            State::Waiting { due } => Some(*due),
            _ => None,
        };
        View {
            id: self.id.clone(),
            order: self.order.clone(),
            stage: self.stage(),
            accepted: self.accepted,
            next_try,
            joined: self.joined,
            tries: self.tries.clone(),
        }
    }

    /// Nobody was rung yet, nor was anybody looked for.
    fn is_untried(&self) -> bool {
        self.window.is_none() && self.tries.is_empty()
    }

    fn is_click(&self) -> bool {
        self.order.kind == Kind::Click
    }
}

#[cfg(test)]
mod tests;
