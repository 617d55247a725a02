//! Logs: text or JSON, to standard error, the call's id on every line of a call. What is logged can
//! be changed while the engine runs.

mod levels;

use tracing_subscriber::util::SubscriberInitExt as _;

use self::levels::{Apply, LEVELS, filter};
pub use self::levels::{Level, Levels, Wanted, levels};
use crate::config::{Log, LogFormat};
use crate::core::ids::CallId;
use crate::traces::TraceId;

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
    let (started, apply): (_, Apply) = match log.format {
        LogFormat::Text => {
            let lines = lines.with_target(false).with_filter_reloading();
            let filter = lines.reload_handle();
            (lines.finish().try_init(), Box::new(move |new| filter.reload(new).is_ok()))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let filter = lines.reload_handle();
            (lines.finish().try_init(), Box::new(move |new| filter.reload(new).is_ok()))
        }
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
        return Ok(());
    }
    let _ = LEVELS.set(Levels::new(apply, log));
    Ok(())
}

/// The trace of a call, for its log lines: what the receiver of traces knows it by.
pub fn trace_id(call: &CallId) -> TraceId {
    TraceId::of(call)
}

/// An error with what to do about it, in one line for a log.
pub fn with_help(error: &dyn miette::Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}
