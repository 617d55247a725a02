//! A company with amoCRM that goes by the rules of CoMagic, in virtual time.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event, Known, Speaker};
use dozvon::core::facts::Direction;
use dozvon::crm::Crm;
use dozvon::crm::several::Several;
use dozvon::metrics::Metrics;
use dozvon::outbox::OutboxConfig;
use dozvon::sales::{self, Desk, Sale, SalesConfig, Seller, Standing};
use dozvon::store::Store;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::crm_outbox::{Hours, parts};
use crate::office::{World, phone};

/// The CRM's name in the configuration.
pub const SHOP: &str = "shop";

pub struct House<'r> {
    pub rt: &'r Runtime,
    pub w: World,
    pub hours: Hours<'r>,
    pub metrics: Arc<Metrics>,
    crm: Arc<dyn Crm>,
}

pub fn moscow() -> TimeZone {
    TimeZone::get("Europe/Moscow").unwrap()
}

/// The set as it is delivered, with the account's employees; a form becomes a deal at once.
fn set(folder: &Path) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/comagic.toml");
    let text = std::fs::read_to_string(file).unwrap().replace("\"101\"", "\"504141\"");
    let text = text.replace("value = \"by_call\"", "value = \"deal\"");
    let file = folder.join("comagic.toml");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

impl<'r> House<'r> {
    /// `fields`: the account has the field in which cards keep their communication.
    pub fn new(rt: &'r Runtime, fields: bool) -> Self {
        let w = rt.block_on(World::with(|config| {
            config.numbers.insert("504141".into(), vec!["101".into()]);
            config.numbers.insert("504142".into(), vec!["102".into()]);
            config.timeout = Duration::from_secs(20);
        }));
        if fields {
            let account = &mut w.server.house().account;
            for (kind, id) in [("leads", 950), ("contacts", 951)] {
                let field = json!({ "id": id, "name": "communication_id", "code": null,
                    "type": "text" });
                account.fields.get_mut(kind).unwrap().push(field);
            }
        }
        let crm = Arc::new(w.crm.clone());
        let set = set(w.folder.path());
        let parts = parts(crm.clone(), &set, &w.folder, OutboxConfig::default());
        let hours = Hours::begin(rt, rt.block_on(parts));
        let crm = Arc::new(Several::new((SHOP.to_owned(), crm), []));
        Self { rt, w, hours, metrics: Arc::new(Metrics::new().unwrap()), crm }
    }

    pub fn seller(&self, change: impl FnOnce(&mut SalesConfig)) -> Seller {
        // No night comes of itself, whatever the hour at which this is run.
        let noon = self.hours.now() + SignedDuration::from_hours(12);
        let at = noon.to_zoned(moscow()).time().with().second(0).subsec_nanosecond(0).build();
        let mut config = SalesConfig { at: at.unwrap(), ..SalesConfig::default() };
        change(&mut config);
        Seller {
            config,
            crm: self.crm.clone(),
            zone: Arc::new(moscow),
            wall: self.hours.wall(),
            metrics: self.metrics.clone(),
        }
    }

    /// The nightly work of an engine, until the guard is dropped.
    pub fn engine(&self, seller: Seller) -> (Arc<Desk>, impl Drop + use<>) {
        let stop = CancellationToken::new();
        let (desk, work) = sales::begin(seller, self.hours.outbox.store(), stop.clone());
        self.rt.spawn(work);
        (desk, stop.drop_guard())
    }

    pub fn store(&self) -> Store {
        self.hours.store()
    }

    /// Lets what follows from so many occurrences be told to the CRM.
    fn told(&self, call: &str, occurred: i64) {
        for _ in 0..60 {
            self.hours.pass(Duration::from_secs(2), || self.w.server.house().said.len());
            let store = self.store();
            let rows = sqlx::query_scalar("SELECT count(*) FROM journal WHERE call = ?").bind(call);
            let rows: i64 = self.rt.block_on(rows.fetch_one(store.pool())).unwrap();
            if rows == occurred && self.hours.open().is_empty() {
                return;
            }
        }
        panic!("it is not told: {:#?}", self.hours.open());
    }

