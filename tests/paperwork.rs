//! From the ringing to the record: the simulated FreeSWITCH, the engine, its outbox and the
//! built-in CRM in one process. What stands in the CRM afterwards is compared whole.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dozvon::app::App;
use dozvon::config::{Config, Node};
use dozvon::core::ids::CallId;
use dozvon::crm::builtin::view::{
    CallRow, ContactRow, DealRow, Listed, NoteRow, NotificationRow, TaskRow, UnsortedRow,
};
use dozvon::crm::builtin::{Builtin, load_sample};
use dozvon::demo::{Learnt, Outage, Papers};
use dozvon::recording::Template;
use dozvon::rules::set::Sets;
use dozvon::rules::{Routing, RuleSet};
use dozvon::sim::{Agent, CallSpec, Caller, FreeSwitch, Queue, Script};
use dozvon::store::Store;
use jiff::Timestamp;
use tempfile::TempDir;

const LINE: &str = "+74951234567";
/// Nobody knows this number.
const NEW: &str = "+79265550000";
/// A client with the open deal d1, both of 101.
const OLGA: &str = "+79161110001";
/// A client with the open deal d2, both of 102.
const JOHN: &str = "+79161110002";
/// A client with closed deals only, of 106.
const MARIA: &str = "+79161110004";
/// The owner, then 106, then 101.
const PEOPLE: &str = "{ do = \"owner\", ring = \"5s\" }, \
    { do = \"employee\", employee = \"106\", ring = \"5s\" }, \
    { do = \"employee\", employee = \"101\", ring = \"5s\" }";
/// Somebody who never answers.
const NOBODY: &str = "{ do = \"employee\", employee = \"103\", ring = \"2s\" }";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn talks() -> Caller {
    Caller::stays().talks_for(secs(4)).gives_up_after(secs(100))
}

struct House {
    app: App,
    switch: FreeSwitch,
    crm: Builtin,
    outage: Arc<Outage>,
    papers: Papers,
    began: Timestamp,
    _folder: TempDir,
}

