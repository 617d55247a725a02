//! What is wrong with the configuration, where, and what to do.

use std::ops::Range;
use std::path::Path;

use miette::{Diagnostic, NamedSource, SourceSpan};

/// The configuration cannot be used. Nothing has been started.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{place}: {message}")]
#[diagnostic(code(dozvon::config))]
pub struct ConfigError {
    place: String,
    message: String,
    #[source_code]
    code: Option<NamedSource<String>>,
    #[label("here")]
    span: Option<SourceSpan>,
    #[help]
    help: Option<String>,
    #[related]
    others: Vec<ConfigError>,
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self {
            place: path.display().to_string(),
            message: format!("the configuration file cannot be read: {error}"),
            code: None,
            span: None,
            help: Some("name the right file with --config, or make it readable".into()),
            others: Vec::new(),
        }
    }

    /// Several mistakes at once.
    pub(super) fn wrong(path: &Path, text: &str, wrong: Vec<(Vec<String>, String)>) -> Self {
        let mistakes = wrong.into_iter().map(|(keys, message)| {
            let span = find(text, &keys);
            Self::at(path, text, span, message, None)
        });
        Self::join(mistakes.collect())
    }

    /// What figment found. It knows the key; the line is looked up in the file.
    pub(super) fn figment(path: &Path, text: &str, error: figment::Error) -> Self {
        let mistakes = error.into_iter().map(|error| {
            let from_env = error.metadata.as_ref().is_some_and(|m| m.name.contains("environment"));
            let mut keys = error.path.clone();
            let help = match &error.kind {
                figment::error::Kind::UnknownField(word, known) => {
                    if keys.last() != Some(word) {
                        keys.push(word.clone());
                    }
                    Some(nearest(word, known))
                }
                figment::error::Kind::UnknownVariant(word, known) => Some(nearest(word, known)),
                _ if keys.last().is_some_and(|key| key == "listen") => {
                    Some("write an IP address and a port, such as 127.0.0.1:8084".to_owned())
                }
                _ if from_env && keys.first().is_some_and(|key| key == "node") => {
                    Some("nodes are named in the configuration file only".to_owned())
                }
                _ => None,
            };
            let what = match &error.kind {
                figment::error::Kind::UnknownField(..) => "there is no such key".to_owned(),
                figment::error::Kind::UnknownVariant(word, _) => format!("`{word}` is not known"),
                kind => kind.to_string(),
            };
            let key = keys.join(".");
            let message = match key.as_str() {
                "" => what,
                key => format!("`{key}`: {what}"),
            };
            if from_env {
                let name = key.replace('.', "__").to_uppercase();
                let mut mistake = Self::at(path, "", None, message, help);
                mistake.place = format!("the environment variable {}{name}", super::PREFIX);
                return mistake;
            }
            let span = find(text, &keys).or_else(|| syntax(text));
            Self::at(path, text, span, message, help)
        });
        Self::join(mistakes.collect())
    }

    fn at(
        path: &Path,
        text: &str,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) -> Self {
        let file = path.display().to_string();
        let place = match &span {
            Some(span) => format!("{file}:{}", line(text, span.start)),
            None => file.clone(),
        };
        Self {
            place,
            message,
            code: span.is_some().then(|| NamedSource::new(file, text.to_owned())),
            span: span.map(Into::into),
            help,
            others: Vec::new(),
        }
    }

    fn join(mut mistakes: Vec<Self>) -> Self {
        let rest = mistakes.split_off(mistakes.len().min(1));
        match mistakes.pop() {
            Some(mut first) => {
                first.others = rest;
                first
            }
            None => {
                Self::at(Path::new(super::DEFAULT_FILE), "", None, "it cannot be used".into(), None)
            }
        }
    }
}

/// The bytes of a key, as deep as the file goes along with it.
fn find(text: &str, keys: &[String]) -> Option<Range<usize>> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut table: &dyn toml_edit::TableLike = document.as_table();
    let mut found = None;
    let mut keys = keys.iter().peekable();
    while let Some(key) = keys.next() {
        let Some((name, item)) = table.get_key_value(key) else { return found };
        found = name.span().or_else(|| item.span()).or(found);
        match item {
            toml_edit::Item::ArrayOfTables(tables) => {
                let index = keys.next_if(|key| key.parse::<usize>().is_ok());
                let index = index.and_then(|key| key.parse().ok()).unwrap_or(0);
                table = tables.get(index)?;
                found = tables.get(index)?.span().or(found);
            }
            item => match item.as_table_like() {
                Some(inner) => table = inner,
                None => break,
            },
        }
    }
    found
}

/// Where the file stops being TOML.
fn syntax(text: &str) -> Option<Range<usize>> {
    toml_edit::Document::parse(text).err()?.span()
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

fn nearest(word: &str, known: &[&str]) -> String {
    let near = known.iter().map(|k| (strsim::jaro_winkler(word, k), k));
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, name)) if likeness > 0.7 => format!("did you mean `{name}`?"),
        _ => format!("known here: {}", known.join(", ")),
    }
}
