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

/// Whether one has left. Where nobody watches, it may have.
pub(super) fn has_left() -> bool {
    LEFT.try_with(Cell::get).map_or(true, |left| left == Left::Sent)
}

fn note(news: impl Fn(Left) -> Left) {
    // Outside of such work nobody wants to know.
    let _ = LEFT.try_with(|left| left.set(news(left.get())));
}

#[cfg(test)]
mod tests {
    use super::super::Fault;
    use super::*;
    use crate::crm::ApplyError;

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

    #[tokio::test(start_paused = true)]
    async fn an_answer_lost_before_anything_was_changed_leaves_nothing_to_look_for() {
        let lost = || ApplyError::from(Fault::Lost("cut".to_owned()));
        let looks = async {
            comes();
            lost()
        };
        assert!(matches!(within(S, looks).await, Ok(ApplyError::Later { .. })));
        let changes = async {
            leaves();
            comes();
            lost()
        };
        assert!(matches!(within(S, changes).await, Ok(ApplyError::Lost { .. })));
        assert!(matches!(lost(), ApplyError::Lost { .. }), "nobody watches");
    }
}
