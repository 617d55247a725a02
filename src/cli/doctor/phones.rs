//! The lines of the employees, and the mailboxes.

use std::collections::BTreeSet;

use super::Report;
use super::node::Examination;
use crate::core::ids::Extension;
use crate::core::staff::Number;
use crate::rules::model::StepKind;
use crate::switch::control::ControlError;

impl Examination<'_> {
    /// Extensions of employees and mailboxes in the directory, and which are registered.
    pub(super) async fn phones(&self, report: &mut Report) -> Result<(), ControlError> {
        let template = &self.subject.dial.line;
        let Some(user) = template.strip_prefix("user/") else {
            let what = format!("whether the lines exist cannot be told: dial.line is `{template}`");
            report.note(&self.about, what, "look at the system the lines are registered at");
            return Ok(());
        };
        let domain = match user.split_once('@') {
            Some((_, domain)) => domain.to_owned(),
            None => self.ask("global_getvar domain").await?,
        };
        let (mut registered, mut away) = (0, Vec::new());
        for employee in self.at_work() {
            for number in &employee.numbers {
                let Number::Line(line) = number else { continue };
                if !self.user_exists(line, &domain).await? {
                    let what = format!(
                        "extension {line} ({}) is not in the directory of domain {domain}",
                        employee.name
                    );
                    let advice = "add the user to conf/directory and run `reloadxml`, or correct the number in the CRM";
                    report.bad(&self.about, what, advice);
                    continue;
                }
                let contact = self.ask(&format!("sofia_contact */{line}@{domain}")).await?;
                if contact.starts_with("error/") {
                    away.push(line.as_str());
                } else {
                    registered += 1;
                }
            }
        }
        for mailbox in self.mailboxes() {
            if !self.user_exists(mailbox, &domain).await? {
                let what = format!("mailbox {mailbox} is not in the directory of domain {domain}");
                report.bad(&self.about, what, "add the user to conf/directory and run `reloadxml`");
            }
        }
        let what = format!("{registered} of {} lines are registered", registered + away.len());
        if registered + away.len() == 0 {
            return Ok(());
        }
        if away.is_empty() {
            report.good(&self.about, what);
        } else {
            let what = format!("{what}, not {}", away.join(", "));
            report.note(&self.about, what, "turn the phones on, if they should ring now");
        }
        Ok(())
    }

    async fn user_exists(&self, user: &Extension, domain: &str) -> Result<bool, ControlError> {
        let answer = self.ask(&format!("user_exists id {user} {domain}")).await?;
        Ok(answer.trim() == "true")
    }

    fn mailboxes(&self) -> BTreeSet<&Extension> {
        self.steps()
            .filter_map(|step| match step {
                StepKind::Voicemail { mailbox } => mailbox.as_ref(),
                _ => None,
            })
            .collect()
    }
}
