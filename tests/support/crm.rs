//! What tests of every CRM behind HTTP need.

#![allow(clippy::unwrap_used, dead_code, reason = "a test; not every one needs all of it")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::core::action::Action;
use dozvon::core::case::{Case, Event, Known, Sound, Speaker};
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::record::Outcome;
use dozvon::crm::lazy::Lazy;
use serde_json::Value;
use wiremock::ResponseTemplate;

pub fn phone(number: &str) -> Phone {
    Phone::parse(number, Region::default()).unwrap()
}

/// A store that cannot be opened.
pub fn no_store() -> Arc<Lazy> {
    Arc::new(Lazy::new("/nowhere/dozvon.sqlite".into()))
}

pub fn act(json: Value) -> Action {
    serde_json::from_value(json).unwrap()
}

/// How it fails.
#[derive(Clone)]
pub enum Trouble {
    /// With this answer, and nothing is done.
    Says(ResponseTemplate),
    /// It is done, and the answer comes too late.
    Late(Duration),
}

pub fn says(status: u16, body: Value) -> Trouble {
    Trouble::Says(ResponseTemplate::new(status).set_body_json(body))
}

pub fn pairs(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}

/// A peer that answers whatever is asked with these bytes, and hangs up.
pub fn raw(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://127.0.0.1:{port}")
}

/// A peer with a certificate nobody trusts.
pub fn wrongly_certified() -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("wrong.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("wrong.key")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let server = std::sync::Arc::new(server);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut tls = rustls::ServerConnection::new(server.clone()).unwrap();
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    format!("https://127.0.0.1:{port}")
}

/// All there are.
pub const EVENTS: [Event; 10] = [
    Event::Ringing,
    Event::Answered,
    Event::Missed,
    Event::Ended,
    Event::Recorded,
    Event::Voicemail,
    Event::Unreached,
    Event::CallbackRequested,
    Event::CallbackFailed,
    Event::CallbackClientUnreached,
];

/// What is logged.
#[derive(Clone, Default)]
pub struct Kept(pub Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn speaker(employee: &str, number: &str) -> Speaker {
    Speaker { employee: Some(employee.into()), number: number.into() }
}

pub fn case(event: Event, number: &str) -> Case {
    let at: jiff::Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    Case {
        call: "call".into(),
        seq: 1,
        event,
        at,
        direction: Direction::Inbound,
        line: Some("main".into()),
        line_number: Some("+74951111111".into()),
        number: (!number.is_empty()).then(|| phone(number)),
        client: Known::Nobody,
        first: None,
        last: None,
        caller: None,
        rung: vec![],
        started: at,
        answered: None,
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: Default::default(),
        name: None,
        comment: None,
    }
}

/// The same call, over after a talk with this employee.
pub fn over(mut case: Case, employee: &str, number: &str) -> Case {
    case.event = Event::Ended;
    case.seq += 1;
    case.first = Some(speaker(employee, number));
    case.last = case.first.clone();
    case.answered = Some(case.started + jiff::SignedDuration::from_secs(8));
    case.ended = Some(case.started + jiff::SignedDuration::from_secs(213));
    case.talked = 205;
    case.recording = Some(Sound { url: "https://pbx.example/recordings/1".into(), seconds: None });
    case
}

/// This employee picked up.
pub fn answered(number: &str, employee: &str, extension: &str) -> Case {
    let case = case(Event::Answered, number);
    let first = Some(speaker(employee, extension));
    Case { answered: Some(case.started), last: first.clone(), first, ..case }
}

/// The recording of a call that is over is there.
pub fn recorded(mut case: Case) -> Case {
    case.event = Event::Recorded;
    case.seq += 1;
    case
}

/// Nobody picked up, and this was left.
pub fn missed(number: &str, voicemail: Option<Sound>) -> Case {
    let case = case(Event::Missed, number);
    let outcome = if voicemail.is_some() { Outcome::Voicemail } else { Outcome::Missed };
    Case { ended: Some(case.started), outcome: Some(outcome), voicemail, ..case }
}
