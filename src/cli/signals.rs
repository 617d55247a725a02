//! The signals of the system, as a person or a service manager sends them.

use miette::IntoDiagnostic;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM and SIGHUP, heard from now on: none of them ends the process by itself.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    reload: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> miette::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).into_diagnostic()?,
            terminate: signal(SignalKind::terminate()).into_diagnostic()?,
            reload: signal(SignalKind::hangup()).into_diagnostic()?,
        })
    }

    /// Waits for SIGINT or SIGTERM.
    pub async fn end(&mut self) {
        while self.next().await != Heard::End {}
    }

    /// The next of the three.
    pub async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.interrupt.recv() => Heard::End,
            _ = self.terminate.recv() => Heard::End,
            _ = self.reload.recv() => Heard::Reload,
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// SIGINT or SIGTERM.
    End,
    /// SIGHUP; a closed terminal sends it as well.
    Reload,
}
