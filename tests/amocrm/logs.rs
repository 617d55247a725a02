//! What an account says and what we say of it: never a secret, never a whole number.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::config::Secret;
use dozvon::core::case::{Case, Clerk, Known};
use dozvon::crm::amocrm::{Amo, AmoConfig};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::{ApplyError, Crm};
use dozvon::outbox::{Outbox, OutboxConfig};
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::crm_outbox::parts;
use crate::hooks::House;
use crate::office::{NEW, OLGA, World, case, config, new_contact, new_deal, phone, register};
use crate::request::Said;
use crate::server::Wrong;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What nobody may read in a log.
const HIDDEN: [&str; 10] = [
    "9165550001",
    "9161110001",
    "916) 111-00-01",
    "916 555-00-01",
    // It stands in the addresses that amoCRM calls.
    crate::hooks::SECRET,
    "lasting-token",
    "integration-secret",
    "access-",
    "refresh-",
    "code-1",
];

/// An engine at work: directory, outbox, and what amoCRM calls by itself.
async fn engine() {
    let house = House::new().await;
    let quick = Duration::from_millis(20);
    let config = OutboxConfig { poll: quick, retry: quick, retry_max: quick, ..Default::default() };
    let set = crate::sets::file("amocrm-classic", house.w.folder.path());
    let crm = Arc::new(house.w.crm.clone());
    let parts = parts(crm, set.to_str().unwrap(), &house.w.folder, config).await;
    let outbox = Outbox::start(parts);
    let echo =
        |status| Said::refused(status, &format!("{NEW}, 8 (916) 111-00-01, 8 916 555-00-01"));
    for (n, status) in [200, 400, 403, 500].into_iter().enumerate() {
        house.w.server.house().faults.clear();
        if status != 200 {
            house.w.server.fault("", 4, Wrong::Answer(echo(status)));
        }
        let _ = house.directory.refresh_staff().await;
        for (side, number) in [NEW, OLGA].into_iter().enumerate() {
            house.directory.lookup(&phone(number)).await;
            let case = Case { client: Known::Unsure, ..case(&format!("c{n}-{side}"), number) };
            outbox.began(&case.call, Some("main"));
            outbox.occurred(case);
        }
        let kind = "application/x-www-form-urlencoded";
        let form = format!("contacts[update][0][id]=7&contacts[update][0][phone]={OLGA}");
        for path in [crate::hooks::SECRET, "0123456789abcdeX"] {
            house.post(&format!("/crm/sales/{path}/changes"), kind, "", form.clone()).await;
        }
        house.directory.look_for_changes().await;
        let body = json!({ "number": "8 (916) 111-00-01" }).to_string();
        for key in ["integration-secret", "forged"] {
            let token = crate::hooks::token(504142, key);
            house.post("/crm/sales/click", "application/json", &token, body.clone()).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    outbox.drain(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn no_secret_and_no_whole_number_stands_in_any_line() {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace,wiremock=off,hyper=info"))
        .with_writer(lines.clone())
        .init();
    engine().await;
    let w = World::with(|config| config.requests_per_second = 1000.try_into().unwrap()).await;
    let oauth = AmoConfig {
        token: None,
        client_id: Some("integration".into()),
        client_secret: Some(Secret::from("integration-secret".to_owned())),
        redirect_uri: Some("https://pbx.example/amocrm".into()),
        ..config(w.server.url())
    };
    tracing::info!(?oauth, "as it is configured");
    let store = Arc::new(Lazy::new(w.folder.path().join("dozvon.sqlite")));
    let by_oauth = Amo::new(&oauth, store).unwrap();
    for tried in ["before the login", "logged in", "refused"] {
        match by_oauth.find(&phone(OLGA)).await {
            Ok(_) => tracing::info!(tried, "found"),
            Err(error) => tracing::warn!(tried, %error, ?error, "as the directory logs it"),
        }
        if tried == "before the login" {
            by_oauth.login("code-1").await.unwrap();
        }
        w.server.house().pair = 9;
    }
    // The account repeats what it refuses.
    let refused = |status| {
        let mut said = Said::refused(status, &format!("{NEW} is wrong, so is 8 9161110001"));
        said.body["hint"] = json!("89165550001");
        said.body["validation-errors"] =
            json!([{ "errors": [{ "path": "0.phone", "detail": "79165550001" }] }]);
        said
    };
    let html = Said { status: 500, body: json!("<html>+79165550001</html>"), kind: "text/html" };
    for status in [400, 401, 402, 403, 422, 429, 500] {
        for said in [refused(status), Said { status, ..html.clone() }] {
            let mut call = w.call("c1", NEW).await;
            w.server.fault("", 1, Wrong::Answer(said.clone()));
            let error = w.crm.find(&phone(OLGA)).await.unwrap_err();
            tracing::warn!(%error, ?error, "as the directory logs it");
            for action in [new_contact(), new_deal(), register()] {
                w.server.fault("POST", 1, Wrong::Answer(said.clone()));
                let done = call.tries(action).await;
                if let Err(why) = &done {
                    let (ApplyError::Later { why, .. }
                    | ApplyError::Denied { why, .. }
                    | ApplyError::Lost { why }
                    | ApplyError::Refused { why }) = why;
                    tracing::warn!(why, "as the outbox logs it");
                }
                tracing::debug!(?done, "as the outbox keeps it");
            }
            w.server.house().faults.clear();
        }
    }
    // A session of amoCRM's page: `{"typ":"JWT"…` in base64.
    let hidden = HIDDEN.into_iter().chain(["eyJ"]);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("as the outbox logs it") && text.contains("0.phone"), "{text}");
    for hidden in hidden {
        let line = text.lines().find(|line| line.contains(hidden));
        assert_eq!(line, None, "{hidden}");
    }
}
