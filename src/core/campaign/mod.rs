//! Callbacks: managers first, then the client (A13–A20, D01, E11, E13).
//!
//! A campaign is a machine like [`crate::core::call::Call`]: it is given inputs and the time and
//! answers with commands, occurrences and at the end one record.
//!
//! ```text
//! Campaign::new(id, order, now)                  the first thing it needs is Input::Recovered,
//!                                                Input::Known, or a time-out
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
//! | `Talking` | they talk | none: a talk may last |
//! | `Apart` | the manager's leg ended, the client's has not | look whether he was passed on |
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
//! not reached gives the managers a fresh `give_up`.
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

pub mod io;
pub mod order;

pub use io::{Around, Dial, EmptyFloor, Floor, Input, Output, Told, Why};
