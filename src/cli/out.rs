//! Writing to standard output.

use std::io::{ErrorKind, Write as _};

use miette::IntoDiagnostic;

/// Prints a text. A reader that went away early, such as `head`, is no fault.
///
/// # Errors
/// The output cannot be written, say because a disk is full.
pub fn print(text: &str) -> miette::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).into_diagnostic(),
        _ => Ok(()),
    }
}
