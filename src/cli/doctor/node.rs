//! What one FreeSWITCH has to have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Ask, Report, Subject, dialplan};
use crate::core::staff::{Employee, Number, Status};
use crate::rules::model::StepKind;
use crate::switch::control::ControlError;

/// What no engine can do without, and what for.
const MODULES: [(&str, &str); 4] = [
    ("mod_sofia", "SIP"),
    ("mod_dptools", "bridge, answer and playback"),
    ("mod_dialplan_xml", "the dialplan that hands calls over"),
    ("mod_sndfile", "announcements and recordings"),
];

/// The examination of one node.
pub(super) struct Examination<'a> {
    node: &'a dyn Ask,
    pub(super) about: String,
    pub(super) subject: &'a Subject<'a>,
    staff: &'a [Employee],
}

impl<'a> Examination<'a> {
    pub(super) fn new(
        node: &'a dyn Ask,
        about: String,
        subject: &'a Subject<'a>,
        staff: &'a [Employee],
    ) -> Self {
        Self { node, about, subject, staff }
    }

    /// Everything, in the order in which it is best mended. Ends where the link breaks.
    pub(super) async fn run(&self, report: &mut Report) {
        let all = async {
            self.modules(report).await?;
            self.dialplan(report).await?;
            self.queues(report).await?;
            self.gateway(report).await?;
            self.phones(report).await
        };
        if let Err(error) = all.await {
            report.bad(
                &self.about,
                format!("the examination broke off: {error}"),
                "run doctor again",
            );
        }
    }

    /// The answer; a refusal of FreeSWITCH is one as well.
    pub(super) async fn ask(&self, call: &str) -> Result<String, ControlError> {
        match self.node.ask(call).await {
            Err(ControlError::Refused(text)) => Ok(text),
            other => other,
        }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &StepKind> {
        self.subject.rules.steps().map(|step| &step.kind)
    }

    async fn modules(&self, report: &mut Report) -> Result<(), ControlError> {
        let mut needed: BTreeMap<&str, String> =
            MODULES.iter().map(|(module, why)| (*module, (*why).to_owned())).collect();
        for step in self.subject.rules.steps() {
            let (module, what) = match &step.kind {
                StepKind::Queue { queue, .. } => ("mod_callcenter", format!("queue `{queue}`")),
                StepKind::Fifo { queue, .. } => ("mod_fifo", format!("fifo `{queue}`")),
                StepKind::Voicemail { .. } => ("mod_voicemail", "voicemail".to_owned()),
                _ => continue,
            };
            needed.entry(module).or_insert_with(|| format!("{what}, {}", step.place));
        }
        let mut missing = 0;
        for (module, why) in &needed {
            if self.ask(&format!("module_exists {module}")).await?.trim() != "true" {
                missing += 1;
                let what = format!("{module} is not loaded; it is needed for {why}");
                let advice =
                    format!("add it to modules.conf.xml, then run `load {module}` in fs_cli");
                report.bad(&self.about, what, advice);
            }
        }
        if missing == 0 {
            report.good(&self.about, format!("all {} modules are loaded", needed.len()));
        }
        Ok(())
    }

    async fn dialplan(&self, report: &mut Report) -> Result<(), ControlError> {
        let xml = self.ask("xml_locate dialplan").await?;
        dialplan::examine(&self.about, &xml, self.subject.calls, report);
        Ok(())
    }

    async fn queues(&self, report: &mut Report) -> Result<(), ControlError> {
        let needed: BTreeSet<_> = self
            .steps()
            .filter_map(|step| match step {
                StepKind::Queue { queue, .. } => Some(queue.as_str()),
                _ => None,
            })
            .collect();
        if needed.is_empty() {
            return Ok(());
        }
        let queues = self.ask("callcenter_config queue list").await?;
        let tiers = self.ask("callcenter_config tier list").await?;
        for queue in needed {
            let about = format!("{}, queue {queue}", self.about);
            let agents = first_column(&tiers).filter(|name| *name == queue).count();
            if !first_column(&queues).any(|name| name == queue) {
                let rules = self.subject.rules.file();
                let advice = format!(
                    "add it to callcenter.conf.xml and run `callcenter_config queue load {queue}`, or correct its name in {rules}"
                );
                report.bad(about, "mod_callcenter knows no such queue", advice);
            } else if agents == 0 {
                report.bad(
                    about,
                    "has no agent: callers wait for nobody",
                    "add tiers for it to callcenter.conf.xml",
                );
            } else {
                report.good(about, format!("{agents} agents"));
            }
        }
        Ok(())
    }

    /// The gateway in `dial.outside`, where one stands there.
    async fn gateway(&self, report: &mut Report) -> Result<(), ControlError> {
        let outside = &self.subject.dial.outside;
        let Some((_, rest)) = outside.split_once("sofia/gateway/") else {
            return Ok(());
        };
        let name = rest.split('/').next().unwrap_or_default();
        let about = format!("{}, gateway {name}", self.about);
        let answer = self.ask(&format!("sofia status gateway {name}")).await?;
        let field = |field: &str| {
            let mut lines = answer.lines().filter_map(|line| line.split_once('\t'));
            lines.find_map(|(key, value)| (key.trim() == field).then(|| value.trim().to_owned()))
        };
        let mobiles = self.at_work().flat_map(|e| &e.numbers);
        let mobiles = mobiles.filter(|n| matches!(n, Number::Outside(_))).count();
        let (what, advice) = match field("Status").as_deref() {
            Some(status) if status.starts_with("UP") => {
                let state = field("State").unwrap_or_default();
                report.good(about, format!("up, {state}"));
                return Ok(());
            }
            Some(status) => (
                format!("is {status}, state {}", field("State").unwrap_or_default()),
                "look at the account and the provider's address in sip_profiles/external",
            ),
            None => (
                "does not exist".to_owned(),
                "add it to sip_profiles/external, or correct dial.outside",
            ),
        };
        if mobiles == 0 {
            report.note(about, format!("{what}; no employee has an outside number"), advice);
        } else {
            report.bad(about, format!("{what}; {mobiles} outside numbers cannot be rung"), advice);
        }
        Ok(())
    }

    pub(super) fn at_work(&self) -> impl Iterator<Item = &'a Employee> {
        self.staff.iter().filter(|e| e.status == Status::Active)
    }
}

/// The first column of a table of mod_callcenter, without its head and its `+OK`.
fn first_column(table: &str) -> impl Iterator<Item = &str> {
    let rows = table.lines().skip(1).filter(|line| line.contains('|'));
    rows.filter_map(|line| line.split('|').next())
}
