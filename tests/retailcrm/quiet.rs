//! No log line holds the key or a whole number, whatever goes wrong.

use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event, Known};
use dozvon::crm::Crm;
use dozvon::outbox::{Outbox, OutboxConfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, fmt};
use wiremock::ResponseTemplate;

use crate::common::{Kept, no_store};
use crate::fake::{KEY, Trouble, says};
use crate::house::{House, NEW, case, config, phone};
use crate::matrix::outbox;

#[tokio::test]
async fn neither_the_key_nor_a_whole_number_is_ever_logged() {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let filter = EnvFilter::new("trace,wiremock=off");
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let house = House::new().await;
    let folder = TempDir::new().unwrap();
    let quick = Duration::from_millis(20);
    let config_of =
        OutboxConfig { poll: quick, retry: quick, retry_max: quick, ..Default::default() };
    let parts = outbox(&house, &folder, config_of).await;
    let directory = parts.directory.clone().unwrap();
    let outbox = Outbox::start(parts);
    // The CRM repeats what it was sent.
    let echo = format!("phone 79161234567, {NEW}, 8 916 123-45-67 is taken");
    let refusal = json!({"success": false, "errorMsg": echo, "errors": {"phone": "79161234567"}});
    for trouble in [
        says(400, refusal.clone()),
        says(500, refusal.clone()),
        says(200, refusal.clone()),
        says(403, refusal),
        Trouble::Says(ResponseTemplate::new(200).set_body_raw("<html>79161234567", "text/html")),
        Trouble::Says(
            ResponseTemplate::new(200).set_body_raw("{\"79161234567", "application/json"),
        ),
        Trouble::Late(Duration::from_secs(1)),
    ] {
        house.fake.state().trouble.clear();
        house.fake.trouble("", trouble, 3);
        let _ = directory.refresh_staff().await;
        directory.lookup(&phone(NEW)).await;
        let call = case(Event::Missed, NEW);
        outbox.occurred(Case { client: Known::Unsure, ended: Some(call.at), ..call });
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    for examined in house.crm.examine().await {
        tracing::info!(?examined, "doctor");
    }
    let nowhere =
        dozvon::crm::retailcrm::Retail::new(&config("http://127.0.0.1:9"), no_store()).unwrap();
    let fault = nowhere.find(&phone(NEW)).await.unwrap_err();
    tracing::warn!(%fault, config = ?config("http://127.0.0.1:9"), "as it would be logged");

    let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(logged.lines().count() > 5, "{logged}");
    for line in logged.lines() {
        let digits: String = line.chars().filter(|c| c.is_ascii_digit() || *c == ' ').collect();
        assert!(!line.contains(KEY), "{line}");
        assert!(!digits.split(' ').any(|word| word.contains("9161234567")), "{line}");
        assert!(!line.contains("916 123-45-67"), "{line}");
    }
}

/// What the CRM calls by itself: the secret stands in the address.
const HOOK: &str = "hookSecretSecret77";

#[tokio::test]
async fn nor_is_what_the_crm_calls_by_itself() {
    let house = House::new().await;
    let folder = TempDir::new().unwrap();
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/routing.toml");
    let text = format!(
        "[calls]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nformat = \"json\"\nlevel = \"trace\"\n[rules]\nrouting = {rules:?}\n\
         set = \"retailcrm-matrix\"\n[crm.shop]\nkind = \"retailcrm\"\nurl = {:?}\n\
         key = {KEY:?}\nsite = \"shop\"\nhook_secret = {HOOK:?}\n",
        house.fake.server.uri(),
    );
    std::fs::write(folder.path().join("dozvon.toml"), text).unwrap();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_dozvon"))
        .arg("serve")
        .current_dir(folder.path())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (kept, mut pipe) = (Kept::default(), child.stderr.take().unwrap());
    let lines = kept.clone();
    let reads = tokio::spawn(async move {
        let mut part = [0; 4096];
        while let Ok(many @ 1..) = pipe.read(&mut part).await {
            lines.0.lock().unwrap().extend_from_slice(&part[..many]);
        }
    });
    let logged = || String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    let http = loop {
        assert!(child.try_wait().unwrap().is_none(), "{}", logged());
        let said =
            logged().lines().find(|line| line.contains("ready for calls")).map(str::to_owned);
        match said.and_then(|line| serde_json::from_str::<serde_json::Value>(&line).ok()) {
            Some(said) => break said["http"].as_str().unwrap().to_owned(),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let client = dozvon::http::client().build().unwrap();
    for what in [
        "call?clientId=shop&userId=11&code=101&phone=79161234567",
        "call?clientId=shop&code=101&phone=%2B79161234567&externalPhone=74951111111",
        "status?userId=11&code=101&status=dinner",
    ] {
        for secret in [HOOK, "0123456789abcdee"] {
            let answer = client.get(format!("http://{http}/crm/shop/{secret}/{what}")).send();
            let status = answer.await.unwrap().status().as_u16();
            assert_eq!(status == 404, secret != HOOK, "{what}: {status}");
        }
    }
    client
        .post(format!("http://{http}/crm/shop/{HOOK}/activity"))
        .body("clientId=shop&activity=%7B%22active%22%3Atrue%7D")
        .send()
        .await
        .unwrap();
    // Until what its status changed is read anew.
    while !house.fake.state().all.iter().any(|seen| seen.path.ends_with("/history")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().await.unwrap();
    reads.await.unwrap();
    let logged = logged();
    assert!(logged.lines().count() > 20, "{logged}");
    for line in logged.lines() {
        assert!(!line.contains(KEY) && !line.contains(HOOK), "{line}");
        assert!(!line.contains("9161234567"), "{line}");
    }
}
