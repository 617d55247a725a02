//! All rule sets from what occurs in calls, through the outbox, to what retailCRM is sent.

use std::path::Path;

use dozvon::core::case::{Case, Event, Sound};
use dozvon::core::facts::Direction;
use dozvon::core::record::Outcome;
use futures_util::future::join_all;
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::crm_outbox::{self, parts, prompt};
use crate::house::{House, NEW, OLGA, PETR, case, speaker};

use Direction::{Callback, Inbound, Outbound};
use Event::{
    Answered, CallbackClientUnreached, CallbackFailed, CallbackRequested, Ended, Missed, Recorded,
    Ringing, Unreached, Voicemail,
};

/// Which way it goes, and what occurs in it.
type Call = (Direction, &'static [Event]);

const TALK: &[Event] = &[Ringing, Answered, Ended, Recorded];
const STORIES: [(&str, &str, &[Call]); 9] = [
    ("a stranger is answered", NEW, &[(Inbound, TALK)]),
    ("a client with an open order is answered", OLGA, &[(Inbound, TALK)]),
    ("a client of closed orders is answered", PETR, &[(Inbound, TALK)]),
    (
        "a stranger is missed, leaves a message, and is answered",
        NEW,
        &[(Inbound, &[Ringing, Missed]), (Inbound, &[Ringing, Voicemail, Missed]), (Inbound, TALK)],
    ),
    ("a client with an open order is missed", OLGA, &[(Inbound, &[Ringing, Missed])]),
    ("a stranger is called", NEW, &[(Outbound, TALK)]),
    ("a client is not reached", OLGA, &[(Outbound, &[Unreached])]),
    ("a form nobody answers", NEW, &[(Callback, &[CallbackRequested, CallbackFailed])]),
    (
        "a form whose client is not reached",
        PETR,
        &[(Callback, &[CallbackRequested, Answered, CallbackClientUnreached])],
    ),
];

fn cases(number: &str, calls: &[Call]) -> Vec<Case> {
    let who = speaker("12", "102");
    let sound = |url: &str| Some(Sound { url: url.into(), seconds: Some(5) });
    let mut all = Vec::new();
    for (n, (direction, events)) in calls.iter().enumerate() {
        let mut case = case(Ringing, number);
        case.call = format!("call-{n}").as_str().into();
        case.direction = *direction;
        case.caller = (*direction == Outbound).then(|| who.clone());
        case.fields = [("utm_source", "ya"), ("page", "/okna")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        for (event, seq) in events.iter().copied().zip(1..) {
            (case.event, case.seq) = (event, seq);
            match event {
                Answered => {
                    case.first = Some(who.clone()).filter(|_| *direction != Outbound);
                    case.last = case.first.clone();
                    case.answered = Some(case.started + SignedDuration::from_secs(8));
                }
                Ended => {
                    case.talked = 205;
                    // Its address is known before it is complete.
                    case.recording = sound("https://pbx.example/recordings/1");
                }
                Voicemail => {
                    case.voicemail = sound("https://pbx.example/voicemail/1");
                    case.outcome = Some(Outcome::Voicemail);
                }
                Missed if case.outcome.is_none() => case.outcome = Some(Outcome::Missed),
                Unreached | CallbackClientUnreached => case.outcome = Some(Outcome::Unreached),
                _ => {}
            }
            if !matches!(event, Ringing | Answered | CallbackRequested) {
                case.ended = Some(case.started + SignedDuration::from_secs(213));
            }
            all.push(case.clone());
        }
    }
    all
}

/// What the CRM is sent in a story: each in a company of its own.
async fn told(set: &str, (title, number, calls): (&str, &str, &[Call])) -> String {
    let house = House::patient().await;
    let folder = TempDir::new().unwrap();
    let parts = parts(house.crm.clone(), set, &folder, prompt()).await;
    let sent = || house.fake.dialogue().iter().map(|seen| seen.line()).collect();
    let mut cases = cases(number, calls);
    // This set writes the time of a call into orders: no cards pop up of calls of that day.
    if !set.contains("comagic") {
        cases = cases.into_iter().map(House::going_on).collect();
    }
    let told = crm_outbox::dialogue(parts, cases, sent).await;
    let told = told.replace(&house.fake.server.uri(), "https://shop.retailcrm.ru");
    format!("== {title}\n{told}")
}

async fn dialogue(name: &str) -> String {
    let folder = TempDir::new().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("rules/{name}.toml"));
    // Employees have the ids of the account.
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.replace("\"101\"", "\"11\"").replace("\"102\"", "\"12\"");
    let file = folder.path().join(format!("{name}.toml"));
    std::fs::write(&file, text).unwrap();
    let stories = STORIES.map(|story| told(file.to_str().unwrap(), story));
    join_all(stories).await.join("\n")
}

macro_rules! sets {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            insta::assert_snapshot!(dialogue($name).await);
        })*
    };
}

sets! {
    amocrm_classic: "amocrm-classic",
    retailcrm_matrix: "retailcrm-matrix",
    sipuni: "sipuni",
    keycrm: "keycrm",
    comagic: "comagic",
}