impl House {
    /// The sample company with this built-in set; each call goes these steps.
    async fn new(set: &str, steps: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("dozvon.sqlite");
        let store = Store::open(&config.store.path).await.unwrap();
        load_sample(&store).await.unwrap();
        let began = Timestamp::now();
        let crm = Builtin::new(store.clone());
        let outage = Arc::new(Outage::new(crm.clone()));
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .tick(Duration::ZERO)
            .phone("101", Script::answers(secs(2)))
            .phone("102", Script::answers(secs(2)))
            .phone("103", Script::silent())
            .phone("106", Script::answers(secs(2)))
            .agent(Agent::new("egor", "106"))
            .agent(Agent::new("boris", "102"))
            .queue("sales", Queue::new(&["egor", "boris"]))
            .voicemail("100")
            .gateway("mobile")
            .recordings(folder.path().to_owned())
            .start()
            .await
            .unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.calls.listen, config.http.listen) = (any, any);
        // Port 9 is nobody's: the control link stays down.
        config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
        let sounds = folder.path().join("{call}.wav");
        config.recording.path = Some(Template::parse(sounds.to_str().unwrap()).unwrap());
        config.recording.base_url = Some("https://rec.example".into());
        config.outbox.retry = Duration::from_millis(10);
        config.outbox.retry_max = Duration::from_millis(40);
        config.outbox.poll = Duration::from_millis(10);
        let routing = format!(
            "schema = 1\ntimezone = \"Europe/Moscow\"\n[lines.main]\nnumbers = \"any\"\nroute = \"r\"\n\
             fields = {{ utm_source = \"yandex\" }}\n\
             [routes.r]\ntitle = \"t\"\nwhy = \"w\"\nsteps = [{steps}]\n"
        );
        let routing = Routing::parse("test.toml", &routing).unwrap();
        let sets = Sets::only(Arc::new(RuleSet::builtin(set).unwrap().unwrap()));
        let app = App::start_ruled(&config, outage.clone(), routing, sets).await.unwrap();
        switch.set_engine(&app.calls.to_string());
        let papers = Papers::new(store);
        Self { app, switch, crm, outage, papers, began, _folder: folder }
    }

    /// A call from beginning to end, and until the CRM has learnt all of it.
    async fn call(&self, spec: CallSpec) -> Vec<Learnt> {
        let report = self.switch.call(spec).report().await;
        self.learnt(&CallId::new(report.uuid)).await
    }

    async fn learnt(&self, call: &CallId) -> Vec<Learnt> {
        let learnt = self.papers.learnt(call).await.unwrap();
        let undone: Vec<_> = learnt.iter().filter_map(Learnt::undone).collect();
        assert!(undone.is_empty(), "{undone:?}");
        learnt
    }

    async fn inbound(&self, from: &str) {
        self.call(CallSpec::new(from, LINE).caller(talks())).await;
    }

    async fn outbound(&self, from: &str, to: &str, script: Script) {
        self.switch.set_phone(to, script);
        let spec = CallSpec::new(from, to)
            .variable("dozvon_direction", "outbound")
            .variable("effective_caller_id_number", LINE);
        self.call(spec.caller(talks())).await;
    }

    async fn rows<T: Listed>(&self, line: impl Fn(&T) -> Option<String>) -> Vec<String> {
        let rows = self.crm.list::<T>(None, 1000).await.unwrap();
        rows.iter().rev().filter_map(line).collect()
    }

    /// Every record the calls left, one a line, by kind and in order.
    async fn made(&self) -> Vec<String> {
        let or = |of: &Option<String>| of.clone().unwrap_or_else(|| "-".into());
        let new = |at: Timestamp| at >= self.began;
        let contacts = self.rows::<ContactRow>(|r| {
            let said = format!("contact {} {} of {}", r.id, r.name, or(&r.owner));
            new(r.created.timestamp()).then_some(said)
        });
        let deals = self.rows::<DealRow>(|r| {
            let said = format!("deal {} \"{}\" of {}, {}", r.id, r.title, or(&r.owner), r.client);
            new(r.created.timestamp()).then_some(said)
        });
        let unsorted = self.rows::<UnsortedRow>(|r| {
            Some(format!("unsorted {} {} {} \"{}\"", r.kind, r.state, or(&r.number), r.title))
        });
        let calls = self.rows::<CallRow>(|r| {
            assert_eq!(r.recording.is_some(), r.answered.is_some(), "A12: {r:?}");
            assert!(r.ended.is_some(), "A12: {r:?}");
            let (who, number, client, deal) =
                (or(&r.who), or(&r.number), or(&r.client), or(&r.deal));
            Some(format!("call {} {} {who} {number} {client} {deal}", r.direction, r.result))
        });
        let tasks = self.rows::<TaskRow>(|r| {
            let state = if r.done { "done" } else { "open" };
            Some(format!("task {} {state} of {} on {}", r.kind, r.owner, or(&r.deal)))
        });
        let notes = self.rows::<NoteRow>(|r| {
            let heard = r.text.contains("https://rec.example");
            Some(format!("{} on {} {}, recording: {heard}", r.kind, or(&r.client), or(&r.deal)))
        });
        let told = self.rows::<NotificationRow>(|r| {
            let link = r.link.as_deref().unwrap_or("-").replace("dozvon crm show ", "");
            Some(format!("told {}: {} [{link}]", r.recipient, r.text))
        });
        let (mut tasks, all) =
            (tasks.await, [contacts.await, deals.await, unsorted.await, calls.await]);
        tasks.sort();
        [all.concat(), tasks, notes.await, told.await].concat()
    }
}

#[tokio::test]
async fn c01_two_calls_of_a_new_number_in_one_second_are_one_contact_one_deal_and_two_calls() {
    let house = House::new("amocrm-classic", "{ do = \"queue\", queue = \"sales\" }").await;
    let call = || house.switch.call(CallSpec::new(NEW, LINE).caller(talks()));
    let (one, two) = (call(), call());
    let reports = [one.report().await, two.report().await];
    for report in reports {
        house.learnt(&CallId::new(report.uuid)).await;
    }
    let made = house.made().await;
    let count = |kind: &str| made.iter().filter(|line| line.starts_with(kind)).count();
    assert_eq!((count("contact"), count("deal"), count("unsorted")), (1, 1, 0), "{made:#?}");
    let calls: Vec<_> = made.iter().filter(|line| line.starts_with("call")).collect();
    assert_eq!(calls.len(), 2, "{made:#?}");
    assert!(calls.iter().all(|call| call.ends_with(" dz1 dz2")), "{made:#?}");
    assert_eq!(count("told"), 2, "each who answered is told: {made:#?}");
}

