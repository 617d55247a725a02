//! An engine's HTTP with campaigns in memory, and somebody who asks it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use dozvon::config::{Http, Proxy};
use dozvon::core::ids::Extension;
use dozvon::core::staff::{Employee, Number, Staff, Status};
use dozvon::crm::hooks::{Hooks, Pressed};
use dozvon::crm::{Crm, CrmError};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::http::{Caller, Doors, HttpState, Readiness, router};
use dozvon::metrics::Metrics;
use dozvon::recording::Key;
use dozvon::rules::Routing;
use dozvon::store::Store;
use dozvon::tokens::{Scope, Tokens};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::fake::Fake;

pub const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[lines.main]
numbers = ["+74951111111"]
route = "r"
caller_id = "+74951111111"
[lines.other]
numbers = "any"
route = "r"
[routes.r]
title = "t"
why = "w"
steps = [{ do = "owner" }]
[sites.shop]
key = "shop"
origins = ["https://shop.example"]
line = "main"
targets = ["owner", { group = "sales" }]
departments = { service = [{ employee = "101" }] }
countries = ["RU"]
honeypot = "website"
per_address = 50
per_phone = 3
[sites.letters]
key = "letters"
call = false
per_address = 2
"#;

pub struct House {
    pub fake: Arc<Fake>,
    pub state: HttpState,
    pub crm: Arc<Shop>,
    folder: tempfile::TempDir,
}

pub const CRM_SECRET: &str = "0123456789abcdef";

/// A CRM with one employee, and how often it was asked who works there.
#[derive(Default)]
pub struct Shop(
    pub std::sync::atomic::AtomicUsize,
    /// What it said that changed.
    pub std::sync::Mutex<Vec<(String, String)>>,
);

impl Hooks for Shop {
    fn changes(&self, form: &[(String, String)]) {
        self.1.lock().unwrap().extend(form.iter().cloned());
    }

    fn pressed(&self, _: &str, _: Timestamp) -> Option<Pressed> {
        None
    }
}

#[async_trait::async_trait]
impl Crm for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }

    async fn find(
        &self,
        _: &dozvon::core::phone::Phone,
    ) -> Result<Option<dozvon::core::client::Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Ok(vec![Employee { id: "27".into(), ..anna() }])
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

/// What came back.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn anna() -> Employee {
    Employee {
        id: "anna".into(),
        name: "Анна Смирнова".into(),
        numbers: vec![Number::Line(Extension::parse("101").unwrap())],
        groups: vec!["sales".into()],
        deputy: None,
        status: Status::Active,
        online: None,
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
        // The sender may go: what was sent stays.
        let (_, store) = watch::channel(Some(store));
        let rules = Arc::new(Routing::parse("routing.toml", RULES).unwrap());
        let staff = Arc::new(Staff::new([
            anna(),
            Employee { id: "boris".into(), numbers: vec![], ..anna() },
            Employee { id: "gone".into(), status: Status::Gone, ..anna() },
        ]));
        let now = Arc::new(move || (rules.clone(), staff.clone()));
        let fake = Arc::new(Fake::default());
        let config = Http {
            trusted_proxies: vec![Proxy::try_from("10.0.0.0/8".to_owned()).unwrap()],
            ..Http::default()
        };
        let url = "https://pbx.example";
        let metrics = Arc::new(Metrics::new().unwrap());
        let crm = Arc::new(Shop::default());
        let directory = Directory::new(crm.clone(), DirectoryConfig::default(), metrics.clone());
        directory.refresh_staff().await.unwrap();
        let caller = Caller {
            name: "shop".into(),
            secret: CRM_SECRET.to_owned().into(),
            line: Some("other".into()),
            directory,
        };
        let doors = Doors::new(fake.clone(), now, Key::new(b"secret"), url, &config);
        let doors = doors.with_crms(vec![caller]);
        let state = HttpState {
            sales: None,
            metrics,
            readiness: Arc::new(Readiness::default),
            store: Some(store),
            rules: None,
            recorder: Arc::default(),
            doors: Some(Arc::new(doors)),
            loopback: true,
        };
        Self { fake, state, crm, folder }
    }

    pub fn router(&self) -> Router {
        router(self.state.clone())
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router().oneshot(request).await.unwrap()
    }

    pub async fn ask(&self, request: Request<Body>) -> Got {
        let (parts, body) = self.send(request).await.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Got { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    /// A POST of JSON, with headers.
    pub async fn json(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Got {
        let kind = [("content-type", "application/json")];
        let request = request("POST", path, &[&kind, headers].concat(), body.to_string());
        self.ask(request).await
    }

    pub async fn form(&self, body: &Value) -> Got {
        self.json("/v1/callbacks", body, &[]).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.ask(request("GET", path, headers, "")).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.ask(request("POST", path, headers, "")).await
    }

    pub async fn token(&self, name: &str, scopes: &[Scope]) -> String {
        let store = self.state.store.as_ref().unwrap().borrow().clone().unwrap();
        let token = Tokens::new(store).make(name, scopes, Timestamp::now()).await.unwrap();
        format!("Bearer {token}")
    }
}

pub fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: std::net::SocketAddr = ([192, 0, 2, 1], 4000).into();
    request.extension(ConnectInfo(peer)).body(body.into()).unwrap()
}

/// The path of an address in an answer.
pub fn path(url: &Value) -> String {
    url.as_str().unwrap().strip_prefix("https://pbx.example").unwrap().to_owned()
}
