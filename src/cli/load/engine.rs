//! The engine under load: one that runs already, or one started for the run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use miette::{IntoDiagnostic, miette};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long the engine may take to start.
const START: Duration = Duration::from_secs(20);
/// How often its memory is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Linux counts CPU time of processes in these (`man 5 proc`: clock ticks, 100 a second).
const TICK: Duration = Duration::from_millis(10);

/// The engine.
pub struct Target {
    /// Where it takes calls.
    pub calls: SocketAddr,
    pid: Option<u32>,
    own: Option<(Child, PathBuf)>,
}

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time.
    pub cpu: Duration,
    /// Resident memory, bytes.
    pub rss: u64,
}

impl Target {
    /// One that runs already; with its process id its CPU time and memory are read.
    ///
    /// # Errors
    /// Nobody listens there: every call would be lost.
    pub async fn running(calls: SocketAddr, pid: Option<u32>) -> miette::Result<Self> {
        TcpStream::connect(calls).await.map_err(|error| {
            let help = "start `dozvon serve --sample` there, or leave --engine out";
            miette!(help = help, "no engine takes calls on {calls}: {error}")
        })?;
        Ok(Self { calls, pid, own: None })
    }

    /// Starts one with the sample's clients, on free ports, in a folder of its own. `crm`: it keeps
    /// journal and outbox, and hears for callbacks who talks with whom.
    pub async fn start(crm: bool) -> miette::Result<Self> {
        let folder = std::env::temp_dir().join(format!("dozvon-load-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).into_diagnostic()?;
        let (calls, http) = (free_port()?, free_port()?);
        let child = Command::new(std::env::current_exe().into_diagnostic()?)
            .args(["serve", "--sample"])
            .current_dir(&folder)
            .env("DOZVON_CALLS__LISTEN", calls.to_string())
            .env("DOZVON_HTTP__LISTEN", http.to_string())
            .env("DOZVON_OUTBOX__ENABLED", crm.to_string())
            .env("DOZVON_CALLBACKS__ENABLED", crm.to_string())
            .env("DOZVON_LOG__LEVEL", "error")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .into_diagnostic()?;
        let target = Self { calls, pid: child.id(), own: Some((child, folder)) };
        let ready = async {
            while TcpStream::connect(calls).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(START, ready).await.is_err() {
            target.end().await;
            let help = "run `dozvon serve --sample` and name it with --engine";
            return Err(miette!(help = help, "the engine did not start"));
        }
        Ok(target)
    }

    /// CPU time and memory so far; `None` where the process is not known.
    pub fn usage(&self) -> Option<Usage> {
        self.pid.and_then(usage)
    }

    /// Looks at the memory until cancelled, and tells the most.
    pub fn watch_memory(&self) -> (CancellationToken, JoinHandle<u64>) {
        let (stop, pid) = (CancellationToken::new(), self.pid);
        let token = stop.clone();
        let watch = tokio::spawn(async move {
            let mut most = 0;
            while !token.is_cancelled() {
                most = most.max(pid.and_then(usage).map_or(0, |u| u.rss));
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = token.cancelled() => {}
                }
            }
            most
        });
        (stop, watch)
    }

    /// Ends the one that was started.
    pub async fn end(self) {
        let Some((mut child, folder)) = self.own else { return };
        // It has no calls any more; nothing is lost by ending it at once.
        let _ = child.kill().await;
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn free_port() -> miette::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").into_diagnostic()?;
    listener.local_addr().into_diagnostic()
}

/// Reads `/proc`; `None` where the system has none, or the process ended.
fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks; the fields are counted behind it.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let rss = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = rss.trim().split(' ').next()?.parse().ok()?;
    Some(Usage { cpu: TICK * (ticks(11)? + ticks(12)?), rss: kib * 1024 })
}
