//! `dozvon doctor`: is everything around the engine as it has to be? One line each, with what to
//! do. Nothing is changed anywhere.

mod dialplan;
mod hands;
mod node;
mod outbox;
mod phones;
mod recordings;
mod report;
mod sales;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use miette::IntoDiagnostic;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::out::print;
use crate::app;
use crate::config::Config;
use crate::core::ids::NodeId;
use crate::core::staff::{Employee, Staff};
use crate::crm::lazy::Lazy;
use crate::crm::open::{For, open};
use crate::crm::{self, Crm, CrmError, Examined, Named};
use crate::metrics::Metrics;
use crate::recording::RecordingConfig;
use crate::rules::Routing;
use crate::rules::set::{DealPlace, RuleSet, Sets};
use crate::switch::control::{ControlError, LinkState, News, NodeConfig, Nodes};
use crate::switch::dial::Dial;

pub use report::{Finding, Report, Verdict};

/// How long a node may take to be connected and resynced.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a CRM may take to be examined; some have a request for each right, and a limit.
const EXAMINE: Duration = Duration::from_secs(60);
/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// `dozvon doctor`
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// One JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

impl DoctorArgs {
    /// Looks at everything and prints what it found. Exit code 1 if anything is bad.
    ///
    /// # Errors
    /// Rules that cannot be loaded: without them nobody can tell what is needed.
    pub async fn run(self, config: Config) -> miette::Result<ExitCode> {
        let rules = app::load_rules(&config)?;
        // Sets that cannot be loaded are for `dozvon check`.
        let sets = Sets::load(&config.rules).ok().filter(|_| config.outbox.enabled);
        let builtin = Arc::new(Lazy::existing(config.store.path.clone()));
        let crm = open(&config.crm, builtin, For::People)?;
        let mut report = examine(Subject {
            nodes: config.nodes().iter().map(app::node).collect(),
            calls: config.calls.listen,
            dial: &config.dial,
            rules: &rules,
            sets: sets.as_ref(),
            crm: &*crm,
            recording: &config.recording,
        })
        .await;
        examine_hooks(&config, &mut report);
        outbox::examine(&config, &mut report).await;
        sales::examine(&config, &*crm, jiff::Timestamp::now(), &mut report).await;
        if self.json {
            print(&(serde_json::to_string(&report).into_diagnostic()? + "\n"))?;
        } else {
            print(&report.to_string())?;
        }
        Ok(if report.healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What is looked at.
pub struct Subject<'a> {
    /// The nodes of the configuration.
    pub nodes: Vec<NodeConfig>,
    /// Where the engine takes calls.
    pub calls: SocketAddr,
    /// How numbers become endpoints.
    pub dial: &'a Dial,
    /// The rules; they tell which modules, queues and mailboxes are needed.
    pub rules: &'a Routing,
    /// The rule sets; `None`: nothing is told to the CRM.
    pub sets: Option<&'a Sets>,
    /// The CRM.
    pub crm: &'a dyn Crm,
    /// Where recordings are.
    pub recording: &'a RecordingConfig,
}

/// Asks a FreeSWITCH: the control link, or answers recorded from a real one.
#[async_trait]
pub trait Ask: Send + Sync {
    /// The answer to an `api` command.
    ///
    /// # Errors
    /// [`ControlError`].
    async fn ask(&self, call: &str) -> Result<String, ControlError>;
}

/// One node of the control link.
struct OneNode<'a>(&'a Nodes, NodeId);

#[async_trait]
impl Ask for OneNode<'_> {
    async fn ask(&self, call: &str) -> Result<String, ControlError> {
        self.0.api(&self.1, call).await
    }
}

/// Looks at everything.
pub async fn examine(subject: Subject<'_>) -> Report {
    let mut report = Report::default();
    let mut staff = Vec::new();
    for (name, crm) in crm::named(subject.crm) {
        let of_crm = examine_crm((name, crm), &subject, &mut report).await;
        examine_people(&subject, name, &of_crm, &mut report);
        staff.extend(of_crm);
    }
    examine_calls(subject.calls, &mut report).await;
    recordings::examine(subject.recording, &mut report);
    if subject.nodes.is_empty() {
        report.bad("FreeSWITCH", "no node is configured", "name one in a [[node]] section");
    }
    for config in subject.nodes.clone() {
        examine_node(config, &subject, &staff, &mut report).await;
    }
    report
}

/// A CRM that is to tell us something has to know where.
fn examine_hooks(config: &Config, report: &mut Report) {
    for (name, crm) in &config.crm {
        if crm.hook_secret().is_some() && config.http.public_url.is_none() {
            report.bad(
                format!("CRM {name}"),
                "`hook_secret` is set and `http.public_url` is not: it cannot tell us changes",
                "set http.public_url to the address at which the CRM reaches this engine",
            );
        }
    }
}

