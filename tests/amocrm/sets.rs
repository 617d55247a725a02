//! Rule sets from a call's beginning to its end: what they plan is carried out, and this is what
//! is said to amoCRM.

use std::path::{Path, PathBuf};

use dozvon::core::case::{Case, Event, Speaker};
use dozvon::core::facts::Direction;
use dozvon::core::staff::Staff;
use dozvon::crm::Crm;
use dozvon::rules::set::RuleSet;

use crate::account::Habits;
use crate::office::{self, CLOSED, NEW, OLGA, World, sound};

use Event::{
    Answered, CallbackClientUnreached, CallbackFailed, CallbackRequested, Ended, Missed, Recorded,
    Ringing, Unreached, Voicemail,
};

/// Whose call, which way it goes, and what occurs in it.
pub type Story = (&'static str, &'static str, Direction, &'static [Event]);

const TALK: &[Event] = &[Ringing, Answered, Ended, Recorded];
pub const STORIES: [Story; 11] = [
    ("a stranger is answered", NEW, Direction::Inbound, TALK),
    ("a client with an open deal is answered", OLGA, Direction::Inbound, TALK),
    ("a client with a closed deal is answered", CLOSED, Direction::Inbound, TALK),
    ("a stranger is missed", "+79165550002", Direction::Inbound, &[Ringing, Missed]),
    ("and calls again", "+79165550002", Direction::Inbound, &[Ringing, Missed, Voicemail]),
    ("and is answered", "+79165550002", Direction::Inbound, TALK),
    ("a client with an open deal is missed", OLGA, Direction::Inbound, &[Ringing, Missed]),
    ("a stranger is called", "+79165550003", Direction::Outbound, TALK),
    ("a client is not reached", OLGA, Direction::Outbound, &[Unreached]),
    (
        "a form nobody answers",
        "+79165550004",
        Direction::Callback,
        &[CallbackRequested, CallbackFailed],
    ),
    (
        "a form whose client is not reached",
        "+79165550005",
        Direction::Callback,
        &[CallbackRequested, Answered, CallbackClientUnreached],
    ),
];

/// A rule set whose employees have the ids of the account.
pub fn file(name: &str, folder: &Path) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("rules/{name}.toml"));
    let text = std::fs::read_to_string(file).unwrap();
    let text = text.replace("\"101\"", "\"504141\"").replace("\"102\"", "\"504142\"");
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, text).unwrap();
    file
}

fn set(name: &str, folder: &Path) -> RuleSet {
    match RuleSet::load(&file(name, folder)) {
        Ok(set) => set,
        Err(error) => panic!("{name}: {error:?}"),
    }
}

fn who() -> Speaker {
    Speaker { employee: Some("504142".into()), number: "102".into() }
}

/// As a story begins.
fn begins(case: &mut Case, direction: Direction) {
    case.direction = direction;
    case.caller = (direction == Direction::Outbound).then(who);
    (case.first, case.last, case.answered) = (None, None, None);
    case.fields.insert("utm_source".into(), "ya".into());
}

/// Something occurs in it.
fn occurs(case: &mut Case, event: Event, seq: u32) {
    (case.event, case.seq) = (event, seq);
    if event == Answered {
        (case.first, case.last) = (Some(who()), Some(who()));
        case.answered = Some(case.at);
        case.recording = sound("https://pbx.example/recordings/1", None);
    }
    if event == Ended {
        (case.talked, case.ended) = (65, Some(case.at));
    }
    if event == Recorded {
        case.recording = sound("https://pbx.example/recordings/1", Some(65));
    }
    if event == Voicemail {
        case.voicemail = sound("https://pbx.example/voicemail/1", Some(5));
    }
}

/// All that occurs in a story.
pub fn cases(number: usize, (_, phone, direction, events): &Story) -> Vec<Case> {
    let mut case = office::case(&format!("call-{number}"), phone);
    begins(&mut case, *direction);
    let mut cases = Vec::new();
    for (event, seq) in events.iter().copied().zip(1..) {
        occurs(&mut case, event, seq);
        cases.push(case.clone());
    }
    cases
}

/// Times are of this moment: seconds since 1970, and dates with minutes.
pub fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let minute = digits.get(..16).filter(|text| {
            text.chars().zip("dddd-dd-dd dd:dd".chars()).all(|(c, shape)| match shape {
                'd' => c.is_ascii_digit(),
                ' ' => c == ' ' || c == 'T',
                other => c == other,
            })
        });
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let second = end == 10 && digits.starts_with(['1', '2']);
        let (text, end) = match minute {
            Some(_) => {
                let more = digits[16..].find(|c: char| !c.is_ascii_digit() && !":.Z".contains(c));
                ("TIME", more.map_or(digits.len(), |more| 16 + more))
            }
            None if second => ("TIME", end),
            None => (&digits[..end], end),
        };
        out += before;
        out += text;
        rest = &digits[end..];
    }
    out + rest
}

async fn dialogue(name: &str) -> String {
    let w = World::with(|config| {
        // The pace is shown in virtual time, in turn.rs.
        config.requests_per_second = 1000.try_into().unwrap();
        config.numbers.insert("504141".into(), vec!["101".into()]);
        config.numbers.insert("504142".into(), vec!["102".into()]);
    })
    .await;
    let set = set(name, w.folder.path());
    let staff = Staff::new(w.crm.employees().await.unwrap());
    // The worst of what is uncertain.
    w.server.house().account.habits =
        Habits { index_lags: true, strange_call_is_400: true, ..Habits::default() };
    let mut out = String::new();
    for (number, (title, phone, direction, events)) in STORIES.into_iter().enumerate() {
        out += &format!("== {title}\n");
        let mut call = w.call(&format!("call-{number}"), phone).await;
        begins(&mut call.case, direction);
        for (event, seq) in events.iter().copied().zip(1..) {
            occurs(&mut call.case, event, seq);
            for planned in set.judge(&call.case, &staff).actions {
                let done = call.with_key(&planned.key, &planned.action).await;
                let (rule, word) = (&planned.rule, planned.action.word());
                match done {
                    Ok(done) => {
                        out += &format!("{}: {rule} {word}: {}\n", event.as_str(), done.what)
                    }
                    Err(error) => panic!("{name}, {title}: {rule} {word}: {error}"),
                }
                for said in w.server.dialogue() {
                    out += &format!("  {}\n", said.replace('\n', "\n  "));
                }
            }
        }
    }
    without_times(&out)
}

#[tokio::test]
async fn amocrm_classic() {
    insta::assert_snapshot!(dialogue("amocrm-classic").await);
}

#[tokio::test]
async fn sipuni() {
    insta::assert_snapshot!(dialogue("sipuni").await);
}

#[tokio::test]
async fn comagic() {
    insta::assert_snapshot!(dialogue("comagic").await);
}

#[tokio::test]
async fn retailcrm_matrix() {
    insta::assert_snapshot!(dialogue("retailcrm-matrix").await);
}

#[tokio::test]
async fn keycrm() {
    insta::assert_snapshot!(dialogue("keycrm").await);
}