#[tokio::test]
async fn a01_a_call_is_registered_while_they_talk_and_a12_completed_at_its_end() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    let caller = Caller::stays().hangs_up_after(secs(200));
    let call = house.switch.call(CallSpec::new(OLGA, LINE).caller(caller));
    let talking = async {
        loop {
            if let Some(row) = house.crm.list::<CallRow>(None, 1).await.unwrap().pop() {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let row = tokio::time::timeout(secs(30), talking).await.unwrap();
    assert_eq!(
        (row.result.as_str(), row.who.as_deref(), row.ended),
        ("answered", Some("101"), None)
    );
    assert!(row.recording.is_some_and(|url| url.starts_with("https://rec.example/")));
    assert_eq!(house.app.engine.calls.len(), 1, "they still talk");
    let id = CallId::new(call.uuid());
    call.report().await;
    house.learnt(&id).await;
    let row = house.crm.list::<CallRow>(None, 2).await.unwrap().pop().unwrap();
    assert!(row.ended.is_some() && row.talked > 0, "{row:?}");
}

#[tokio::test]
async fn a01_a02_a_new_client_is_contact_and_deal_of_who_answered() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.inbound(NEW).await;
    assert_eq!(
        house.made().await,
        [
            "contact dz1 +79265550000 of 106",
            "deal dz2 \"Входящий звонок +79265550000\" of 106, dz1",
            "call inbound answered 106 +79265550000 dz1 dz2",
            "told 106: Входящий звонок: новый клиент, +79265550000 [deal dz2]",
        ]
    );
}

#[tokio::test]
async fn a02_a_known_client_with_no_open_deal_gets_one_of_who_answered() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.inbound(MARIA).await;
    assert_eq!(
        house.made().await,
        [
            "deal dz1 \"Входящий звонок Мария Лебедева\" of 106, c4",
            "call inbound answered 106 +79161110004 c4 dz1",
            "told 106: Входящий звонок: Мария Лебедева, +79161110004 [deal dz1]",
        ]
    );
}

#[tokio::test]
async fn a03_with_an_open_deal_nothing_is_made() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.inbound(OLGA).await;
    assert_eq!(
        house.made().await,
        [
            "call inbound answered 101 +79161110001 c1 d1",
            "told 101: Входящий звонок: Ольга Белова, +79161110001 [deal d1]",
        ]
    );
}

#[tokio::test]
async fn a06_a07_missed_without_an_open_deal_is_unsorted_and_the_list_is_told() {
    let house = House::new("amocrm-classic", NOBODY).await;
    house.inbound(NEW).await;
    assert_eq!(
        house.made().await,
        [
            "unsorted call waiting +79265550000 \"Пропущенный звонок +79265550000\"",
            "call inbound missed - +79265550000 - -",
            "told 101: Пропущенный звонок: новый клиент, +79265550000 [-]",
        ]
    );
}

#[tokio::test]
async fn a06_a08_missed_with_an_open_deal_everybody_is_told() {
    let house = House::new("amocrm-classic", NOBODY).await;
    house.inbound(OLGA).await;
    let mut told = vec!["call inbound missed - +79161110001 c1 d1".to_owned()];
    told.extend((101..=106).map(|id| {
        format!("told {id}: Пропущенный звонок: Ольга Белова, +79161110001. Ответственный: Анна Смирнова [deal d1]")
    }));
    assert_eq!(house.made().await, told);
}

#[tokio::test]
async fn a09_a10_a_call_to_a_new_number_is_contact_and_deal_of_who_called() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.outbound("102", NEW, Script::answers(secs(2))).await;
    assert_eq!(
        house.made().await,
        [
            "contact dz1 +79265550000 of 102",
            "deal dz2 \"Исходящий звонок +79265550000\" of 102, dz1",
            "call outbound answered 102 +79265550000 dz1 dz2",
            "told 102: Исходящий звонок: новый клиент, +79265550000 [deal dz2]",
        ]
    );
}

#[tokio::test]
async fn a09_a_failed_attempt_is_registered_and_that_is_all() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.outbound("102", NEW, Script::busy()).await;
    assert_eq!(house.made().await, ["call outbound unreached 102 +79265550000 - -"]);
}

#[tokio::test]
async fn a11_a_call_to_a_client_of_an_open_deal_shows_who_called_that_deal() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.outbound("102", OLGA, Script::answers(secs(2))).await;
    assert_eq!(
        house.made().await,
        [
            "call outbound answered 102 +79161110001 c1 d1",
            "told 102: Исходящий звонок: Ольга Белова, +79161110001 [deal d1]",
        ]
    );
}

