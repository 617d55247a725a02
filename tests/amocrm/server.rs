//! The account behind HTTP: tokens, limits, faults, and what was said.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::account::Account;
use crate::request::{Said, Sent};
use crate::shape;

/// Something that goes wrong with the next requests of a kind.
pub struct Fault {
    /// `POST /api/v4/contacts`, or the beginning of it.
    pub on: &'static str,
    pub times: u32,
    /// So many go well before.
    pub after: u32,
    pub what: Wrong,
}

pub enum Wrong {
    /// This answer, and nothing is done.
    Answer(Said),
    /// The same with a header.
    With(Said, &'static str, String),
    /// It is done, and the answer comes too late.
    LostAfterwards,
    /// It is not done, and no answer comes.
    Silent,
    /// It is done, and the answer takes its time.
    Slow(Duration),
    /// Somebody did the same a moment before.
    Raced,
    /// Somebody declined the entry a moment before.
    Declined,
}

/// Longer than the adapter of the tests waits.
pub const TOO_LONG: Duration = Duration::from_secs(3);

/// All that is behind the server.
#[derive(Default)]
pub struct House {
    pub account: Account,
    pub said: Vec<Sent>,
    /// Method and path of all that ever was said.
    pub asked: Vec<String>,
    pub faults: Vec<Fault>,
    /// What the vendor's client would not send.
    pub wrong: Vec<String>,
    /// Tokens that are good; the access token is `access-N`, the refresh token `refresh-N`.
    pub pair: u32,
    /// How often a pair was asked for, and with a dead token.
    pub exchanges: u32,
    pub dead: u32,
    /// The access token there is, is refused until a new pair is made.
    pub revoked: bool,
    pub refused: u32,
    /// No request with a new token is answered.
    pub die_after_exchange: bool,
    pub used_new: bool,
    pub expires_in: i64,
    pub moments: Vec<Instant>,
}

/// The server of one test.
pub struct Server {
    pub house: Arc<Mutex<House>>,
    mock: MockServer,
}

struct Door(Arc<Mutex<House>>);

impl Respond for Door {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut house = self.0.lock().unwrap();
        house.moments.push(Instant::now());
        let sent = Sent::read(request);
        let wrong = shape::wrong(&sent);
        house.wrong.extend(wrong);
        house.said.push(sent.clone());
        let told = format!("{} {}", sent.method, sent.path);
        house.asked.push(told.clone());
        let fault = house.faults.iter_mut().find(|f| f.times > 0 && told.starts_with(f.on));
        let fault = fault.and_then(|fault| match fault.after {
            0 => Some(fault),
            _ => {
                fault.after -= 1;
                None
            }
        });
        let (mut slow, mut before) = (Duration::ZERO, None);
        let fault = fault.and_then(|fault| {
            fault.times -= 1;
            match &fault.what {
                Wrong::Answer(said) => Some(Some(said.template())),
                Wrong::With(said, header, value) => {
                    Some(Some(said.template().insert_header(*header, value.as_str())))
                }
                Wrong::Silent => Some(Some(ResponseTemplate::new(204).set_delay(TOO_LONG))),
                Wrong::LostAfterwards => Some(None),
                Wrong::Slow(time) => {
                    slow = *time;
                    None
                }
                Wrong::Raced => {
                    before = Some(sent.clone());
                    None
                }
                Wrong::Declined => {
                    let path = sent.path.replace("accept", "decline");
                    let method = "DELETE".to_owned();
                    before = Some(Sent { path, method, ..sent.clone() });
                    None
                }
            }
        });
        if let Some(other) = before {
            house.answer(&other);
        }
        match fault {
            Some(Some(answer)) => answer,
            Some(None) => house.answer(&sent).template().set_delay(TOO_LONG),
            None => {
                let new = house.pair > 1 && sent.token == Some(format!("access-{}", house.pair));
                if house.die_after_exchange && new {
                    house.used_new = true;
                    return ResponseTemplate::new(204).set_delay(TOO_LONG);
                }
                house.answer(&sent).template().set_delay(slow)
            }
        }
    }
}

impl House {
    fn answer(&mut self, sent: &Sent) -> Said {
        self.account.now = jiff::Timestamp::now().as_second();
        if sent.path == "/oauth2/access_token" {
            return self.exchange(&sent.body);
        }
        let good = format!("access-{}", self.pair);
        match sent.token.as_deref() {
            Some("lasting-token") => self.account.answer(sent),
            Some(token) if token == good && !self.revoked => self.account.answer(sent),
            _ => {
                self.refused += 1;
                Said::refused(401, "Unauthorized")
            }
        }
    }

    fn exchange(&mut self, grant: &Value) -> Said {
        self.exchanges += 1;
        let good = match grant["grant_type"].as_str() {
            Some("refresh_token") => grant["refresh_token"] == format!("refresh-{}", self.pair),
            _ => grant["code"] == "code-1",
        };
        if !good || grant["client_secret"] != "integration-secret" {
            self.dead += 1;
            let mut said = Said::refused(400, "В запросе отсутствует ряд параметров");
            said.body["hint"] = json!("Refresh token has expired");
            return said;
        }
        self.pair += 1;
        self.revoked = false;
        Said::ok(json!({
            "token_type": "Bearer", "expires_in": self.expires_in,
            "access_token": format!("access-{}", self.pair),
            "refresh_token": format!("refresh-{}", self.pair),
        }))
    }
}

impl Server {
    pub async fn start() -> Self {
        let house = Arc::new(Mutex::new(House { expires_in: 86_400, ..House::default() }));
        {
            let account = &mut house.lock().unwrap().account;
            account.token_of = 504141;
        }
        let mock = MockServer::start().await;
        Mock::given(any()).respond_with(Door(house.clone())).mount(&mock).await;
        Self { house, mock }
    }

    pub fn url(&self) -> String {
        self.mock.uri()
    }

    pub fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap()
    }

    /// How many pairs were asked for, and how many of them with a dead token.
    pub fn exchanges(&self) -> (u32, u32) {
        let house = self.house();
        (house.exchanges, house.dead)
    }

    pub fn fault(&self, on: &'static str, times: u32, what: Wrong) {
        self.house().faults.push(Fault { on, times, after: 0, what });
    }

    /// Once, and not the first ones.
    pub fn fault_after(&self, on: &'static str, after: u32, what: Wrong) {
        self.house().faults.push(Fault { on, times: 1, after, what });
    }

    /// What was said since this was asked last, a line or two a request.
    pub fn dialogue(&self) -> Vec<String> {
        self.house().said.drain(..).map(|sent| sent.told()).collect()
    }

    /// Method and path only.
    pub fn paths(&self) -> Vec<String> {
        let said = std::mem::take(&mut self.house().said);
        said.into_iter().map(|sent| format!("{} {}", sent.method, sent.path)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let wrong = std::mem::take(&mut self.house().wrong);
        assert!(wrong.is_empty(), "requests of a wrong shape: {wrong:#?}");
    }
}
