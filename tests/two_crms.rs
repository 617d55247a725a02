//! Two CRMs at once, by line: what belongs to a line is between it and its own CRM.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::app::App;
use dozvon::cli::doctor::{Subject, examine};
use dozvon::config::{Config, Node};
use dozvon::core::client::Client;
use dozvon::core::ids::CallId;
use dozvon::core::phone::Phone;
use dozvon::core::staff::Employee;
use dozvon::crm::config::CrmConfig;
use dozvon::crm::hooks::{Hooks, Pressed};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::open::{For, open};
use dozvon::crm::several::Several;
use dozvon::crm::{Crm, CrmError, Examined};
use dozvon::demo::Papers;
use dozvon::rules::set::Sets;
use dozvon::rules::{Routing, RuleSet};
use dozvon::sim::{CallSpec, Caller, FreeSwitch, Script};
use dozvon::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const LEFT: &str = "+74951111111";
const RIGHT: &str = "+74952222222";
/// A client of both.
const OLGA: &str = "+79161110001";
const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[lines.main]
numbers = "any"
route = "r"
[lines.second]
numbers = ["+74952222222"]
route = "r"
[routes.r]
title = "t"
why = "w"
steps = [{ do = "owner", ring = "5s" }]
[sites.shop]
key = "shop"
origins = ["https://shop.example"]
line = "second"
targets = [{ employee = "105" }]
"#;

/// A system behind webhooks; its employees and its Olga have ids of its own.
struct Other {
    side: &'static str,
    phone: &'static str,
}

