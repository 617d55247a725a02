//! By the doors, as a page, a browser and a CRM come in: HTTP, driver, FreeSWITCH, built-in CRM.

use std::sync::Arc;

use dozvon::core::campaign::order::{Ending, Stage};
use dozvon::crm::builtin::view::{CallRow, DealRow, TaskRow, UnsortedRow};
use dozvon::rules::RuleSet;
use dozvon::sim::{CallSpec, Caller, Script};
use dozvon::tokens::Scope;
use serde_json::json;

use crate::house::{House, LINE, NEW, OLGA, secs, tries, until};
use crate::web::{SHOP, Web};

const ALL: [&str; 5] = ["101", "102", "103", "106", "+79035550105"];

fn house() -> House {
    House::with(SHOP)
}

fn all_busy(house: &House) {
    for line in ALL {
        house.phone(line, Script::busy());
    }
}

#[test]
fn a14_a16_a20_a_form_by_http_its_page_follows_it_and_the_deal_has_all_it_said() {
    let house = house();
    house.phone("101", Script::answers(secs(3)));
    house.phone(NEW, Script::answers(secs(4)).hangs_up_after(secs(20)));
    let life = house.start();
    let web = Web::of(&life);
    let form = json!({
        "site": "shop-4711", "phone": "8 926 555-00-00", "name": "Ирина", "comment": "про окна",
        "utm": {"source": "yandex", "campaign": "осень"}, "page": "https://shop.example/windows",
        "ua_client_id": "17.18", "roistat": 4711, "Размер окна": "120×140", "department": "Продажи",
        "timezone": "Europe/Moscow", "box": ["a", "b"],
    });
    let ticket = web.take(&form);
    let all = [
        "accepted",
        "dialling_managers",
        "manager_on_line",
        "dialling_client",
        "connected",
        "over",
    ];
    // On a busy machine the page comes a moment later.
    let stages = web.stages(&ticket);
    assert!(stages.len() >= 4 && all[all.len() - stages.len()..] == stages, "{stages:?}");
    let status = web.get(&ticket.status).json();
    assert_eq!((&status["stage"], &status["ending"]), (&"over".into(), &"talked".into()));
    house.learnt(&ticket.id);
    let deals = house.rows::<DealRow>();
    let deal = deals.iter().find(|d| d.call.as_deref() == Some(ticket.id.as_str())).unwrap();
    assert_eq!((deal.owner.as_deref(), deal.name.as_str()), (Some("101"), "Ирина"));
    let fields = serde_json::to_value(&deal.fields).unwrap();
    for (name, value) in [
        ("utm_source", "yandex"),
        ("utm_campaign", "осень"),
        ("page", "https://shop.example/windows"),
        ("ua_client_id", "17.18"),
        ("roistat", "4711"),
        ("размер_окна", "120×140"),
        ("department", "Продажи"),
        ("timezone", "Europe/Moscow"),
        ("box", "a, b"),
        ("comment", "про окна"),
        ("site", "shop"),
    ] {
        assert_eq!(fields[name], value, "{fields:#}");
    }
    house.ends_empty();
}

