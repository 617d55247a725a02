//! What amoCRM itself calls: changes, and the button beside a number.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dozvon::config::{Http, Secret};
use dozvon::core::client::Lookup;
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::http::{Caller, Doors, HttpState, Readiness, router};
use dozvon::metrics::Metrics;
use dozvon::recording::Key;
use dozvon::rules::Routing;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

use crate::campaigns::Fake;
use crate::office::{NEW, World, contact, lead, phone};

pub const SECRET: &str = "0123456789abcdef";
const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[lines.main]
numbers = "any"
route = "r"
caller_id = "+74951111111"
[routes.r]
title = "t"
why = "w"
steps = [{ do = "owner" }]
"#;

pub struct House {
    pub w: World,
    pub directory: Arc<Directory>,
    campaigns: Arc<Fake>,
    state: HttpState,
}

impl House {
    pub async fn new() -> Self {
        let w = World::with(|config| {
            config.hook_secret = Some(Secret::from(SECRET.to_owned()));
            config.client_secret = Some(Secret::from("integration-secret".to_owned()));
            config.redirect_uri = Some("https://pbx.example/amocrm".into());
            config.numbers.insert("504142".into(), vec!["102".into()]);
        })
        .await;
        let metrics = Arc::new(Metrics::new().unwrap());
        let config =
            DirectoryConfig { deadline: Duration::from_secs(5), ..DirectoryConfig::default() };
        let directory = Directory::new(Arc::new(w.crm.clone()), config, metrics.clone());
        directory.refresh_staff().await.unwrap();
        let rules = Arc::new(Routing::parse("routing.toml", RULES).unwrap());
        let staff = directory.staff();
        let now = Arc::new(move || (rules.clone(), staff.clone()));
        let campaigns = Arc::new(Fake::default());
        let url = "https://pbx.example";
        let doors = Doors::new(campaigns.clone(), now, Key::new(b"secret"), url, &Http::default());
        let caller = Caller {
            name: "sales".into(),
            secret: Secret::from(SECRET.to_owned()),
            line: None,
            directory: directory.clone(),
        };
        let doors = doors.with_crms(vec![caller]);
        let state = HttpState {
            sales: None,
            metrics,
            readiness: Arc::new(Readiness::default),
            store: None,
            rules: None,
            recorder: Arc::default(),
            doors: Some(Arc::new(doors)),
            loopback: true,
        };
        Self { w, directory, campaigns, state }
    }

