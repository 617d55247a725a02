//! The control link and `dozvon doctor` on a real FreeSWITCH. Skipped, with the reason, where none
//! is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dozvon::cli::doctor::{Subject, Verdict, examine};
use dozvon::core::client::Client;
use dozvon::core::ids::{Extension, NodeId};
use dozvon::core::phone::Phone as Number;
use dozvon::core::staff::{Employee, Presence, Status};
use dozvon::crm::{Crm, CrmError};
use dozvon::metrics::Metrics;
use dozvon::rules::Routing;
use dozvon::switch::control::{ControlError, News, NodeConfig, Nodes};
use dozvon::switch::dial::Dial;
use dozvon::switch::presence::PresenceStore;
use house::freeswitch::DOMAIN;
use house::{AT_ONCE, House, SOON};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

fn line(text: &str) -> Extension {
    Extension::parse(text).expect("digits")
}

fn node(house: &House) -> NodeConfig {
    NodeConfig::new(NodeId::new("fs"), house.freeswitch.control.to_string(), "ClueCon")
}

async fn up(house: &House) -> Arc<Nodes> {
    let metrics = Arc::new(Metrics::new().expect("once"));
    let nodes = Nodes::start(vec![node(house)], metrics, CancellationToken::new());
    let mut news = nodes.news();
    let waited = async { while !matches!(news.next().await, News::Up(_)) {} };
    timeout(SOON, waited).await.expect("the link comes up");
    nodes
}

/// Waits until the store says so.
async fn until(what: &str, wait: Duration, says: impl Fn() -> bool) {
    let deadline = Instant::now() + wait;
    while !says() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until_busy(presence: &PresenceStore, extension: &str, busy: bool) {
    let what = format!("{extension} busy: {busy}");
    until(&what, SOON, || presence.busy(&line(extension)) == Some(busy)).await;
}

/// E10: who is registered is known from the first moment, and who is busy from the events; both
/// for one who is rung and for one who calls.
#[tokio::test]
async fn e10_registered_and_busy_lines_of_a_real_freeswitch() {
    let Some(house) = House::build("127.0.0.1:9").await else {
        return;
    };
    // FreeSWITCH writes its tables a moment after it has answered the REGISTER.
    while !house.freeswitch.api("show registrations count").await.contains("4 total") {
        sleep(Duration::from_millis(20)).await;
    }
    let nodes = up(&house).await;
    let presence = nodes.presence();
    assert_eq!(presence.registered(&line("101")), Some(true));
    assert_eq!(presence.registered(&line("109")), Some(false));
    assert_eq!(presence.busy(&line("101")), Some(false));

    house.phone(101).behave(AT_ONCE);
    let fs = NodeId::new("fs");
    let originate = "originate {originate_timeout=10}user/101@127.0.0.1 &park";
    let answer = nodes.bgapi(&fs, originate, SOON).await.expect("101 answers");
    let leg = answer.strip_prefix("+OK ").expect("+OK and the leg").trim().to_owned();
    until_busy(&presence, "101", true).await;
    let exists = nodes.api(&fs, &format!("uuid_exists {leg}")).await;
    assert_eq!(exists.as_deref(), Ok("true"));
    nodes.api(&fs, &format!("uuid_kill {leg}")).await.expect("killed");
    until_busy(&presence, "101", false).await;

    let out = house.phone(102).call(house.freeswitch.phones, "103", "Two", "102").await;
    until_busy(&presence, "102", true).await;
    until_busy(&presence, "103", true).await;
    out.cancel().await;
    until_busy(&presence, "102", false).await;
    until_busy(&presence, "103", false).await;

    let absent = nodes.bgapi(&fs, "originate user/109@127.0.0.1 &park", SOON).await;
    assert!(matches!(&absent, Err(ControlError::Refused(_))), "{absent:?}");
    assert_eq!(nodes.jobs_waiting(), 0);
    // Another call-id than it had registered with: the tables tell.
    assert_eq!(house.phone(104).register(house.freeswitch.phones, DOMAIN, 0).await, 200);
    let gone = || presence.registered(&line("104")) == Some(false);
    until("104 is not registered", SOON * 3, gone).await;
}

struct Staff;

#[async_trait]
impl Crm for Staff {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn find(&self, _: &Number) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let employee = |extension: &str| Employee {
            id: extension.into(),
            name: extension.into(),
            numbers: vec![dozvon::core::staff::Number::Line(line(extension))],
            groups: Vec::new(),
            deputy: None,
            status: Status::Active,
            online: None,
        };
        Ok(vec![employee("101"), employee("102")])
    }
}

/// With the files of `freeswitch-conf` and the default rules nothing is bad; and with a wrong
/// password exactly that is said.
#[tokio::test]
async fn doctor_finds_nothing_bad_in_a_freeswitch_with_our_files() {
    // The test stands in for the engine: somebody listens.
    let engine = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let calls: SocketAddr = engine.local_addr().expect("bound");
    let Some(house) = House::build(&calls.to_string()).await else {
        return;
    };
    let rules = Routing::default_rules().expect("tested");
    let dial = Dial::default();
    let recording = dozvon::recording::RecordingConfig::default();
    let subject = |nodes| Subject {
        nodes,
        calls,
        dial: &dial,
        rules: &rules,
        sets: None,
        crm: &Staff,
        recording: &recording,
    };
    let report = examine(subject(vec![node(&house)])).await;
    assert!(report.healthy(), "{report}");
    let text = report.to_string();
    assert!(text.contains("dozvon_inbound (public)"), "{text}");
    assert!(text.contains("2 of 2 lines are registered"), "{text}");

    let mut wrong = node(&house);
    wrong.password = "wrong".into();
    let report = examine(subject(vec![wrong])).await;
    let bad: Vec<_> = report.findings().iter().filter(|f| f.verdict == Verdict::Bad).collect();
    assert_eq!(bad.len(), 1, "{report}");
    assert!(bad[0].what.contains("the password was refused"), "{report}");
}
