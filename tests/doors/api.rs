//! The description of the API, its pages, and what holds for every answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::{House, request};

fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let paths = api["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap();
        methods.iter().map(move |(method, op)| (method.to_uppercase(), path.clone(), op.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let house = House::new().await;
    let api = house.get("/openapi.json", &[]).await.json();
    let described: BTreeSet<_> =
        operations(&api).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(described.len(), 19, "{described:?}");
    // Below /v1 nothing is routed but through the description.
    let source = include_str!("../../src/http/mod.rs");
    assert!(!source.contains(".route(\"/v1"), "use routes!()");
    for (method, path, op) in operations(&api) {
        let asked = path.replace("{id}", "1");
        let got = house.ask(request(&method, &asked, &[("x-forwarded-for", "1.1.1.1")], "")).await;
        assert!(got.status != 405, "{method} {path}");
        let title = got.json()["title"].as_str().map(str::to_owned);
        assert_ne!(title.as_deref(), Some("no such resource"), "{method} {path}");
        // Whoever needs a token is said so, and the other way round.
        assert_eq!(got.status == 401, op.get("security").is_some(), "{method} {path}");
        for other in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            if !described.contains(&format!("{other} {path}")) {
                let got = house.ask(request(other, &asked, &[], "")).await;
                assert_eq!(got.status, 405, "{other} {path}");
            }
        }
        assert!(op["summary"].is_string() && op["operationId"].is_string(), "{method} {path}");
    }
}

#[tokio::test]
async fn example_bodies_are_taken_and_every_reference_leads_somewhere() {
    let house = House::new().await;
    let api = house.get("/openapi.json", &[]).await.json();
    let text = api.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(api.pointer(pointer).is_some(), "{pointer}");
    }
    let token = house.token("all", &dozvon::tokens::Scope::ALL).await;
    dozvon::telemetry::start(&dozvon::config::Log::default()).unwrap();
    let mut tried = 0;
    for (method, path, op) in operations(&api) {
        let Some(schema) = op.pointer("/requestBody/content/application~1json/schema/$ref") else {
            continue;
        };
        let schema = api.pointer(&schema.as_str().unwrap()[1..]).unwrap();
        let mut body = json!({});
        for (name, property) in schema["properties"].as_object().unwrap() {
            if let Some(example) = property.get("example") {
                body[name] = example.clone();
            }
        }
        for name in schema["required"].as_array().unwrap() {
            assert!(body.get(name.as_str().unwrap()).is_some(), "{path}: {name} has no example");
        }
        if path == "/v1/callbacks" {
            body["site"] = "shop".into();
        }
        let head = [("authorization", token.as_str()), ("content-type", "application/json")];
        let got = house.ask(request(&method, &path, &head, body.to_string())).await;
        let done = if method == "PUT" { 200 } else { 202 };
        assert_eq!(got.status, done, "{path}: {}", got.text);
        tried += 1;
    }
    assert_eq!(tried, 3);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_a_browser_safe() {
    let house = House::new().await;
    for path in
        ["/metrics", "/healthz", "/v1/outbox", "/v1/none", "/nothing", "/callback", "/api.js"]
    {
        let got = house.get(path, &[]).await;
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(got.header("referrer-policy"), "same-origin", "{path}");
        assert!(got.header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert!(!got.header("cache-control").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn pages_take_nothing_from_elsewhere_and_run_under_their_policy() {
    let house = House::new().await;
    for (page, script) in [("/callback", "/callback.js"), ("/api", "/api.js")] {
        let got = house.get(page, &[]).await;
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
        assert!(got.text.contains(&format!("src=\"{script}\"")), "{page}");
        let policy = got.header("content-security-policy");
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        // Scripts in the page itself and handlers in its tags would be refused.
        let mut words = got.text.split_whitespace();
        assert!(!words.any(|word| word.starts_with("on") && word.contains('=')), "{page}");
        assert!(!got.text.contains("<script>") && !got.text.contains("style="), "{page}");
        for address in
            got.text.split(['"', ' ']).filter(|part| part.starts_with("/") && part.len() > 1)
        {
            let linked = address.trim_end_matches('>');
            if !linked.starts_with("/v1") && !linked.contains('<') {
                assert_eq!(house.get(linked, &[]).await.status, 200, "{page}: {linked}");
            }
        }
        let code = house.get(script, &[]).await;
        assert_eq!(code.header("content-type"), "text/javascript; charset=utf-8");
        for text in [&got.text, &code.text] {
            assert!(!text.contains("//cdn") && !text.contains("http://"), "{page}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_big_is_refused_as_a_problem() {
    let house = House::new().await;
    let kind = [("content-type", "application/json")];
    let got = house.ask(request("POST", "/v1/callbacks", &kind, vec![b' '; 64 * 1024 + 1])).await;
    assert_eq!((got.status, got.header("content-type")), (413, "application/problem+json"));
    let length = [kind[0], ("content-length", "70000")];
    let got = house.ask(request("POST", "/v1/callbacks", &length, "{}")).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (413, Some("the body is too big")));
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_after_the_deadline() {
    let house = House::new().await;
    tokio::time::pause();
    let body = axum::body::Body::from_stream(futures_util::stream::pending::<
        Result<axum::body::Bytes, std::io::Error>,
    >());
    let kind = [("content-type", "application/json")];
    let begun = tokio::time::Instant::now();
    let got = house.ask(request("POST", "/v1/callbacks", &kind, body)).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (503, Some("not in time")));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem_with_its_headers() {
    let house = House::new().await;
    let got = house.get("/v1/nothing", &[]).await;
    assert_eq!((got.status, got.header("content-type")), (404, "application/problem+json"));
    let got = house.ask(request("DELETE", "/v1/outbox", &[], "")).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (405, Some("not with this method")));
    assert_eq!(got.header("allow"), "GET,HEAD");
}
