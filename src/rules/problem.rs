//! What is wrong in a rule file: where, why, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode, SourceSpan};

use crate::core::trace::Place;

/// The text of a rule file, with its name. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub file: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
    /// Line and column of a byte, both from 1. Columns count characters.
    pub(crate) fn line_column(&self, byte: usize) -> (u32, u32) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &self.text[..byte];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        let column = before[start..].chars().count() + 1;
        (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
    }

    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        Place { file: self.file.clone(), line: self.line_column(span.start).0 }
    }
}

/// One mistake or warning. Printed by miette it shows the line with a caret; [`Problem::line`]
/// is the same in one line, for logs.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    message: String,
    help: Option<String>,
    label: &'static str,
    span: Range<usize>,
    severity: Severity,
    code: NamedSource<Arc<str>>,
    place: Place,
    column: u32,
}

impl Problem {
    pub(crate) fn new(
        source: &Source,
        severity: Severity,
        span: Range<usize>,
        message: String,
        help: Option<String>,
    ) -> Self {
        let (line, column) = source.line_column(span.start);
        Self {
            message,
            help,
            label: "here",
            span,
            severity,
            code: NamedSource::new(&*source.file, source.text.clone()),
            place: Place { file: source.file.clone(), line },
            column,
        }
    }

    /// Only a warning?
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `file:line:column: error: what (what to do)`, in one line.
    pub fn line(&self) -> String {
        let kind = if self.is_warning() { "warning" } else { "error" };
        let help = self.help.as_deref().map(|h| format!(" ({h})"));
        format!(
            "{}:{}: {kind}: {}{}",
            self.place,
            self.column,
            self.message,
            help.unwrap_or_default()
        )
    }
}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::from(self.span.clone());
        let label = LabeledSpan::new_primary_with_span(Some(self.label.into()), span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Why a rule file was not taken: everything that is wrong with it, at once.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It could not be read.
    #[error("the rules in {file} cannot be read: {reason}")]
    Read {
        /// The file.
        file: String,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// It was read, and has mistakes. Warnings stand among them.
    #[error("{file} has {}", count(.problems))]
    Wrong {
        /// The file.
        file: Arc<str>,
        /// In the order of the file.
        problems: Vec<Problem>,
    },
}

fn count(problems: &[Problem]) -> String {
    match problems.iter().filter(|p| !p.is_warning()).count() {
        1 => "1 mistake".into(),
        n => format!("{n} mistakes"),
    }
}

impl RulesError {
    /// All mistakes and warnings; none where the file could not be read.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Read { .. } => &[],
            Self::Wrong { problems, .. } => problems,
        }
    }

    /// One line a problem, for logs.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Read { .. } => vec![self.to_string()],
            Self::Wrong { problems, .. } => problems.iter().map(Problem::line).collect(),
        }
    }
}

impl Diagnostic for RulesError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Read { .. } => Some(Box::new(
                "name an existing file, or leave it out: the built-in rules are used then",
            )),
            Self::Wrong { .. } => None,
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let problems = self.problems();
        (!problems.is_empty())
            .then(|| Box::new(problems.iter().map(|p| p as &dyn Diagnostic)) as Box<_>)
    }
}
