//! What was found, for people and for machines.

use std::fmt;

use serde::Serialize;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it has to be.
    Good,
    /// Worth knowing; calls go their way all the same. Or: it cannot be told.
    Note,
    /// Calls suffer.
    Bad,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it stands.
    pub verdict: Verdict,
    /// What was looked at: `FreeSWITCH local`, `CRM builtin`.
    pub about: String,
    /// What was found.
    pub what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// All findings, in the order in which things were looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    healthy: bool,
    findings: Vec<Finding>,
}

impl Default for Report {
    fn default() -> Self {
        Self { healthy: true, findings: Vec::new() }
    }
}

impl Report {
    /// As it has to be.
    pub fn good(&mut self, about: impl Into<String>, what: impl Into<String>) {
        self.add(Verdict::Good, about.into(), what.into(), None);
    }

    /// Worth knowing, with what to do about it.
    pub fn note(
        &mut self,
        about: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Verdict::Note, about.into(), what.into(), Some(advice.into()));
    }

    /// Calls suffer, and what to do about it.
    pub fn bad(
        &mut self,
        about: impl Into<String>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Verdict::Bad, about.into(), what.into(), Some(advice.into()));
    }

    fn add(&mut self, verdict: Verdict, about: String, what: String, advice: Option<String>) {
        self.healthy &= verdict != Verdict::Bad;
        self.findings.push(Finding { verdict, about, what, advice });
    }

    /// All lines.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Nothing is bad: the exit code is 0.
    pub fn healthy(&self) -> bool {
        self.healthy
    }
}

/// A line each.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { verdict, about, what, advice } in &self.findings {
            let mark = match verdict {
                Verdict::Good => "ok  ",
                Verdict::Note => "note",
                Verdict::Bad => "BAD ",
            };
            write!(f, "{mark} {about}: {what}")?;
            match advice {
                Some(advice) => writeln!(f, " → {advice}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
