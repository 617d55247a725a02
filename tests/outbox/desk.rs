//! A person at the outbox: on the command line and over HTTP, beside a running engine.

use assert_cmd::Command;
use dozvon::core::case::Event;
use dozvon::http::{HttpState, Readiness, router};
use dozvon::outbox::entry::State;
use serde_json::Value;

use crate::fake::Does;
use crate::house::{ANNA, House, Life, deal, note};

/// One entry parked, one done.
fn parked() -> (House, Life) {
    let house = House::new(|case| match case.event {
        Event::Answered => vec![deal()],
        _ => vec![note("x")],
    });
    house.crm.script(|work| match work.action.word() {
        "deal" => Does::Refuses,
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("d", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    life.reach(State::Done, 1);
    (house, life)
}

fn dozvon(house: &House, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
    command.current_dir(house.folder.path()).env("DOZVON_STORE__PATH", &house.path).args(args);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn doctor_tells_what_the_crm_has_not_taken_and_why() {
    let (house, life) = parked();
    let (code, told, _) = dozvon(&house, &["doctor"]);
    assert_eq!(code, 1);
    let expected = "outbox of fake: parked: 1 entry, the oldest is 1: deal: no such field";
    assert!(told.contains(expected) && told.contains("`dozvon outbox retry`"), "{told}");
    house.crm.script(|_| Does::It);
    life.rt.block_on(life.desk().retry_all()).unwrap();
    life.reach(State::Done, 2);
    let (_, told, _) = dozvon(&house, &["doctor"]);
    assert!(!told.contains("outbox of"), "{told}");
}

#[test]
fn the_command_line_lists_shows_releases_and_drops_beside_a_running_engine() {
    let (house, life) = parked();
    let (_, list, _) = dozvon(&house, &["outbox", "list"]);
    assert!(list.contains("1 parked") && list.contains("deal: no such field"), "{list}");
    let (_, json, _) = dozvon(&house, &["outbox", "list", "--state", "parked,done", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entries"].as_array().map(Vec::len), Some(2));
    let (_, shown, _) = dozvon(&house, &["outbox", "show", "1"]);
    assert!(shown.contains("deal (test/rule) refused: no such field"), "{shown}");

    house.crm.script(|_| Does::It);
    let (code, text, _) = dozvon(&house, &["outbox", "retry", "1"]);
    assert_eq!((code, text.as_str()), (0, "entry 1 is released\n"));
    life.reach(State::Done, 2);

    let (code, _, error) = dozvon(&house, &["outbox", "drop", "1", "77"]);
    assert_eq!(code, 1);
    assert!(error.contains("entry 1 is done: it cannot be dropped"), "{error}");
    assert!(error.contains("the outbox has no entry 77"), "{error}");
}

#[test]
fn the_command_line_works_without_an_engine_and_names_a_store_that_is_not_there() {
    let (house, life) = parked();
    life.kill();
    let (code, _, _) = dozvon(&house, &["outbox", "drop", "1"]);
    assert_eq!(code, 0);
    let (_, list, _) = dozvon(&house, &["outbox", "list", "--state", "dropped"]);
    assert!(list.contains("1 dropped"), "{list}");
    std::fs::remove_file(&house.path).unwrap();
    let (code, _, error) = dozvon(&house, &["outbox", "list"]);
    assert!(code != 0 && error.contains("there is no store"), "{error}");
    assert!(!house.path.exists(), "looking makes no store");
}

#[test]
fn http_does_the_same_and_tells_what_is_wrong_as_a_problem() {
    let (house, life) = parked();
    let store = life.outbox.store();
    let state = HttpState {
        sales: None,
        metrics: house.metrics.clone(),
        readiness: std::sync::Arc::new(Readiness::default),
        recorder: std::sync::Arc::default(),
        store: Some(store),
        rules: None,
        doors: None,
        loopback: true,
    };
    life.rt.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1/outbox", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(state)).await });
        let client = dozvon::http::client().build().unwrap();
        let get = async |path: &str| {
            let answer = client.get(format!("{base}{path}")).send().await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            (answer.status().as_u16(), kind, answer.json::<Value>().await.unwrap())
        };
        let (status, _, list) = get("?state=parked").await;
        assert_eq!((status, &list["entries"][0]["id"]), (200, &1.into()));
        assert_eq!(list["counts"]["done"], 1);
        let (_, _, entry) = get("/1").await;
        assert_eq!(entry["progress"][0]["is"], "refused");
        for (path, code, title) in [
            ("/99", 404, "no such entry"),
            ("/x", 400, "the request cannot be read"),
            ("?state=lost", 400, "the request cannot be read"),
            ("?stat=parked", 400, "the request cannot be read"),
        ] {
            let (status, kind, problem) = get(path).await;
            assert_eq!((status, kind.as_str()), (code, "application/problem+json"), "{path}");
            assert_eq!(problem["title"], title, "{path}");
        }
        let post = async |path: &str| {
            let answer = client.post(format!("{base}{path}")).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        let (status, problem) = post("/2/retry").await;
        assert_eq!((status, &problem["title"]), (409, &"the entry stands otherwise".into()));
        let (status, released) = post("/1/retry").await;
        assert_eq!((status, &released["released"]), (200, &serde_json::json!([1])));
    });
    life.reach(State::Parked, 1);
}
