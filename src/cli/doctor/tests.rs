use std::collections::HashMap;

use super::*;
use crate::core::ids::Extension;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Number, Status};

/// Answers of FreeSWITCH 1.10.12 with the files of `freeswitch-conf`; of the dialplan the two
/// contexts that matter. Changed by a test to what it is about.
struct Recorded(HashMap<String, String>);

impl Recorded {
    fn healthy() -> Self {
        let text = include_str!("../../../tests/transcripts/doctor/healthy.txt");
        let answers = text.split(">>> ").filter_map(|part| part.split_once('\n'));
        Self(answers.map(|(call, answer)| (call.into(), answer.trim_end().into())).collect())
    }

    fn with(mut self, call: &str, answer: &str) -> Self {
        self.0.insert(call.into(), answer.into());
        self
    }

    fn edited(self, call: &str, from: &str, to: &str) -> Self {
        let answer = self.0[call].replace(from, to);
        assert_ne!(answer, self.0[call], "`{from}` does not stand there");
        self.with(call, &answer)
    }
}

#[async_trait]
impl Ask for Recorded {
    async fn ask(&self, call: &str) -> Result<String, ControlError> {
        Ok(self.0.get(call).unwrap_or_else(|| panic!("`{call}` was not recorded")).clone())
    }
}

struct People(Result<Vec<Employee>, CrmError>);

#[async_trait]
impl Crm for People {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn find(&self, _: &Phone) -> Result<Option<crate::core::client::Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.0.clone()
    }

    async fn examine_places(&self, named: &[DealPlace]) -> Vec<Examined> {
        let missing = |place: &DealPlace| format!("{}: no {:?}", place.by, place.pipeline);
        named.iter().map(|place| Examined::Bad(missing(place), "make it".to_owned())).collect()
    }
}

fn employee(line: &str) -> Employee {
    Employee {
        id: line.into(),
        name: format!("Employee {line}"),
        numbers: vec![Number::Line(Extension::parse(line).unwrap())],
        groups: Vec::new(),
        deputy: None,
        status: Status::Active,
        online: None,
    }
}

const RULES: &str = "schema = 1\ntimezone = \"Europe/Moscow\"\n[lines.main]\nnumbers = \"any\"\nroute = \"r\"\n[routes.r]\ntitle = \"t\"\nwhy = \"w\"\nsteps = [{ do = \"owner\", ring = \"10s\" }, { do = \"queue\", queue = \"sales\" }]\n";

/// What is found with these answers, as text.
async fn findings(node: Recorded, rules: &str, staff: &[Employee]) -> String {
    let rules = Routing::parse("routing.toml", rules).unwrap();
    let dial = Dial { outside: "sofia/gateway/example.com/{e164}".into(), ..Dial::default() };
    let crm = People(Ok(Vec::new()));
    let calls = SocketAddr::from(([127, 0, 0, 1], 8084));
    let subject = Subject {
        nodes: Vec::new(),
        calls,
        dial: &dial,
        rules: &rules,
        sets: None,
        crm: &crm,
        recording: &RecordingConfig::default(),
    };
    let mut report = Report::default();
    node::Examination::new(&node, "fs".into(), &subject, staff).run(&mut report).await;
    let text = report.to_string();
    assert_eq!(report.healthy(), !text.contains("BAD "), "{text}");
    text
}

#[tokio::test]
async fn a_freeswitch_with_our_files_has_nothing_bad() {
    let node = Recorded::healthy()
        .with("sofia_contact */101@127.0.0.1", "sofia/internal/sip:101@127.0.0.1:16110");
    let text = findings(node, RULES, &[employee("101"), employee("102")]).await;
    let expected = "\
ok   fs: all 5 modules are loaded
ok   fs: the dialplan hands calls over: dozvon_transfer_extension (dozvon), dozvon_transfer_group (dozvon), dozvon_transfer_outside (dozvon), dozvon_inbound (public)
ok   fs, queue sales: 4 agents
ok   fs, gateway example.com: up, NOREG
note fs: 1 of 2 lines are registered, not 102 → turn the phones on, if they should ring now
";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn what_the_rules_need_and_freeswitch_lacks_is_named_with_the_rule() {
    let rules =
        RULES.replace("\"sales\" }", "\"vip\" }, { do = \"voicemail\", mailbox = \"105\" }");
    let node = Recorded::healthy().with("module_exists mod_voicemail", "false");
    let text = findings(node, &rules, &[]).await;
    assert!(
        text.contains(
            "BAD  fs: mod_voicemail is not loaded; it is needed for voicemail, routing.toml:9 → "
        ),
        "{text}"
    );
    assert!(text.contains("BAD  fs, queue vip: mod_callcenter knows no such queue → "), "{text}");
    assert!(
        text.contains("BAD  fs: mailbox 105 is not in the directory of domain 127.0.0.1"),
        "{text}"
    );
}

#[tokio::test]
async fn a_queue_without_agents_is_bad() {
    let node = Recorded::healthy().with(
        "callcenter_config tier list",
        "queue|agent|state|level|position\nother|1|Ready|1|1\n+OK",
    );
    let text = findings(node, RULES, &[]).await;
    assert!(text.contains("BAD  fs, queue sales: has no agent"), "{text}");
}

#[tokio::test]
async fn an_employee_who_is_not_in_the_directory_is_named() {
    let text = findings(Recorded::healthy(), RULES, &[employee("105")]).await;
    assert!(
        text.contains("BAD  fs: extension 105 (Employee 105) is not in the directory"),
        "{text}"
    );
}