    /// A call or form with these occurrences, carried out.
    pub fn occurs(&self, call: &str, number: &str, direction: Direction, events: &[Event]) {
        let who = Speaker { employee: Some("504142".into()), number: "102".into() };
        let begun = self.hours.now();
        self.hours.outbox.began(&call.into(), Some("moscow"));
        for (event, seq) in events.iter().copied().zip(1..) {
            let answered = matches!(event, Event::Answered | Event::Ended);
            let at = self.hours.now();
            let case = Case {
                call: call.into(),
                seq,
                event,
                at,
                direction,
                number: Some(phone(number)),
                client: Known::Unsure,
                first: answered.then(|| who.clone()),
                last: answered.then(|| who.clone()),
                caller: None,
                started: begun,
                answered: answered.then_some(begun),
                ended: (event == Event::Ended).then_some(at),
                talked: if event == Event::Ended { 65 } else { 0 },
                ..crate::office::case(call, number)
            };
            self.hours.outbox.occurred(case);
            self.told(call, i64::from(seq));
        }
    }

    pub fn calls(&self, call: &str, number: &str) {
        let talk = [Event::Ringing, Event::Answered, Event::Ended];
        self.occurs(call, number, Direction::Inbound, &talk);
    }

    /// The deals that were made since, by their ids.
    pub fn deals(&self) -> Vec<i64> {
        let house = self.w.server.house();
        let ids = house.account.all("leads").into_iter().map(|lead| lead["id"].as_i64().unwrap());
        ids.filter(|id| *id > 1000).collect()
    }

    /// A deal is won now.
    pub fn wins(&self, id: i64) {
        let now = self.hours.now().as_second() + 1;
        let house = &mut self.w.server.house();
        let leads = house.account.records.get_mut("leads").unwrap();
        let lead: &mut Value = leads.get_mut(&id).unwrap();
        (lead["status_id"], lead["closed_at"]) = (json!(142), json!(now));
        lead["price"] = json!(1000);
    }

    /// Moves the clock, with nothing under way, and lets come what comes of it.
    pub fn at(&self, time: Timestamp) {
        let left = time.duration_since(self.hours.now());
        self.rt.block_on(tokio::time::advance(Duration::try_from(left).unwrap()));
    }

    pub fn later(&self, time: SignedDuration) {
        self.at(self.hours.now() + time);
    }

    pub fn standing(&self, desk: &Desk) -> Standing {
        let all = self.rt.block_on(desk.standing(&self.store())).unwrap();
        assert_eq!(all.len(), 1);
        all.into_iter().next().unwrap()
    }

    /// Waits in real time; the clock of the company hardly moves.
    pub fn until(&self, desk: &Desk, what: &str, is: impl Fn(&Standing) -> bool) -> Standing {
        let begun = std::time::Instant::now();
        loop {
            let standing = self.standing(desk);
            if is(&standing) && !standing.running {
                return standing;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {standing:?}");
            // Requests wait for their turn.
            self.rt.block_on(tokio::time::advance(Duration::from_millis(50)));
            let breath = self.rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
            self.rt.block_on(breath).unwrap();
        }
    }

    /// Deal, communication and step of each sale.
    pub fn sales(&self, desk: &Desk) -> Vec<(String, String, &'static str)> {
        let list = self.rt.block_on(desk.list(&self.store(), Some(SHOP), 0, 100)).unwrap();
        let told = |sale: Sale| (sale.deal.to_string(), sale.call.to_string(), sale.step.as_str());
        list.into_iter().map(told).collect()
    }

    pub fn execute(&self, statement: &'static str) {
        let store = self.store();
        self.rt.block_on(sqlx::query(statement).execute(store.pool())).unwrap();
    }
}
