//! The demo: engine, simulated FreeSWITCH and built-in CRM in one process, and a story played on
//! them. Each scene says how it must end; `dozvon demo --once` is the product's first test.

mod random;
mod stage;
mod story;
mod tell;

pub use random::random_call;
pub use stage::{Stage, StageError};
pub use story::{LINE, Scene, story};
pub use tell::{Teller, Told};
