//! Whether anything of a piece of work has left this engine when its time is up: what still waited
//! for its turn was certainly not done.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::timeout;

tokio::task_local! {
    static LEFT: Cell<Left>;
}

/// What is known of work that did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Unknown,
    /// Its turn did not come: nothing that could change anything was sent.
    Held,
    /// A request that may change something was sent.
    Sent,
}

/// Work with a time limit.
///
/// # Errors
/// It did not end in time, and what is known of it.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Left> {
    let watched = async { timeout(limit, work).await.map_err(|_| LEFT.with(Cell::get)) };
    LEFT.scope(Cell::new(Left::Unknown), watched).await
}

/// A request comes to the gate.
pub(super) fn comes() {
    note(|left| if left == Left::Unknown { Left::Held } else { left });
}

/// A request leaves that may change something.
pub(super) fn leaves() {
    note(|_| Left::Sent);
}

fn note(news: impl Fn(Left) -> Left) {
    // Outside of such work nobody wants to know.
    let _ = LEFT.try_with(|left| left.set(news(left.get())));
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_never_left_the_gate_is_known_not_to_be_done() {
        let waits = || std::future::pending::<()>();
        assert_eq!(within(S, waits()).await, Err(Left::Unknown));
        let held = async {
            comes();
            waits().await;
        };
        assert_eq!(within(S, held).await, Err(Left::Held));
        let sent = async {
            comes();
            leaves();
            comes();
            waits().await;
        };
        assert_eq!(within(S, sent).await, Err(Left::Sent));
        assert_eq!(within(S, async { 1 }).await, Ok(1));
    }
}
