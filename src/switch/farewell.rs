//! How a connection lets go of a leg that lives, and nobody is left in silence.
//!
//! When any connection of a leg ends, FreeSWITCH takes the leg out of `socket` once the running
//! application is over. But if `socket_resume` is true it resets the leg at once, a talk and all,
//! whichever connection it was (mod_event_socket.c, the end of `listener_run`).

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::session::{Socket, Tag};
use crate::core::ids::CallId;
use crate::esl::{Command, Link};

/// How long FreeSWITCH may take to say good-bye after `exit`.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// From this command on the leg outlives our connection: with `socket_resume` true FreeSWITCH
/// resets it, a talk and all, when any connection of the leg ends. An api command, because that
/// runs at once. A `set` waits up to 20 ms for the leg's thread, and if the connection ends
/// meanwhile, the reset comes before the `set`: the caller stands in CS_RESET, in silence, until
/// he gives up (seen on 1.10.12, every time).
pub(super) fn undisturbed(call: &CallId) -> Command {
    Command::api(&format!("uuid_setvar {call} socket_resume false"))
}

/// The dialplan's share: an extension to which a phone passes this leg on from now on leaves
/// `socket_resume` false. Otherwise it could set it between the two commands of [`farewell`].
pub(super) fn leaves(call: &CallId) -> Command {
    Command::api(&format!("uuid_setvar {call} dozvon_leaves true"))
}

/// A dialplan that had read `dozvon_leaves` before has set `socket_resume` by then.
pub(super) const SET: Duration = Duration::from_millis(50);

/// `exit`, for a leg that lives so that nothing is torn. A phone may have passed the caller on to
/// an extension whose dialplan has set `socket_resume` true again, and leads him by itself because
/// we take no more calls.
pub(super) fn farewell(call: &CallId, lives: bool) -> impl Iterator<Item = (Tag, Command)> {
    let undisturbed = lives.then(|| (Tag::Plain("uuid_setvar"), undisturbed(call)));
    undisturbed.into_iter().chain([(Tag::Plain("exit"), Command::exit())])
}

/// Keeps an earlier connection of a call open, without events, until the call is over.
pub(super) async fn keep_silent(
    mut link: Link<Socket, Tag>,
    call: CallId,
    over: CancellationToken,
) {
    if link.send([(Tag::Plain("noevents"), Command::no_events())]).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            incoming = link.next() => if !matches!(incoming, Ok(Some(_))) { return },
            () = over.cancelled() => break,
        }
    }
    let _ = link.send(farewell(&call, true)).await;
    let _ = timeout(GOODBYE, async { while let Ok(Some(_)) = link.next().await {} }).await;
}