#[tokio::test]
async fn b05_a_new_client_and_then_b06_another_one_answers_him() {
    let house = House::new("retailcrm-matrix", PEOPLE).await;
    house.inbound(NEW).await;
    let first = house.made().await;
    assert_eq!(
        first[..4],
        [
            "contact dz1 +79265550000 of 106",
            "deal dz2 \"Заказ по звонку +79265550000\" of 106, dz1",
            "call inbound answered 106 +79265550000 dz1 dz2",
            "note on dz1 -, recording: true",
        ]
    );
    let order = house.crm.show::<DealRow>("dz2").await.unwrap().unwrap();
    assert_eq!(order.record.fields.value()["utm_source"], "yandex");

    house.switch.set_phone("106", Script::busy());
    house.inbound(NEW).await;
    let made = house.made().await;
    assert_eq!(
        made[..6],
        [
            "contact dz1 +79265550000 of 106",
            "deal dz2 \"Заказ по звонку +79265550000\" of 106, dz1",
            "call inbound answered 106 +79265550000 dz1 dz2",
            "call inbound answered 101 +79265550000 dz1 dz2",
            "task review open of 106 on dz2",
            "task talk done of 101 on dz2",
        ]
    );
}

#[tokio::test]
async fn b10_a_message_is_a_task_of_the_senior_manager_or_of_the_orders_owner() {
    let steps = format!("{NOBODY}, {{ do = \"voicemail\", mailbox = \"100\" }}");
    let house = House::new("retailcrm-matrix", &steps).await;
    for from in [NEW, JOHN] {
        let caller = Caller::stays().hangs_up_after(secs(20));
        house.call(CallSpec::new(from, LINE).caller(caller)).await;
    }
    let mut made = house.made().await;
    made.retain(|line| !line.starts_with("told"));
    assert_eq!(
        made,
        [
            "contact dz1 +79265550000 of 101",
            "deal dz2 \"Голосовое сообщение +79265550000\" of 101, dz1",
            "call inbound voicemail - +79265550000 dz1 dz2",
            "call inbound voicemail - +79161110002 c2 d2",
            "task call_back open of 101 on dz2",
            "task call_back open of 102 on d2",
            "voicemail on dz1 dz2, recording: false",
            "voicemail on c2 d2, recording: false",
        ]
    );
}

#[tokio::test]
async fn e02_a_call_that_is_passed_on_is_one_registered_call_of_who_answered_first() {
    let house = House::new("amocrm-classic", PEOPLE).await;
    house.switch.set_phone("101", Script::answers(secs(2)).transfers(secs(3), "102"));
    let caller = Caller::stays().hangs_up_after(secs(12));
    let learnt = house.call(CallSpec::new(OLGA, LINE).caller(caller)).await;
    assert_eq!(
        house.made().await,
        [
            "call inbound answered 101 +79161110001 c1 d1",
            "told 101: Входящий звонок: Ольга Белова, +79161110001 [deal d1]",
        ]
    );
    let last = learnt.iter().filter_map(|l| l.judged.case.last.as_ref()).next_back().unwrap();
    assert_eq!(last.number, "102");
}

#[tokio::test]
async fn e09_what_a_crm_misses_while_it_is_down_it_learns_once() {
    let house = House::new("amocrm-classic", "{ do = \"queue\", queue = \"sales\" }").await;
    house.outage.set_down(true);
    let mut calls = Vec::new();
    for from in [NEW, OLGA] {
        let report = house.switch.call(CallSpec::new(from, LINE).caller(talks())).report().await;
        let id = CallId::new(report.uuid);
        assert!(house.papers.waiting(&id).await.unwrap() > 0);
        calls.push(id);
    }
    assert_eq!(house.made().await, [""; 0]);
    house.outage.set_down(false);
    for call in &calls {
        house.learnt(call).await;
    }
    let mut made = house.made().await;
    // Clients go in parallel: who is first is nobody's affair.
    made[2..].sort();
    assert_eq!(
        made,
        [
            "contact dz1 +79265550000 of 106",
            "deal dz2 \"Входящий звонок +79265550000\" of 106, dz1",
            "call inbound answered 106 +79161110001 c1 d1",
            "call inbound answered 106 +79265550000 dz1 dz2",
            "told 106: Входящий звонок: Ольга Белова, +79161110001 [deal d1]",
            "told 106: Входящий звонок: новый клиент, +79265550000 [deal dz2]",
        ]
    );
}
