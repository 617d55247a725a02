//! Two CRMs at once, by line: what belongs to a line is between it and its own CRM.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dozvon::app::App;
use dozvon::cli::doctor::{Subject, examine};
use dozvon::config::{Config, Node};
use dozvon::core::ids::CallId;
use dozvon::crm::Crm;
use dozvon::crm::config::CrmConfig;
use dozvon::crm::lazy::Lazy;
use dozvon::crm::open::{For, open};
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
async fn doctor_tells_of_both_by_name() {
    let house = House::new().await;
    let (config, rules) = (Config::default(), Routing::parse("test.toml", RULES).unwrap());
    let report = examine(Subject {
        nodes: vec![],
        calls: house.app.calls,
        dial: &config.dial,
        rules: &rules,
        crm: &*house.crm,
        recording: &config.recording,
    })
    .await
    .to_string();
    for crm in ["amo-left", "amo-right"] {
        assert!(report.contains(&format!("CRM {crm}: answers, 2 employees")), "{report}");
    }
}