#[test]
fn a17_a_plain_html_form_leads_on_and_an_unreached_client_is_an_unsorted_entry_of_kind_form() {
    let house = house();
    all_busy(&house);
    let life = house.start();
    let web = Web::of(&life);
    let thanks = "https://shop.example/thanks";
    let fields = [
        ("site", "shop-4711"),
        ("phone", "+7 (926) 555-00-00"),
        ("name", "Ирина"),
        ("utm_source", "yandex"),
        ("redirect", thanks),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let got = web.ask(|client, url| {
        let post = client.post(url("/v1/callbacks")).header("origin", "https://shop.example");
        post.header("content-type", "application/x-www-form-urlencoded").body(body)
    });
    assert_eq!((got.status, got.header("location")), (303, thanks), "{}", got.text);
    let list = || life.block_on(life.callbacks().list(false, 10)).unwrap();
    let id = list().remove(0).id;
    life.over(&id, Ending::NoManager);
    house.learnt(&id);
    let unsorted = house.rows::<UnsortedRow>();
    assert_eq!(unsorted.len(), 1, "{unsorted:#?}");
    assert_eq!((unsorted[0].kind.as_str(), unsorted[0].name.as_str()), ("form", "Ирина"));
    assert_eq!(serde_json::to_value(&unsorted[0].fields).unwrap()["utm_source"], "yandex");
}

#[test]
fn a18_while_all_are_busy_the_page_is_told_of_the_next_try() {
    let house = house();
    all_busy(&house);
    house.phone(NEW, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let web = Web::of(&life);
    let ticket = web.take(&json!({"site": "shop-4711", "phone": NEW}));
    life.stage(&ticket.id, Stage::Waiting);
    let status = web.get(&ticket.status).json();
    assert_eq!(status["stage"], "waiting");
    let (accepted, next) = (status["accepted"].as_str(), status["next_try"].as_str());
    assert!(next > accepted, "{status}");
    house.phone("103", Script::answers(secs(2)));
    let stages = web.stages(&ticket);
    assert!(stages.ends_with(&["connected".into(), "over".into()]), "{stages:?}");
}

#[test]
fn a15_the_department_of_the_form_chooses_who_is_rung() {
    let house = house();
    house.phone("103", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let web = Web::of(&life);
    let form = json!({"site": "shop-4711", "phone": OLGA, "department": "Service"});
    let view = life.over(&web.take(&form).id, Ending::Talked);
    assert_eq!(tries(&view), ["103 answered", "client answered"]);
}

#[test]
fn e13_a_form_without_a_call_rings_nobody_and_the_crm_is_told() {
    let house = house();
    let life = house.start();
    let web = Web::of(&life);
    let form = json!({"site": "letters-4711", "phone": NEW, "name": "Ирина", "utm_source": "vk"});
    let got = web.ask(|client, url| client.post(url("/v1/callbacks")).json(&form));
    assert_eq!(got.status, 202, "{}", got.text);
    let id = got.json()["id"].as_str().unwrap().into();
    life.reach(&id, "its end", |view| matches!(view.stage, Stage::Over(_)));
    assert_eq!(house.cases(&id).first(), Some(&"callback_requested"));
    assert!(life.view(&id).tries.is_empty());
    let unsorted = house.rows::<UnsortedRow>();
    assert_eq!(unsorted.len(), 1, "{unsorted:#?}");
    assert_eq!(serde_json::to_value(&unsorted[0].fields).unwrap()["utm_source"], "vk");
}

/// A set that makes its records as a form comes: the form is no call, and nobody has missed it.
#[test]
fn e13_a_form_without_a_call_is_contact_and_deal_and_no_lost_call() {
    let mut house = house();
    let comagic = include_str!("../../rules/comagic.toml");
    let comagic = comagic.replace("value = \"by_call\"", "value = \"deal\"");
    house.set = Arc::new(RuleSet::parse("comagic.toml", &comagic).unwrap());
    let life = house.start();
    let web = Web::of(&life);
    let form = json!({"site": "letters-4711", "phone": NEW, "name": "Ирина"});
    let got = web.ask(|client, url| client.post(url("/v1/callbacks")).json(&form));
    let id = got.json()["id"].as_str().unwrap().into();
    life.reach(&id, "its end", |view| matches!(view.stage, Stage::Over(_)));
    assert_eq!(house.cases(&id), ["callback_requested"]);
    let deals = house.rows::<DealRow>();
    assert!(deals.iter().any(|d| d.call.as_deref() == Some(id.as_str())), "{deals:#?}");
    assert!(house.rows::<CallRow>().is_empty() && house.rows::<TaskRow>().is_empty());
}

#[test]
fn what_is_no_wish_of_a_client_rings_nobody() {
    let house = house();
    let life = house.start();
    let web = Web::of(&life);
    let good = json!({"site": "shop-4711", "phone": NEW});
    for (key, value, status) in [
        ("website", "http://spam.example", 202),
        ("phone", "+78095551234", 422),
        ("phone", "+375291234567", 422),
        ("phone", "+79265550000,user/102", 422),
        ("site", "nobody", 422),
    ] {
        let mut form = good.clone();
        form[key] = value.into();
        let got = web.send(&form);
        assert_eq!(got.status, status, "{form}: {}", got.text);
        if status == 422 {
            assert_eq!(got.header("content-type"), "application/problem+json");
            assert_eq!(got.json()["field"], key);
        }
    }
    let evil = web.ask(|client, url| {
        client.post(url("/v1/callbacks")).header("origin", "https://evil.example").json(&good)
    });
    assert_eq!(evil.status, 403);
    let preflight = |origin: &str| {
        web.ask(|client, url| {
            let ask = client.request(reqwest::Method::OPTIONS, url("/v1/callbacks"));
            let ask = ask.header("origin", origin).header("access-control-request-method", "POST");
            ask.header("access-control-request-headers", "content-type,idempotency-key")
        })
    };
    let allowed = "access-control-allow-origin";
    assert_eq!(preflight("https://shop.example").header(allowed), "https://shop.example");
    assert_eq!(preflight("https://evil.example").header(allowed), "");
    let metrics = web.metrics();
    for (result, count) in [("robot", 1), ("refused", 5)] {
        let line = format!("dozvon_forms_total{{result=\"{result}\"}} {count}");
        assert!(metrics.contains(&line), "no {line}");
    }
    assert!(house.block_on(life.callbacks().list(false, 10)).unwrap().is_empty());
    assert_eq!(house.switch.channels(), 0);
}

#[test]
fn the_same_form_again_is_one_callback_and_its_client_cancels_it() {
    let house = house();
    let life = house.start();
    let web = Web::of(&life);
    let form = json!({"site": "shop-4711", "phone": OLGA, "idempotency_key": "1"});
    let (first, again) = (web.take(&form), web.take(&form));
    assert_eq!(first.id, again.id);
    let second = web.take(&json!({"site": "shop-4711", "phone": OLGA, "size": "120x140"}));
    assert_eq!(second.id, first.id, "it joined");
    let view = life.reach(&first.id, "a phone rings and it joined", |view| {
        view.joined == 1 && !view.tries.is_empty()
    });
    assert_eq!(view.order.fields["size"], "120x140");
    until("a phone rings", || house.switch.channels() == 1);
    let metrics = web.metrics();
    for line in [
        "dozvon_callback_pending{state=\"dialling_managers\"} 1",
        "dozvon_callback_deduplicated_total{by=\"key\",kind=\"form\"} 1",
        "dozvon_callback_deduplicated_total{by=\"phone\",kind=\"form\"} 1",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
    let cancelled = web.ask(|client, _| client.post(&first.cancel));
    assert_eq!((cancelled.status, &cancelled.json()["ending"]), (200, &"cancelled".into()));
    house.ends_empty();
    assert_eq!(web.ask(|client, _| client.post(&first.cancel)).status, 409);
}

#[test]
fn a_client_who_calls_in_is_not_called_back_and_his_page_is_told() {
    let house = house();
    all_busy(&house);
    let life = house.start();
    let web = Web::of(&life);
    let ticket = web.take(&json!({"site": "shop-4711", "phone": OLGA}));
    life.stage(&ticket.id, Stage::Waiting);
    house.phone("101", Script::answers(secs(1)));
    let caller = Caller::stays().hangs_up_after(secs(60));
    let call =
        house.block_on(async { house.switch.call(CallSpec::new(OLGA, LINE).caller(caller)) });
    let view = life.over(&ticket.id, Ending::Satisfied);
    assert!(tries(&view).iter().all(|one| !one.starts_with("client")), "{view:?}");
    assert_eq!(web.get(&ticket.status).json()["ending"], "satisfied");
    house.block_on(call.report());
}

#[test]
fn a13_d01_e11_a_program_presses_the_button_and_hangs_up() {
    let house = house();
    house.phone("105", Script::unregistered());
    house.phone("+79035550105", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(3)));
    let life = house.start();
    let web = Web::of(&life);
    let click = json!({"employee": "105", "number": "8 916 111-00-01", "line": "main"});
    let nobody = web.call("dzt_wrong", "/v1/calls", Some(&click));
    assert_eq!(nobody.status, 401, "{}", nobody.text);
    let (forms, calls) = (web.token(&house, Scope::Callbacks), web.token(&house, Scope::Calls));
    assert_eq!(web.call(&forms, "/v1/calls", Some(&click)).status, 403, "not its scope");
    let begun = web.call(&calls, "/v1/calls", Some(&click));
    assert_eq!(begun.status, 202, "{}", begun.text);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    life.stage(&id.as_str().into(), Stage::Connected);
    until("both talk", || house.switch.channels() == 2);
    let ended = web.call(&calls, &format!("/v1/calls/{id}/hangup"), None);
    assert_eq!((ended.status, &ended.json()["ending"]), (200, &"talked".into()), "{}", ended.text);
    house.ends_empty();
    house.learnt(&id.as_str().into());
    let rows = house.rows::<CallRow>();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let told = (rows[0].direction.as_str(), rows[0].result.as_str(), rows[0].who.as_deref());
    assert_eq!(told, ("outbound", "answered", Some("105")), "{:?}", rows[0]);
}

#[test]
fn an_engine_is_killed_and_the_page_follows_on_the_next_one_with_its_own_links() {
    let house = house();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(100)));
    let life = house.start();
    let ticket = Web::of(&life).take(&json!({"site": "shop-4711", "phone": OLGA}));
    life.stage(&ticket.id, Stage::Connected);
    let old = life.app.as_ref().unwrap().http.to_string();
    life.kill();
    let life = house.start();
    let web = Web::of(&life);
    let new = life.app.as_ref().unwrap().http.to_string();
    let events = ticket.events.replace(&old, &new);
    until("it is taken over", || web.get(&ticket.status.replace(&old, &new)).status == 200);
    let told = web.get(&events);
    assert!(told.text.starts_with("event: connected"), "{}", told.text);
    let view = life.over(&ticket.id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"], "nobody is called twice");
    house.ends_empty();
}