impl Respond for Other {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let ask: Value = serde_json::from_slice(&request.body).unwrap();
        let (side, boss) = (self.side, format!("{}-owner", self.side));
        let answer = match ask["do"].as_str().unwrap() {
            "find" => json!({"client": {"id": format!("{side}-olga"), "name": "Olga",
                "owner": boss, "deals": [{"id": format!("{side}-deal"), "title": "t",
                "owner": boss, "created": "2026-11-20T09:00:00Z", "open": true}]}}),
            "employees" => json!({"employees": [
                {"id": boss, "name": "Owner", "numbers": [self.phone]},
                {"id": format!("{side}-105"), "name": "Egor", "numbers": ["105"]}]}),
            _ => json!({"what": "done", "bound": {}}),
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

struct House {
    left: MockServer,
    right: MockServer,
    crm: Arc<dyn Crm>,
    app: App,
    switch: FreeSwitch,
    store: Store,
    _folder: TempDir,
}

async fn side(side: &'static str, phone: &'static str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(Other { side, phone }).mount(&server).await;
    server
}

fn crm(server: &MockServer, lines: &[&str]) -> CrmConfig {
    let secret = "a secret of both";
    let section = json!({"kind": "webhook", "url": server.uri(), "secret": secret, "lines": lines});
    serde_json::from_value(section).unwrap()
}

impl House {
    async fn new() -> Self {
        let (left, right) = (side("left", "101").await, side("right", "102").await);
        let folder = TempDir::new().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("dozvon.sqlite");
        let store = Store::open(&config.store.path).await.unwrap();
        config.crm = [
            ("amo-left".to_owned(), crm(&left, &[])),
            ("amo-right".to_owned(), crm(&right, &["second"])),
        ]
        .into();
        let builtin = Arc::new(Lazy::new(config.store.path.clone()));
        let crm = open(&config.crm, builtin, For::Calls).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.calls.listen, config.http.listen) = (any, any);
        // Port 9 is nobody's: the control link stays down.
        config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
        config.outbox.poll = Duration::from_millis(10);
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .tick(Duration::ZERO)
            .phone("101", Script::answers(Duration::from_secs(2)))
            .phone("102", Script::answers(Duration::from_secs(2)))
            .start()
            .await
            .unwrap();
        let routing = Routing::parse("test.toml", RULES).unwrap();
        let set = RuleSet::builtin("amocrm-classic").unwrap().unwrap();
        let sets = Sets::only(Arc::new(set));
        let app = App::start_ruled(&config, crm.clone(), routing, sets).await.unwrap();
        switch.set_engine(&app.calls.to_string());
        Self { left, right, crm, app, switch, store, _folder: folder }
    }

    async fn call(&self, line: &str) {
        let talks = Caller::stays().talks_for(Duration::from_secs(4));
        let report = self.switch.call(CallSpec::new(OLGA, line).caller(talks)).report().await;
        let learnt = Papers::new(self.store.clone()).learnt(&CallId::new(report.uuid)).await;
        let undone: Vec<_> = learnt.unwrap().iter().filter_map(|one| one.undone()).collect();
        assert!(undone.is_empty(), "{undone:?}");
    }
}

/// What it was asked to do, with the line of the case and who answered.
async fn asked(server: &MockServer) -> (Vec<(String, String)>, usize) {
    let (mut acts, mut found) = (Vec::new(), 0);
    for request in server.received_requests().await.unwrap() {
        let ask: Value = serde_json::from_slice(&request.body).unwrap();
        found += usize::from(ask["do"] == "find");
        if ask["do"] == "act" {
            let client = ask["case"]["client"].to_string();
            acts.push((ask["case"]["line"].as_str().unwrap().to_owned(), client));
        }
    }
    (acts, found)
}

#[tokio::test]
async fn calls_of_each_line_are_between_it_and_its_own_crm() {
    let house = House::new().await;
    house.call(RIGHT).await;
    assert_eq!(asked(&house.left).await, (vec![], 0), "the other one hears nothing of it");
    let (acts, found) = asked(&house.right).await;
    assert!(found > 0 && !acts.is_empty());
    house.call(LEFT).await;
    for (server, line, side) in [(&house.left, "main", "left"), (&house.right, "second", "right")] {
        let (acts, _) = asked(server).await;
        assert!(!acts.is_empty(), "{side}");
        for (of, client) in acts {
            assert_eq!(of, line);
            assert!(client.contains(&format!("{side}-olga")), "{client}");
        }
    }
    // Two accounts of one kind have series of their own.
    let url = format!("http://{}/metrics", house.app.http);
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    for crm in ["amo-left", "amo-right"] {
        for series in [
            format!("dozvon_employees{{crm=\"{crm}\"}} 2"),
            format!("dozvon_owner_cache_entries{{crm=\"{crm}\"}} "),
            format!("dozvon_outbox_pending{{crm=\"{crm}\"}} 0"),
            format!(
                "dozvon_outbox_deliveries_total{{action=\"register_call\",crm=\"{crm}\",result=\"done\"}} 1"
            ),
        ] {
            assert!(page.contains(&series), "{series}\n{page}");
        }
    }
    assert!(page.contains("dozvon_outbox_pending{crm=\"webhooks\"} 0"), "{page}");
}

#[tokio::test]
async fn a_web_form_rings_the_people_of_the_crm_of_its_line() {
    let house = House::new().await;
    let form = json!({"site": "shop", "phone": "+79165550001", "name": "Ivan"});
    let url = format!("http://{}/v1/callbacks", house.app.http);
    let send = async || {
        let request = reqwest::Client::new().post(&url).header("content-type", "application/json");
        request.body(form.to_string()).send().await.unwrap().status().as_u16()
    };
    let mut status = send().await;
    // Nothing is taken while the store is being opened.
    for _ in 0..500 {
        if status != 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        status = send().await;
    }
    assert_eq!(status, 202);
    let state: String = sqlx::query_scalar("SELECT state FROM callback")
        .fetch_one(house.store.pool())
        .await
        .unwrap();
    assert!(state.contains("right-105") && !state.contains("left-105"), "{state}");
}

#[tokio::test]
async fn e14_a_set_that_names_nobody_of_one_crm_is_counted_for_that_one() {
    let house = House::new().await;
    let url = format!("http://{}/metrics", house.app.http);
    // The set names 101 in two settings, and only the left one has him.
    let expected = "dozvon_rules_people_missing{crm=\"amo-right\"} 2";
    let mut page = String::new();
    for _ in 0..500 {
        page = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if page.contains(expected) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(page.contains(expected), "{page}");
    assert!(page.contains("dozvon_rules_people_missing{crm=\"amo-left\"} 0"), "{page}");
}

#[tokio::test]
async fn doctor_tells_of_both_by_name() {
    let house = House::new().await;
    let (config, rules) = (Config::default(), Routing::parse("test.toml", RULES).unwrap());
    let set = RuleSet::builtin("amocrm-classic").unwrap().unwrap();
    let sets = Sets::only(Arc::new(set));
    let report = examine(Subject {
        nodes: vec![],
        calls: house.app.calls,
        dial: &config.dial,
        rules: &rules,
        sets: Some(&sets),
        crm: &*house.crm,
        recording: &config.recording,
    })
    .await
    .to_string();
    for crm in ["amo-left", "amo-right"] {
        assert!(report.contains(&format!("CRM {crm}: answers, 2 employees")), "{report}");
    }
    // E14: whom the set names and who does not work there.
    let missing: Vec<_> = report.lines().filter(|line| line.contains("others stand in")).collect();
    assert_eq!(missing.len(), 2, "{report}");
    assert!(missing.iter().all(|line| line.starts_with("BAD  CRM amo-right: ")), "{report}");
}

/// A CRM that answers, and takes for ever to be examined.
struct Slow;

#[async_trait::async_trait]
impl Crm for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        Ok(vec![])
    }

