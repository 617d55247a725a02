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
