//! No log line holds the key or a whole number, whatever goes wrong.

use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event, Known};
use dozvon::crm::Crm;
use dozvon::outbox::{Outbox, OutboxConfig};
use serde_json::json;
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, fmt};
use wiremock::ResponseTemplate;

use crate::common::{Kept, no_store};
use crate::fake::{HOOK, KEY, Trouble, says};
use crate::house::{House, NEW, case, config, phone};
use crate::matrix::outbox;

#[tokio::test]
async fn neither_the_key_nor_a_whole_number_is_ever_logged() {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let filter = EnvFilter::new("dozvon=trace,info");
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
    let echo = format!("phone 380501234567, {NEW}, 050 123-45-67 is taken");
    let refusal = json!({"message": echo, "errors": {"phone": ["380501234567"]}});
    for trouble in [
        says(400, refusal.clone()),
        says(500, refusal.clone()),
        says(200, refusal.clone()),
        says(403, refusal),
        Trouble::Says(ResponseTemplate::new(200).set_body_raw("<html>380501234567", "text/html")),
        Trouble::Says(
            ResponseTemplate::new(200).set_body_raw("{\"380501234567", "application/json"),
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
        dozvon::crm::keycrm::KeyCrm::new(&config("http://127.0.0.1:9"), no_store()).unwrap();
    let fault = nowhere.find(&phone(NEW)).await.unwrap_err();
    tracing::warn!(%fault, config = ?config("http://127.0.0.1:9"), "as it would be logged");

    let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(logged.lines().count() > 5, "{logged}");
    for line in logged.lines() {
        let digits: String = line.chars().filter(|c| c.is_ascii_digit() || *c == ' ').collect();
        assert!(!line.contains(KEY) && !line.contains(HOOK), "{line}");
        assert!(!digits.split(' ').any(|word| word.contains("501234567")), "{line}");
        assert!(!line.contains("050 123-45-67"), "{line}");
    }
}
