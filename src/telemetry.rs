//! Logs: text or JSON, to standard error, the call's id on every line of a call.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat};

/// Why logs cannot be written as asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("log.level is `{level}`: {reason}")]
    #[diagnostic(help(
        "write a level (error, warn, info, debug, trace) or `info,dozvon::switch=debug`"
    ))]
    Level {
        /// What was written.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Starts logging. A second start in one process is left without effect.
///
/// # Errors
/// [`TelemetryError`].
pub fn start(log: &Log) -> Result<(), TelemetryError> {
    let filter = filter(&log.level)
        .map_err(|reason| TelemetryError::Level { level: log.level.clone(), reason })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Colours are for a terminal, not for a journal.
    let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let started = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(())
}

/// A word alone would be taken for a module, and nothing else would be logged.
fn filter(level: &str) -> Result<EnvFilter, String> {
    for word in level.split(',').filter(|part| !part.contains(['=', '['])) {
        if word.trim().is_empty() || word.trim().parse::<LevelFilter>().is_err() {
            return Err(format!("`{word}` is no level"));
        }
    }
    EnvFilter::try_new(level).map_err(|error| error.to_string())
}

/// An error with what to do about it, in one line for a log.
pub fn with_help(error: &dyn miette::Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_level_and_a_filter_is_a_filter() {
        for right in ["info", "WARN", "off", "info,dozvon::switch=debug", "dozvon=trace"] {
            assert!(filter(right).is_ok(), "{right}");
        }
        for wrong in ["loud", "", "info,debugg", "info,dozvon=loud"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}