#[tokio::test]
async fn a_gateway_that_is_missing_is_bad_only_where_an_employee_has_a_mobile() {
    let gone = "Invalid Gateway!";
    let node = || Recorded::healthy().with("sofia status gateway example.com", gone);
    let text = findings(node(), RULES, &[]).await;
    assert!(text.contains("note fs, gateway example.com: does not exist"), "{text}");
    let mut mobile = employee("101");
    mobile.numbers =
        vec![Number::Outside(Phone::parse("+79161234567", Region::default()).unwrap())];
    let text = findings(node(), RULES, &[mobile]).await;
    assert!(
        text.contains("BAD  fs, gateway example.com: does not exist; 1 outside number"),
        "{text}"
    );
}

const DIALPLAN: &str = "xml_locate dialplan";

#[tokio::test]
async fn a_dialplan_that_does_not_hand_calls_over_as_it_has_to_is_bad() {
    let fallback = "<action application=\"answer\"></action>";
    let cases = [
        (
            ":8084 async full",
            ":9999 async full",
            "hands calls to `127.0.0.1:9999 async full`, not to",
        ),
        (":8084 async full", ":8084 async", "runs `socket` with `127.0.0.1:8084 async`"),
        ("socket_resume=true", "socket_resume=false", "socket_resume=true does not stand before"),
        ("${dozvon_leaves}", "${other}", "whether the engine is about to end or not"),
        ("application=\"socket\"", "application=\"info\"", "no extension runs `socket`"),
    ];
    for (from, to, what) in cases {
        let text = findings(Recorded::healthy().edited(DIALPLAN, from, to), RULES, &[]).await;
        assert!(text.contains("BAD ") && text.contains(what), "{what}: {text}");
    }
    let bare = format!(
        "<section><context name=\"public\"><extension name=\"x\">\
         <action application=\"set\" data=\"socket_resume=true\"/>\
         <action application=\"socket\" data=\"127.0.0.1:8084 async full\"/></extension>\
         <extension name=\"y\">{fallback}</extension></context></section>"
    );
    let text = findings(Recorded::healthy().with(DIALPLAN, &bare), RULES, &[]).await;
    assert!(text.contains("nothing stands behind `socket` in extension `x`"), "{text}");
}

#[tokio::test]
async fn a_dialplan_that_cannot_be_seen_is_told_as_such() {
    let unseen = [
        Recorded::healthy().with(DIALPLAN, "can't find anything"),
        Recorded::healthy().edited(DIALPLAN, "127.0.0.1:8084", "${engine}"),
    ];
    for node in unseen {
        let text = findings(node, RULES, &[]).await;
        assert!(
            text.contains("note fs: whether the dialplan hands calls over cannot be told"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn nothing_at_all_there_is_said_line_by_line() {
    let rules = Routing::parse("routing.toml", RULES).unwrap();
    let (dial, crm) = (Dial::default(), People(Err(CrmError::Fault("401, wrong token".into()))));
    // Bound and dropped: nobody listens there now.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let calls = free.local_addr().unwrap();
    drop(free);
    let nodes = vec![NodeConfig::new("fs1".into(), calls.to_string(), "ClueCon")];
    let subject = Subject {
        nodes,
        calls,
        dial: &dial,
        rules: &rules,
        sets: None,
        crm: &crm,
        recording: &RecordingConfig::default(),
    };
    let report = examine(subject).await;
    let text = report.to_string();
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(text.contains("BAD  CRM test: the CRM failed: 401, wrong token"), "{text}");
    assert!(text.contains(&format!("BAD  calls: nobody listens on {calls}")), "{text}");
    assert!(text.contains(&format!("BAD  FreeSWITCH fs1: {calls}: no connection: ")), "{text}");
    assert!(text.contains("→ is FreeSWITCH running, and does event_socket.conf.xml"), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["healthy"], false);
    assert_eq!(json["findings"][1]["verdict"], "bad");
}

#[tokio::test]
async fn places_for_deals_that_the_rules_name_are_looked_for_in_the_crm() {
    let rules = Routing::parse("routing.toml", RULES).unwrap();
    let crm = People(Ok(vec![employee("101")]));
    let folder = tempfile::tempdir().unwrap();
    let set = include_str!("../../../rules/sipuni.toml");
    let given = "[settings.pipeline]\ntype = \"text\"\nvalue = ";
    let set = set.replace(&format!("{given}\"\""), &format!("{given}\"Продажи\""));
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, set).unwrap();
    let config = crate::config::Rules { set: file.display().to_string(), ..Default::default() };
    let sets = Sets::load(&config).unwrap_or_else(|error| panic!("{:?}", error.lines()));
    let subject = Subject {
        nodes: Vec::new(),
        calls: SocketAddr::from(([127, 0, 0, 1], 9)),
        dial: &Dial::default(),
        rules: &rules,
        sets: Some(&sets),
        crm: &crm,
        recording: &RecordingConfig::default(),
    };
    let text = examine(subject).await.to_string();
    let told: Vec<_> = text.lines().filter(|line| line.contains("Продажи")).collect();
    assert_eq!(told.len(), 1, "each place once: {text}");
    assert!(told[0].starts_with("BAD  CRM test: ") && told[0].contains("mine.toml:"), "{text}");
}