    async fn owner(&self, number: &str) -> Option<String> {
        match self.directory.lookup(&phone(number)).await {
            Lookup::Found { client, .. } => {
                let deal = client.open_deal().and_then(|deal| deal.owner.clone());
                deal.or(client.owner.clone()).map(|id| id.to_string())
            }
            Lookup::Unknown { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    pub async fn post(&self, path: &str, kind: &str, token: &str, body: String) -> StatusCode {
        let request = Request::post(path)
            .header("content-type", kind)
            .header("origin", "https://example.amocrm.ru")
            .header("x-auth-token", token)
            .body(Body::from(body))
            .unwrap();
        let answer = router(self.state.clone()).oneshot(request).await.unwrap();
        if path.ends_with("click") {
            let allowed = answer.headers().get("access-control-allow-origin").unwrap();
            assert_eq!(allowed, "https://example.amocrm.ru");
        }
        answer.status()
    }

    async fn hears(&self, form: String) {
        let kind = "application/x-www-form-urlencoded";
        let status = self.post(&format!("/crm/sales/{SECRET}/changes"), kind, "", form).await;
        assert_eq!(status, StatusCode::OK);
        // It is looked at behind the answer; a second look finds nothing left to do.
        self.directory.look_for_changes().await;
    }
}

fn recorded(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amocrm/fixtures/webhooks");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    recorded["raw"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_owner_in_amocrm_is_rung_by_the_next_call() {
    const CONTACT: &str = "+79165551234";
    const COMPANY: &str = "+79165551235";
    const DEAL: &str = "+79165551236";
    let house = House::new().await;
    let set = |kind: &'static str, id: i64, key: &str, value: Value| {
        let mut server = house.w.server.house();
        server.account.records.get_mut(kind).unwrap().get_mut(&id).unwrap()[key] = value;
    };
    {
        let account = &mut house.w.server.house().account;
        account.add("contacts", contact(1234, "Контакт", 504141, CONTACT, &[]));
        account.add("companies", contact(1235, "Компания", 504141, COMPANY, &[]));
        account.add("contacts", contact(1236, "Сделка", 504141, DEAL, &[25399013]));
        account.add("leads", lead(25399013, "Окна", 504141, 501));
    }
    for number in [CONTACT, COMPANY, DEAL] {
        assert_eq!(house.owner(number).await.as_deref(), Some("504141"));
    }
    set("contacts", 1234, "responsible_user_id", json!(504142));
    set("companies", 1235, "responsible_user_id", json!(504142));
    set("leads", 25399013, "responsible_user_id", json!(504142));
    for (number, post) in [
        (CONTACT, "contact_update_owner"),
        (COMPANY, "company_update_owner"),
        (DEAL, "lead_responsible"),
    ] {
        assert_eq!(house.owner(number).await.as_deref(), Some("504141"), "{post}: remembered");
        house.hears(recorded(post)).await;
        assert_eq!(house.owner(number).await.as_deref(), Some("504142"), "{post}");
    }
    // Won: the client's owner is rung again.
    set("leads", 25399013, "status_id", json!(142));
    house.hears(recorded("lead_status")).await;
    assert_eq!(house.owner(DEAL).await.as_deref(), Some("504141"));
}

#[tokio::test]
async fn a_deal_nobody_asked_for_yet_leads_to_its_client() {
    let house = House::new().await;
    assert_eq!(house.owner("+79161110004").await.as_deref(), Some("504142"));
    {
        let account = &mut house.w.server.house().account;
        let mut new = lead(82, "Ворота", 504141, 501);
        new["_embedded"]["contacts"] = json!([{ "id": 8, "is_main": true }]);
        account.add("leads", new);
        account.add("contacts", contact(8, "Пётр", 504142, "+7 916 111 00 04", &[81, 82]));
    }
    house.hears("leads%5Badd%5D%5B0%5D%5Bid%5D=82".to_owned()).await;
    assert_eq!(house.owner("+79161110004").await.as_deref(), Some("504141"));
}

#[tokio::test]
async fn who_was_nobody_is_somebody_once_he_is_accepted() {
    let house = House::new().await;
    assert_eq!(house.owner(NEW).await, None);
    house.w.server.house().account.add("contacts", contact(20, "Иван", 504142, NEW, &[]));
    assert_eq!(house.owner(NEW).await, None, "remembered");
    house.hears(recorded("unsorted_accept")).await;
    assert_eq!(house.owner(NEW).await.as_deref(), Some("504142"));
}

#[tokio::test]
async fn a_flood_of_changes_drops_everything() {
    use dozvon::crm::Crm;
    let house = House::new().await;
    let before = house.w.crm.revision().await.unwrap();
    let form: Vec<String> =
        (0..3000).map(|id| format!("contacts[update][{id}][id]={}", 1_000_000 + id)).collect();
    let hooks = house.w.crm.hooks().unwrap();
    let form: Vec<(String, String)> = form
        .iter()
        .map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap())
        .collect();
    hooks.changes(&form);
    assert_ne!(house.w.crm.revision().await.unwrap(), before);
    assert_eq!(house.w.crm.changed().await.unwrap().clients, []);
}

#[tokio::test]
async fn without_the_secret_there_is_no_such_address() {
    let house = House::new().await;
    let kind = "application/x-www-form-urlencoded";
    for secret in ["0123456789abcdeF", "x"] {
        let path = format!("/crm/sales/{secret}/changes");
        let status = house.post(&path, kind, "", recorded("lead_status")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{secret}");
    }
}

pub fn token(user: i64, key: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // The account's address is that of the fake server.
    let claims = json!({ "iss": "http://127.0.0.1", "aud": "https://pbx.example", "jti": "once",
        "exp": jiff::Timestamp::now().as_second() + 300, "user_id": user, "account_id": 1 });
    let signed = format!("{}.{}", part(json!({ "typ": "JWT", "alg": "HS256" })), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn d01_the_button_in_a_card_rings_who_pressed_it_and_then_the_client() {
    let house = House::new().await;
    let click = async |token: &str, number: &str| {
        let body = json!({ "number": number }).to_string();
        house.post("/crm/sales/click", "application/json", token, body).await
    };
    let good = token(504142, "integration-secret");
    assert_eq!(click(&good, "8 (916) 111-00-01").await, StatusCode::ACCEPTED);
    // The same press comes twice.
    assert_eq!(click(&good, "8 (916) 111-00-01").await, StatusCode::ACCEPTED);
    assert_eq!(house.campaigns.orders().len(), 1);
    assert_eq!(click(&token(504142, "forged"), NEW).await, StatusCode::UNAUTHORIZED);
    assert_eq!(click("", NEW).await, StatusCode::UNAUTHORIZED);
    // A user without a phone, and one who is gone.
    for user in [504141, 504143] {
        let status = click(&token(user, "integration-secret"), NEW).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{user}");
    }
}

#[tokio::test]
async fn who_was_added_while_deals_were_asked_for_is_told_next_time() {
    use dozvon::crm::Crm;
    let house = House::new().await;
    let hooks = house.w.crm.hooks().unwrap();
    let form = |key: &str| [(key.to_owned(), "82".to_owned())];
    hooks.changes(&form("leads[add][0][id]"));
    let slow = crate::server::Wrong::Slow(Duration::from_millis(300));
    house.w.server.fault("GET /api/v4/leads", 1, slow);
    let crm = house.w.crm.clone();
    let asked = tokio::spawn(async move { crm.changed().await.unwrap() });
    house.w.server.paths();
    while house.w.server.paths().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    hooks.changes(&form("unsorted[delete][0][uid]"));
    assert!(!asked.await.unwrap().added);
    assert!(house.w.crm.changed().await.unwrap().added);
    assert!(!house.w.crm.changed().await.unwrap().added);
}

#[tokio::test]
async fn a05_a_new_owner_of_a_deal_that_two_clients_share_is_rung_for_both() {
    const ONE: &str = "+79165551236";
    const OTHER: &str = "+79165551237";
    let house = House::new().await;
    {
        let account = &mut house.w.server.house().account;
        for (id, number) in [(1236, ONE), (1237, OTHER)] {
            account.add("contacts", contact(id, "Сделка", 504141, number, &[25399013]));
        }
        account.add("leads", lead(25399013, "Окна", 504141, 501));
    }
    for number in [ONE, OTHER] {
        assert_eq!(house.owner(number).await.as_deref(), Some("504141"));
    }
    {
        let mut server = house.w.server.house();
        let leads = server.account.records.get_mut("leads").unwrap();
        leads.get_mut(&25399013).unwrap()["responsible_user_id"] = json!(504142);
    }
    house.hears(recorded("lead_responsible")).await;
    for number in [ONE, OTHER] {
        assert_eq!(house.owner(number).await.as_deref(), Some("504142"), "{number}");
    }
}

#[tokio::test]
async fn a05_a_client_tied_to_a_known_deal_since_has_its_owner() {
    let house = House::new().await;
    assert_eq!(house.owner("+79161110001").await.as_deref(), Some("504142"));
    assert_eq!(house.owner("+79161110004").await.as_deref(), Some("504142"));
    {
        let account = &mut house.w.server.house().account;
        account.add("contacts", contact(8, "Пётр", 504142, "+7 916 111 00 04", &[81, 71]));
        account.add("leads", lead(71, "Окна", 504141, 501));
    }
    house.hears("leads[update][0][id]=71".to_owned()).await;
    for number in ["+79161110001", "+79161110004"] {
        assert_eq!(house.owner(number).await.as_deref(), Some("504141"), "{number}");
    }
}

#[tokio::test]
async fn a05_the_owner_of_a_deleted_deal_is_rung_no_more_even_while_the_account_fails() {
    let house = House::new().await;
    assert_eq!(house.owner("+79161110001").await.as_deref(), Some("504142"));
    house.w.server.house().account.records.get_mut("leads").unwrap().remove(&71);
    let busy = crate::request::Said::refused(503, "later");
    house.w.server.fault("GET /api/v4/leads", 1, crate::server::Wrong::Answer(busy));
    house.hears("leads[delete][0][id]=71".to_owned()).await;
    assert_eq!(house.owner("+79161110001").await.as_deref(), Some("504141"));
}
