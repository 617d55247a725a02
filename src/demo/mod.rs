//! The demo: engine, simulated FreeSWITCH and built-in CRM in one process, and a story played on
//! them. Each scene says how it must end; `dozvon demo --once` is the product's first test.

mod callbacks;
mod check;
mod learns;
mod outage;
mod papers;
mod random;
mod records;
mod stage;
mod story;
mod tell;

pub use callbacks::{Request, RequestError, requests};
pub use check::differences;
pub use learns::{actions_json, in_short, lines, rules_json};
pub use outage::Outage;
pub use papers::{Learnt, Papers, PapersError};
pub use random::random_call;
pub use records::records;
pub use stage::{Stage, StageError};
pub use story::{LINE, Scene, story};
pub use tell::{Teller, Told};
