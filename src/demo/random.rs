//! Calls as they come on an ordinary day, after the story.

use std::time::Duration;

use super::story::LINE;
use crate::metrics::SHORT;
use crate::sim::{CallSpec, Caller, FreeSwitch, Script};

const CLIENTS: [&str; 9] = [
    "+79161110001",
    "+79161110002",
    "+79161110003",
    "+79161110004",
    "+79161110005",
    "+79161110006",
    "+79161110007",
    "+79265550000",
    "anonymous",
];

/// Gives the phones a new mood and says who calls next. However fast the simulated world is, nobody
/// gives up so soon that it counts as a mistake of his.
pub fn random_call(switch: &FreeSwitch) -> CallSpec {
    for phone in ["101", "102", "103", "106", "+79035550105"] {
        let after = Duration::from_secs(fastrand::u64(1..8));
        let mood = match fastrand::u8(0..10) {
            0 => Script::busy(),
            1 => Script::silent(),
            2 => Script::rejects(),
            _ => Script::answers(after),
        };
        // The queue's agent always picks up, or callers would wait for ever.
        let mood = if phone == "106" { Script::answers(after) } else { mood };
        switch.set_phone(phone, mood);
    }
    let from = CLIENTS[fastrand::usize(0..CLIENTS.len())];
    let talk = Duration::from_secs(fastrand::u64(3..12));
    let longer = Duration::from_secs_f64((SHORT + 1.0) * switch.speed());
    let patience = Duration::from_secs(fastrand::u64(15..60)).max(longer);
    CallSpec::new(from, LINE).caller(Caller::stays().talks_for(talk).gives_up_after(patience))
}
