//! `dozvon callbacks` beside a running engine.

use dozvon::core::campaign::order::Stage;
use dozvon::tokens::Scope;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::house::House;

struct Line {
    house: House,
    url: String,
    token: String,
}

async fn line() -> Line {
    let house = House::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let end = CancellationToken::new();
    tokio::spawn(dozvon::http::serve(listener, house.state.clone(), end));
    let token = house.token("olga", &[Scope::Callbacks]).await;
    let token = token.trim_start_matches("Bearer ").to_owned();
    Line { house, url, token }
}

impl Line {
    async fn says(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
        command.arg("callbacks").args(args).args(["--url", &self.url]);
        command.env("DOZVON_TOKEN", &self.token).current_dir(self.house.folder());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_listed_shown_and_cancelled() {
    let line = line().await;
    assert_eq!(line.says(&["list"]).await.1, "no callbacks\n");
    let form =
        json!({"site": "shop", "phone": "+79161234567", "name": "Иван\u{2028}", "city": "Тверь"});
    let taken = line.house.form(&form).await.json();
    let id = taken["id"].as_str().unwrap();
    line.house.fake.goes_on(Stage::Waiting, Some("2026-11-21T12:00:30Z".parse().unwrap()));

    let (code, list, error) = line.says(&["list"]).await;
    assert_eq!(code, 0, "{error}");
    let row: Vec<_> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[0], id);
    assert_eq!(row[2..], ["form", "+79161234567", "shop", "waiting", "2026-11-21T12:00:30Z", "0"]);
    let (_, shown, _) = line.says(&["show", id]).await;
    assert!(shown.contains("form for +79161234567") && shown.contains("city: Тверь"), "{shown}");
    let (_, json, _) = line.says(&["list", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["callbacks"][0]["stage"], "waiting");

    let (code, text, error) = line.says(&["cancel", id, "none/../x"]).await;
    assert_eq!((code, text), (1, format!("callback {id} is cancelled\n")));
    assert!(error.contains("none/../x: there is no callback with this id"), "{error}");
    assert_eq!(line.says(&["list"]).await.1, "no callbacks\n");
    assert!(line.says(&["list", "--all"]).await.1.contains("over: cancelled"));
    let (code, _, error) = line.says(&["cancel", id]).await;
    assert!(code == 1 && error.contains("over already"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_and_an_engine_that_is_not_there_are_told() {
    let mut line = line().await;
    line.token = "dzt_wrong".into();
    let (code, _, error) = line.says(&["list"]).await;
    assert!(code != 0 && error.contains("this token is not known"), "{error}");
    line.url = "http://127.0.0.1:1".into();
    let (code, _, error) = line.says(&["list"]).await;
    assert!(code != 0 && error.contains("does not answer"), "{error}");
}
