//! Writing to standard output.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

use miette::IntoDiagnostic;
use tokio_util::sync::CancellationToken;

/// Prints a text. A reader that went away early, such as `head`, is no fault.
///
/// # Errors
/// The output cannot be written, say because a disk is full.
pub fn print(text: &str) -> miette::Result<()> {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).into_diagnostic(),
        _ => Ok(()),
    }
}

fn write(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Standard output of a verb that goes on until it is told to end.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    closed: CancellationToken,
}

impl Lines {
    /// Prints a line.
    pub fn line(&self, text: impl Display) {
        if write(&format!("{text}\n")).is_err() {
            self.closed.cancel();
        }
    }

    /// Waits until nobody can read the lines any more.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }
}
