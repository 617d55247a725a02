//! Takes FreeSWITCH's connections: one task each. A stranger who says nothing holds a task and a
//! socket for the handshake's time, and never the next caller (`esl.md`, pitfall 13).

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

use super::engine::Engine;
use super::session::{self, SessionError};

/// After a failed accept (no file handles left, say) the loop rests this long.
const REST: Duration = Duration::from_millis(50);
/// A peer that vanished without a word is noticed after about this time.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// When to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take no more calls; those in hand go on.
    pub accept: CancellationToken,
    /// Leave the calls in hand to FreeSWITCH.
    pub calls: CancellationToken,
}

/// Accepts until [`Stop::accept`], then waits for the calls in hand.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener, stop: Stop) {
    prepare(&listener);
    let calls = TaskTracker::new();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.accept.cancelled() => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                failing = false;
                let (engine, drain) = (engine.clone(), stop.calls.clone());
                calls.spawn(async move {
                    engine.metrics.sessions.inc();
                    let end = session::run(engine.clone(), Box::new(socket), drain).await;
                    engine.metrics.sessions.dec();
                    let label = end.as_ref().map_or_else(SessionError::as_str, |()| "call");
                    engine.metrics.sessions_ended.with_label_values(&[label]).inc();
                    match end {
                        Ok(()) => {}
                        // A port probe or health check; worth a metric, not a line in the log.
                        Err(error @ SessionError::Closed) => {
                            debug!(%peer, %error, "connection without a call")
                        }
                        Err(error) => {
                            if matches!(error, SessionError::Link(_)) {
                                engine.metrics.parse_errors.inc();
                            }
                            warn!(%peer, %error, "connection refused");
                        }
                    }
                });
            }
            Err(error) => {
                // Once for each run of failures; accept fails again at once while handles lack.
                if !std::mem::replace(&mut failing, true) {
                    error!(%error, "no call can be accepted; raise the limit of open files if it is that");
                }
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    calls.close();
    calls.wait().await;
}

/// Connections take these over from their listener (`man 7 tcp`, `man 7 socket`).
fn prepare(listener: &TcpListener) {
    let socket = socket2::SockRef::from(listener);
    // Commands are small and waited for.
    if let Err(error) = socket.set_tcp_nodelay(true) {
        debug!(%error, "TCP_NODELAY could not be set");
    }
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3);
    if let Err(error) = socket.set_tcp_keepalive(&keepalive) {
        debug!(%error, "TCP keepalive could not be set");
    }
}
