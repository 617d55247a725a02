//! What people and programs see: on the command line, over HTTP, and what `doctor` says.

use std::sync::Arc;

use assert_cmd::Command;
use dozvon::core::action::{Action, Bound};
use dozvon::crm::builtin::{Builtin, load_sample};
use dozvon::crm::{Crm, Work};
use dozvon::http::{HttpState, Readiness, router};
use dozvon::metrics::Metrics;
use dozvon::sales::{self, SalesConfig, Seller};
use dozvon::store::Store;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::office::{NEW, case};

/// A company with the built-in CRM, in which a call made a deal that was won.
struct Company {
    folder: TempDir,
    store: Store,
    deal: String,
}

impl Company {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path().join("dozvon.sqlite")).await.unwrap();
        load_sample(&store).await.unwrap();
        let crm = Builtin::new(store.clone());
        let (case, mut bound) = (case("call-1", NEW), Bound::default());
        for (n, action) in [
            json!({"do": "contact", "name": "Пётр", "owner": "102"}),
            json!({"do": "deal", "title": "Звонок", "owner": "102"}),
        ]
        .into_iter()
        .enumerate()
        {
            let action: Action = serde_json::from_value(action).unwrap();
            let key = format!("call-1/1/{n}");
            let work = Work { key: &key, action: &action, case: &case, bound: &bound };
            let done = crm.apply(&work).await.unwrap();
            bound.merge(done.bound);
        }
        let deal = bound.deal.unwrap().to_string();
        crm.close_deal(&deal, false, Timestamp::now()).await.unwrap();
        std::fs::write(folder.path().join("dozvon.toml"), "[sales]\n").unwrap();
        Self { folder, store, deal }
    }

    fn dozvon(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
        let output = command.current_dir(self.folder.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn configured(&self, text: &str) {
        std::fs::write(self.folder.path().join("dozvon.toml"), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e01_the_command_line_asks_and_tells_without_an_engine() {
    let company = Company::new().await;
    let (code, text, _) = company.dozvon(&["sales"]);
    assert!(code == 0 && text.contains("builtin: no success yet"), "{text}");
    let (code, text, error) = company.dozvon(&["sales", "run"]);
    assert_eq!((code, text.as_str()), (0, "builtin: 1 deal won, 1 marked\n"), "{error}");
    assert!(error.contains("audit"), "{error}");
    let (_, text, _) = company.dozvon(&["sales", "run", "--crm", "builtin"]);
    assert_eq!(text, "builtin: 1 deal won, 0 marked, 1 marked before\n");
    let (_, text, _) = company.dozvon(&["sales", "list"]);
    assert!(text.contains("call-1") && text.contains(&company.deal), "{text}");
    let (_, text, _) = company.dozvon(&["sales", "list", "--json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json[0]["call"], &json[0]["step"]), (&json!("call-1"), &json!("deal")));
    let (code, text, _) = company.dozvon(&["sales"]);
    assert!(code == 0 && text.contains("last success 20") && text.contains("  next 20"), "{text}");
    let (_, text, _) = company.dozvon(&["doctor"]);
    assert!(text.contains("ok   sales of builtin: last success 20"), "{text}");

    let (code, _, error) = company.dozvon(&["sales", "run", "--crm", "shop"]);
    assert!(code != 0 && error.contains("there is no CRM `shop`"), "{error}");
    assert!(error.contains("there are: builtin"), "{error}");
    company.configured("");
    let (code, _, error) = company.dozvon(&["sales"]);
    assert!(code != 0 && error.contains("not switched on"), "{error}");
    assert!(error.contains("[sales]"), "{error}");
    let (_, text, _) = company.dozvon(&["doctor"]);
    assert!(!text.contains("sales of"), "{text}");
}

/// Nobody listens there.
const DOWN: &str =
    "[sales]\n[crm.shop]\nkind = \"retailcrm\"\nurl = \"http://127.0.0.1:1\"\nkey = \"k\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn e01_a_crm_that_cannot_be_asked_is_told_with_what_to_do() {
    let company = Company::new().await;
    company.configured(DOWN);
    let (code, text, _) = company.dozvon(&["sales", "run"]);
    assert!(code == 1 && text.contains("shop: the CRM failed: it cannot be reached"), "{text}");
    assert!(text.contains("dozvon doctor"), "{text}");
    let (code, text, _) = company.dozvon(&["sales"]);
    assert!(code == 1 && text.contains("no success yet\n  failed 20"), "{text}");
    let (_, text, _) = company.dozvon(&["sales", "--json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(json[0]["error"].as_str().unwrap().contains("reached"), "{text}");
    let (_, text, _) = company.dozvon(&["doctor"]);
    assert!(text.contains("BAD  sales of shop: no success yet; failed 20"), "{text}");
}

#[tokio::test]
async fn e01_over_http_as_well_and_what_is_wrong_is_a_problem() {
    let company = Company::new().await;
    let crm = Arc::new(Builtin::new(company.store.clone()));
    let metrics = Arc::new(Metrics::new().unwrap());
    let seller = Seller {
        config: SalesConfig::default(),
        crm,
        zone: Arc::new(|| TimeZone::UTC),
        wall: Arc::new(Timestamp::now),
        metrics: metrics.clone(),
    };
    let (_, store) = tokio::sync::watch::channel(Some(company.store.clone()));
    let stop = CancellationToken::new();
    let _engine = stop.clone().drop_guard();
    let (desk, work) = sales::begin(seller, store.clone(), stop);
    let state = |desk| HttpState {
        sales: desk,
        metrics: metrics.clone(),
        readiness: Arc::new(Readiness::default),
        recorder: Arc::default(),
        store: Some(store.clone()),
        rules: None,
        doors: None,
        loopback: true,
    };
    let serve = async |state| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(state)).await });
        base
    };
    let (base, off) = (serve(state(Some(desk))).await, serve(state(None)).await);
    let client = dozvon::http::client().build().unwrap();
    let ask = async |method: &str, url: String| {
        let answer = client.request(method.parse().unwrap(), url).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    // Before the engine's task has begun.
    let (status, all) = ask("GET", format!("{base}/v1/sales")).await;
    assert_eq!((status, &all["sales"]), (200, &json!([])));
    assert_eq!(
        (&all["crms"][0]["crm"], &all["crms"][0]["last_success"]),
        (&json!("builtin"), &Value::Null)
    );
    let (status, begun) = ask("POST", format!("{base}/v1/sales/run")).await;
    assert_eq!((status, &begun["asked"]), (202, &json!(["builtin"])));
    tokio::spawn(work);
    let begin = std::time::Instant::now();
    let all = loop {
        let (_, all) = ask("GET", format!("{base}/v1/sales?crm=builtin&limit=10")).await;
        if all["sales"] != json!([]) && all["crms"][0]["running"] == json!(false) {
            break all;
        }
        assert!(begin.elapsed().as_secs() < 30, "{all}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert_eq!(all["sales"][0]["call"], "call-1");
    assert!(all["crms"][0]["last_success"].is_string(), "{all}");
    let page = client.get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    for line in [
        "dozvon_sales_total{crm=\"builtin\",step=\"deal\"} 1",
        "dozvon_sales_total{crm=\"builtin\",step=\"last\"} 0",
        "dozvon_sales_last_success_timestamp_seconds{crm=\"builtin\"} 1",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    for (method, path, code, title) in [
        ("GET", "/v1/sales?crm=shop", 404, "no such CRM"),
        ("POST", "/v1/sales/run?crm=shop", 404, "no such CRM"),
        ("GET", "/v1/sales?frm=shop", 400, "the request cannot be read"),
    ] {
        let (status, problem) = ask(method, format!("{base}{path}")).await;
        assert_eq!((status, &problem["title"]), (code, &json!(title)), "{path}");
    }
    let (status, problem) = ask("GET", format!("{off}/v1/sales")).await;
    assert_eq!((status, &problem["title"]), (404, &json!("no sales")));
    assert!(problem["help"].as_str().unwrap().contains("[sales]"));

    let claim = "UPDATE sales_run SET claimed_by = 'x', claimed_until = 9000000000000000";
    sqlx::query(claim).execute(company.store.pool()).await.unwrap();
    let (status, problem) = ask("POST", format!("{base}/v1/sales/run")).await;
    assert_eq!((status, &problem["title"]), (409, &json!("it runs already")));
}
