//! The company of the live tests: a FreeSWITCH, a trunk's caller, employees' phones and an employee's mobile.

#[path = "freeswitch.rs"]
pub mod freeswitch;
#[path = "sip.rs"]
pub mod sip;

use std::path::PathBuf;
use std::time::Duration;

use freeswitch::{COMPANY, DOMAIN, FreeSwitch, Setup};
use sip::{Behaviour, Phone};

/// Long enough for a loaded machine; nothing is measured by it.
pub const SOON: Duration = Duration::from_secs(10);

/// How long the last channel may stay after its call. A leg whose engine is gone lingers for 8 to
/// 9 s. And where a caller hangs up in the moment in which `mod_callcenter` makes an agent's leg,
/// FreeSWITCH looks for legs to end before this one is there: the agent's phone rings for all of
/// its `leg_timeout`, 15 s, and the caller's channel is held that long.
const GONE: Duration = Duration::from_secs(20);
/// Long enough for what must not happen.
pub const A_WHILE: Duration = Duration::from_millis(1500);
/// A phone that is answered as soon as it rings.
pub const AT_ONCE: Behaviour = Behaviour::Answer { after: Duration::ZERO, talk: None };

/// A FreeSWITCH, a caller behind its trunk, and the four employees' phones, registered.
pub struct House {
    /// The switch.
    pub freeswitch: FreeSwitch,
    /// Behind the trunk.
    pub caller: Phone,
    phones: Vec<Phone>,
    /// Where the gateway leads.
    pub mobile: Phone,
}

impl House {
    /// `None`, and says why, where no FreeSWITCH is installed.
    pub async fn build(engine: &str) -> Option<Self> {
        let binary: PathBuf = match freeswitch::find() {
            Ok(binary) => binary,
            Err(why) => {
                eprintln!("skipped: {why}");
                return None;
            }
        };
        let mobile = Phone::open("mobile").await;
        let setup = Setup { engine: engine.to_owned(), mobile: mobile.address() };
        let freeswitch = FreeSwitch::start(&binary, &setup).await;
        let caller = Phone::open("caller").await;
        let mut phones = Vec::new();
        for name in ["101", "102", "103", "104"] {
            phones.push(Phone::open(name).await);
        }
        let house = Self { freeswitch, caller, phones, mobile };
        house.register().await;
        Some(house)
    }

    /// Registers the employees' phones.
    pub async fn register(&self) {
        for phone in &self.phones {
            assert_eq!(phone.register(self.freeswitch.phones, DOMAIN, 600).await, 200);
        }
    }

    /// The phone with this extension.
    pub fn phone(&self, extension: usize) -> &Phone {
        &self.phones[extension - 101]
    }

    /// Lets no agent of the queue be offered a call but `extension`.
    pub async fn only_agent(&self, extension: usize) {
        for other in (101..=104).filter(|other| *other != extension) {
            let command = format!("callcenter_config agent set status {other} 'Logged Out'");
            self.freeswitch.api(&command).await;
        }
    }

    /// A client calls the company.
    pub async fn call_in(&self) -> sip::Call {
        self.call_from("79161234567").await
    }

    /// The client with this number calls the company.
    pub async fn call_from(&self, number: &str) -> sip::Call {
        self.caller.call(self.freeswitch.trunk, COMPANY, "Trunk", number).await
    }

    /// Fails unless every channel is gone soon.
    pub async fn ends_empty(&self) {
        self.freeswitch.is_quiet_within(GONE).await;
    }
}