    async fn examine(&self) -> Vec<Examined> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_cannot_be_examined_in_time_does_not_look_healthy() {
    let (config, rules) = (Config::default(), Routing::parse("test.toml", RULES).unwrap());
    let report = examine(Subject {
        nodes: vec![],
        calls: SocketAddr::from(([127, 0, 0, 1], 9)),
        dial: &config.dial,
        rules: &rules,
        sets: None,
        crm: &Slow,
        recording: &config.recording,
    })
    .await;
    let text = report.to_string();
    assert!(text.contains("BAD  CRM slow: rights and settings could not be looked at"), "{text}");
    assert!(!report.healthy());
}

/// A CRM that calls us, and keeps what it was told.
struct Calling {
    side: &'static str,
    told: Mutex<Vec<String>>,
    staff_asked: AtomicUsize,
}

impl Hooks for Calling {
    fn changes(&self, form: &[(String, String)]) {
        self.told.lock().unwrap().extend(form.iter().map(|(key, value)| format!("{key}={value}")));
    }

    fn pressed(&self, token: &str, _: jiff::Timestamp) -> Option<Pressed> {
        self.told.lock().unwrap().push(token.to_owned());
        let employee = format!("{}-boss", self.side);
        let own = token == format!("token of {}", self.side);
        own.then(|| Pressed { employee: employee.as_str().into(), once: token.to_owned() })
    }
}

#[async_trait::async_trait]
impl Crm for Calling {
    fn name(&self) -> &str {
        self.side
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.staff_asked.fetch_add(1, Ordering::SeqCst);
        Ok(vec![])
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

#[tokio::test]
async fn what_a_crm_calls_reaches_that_crm_and_no_other() {
    let folder = TempDir::new().unwrap();
    let mut config = Config::default();
    config.store.path = folder.path().join("dozvon.sqlite");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    (config.calls.listen, config.http.listen) = (any, any);
    config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
    let sides = ["left", "middle", "right"];
    let lines = [vec![], vec!["main".to_owned()], vec!["second".to_owned()]];
    for (side, lines) in sides.iter().zip(&lines) {
        let section = json!({"kind": "keycrm", "key": "k", "lines": lines,
            "hook_secret": format!("secret-of-{side}-0123")});
        config.crm.insert((*side).to_owned(), serde_json::from_value(section).unwrap());
    }
    let calling = sides.map(|side| {
        Arc::new(Calling { side, told: Mutex::default(), staff_asked: AtomicUsize::new(0) })
    });
    let [left, middle, right] = calling.clone();
    let others = [("middle", &lines[1], middle), ("right", &lines[2], right)];
    let others =
        others.map(|(name, lines, crm)| (name.to_owned(), lines.clone(), crm as Arc<dyn Crm>));
    let crm = Arc::new(Several::new(("left".to_owned(), left as _), others));
    crm.hooks().unwrap().changes(&[("all".to_owned(), "rest".to_owned())]);
    let told = |place: usize| std::mem::take(&mut *calling[place].told.lock().unwrap());
    assert_eq!(told(0), ["all=rest"], "as one CRM it is the one for the rest");

    let routing = Routing::parse("test.toml", RULES).unwrap();
    let sets = Sets::only(Arc::new(RuleSet::builtin("amocrm-classic").unwrap().unwrap()));
    let app = App::start_ruled(&config, crm, routing, sets).await.unwrap();
    let client = dozvon::http::client().build().unwrap();
    let post = async |path: String, token: &str, body: &str| {
        let request = client.post(format!("http://{}/crm/{path}", app.http));
        let json = body.starts_with('{');
        let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = request.header("content-type", kind).header("x-auth-token", token);
        request.body(body.to_owned()).send().await.unwrap().status().as_u16()
    };
    for (place, side) in sides.into_iter().enumerate() {
        let changes = format!("{side}/secret-of-{side}-0123/changes");
        assert_eq!(post(changes, "", &format!("id={side}")).await, 200);
        let all = [0, 1, 2].map(|other| (other, told(other)));
        for (other, told) in all {
            let expected = if other == place { vec![format!("id={side}")] } else { vec![] };
            assert_eq!(told, expected, "{side}");
        }
        let another = sides[(place + 1) % 3];
        let forged = format!("{side}/secret-of-{another}-0123/changes");
        assert_eq!(post(forged, "", "id=1").await, 404);
        // A page's token is for the CRM that made it.
        let click = || format!("{side}/click");
        let number = r#"{"number": "+79161110001"}"#;
        let (own, other) = (format!("token of {side}"), format!("token of {another}"));
        assert_eq!(post(click(), &other, number).await, 401);
        // It is let in; there is nobody of that id to be rung.
        assert_eq!(post(click(), &own, number).await, 422);
        assert_eq!(told(place), [other, own]);
        assert!((0..3).all(|other| told(other).is_empty()));

        let asked = || calling.each_ref().map(|crm| crm.staff_asked.load(Ordering::SeqCst));
        let before = asked();
        assert_eq!(post(format!("{side}/secret-of-{side}-0123/status"), "", "a=b").await, 200);
        while asked()[place] == before[place] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
