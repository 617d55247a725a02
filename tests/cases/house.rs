//! A company on the simulated FreeSWITCH, and a clerk who keeps what he is told.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::case::{Case, Event};
use dozvon::core::record::CallRecord;
use dozvon::rules::Routing;
use dozvon::sim::{Agent, Builder, CallReport, CallSpec, Caller, FreeSwitch, Queue, Script};

use crate::engine::{Engine, MemoryCrm};
use crate::paper::{Paper, Word};

/// The company's number, of the line `moscow`.
pub const LINE: &str = "+74951234567";
/// A client of 101.
pub const OLGA: &str = "+79161110001";
/// A client of 103, who never answers.
pub const IVAN: &str = "+79161110003";
/// Nobody knows him.
pub const STRANGER: &str = "+79265550000";
/// Simulated time runs this much faster.
const SPEED: f64 = 40.0;

pub const STEPS: &str =
    "{ do = \"owner\", ring = \"10s\" }, { do = \"queue\", queue = \"sales\", wait = \"60s\" }";

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A caller who talks for 4 s.
pub fn talks() -> Caller {
    Caller::stays().talks_for(secs(4)).gives_up_after(secs(100))
}

/// Phones 101 to 106, and the queue `sales` with 106 in it. The client's phone is `OLGA`.
pub fn switch() -> Builder {
    FreeSwitch::builder()
        .speed(SPEED)
        .tick(Duration::ZERO)
        .phone("101", Script::answers(secs(2)))
        .phone("102", Script::answers(secs(2)))
        .phone("103", Script::silent())
        .phone("106", Script::answers(secs(2)))
        .agent(Agent::new("106", "106"))
        .queue("sales", Queue::new(&["106"]))
        .voicemail("100")
        .gateway("mobile")
}

pub fn rules(steps: &str) -> Routing {
    let text = format!(
        "schema = 1\ntimezone = \"Europe/Moscow\"\n\
         [lines.moscow]\nnumbers = \"{LINE}\"\nroute = \"r\"\nfields = {{ utm_source = \"yandex\" }}\n\
         [lines.other]\nnumbers = \"any\"\nroute = \"r\"\n\
         [routes.r]\ntitle = \"t\"\nwhy = \"w\"\nsteps = [{steps}]\n\
         [blocked]\nnumbers = [\"+74990000000\"]\n"
    );
    Routing::parse("test.toml", &text).unwrap()
}

/// What the clerk learnt of one call.
#[derive(Debug)]
pub struct Told {
    pub report: CallReport,
    pub record: Arc<CallRecord>,
    pub line: Option<String>,
    pub cases: Vec<Case>,
}

impl Told {
    pub fn events(&self) -> Vec<Event> {
        self.cases.iter().map(|case| case.event).collect()
    }

    pub fn case(&self, event: Event) -> &Case {
        let found = self.cases.iter().find(|case| case.event == event);
        found.unwrap_or_else(|| panic!("no {event:?} in {self:#?}"))
    }
}

pub struct House {
    pub engine: Engine,
    pub switch: FreeSwitch,
    pub paper: Arc<Paper>,
}

impl House {
    pub async fn new() -> Self {
        Self::with(switch(), STEPS).await
    }

    pub async fn with(switch: Builder, steps: &str) -> Self {
        let paper = Arc::<Paper>::default();
        let crm = MemoryCrm::default()
            .mobile(104, "+79035550104")
            .client(OLGA, "Ольга", "e101")
            .client(IVAN, "Иван", "e103");
        let engine = Engine::start_told(crm, rules(steps), None, paper.clone()).await;
        let switch = switch.engine(&engine.app.calls.to_string()).start().await.unwrap();
        Self { engine, switch, paper }
    }

    /// A call from beginning to end, and what was said of it.
    pub async fn call(&mut self, spec: CallSpec) -> Told {
        let report = self.switch.call(spec).report().await;
        let record = self.engine.record().await;
        assert_eq!(report.uuid, record.id.as_str());
        self.told(report, record)
    }

    /// What was said of a call: first that it began, last its record, the cases numbered between.
    pub fn told(&self, report: CallReport, record: Arc<CallRecord>) -> Told {
        let mut words = self.paper.words(&report.uuid);
        assert!(
            matches!(words.last(), Some(Word::Closed(last)) if **last == *record),
            "{words:#?}"
        );
        words.pop();
        let Word::Began(_, line) = words.remove(0) else { panic!("it begins") };
        let case = |word: Word| match word {
            Word::Occurred(case) => *case,
            other => panic!("{other:?} in the middle"),
        };
        let cases: Vec<Case> = words.into_iter().map(case).collect();
        for (case, seq) in cases.iter().zip(1..) {
            assert_eq!(case.seq, seq, "{cases:#?}");
            assert_eq!(case.line, line);
        }
        Told { report, record, line, cases }
    }
}
