//! Each rule set of ours, from what occurs in calls to what KeyCRM is sent.

use std::path::Path;

use dozvon::core::case::{Case, Event, Sound};
use dozvon::core::facts::Direction;
use tempfile::TempDir;

use crate::crm_outbox::{dialogue, parts, prompt};
use crate::house::{House, OLGA, PETRO, case, over, patiently, speaker};

use Direction::{Callback, Inbound, Outbound};
use Event::{
    Answered, CallbackClientUnreached, CallbackFailed, CallbackRequested, Ended, Missed, Recorded,
    Ringing, Unreached, Voicemail,
};

/// Whose call, which way it goes, and what occurs in it.
type Story = (&'static str, &'static str, Direction, &'static [Event]);

const TALK: &[Event] = &[Ringing, Answered, Ended, Recorded];
const STORIES: [Story; 11] = [
    ("a stranger is answered", "+380501234567", Inbound, TALK),
    ("a client with an open deal is answered", OLGA, Inbound, TALK),
    ("a client with a closed deal is answered", PETRO, Inbound, TALK),
    ("a stranger is missed", "+380501234568", Inbound, &[Ringing, Missed]),
    ("and leaves a message", "+380501234568", Inbound, &[Ringing, Missed, Voicemail]),
    ("and is answered", "+380501234568", Inbound, TALK),
    ("a client with an open deal is missed", OLGA, Inbound, &[Ringing, Missed]),
    ("a stranger is called", "+380501234569", Outbound, TALK),
    ("a client is not reached", OLGA, Outbound, &[Unreached]),
    ("a form nobody answers", "+380501234560", Callback, &[CallbackRequested, CallbackFailed]),
    (
        "a form whose client is not reached",
        "+380501234561",
        Callback,
        &[CallbackRequested, Answered, CallbackClientUnreached],
    ),
];

fn cases(call: usize, number: &str, direction: Direction, events: &[Event]) -> Vec<Case> {
    let sound = |url: &str| Some(Sound { url: url.into(), seconds: Some(5) });
    let mut case = case(Ringing, number);
    (case.call, case.direction) = (format!("call-{call}").as_str().into(), direction);
    case.caller = (direction == Outbound).then(|| speaker("12", "102"));
    case.fields.insert("utm_source".into(), "google".into());
    case.rung = vec!["13".into()];
    let mut all = Vec::new();
    for (event, seq) in events.iter().copied().zip(1..) {
        if event == Answered {
            (case.first, case.last) = (Some(speaker("12", "102")), Some(speaker("12", "102")));
            case.answered = Some(case.at);
        }
        match event {
            Ended => case = over(case, "12", "102"),
            Missed | Unreached | CallbackFailed | CallbackClientUnreached => {
                case.ended = Some(case.at);
            }
            Voicemail => case.voicemail = sound("https://pbx.example/voicemail/1"),
            _ => {}
        }
        (case.event, case.seq) = (event, seq);
        all.push(case.clone());
    }
    all
}

async fn told(name: &str, orders: bool) -> String {
    let house =
        if orders { House::with_orders_and(patiently).await } else { House::patient().await };
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("rules/{name}.toml"));
    // Employees have the ids of the account.
    let text = std::fs::read_to_string(rules).unwrap().replace("\"101\"", "\"11\"");
    let mut told = String::new();
    for (n, (title, number, direction, events)) in STORIES.into_iter().enumerate() {
        let folder = TempDir::new().unwrap();
        let set = folder.path().join(format!("{name}.toml"));
        std::fs::write(&set, &text).unwrap();
        let parts = parts(house.crm.clone(), set.to_str().unwrap(), &folder, prompt()).await;
        let sent = || house.fake.dialogue().iter().map(|seen| seen.short()).collect();
        told += &format!("== {title}\n");
        told += &dialogue(parts, cases(n, number, direction, events), sent).await;
    }
    told
}

macro_rules! sets {
    ($($test:ident, $with_orders:ident: $name:literal),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            insta::assert_snapshot!(told($name, false).await);
        }

        #[tokio::test]
        async fn $with_orders() {
            insta::assert_snapshot!(told($name, true).await);
        })*
    };
}

sets! {
    amocrm_classic, amocrm_classic_with_orders: "amocrm-classic",
    retailcrm_matrix, retailcrm_matrix_with_orders: "retailcrm-matrix",
    sipuni, sipuni_with_orders: "sipuni",
    keycrm, keycrm_with_orders: "keycrm",
    comagic, comagic_with_orders: "comagic",
}
