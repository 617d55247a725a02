//! Logs: text or JSON, to standard error, the call's id on every line of a call.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Why logs cannot be written as asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("log.level is `{level}`: {source}")]
    #[diagnostic(help(
        "write a level (error, warn, info, debug, trace) or `info,dozvon::switch=debug`"
    ))]
    Level {
        /// What was written.
        level: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Starts logging. A second start in one process is left without effect.
///
/// # Errors
/// [`TelemetryError`].
pub fn start(log: &Log) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|source| TelemetryError::Level { level: log.level.clone(), source })?;
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

/// An error with what to do about it, in one line for a log.
pub fn with_help(error: &dyn miette::Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}
