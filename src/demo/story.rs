//! The story: who calls, what the phones do, and how it must end.

use std::time::Duration;

use crate::core::record::Outcome;
use crate::core::trace::Fallback;
use crate::sim::{CallSpec, Caller, Script};

/// The company's number in the demo.
pub const LINE: &str = "+74951234567";

/// Its number in the evening.
const EVENING: &str = "+74951234568";

/// What the CRM learns of a talk with a client of an open deal, by who answered. The call is
/// completed at its end, and once more when its recording is complete.
const TALKED_101: &[&str] = &["register_call 101", "notify 101", "update_call", "update_call"];
const TALKED_106: &[&str] = &["register_call 106", "notify 106", "update_call", "update_call"];

/// One call of the story.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its name in `--json`.
    pub name: &'static str,
    /// What it shows, for people.
    pub tells: &'static str,
    /// Who calls.
    pub from: &'static str,
    /// What is dialled.
    pub to: &'static str,
    /// An employee calls out.
    pub outbound: bool,
    /// What the caller does.
    pub caller: Caller,
    /// What the phones do that behave unlike before.
    pub phones: Vec<(&'static str, Script)>,
    /// The CRM does not answer.
    pub crm_down: bool,
    /// How the record must end.
    pub outcome: Outcome,
    /// What must have been tried, as [`crate::core::record::CallRecord::steps`] writes it.
    pub steps: &'static str,
    /// Why no owner was rung first.
    pub fallback: Option<Fallback>,
    /// Whose phones the caller spoke to, in order.
    pub spoke_to: &'static [&'static str],
    /// What the CRM must have learnt: each action with its word, and whose it is.
    pub actions: &'static [&'static str],
}

impl Scene {
    /// The call.
    pub fn call(&self) -> CallSpec {
        let spec = CallSpec::new(self.from, self.to).caller(self.caller.clone());
        if !self.outbound {
            return spec;
        }
        spec.variable("dozvon_direction", "outbound").variable("effective_caller_id_number", LINE)
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The scenes in order.
pub fn story() -> Vec<Scene> {
    let talks = || Caller::stays().talks_for(secs(4));
    let scene = Scene {
        name: "",
        tells: "",
        from: "",
        to: LINE,
        outbound: false,
        caller: talks(),
        phones: vec![],
        crm_down: false,
        outcome: Outcome::Answered,
        steps: "",
        fallback: None,
        spoke_to: &[],
        actions: &[],
    };
    vec![
        Scene {
            name: "owner_answers",
            tells: "The owner of the open deal answers",
            from: "+79161110001",
            phones: vec![("101", Script::answers(secs(3)))],
            steps: "owner answered",
            spoke_to: &["101"],
            actions: TALKED_101,
            ..scene.clone()
        },
        Scene {
            name: "owner_busy",
            tells: "The owner is busy: the queue takes the call at once",
            from: "+79161110002",
            phones: vec![("102", Script::busy()), ("106", Script::answers(secs(2)))],
            steps: "owner busy, queue sales answered",
            spoke_to: &["106"],
            actions: TALKED_106,
            ..scene.clone()
        },
        Scene {
            name: "owner_silent",
            tells: "The owner does not pick up for 10 seconds: then the queue",
            from: "+79161110003",
            phones: vec![("103", Script::silent()), ("106", Script::answers(secs(2)))],
            steps: "owner no_answer, queue sales answered",
            spoke_to: &["106"],
            actions: TALKED_106,
            ..scene.clone()
        },
        Scene {
            name: "unknown_caller",
            tells: "Nobody knows the number: straight to the queue",
            from: "+79265550000",
            steps: "queue sales answered",
            fallback: Some(Fallback::Unknown),
            spoke_to: &["106"],
            actions: &[
                "register_call 106",
                "contact 106",
                "deal 106",
                "notify 106",
                "update_call",
                "update_call",
            ],
            ..scene.clone()
        },
        Scene {
            name: "client_calls_again",
            tells: "He calls again: now there is a deal, and its owner is rung",
            from: "+79265550000",
            steps: "owner answered",
            spoke_to: &["106"],
            actions: TALKED_106,
            ..scene.clone()
        },
        Scene {
            name: "closed_deals",
            tells: "All deals are closed: the client's own manager is rung",
            from: "+79161110004",
            steps: "owner answered",
            spoke_to: &["106"],
            actions: &["register_call 106", "deal 106", "notify 106", "update_call", "update_call"],
            ..scene.clone()
        },
        Scene {
            name: "owner_on_leave",
            tells: "The owner is on leave: the deputy is rung",
            from: "+79161110005",
            phones: vec![("101", Script::answers(secs(2)))],
            steps: "deputy answered",
            spoke_to: &["101"],
            actions: TALKED_101,
            ..scene.clone()
        },
        Scene {
            name: "owner_on_mobile",
            tells: "The owner's desk phone is off: the mobile is rung",
            from: "+79161110007",
            phones: vec![("+79035550105", Script::answers(secs(3)))],
            steps: "owner answered",
            spoke_to: &["+79035550105"],
            actions: &["register_call 105", "notify 105", "update_call", "update_call"],
            ..scene.clone()
        },
        Scene {
            name: "crm_down",
            tells: "The CRM is down: nobody waits for it, the queue takes the call",
            from: "+79161110006",
            crm_down: true,
            steps: "queue sales answered",
            fallback: Some(Fallback::CrmDown),
            spoke_to: &["106"],
            actions: TALKED_106,
            ..scene.clone()
        },
        Scene {
            name: "caller_gives_up",
            tells: "The caller gives up while the owner's phone rings",
            from: "+79161110003",
            caller: Caller::stays().hangs_up_after(secs(4)),
            outcome: Outcome::Abandoned,
            steps: "owner caller_gone",
            actions: &["register_call nobody", "notify everybody"],
            ..scene.clone()
        },
        Scene {
            name: "transfer",
            tells: "The owner passes the call on to a colleague: one call, one record",
            from: "+79161110001",
            caller: Caller::stays().hangs_up_after(secs(12)),
            phones: vec![
                ("101", Script::answers(secs(2)).transfers(secs(3), "102")),
                ("102", Script::answers(secs(2))),
            ],
            steps: "owner answered, dialled answered",
            spoke_to: &["101", "102"],
            actions: TALKED_101,
            ..scene.clone()
        },
        Scene {
            name: "voicemail",
            tells: "Somebody new calls in the evening and leaves a message",
            from: "+79265550001",
            to: EVENING,
            caller: Caller::stays().hangs_up_after(secs(12)),
            outcome: Outcome::Voicemail,
            steps: "voicemail answered",
            fallback: Some(Fallback::NoOwnerStep),
            actions: &["register_call nobody", "unsorted", "notify 101"],
            ..scene.clone()
        },
        Scene {
            name: "outbound",
            tells: "An employee calls a number nobody knows",
            from: "102",
            to: "+79265550002",
            outbound: true,
            phones: vec![("+79265550002", Script::answers(secs(3)))],
            steps: "dialled answered",
            spoke_to: &["+79265550002"],
            actions: &[
                "register_call 102",
                "contact 102",
                "deal 102",
                "notify 102",
                "update_call",
                "update_call",
            ],
            ..scene
        },
    ]
}