async fn examine_crm(
    (name, crm): Named<'_>,
    subject: &Subject<'_>,
    report: &mut Report,
) -> Vec<Employee> {
    let about = format!("CRM {name}");
    let answer = timeout(PATIENCE, crm.employees()).await.unwrap_or(Err(CrmError::Slow));
    let places = if answer.is_ok() { deal_places(subject, name) } else { Vec::new() };
    let all = async {
        let mut examined = crm.examine().await;
        examined.extend(crm.examine_places(&places).await);
        examined
    };
    let examined = timeout(EXAMINE, all).await.unwrap_or_else(|_| {
        let what =
            format!("rights and settings could not be looked at within {} s", EXAMINE.as_secs());
        let advice = "it is slow, or its limit is used up: run doctor again when less is going on";
        vec![Examined::Bad(what, advice.to_owned())]
    });
    for examined in examined {
        match examined {
            Examined::Good(what) => report.good(&about, what),
            Examined::Bad(what, advice) => report.bad(&about, what, advice),
        }
    }
    match answer {
        Ok(staff) if staff.is_empty() => {
            let advice = "add the employees to the CRM; until then every call goes to the queue";
            report.bad(about, "answers, but knows no employee", advice);
            staff
        }
        Ok(staff) => {
            report.good(about, format!("answers, {} employees", staff.len()));
            staff
        }
        Err(error @ CrmError::Access(_)) => {
            let advice = "put a good key into the file that the configuration names, or give the missing right; the engine goes on without a restart";
            report.bad(about, error.to_string(), advice);
            Vec::new()
        }
        Err(error) => {
            let advice = "calls go to the queue until it answers; look at its address, its token, and the log";
            report.bad(about, error.to_string(), advice);
            Vec::new()
        }
    }
}

/// The rule sets of the lines that this CRM serves, once for each line.
fn sets_of<'s>(subject: &'s Subject<'_>, crm: &str) -> impl Iterator<Item = &'s RuleSet> {
    let lines = subject.rules.lines().map(|line| Some(line.name.as_str())).chain([None]);
    let served = lines.filter(move |line| crm::of_line(subject.crm, *line).0 == crm);
    served.filter_map(|line| Some(&**subject.sets?.for_line(line)))
}

/// Where they put deals.
fn deal_places(subject: &Subject<'_>, crm: &str) -> Vec<DealPlace> {
    let mut places: Vec<DealPlace> = Vec::new();
    for place in sets_of(subject, crm).flat_map(RuleSet::deal_places) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Whether everybody whom the rule sets of its lines name works there (E14).
fn examine_people(subject: &Subject<'_>, crm: &str, staff: &[Employee], report: &mut Report) {
    if staff.is_empty() {
        return;
    }
    let all = Staff::new(staff.iter().cloned());
    let mut told = BTreeSet::new();
    for set in sets_of(subject, crm) {
        for nobody in set.check_staff(&all) {
            let what = format!("{}: {}", nobody.place, nobody.message);
            if told.insert(what.clone()) {
                let advice = "others stand in for him (E14): name somebody who works here";
                report.bad(format!("CRM {crm}"), what, advice);
            }
        }
    }
}

/// Is an engine there? It is asked where it listens, from this machine.
async fn examine_calls(calls: SocketAddr, report: &mut Report) {
    let mut address = calls;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let about = "calls";
    match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => report.good(about, format!("something listens on {calls}")),
        _ => report.bad(
            about,
            format!("nobody listens on {calls}, FreeSWITCH sends every call to the plain queue"),
            "start `dozvon serve`, or set calls.listen to where it listens",
        ),
    }
}

async fn examine_node(
    mut config: NodeConfig,
    subject: &Subject<'_>,
    staff: &[Employee],
    report: &mut Report,
) {
    let about = format!("FreeSWITCH {}", config.name);
    let (name, address) = (config.name.clone(), config.address.clone());
    config.links = 1;
    let Ok(metrics) = Metrics::new() else {
        return;
    };
    let cancel = CancellationToken::new();
    let nodes = Nodes::start(vec![config], Arc::new(metrics), cancel.clone());
    match reach(&nodes).await {
        Ok(()) => {
            let node = OneNode(&nodes, name);
            match node.ask("version").await {
                Ok(version) => report.good(&about, format!("reachable at {address}: {version}")),
                Err(error) => report.bad(&about, error.to_string(), "run doctor again"),
            }
            node::Examination::new(&node, about, subject, staff).run(report).await;
        }
        // The reason says what to do: it is written for the log as well.
        Err(why) => {
            let (what, advice) = why.split_once("; ").unwrap_or((&why, "see its log"));
            report.bad(&about, format!("{address}: {what}"), advice.to_owned());
        }
    }
    cancel.cancel();
    nodes.stopped().await;
}

/// Waits until the node is up, or until it is known why it is not.
async fn reach(nodes: &Arc<Nodes>) -> Result<(), String> {
    let mut news = nodes.news();
    let tried = async {
        loop {
            match nodes.states().into_iter().next() {
                Some((_, LinkState::Up)) => return Ok(()),
                Some((_, LinkState::Down(why))) => return Err(why),
                _ => {}
            }
            tokio::select! {
                News::Up(_) = news.next() => return Ok(()),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
    };
    let late = "connected, but it does not answer `show channels`; look at its load".to_owned();
    timeout(CONNECT, tried).await.unwrap_or(Err(late))
}

#[cfg(test)]
mod tests;
