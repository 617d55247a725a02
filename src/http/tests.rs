use super::*;

struct House {
    base: String,
    cancel: CancellationToken,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn house(readiness: Readiness) -> House {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let cancel = CancellationToken::new();
    let metrics = Arc::new(Metrics::new().unwrap());
    metrics.calls_active.set(3);
    let readiness = Arc::new(move || readiness.clone());
    let state = HttpState {
        sales: None,
        metrics,
        readiness,
        recorder: Arc::default(),
        store: None,
        rules: None,
        doors: None,
        loopback: true,
    };
    let server = tokio::spawn(serve(listener, state, cancel.clone()));
    House { base, cancel, server }
}

async fn get(house: &House, path: &str) -> (u16, String, String) {
    let answer =
        client().build().unwrap().get(format!("{}{path}", house.base)).send().await.unwrap();
    let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    (answer.status().as_u16(), kind.unwrap_or_default(), answer.text().await.unwrap())
}

fn whole() -> Readiness {
    Readiness::default()
        .needs("listener", Ok(()))
        .needs("rules", Ok(()))
        .reports("directory", Err("the CRM did not answer in time".into()))
        .reports("link fs1", Err("no connection".into()))
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let house = house(whole()).await;
    let (status, kind, text) = get(&house, "/metrics").await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    assert!(text.contains("dozvon_calls_active 3"), "{text}");
}

#[tokio::test]
async fn a_crm_or_a_link_that_is_down_is_reported_and_calls_are_taken_all_the_same() {
    let house = house(whole()).await;
    let (status, _, text) = get(&house, "/readyz").await;
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["ready"]), (200, &true.into()));
    assert_eq!(
        answer["parts"][0],
        serde_json::json!({"name": "listener", "needed": true, "ok": true})
    );
    assert_eq!(answer["parts"][2]["why"], "the CRM did not answer in time");
    assert_eq!(answer["parts"][3]["ok"], false);
}

#[tokio::test]
async fn an_engine_that_drains_is_alive_and_not_ready() {
    let draining = whole().needs("taking calls", Err("a signal came; calls in hand go on".into()));
    let house = house(draining).await;
    assert_eq!(get(&house, "/readyz").await.0, 503);
    assert_eq!(get(&house, "/healthz").await.0, 200);
    assert!(!Readiness::default().ready(), "nothing has been started yet");
}

#[tokio::test]
async fn a_big_body_is_refused_and_the_server_ends_when_told() {
    let house = house(whole()).await;
    let client = client().build().unwrap();
    let big = client.get(format!("{}/healthz", house.base)).body(vec![0; BODY + 1]);
    assert_eq!(big.send().await.unwrap().status().as_u16(), 413);
    assert_eq!(get(&house, "/nothing").await.0, 404);
    house.cancel.cancel();
    // The client keeps its idle connection open; the server must end all the same.
    let end = tokio::time::timeout(Duration::from_secs(10), house.server);
    end.await.unwrap().unwrap().unwrap();
    drop(client);
}
