//! Settling: before the first action of a call the CRM is asked afresh who the client is. If that
//! is not what the rules went by, the case is judged anew. From then on the facts are the call's,
//! whatever its own actions change.
//!
//! They are settled once more where *another* call of the client made something meanwhile and
//! this one has not: so two calls of a new number in the same second make one contact and one
//! deal, also where both had a pop-up before.

use sqlx::{query_as, query_scalar};
use tokio::time::timeout;

use super::change::{Answer, Change, Settled};
use super::entry::{Anew, CallFacts, Entry, Lane, Queue, Step, json};
use super::needs::{self, Missing};
use super::webhook;
use super::worker::{Trouble, Worker};
use crate::core::action::{Action, Bound, Planned};
use crate::core::case::Known;
use crate::crm::{Crm, CrmError};
use crate::store::Store;

/// Where settling led.
pub(super) enum Facts {
    /// Facts and actions are final; this is what earlier actions of the call left behind.
    Settled(Bound),
    /// The entry is not to be worked on any more.
    Gone,
    /// The CRM could not tell.
    Later { why: String, denied: bool },
}

/// Settles an entry, unless it is.
pub(super) async fn settle(
    worker: &Worker,
    store: &Store,
    entry: &mut Entry,
) -> Result<Facts, Trouble> {
    if entry.lane == Lane::Hook {
        return Ok(Facts::Settled(Bound::default()));
    }
    let facts = call(store, entry).await?;
    if entry.settled {
        return Ok(Facts::Settled(facts.map(|facts| facts.bound).unwrap_or_default()));
    }
    let revision = revision(store, &entry.queue()).await?;
    // With nothing to do and nothing in doubt the CRM is not asked.
    let crm = worker.crm_of(entry);
    let rough = crm.caller_is_rough() && entry.case.client().is_some();
    let idle = entry.actions.is_empty() && entry.case.client != Known::Unsure && !rough;
    let (facts, new) = match facts {
        Some(facts) if facts.made || facts.revision == revision => (Some(facts), false),
        _ if idle => (None, false),
        before => match find(worker, crm, entry).await {
            Ok(known) => {
                let bound = before.map(|facts| facts.bound).unwrap_or_default();
                (Some(CallFacts { revision, known, made: false, bound }), true)
            }
            Err(error) => {
                let denied = matches!(error, CrmError::Access(_));
                return Ok(Facts::Later { why: error.to_string(), denied });
            }
        },
    };
    let known = facts.as_ref().map(|facts| facts.known.clone());
    let anew =
        known.filter(|known| *known != entry.case.client).map(|known| judge(worker, entry, known));
    let (hooks, actions): (Vec<Planned>, Vec<Planned>) =
        std::mem::take(&mut entry.actions).into_iter().partition(is_hook);
    entry.progress = vec![Step::default(); actions.len()];
    entry.actions = actions;
    entry.settled = true;
    let settled = Settled {
        entry: entry.id,
        journal: entry.journal,
        call: entry.call.clone(),
        facts: facts.clone().filter(|_| new),
        anew,
        actions: entry.actions.clone(),
        progress: entry.progress.clone(),
        hooks: queues(hooks, &entry.client),
    };
    match worker.pen.change(Change::Settle(Box::new(settled))).await? {
        Answer::Took(true) => {
            Ok(Facts::Settled(facts.map(|facts| facts.bound).unwrap_or_default()))
        }
        _ => Ok(Facts::Gone),
    }
}

/// Asks the CRM itself; the directory may remember what was true this morning.
pub(super) async fn find(worker: &Worker, crm: &dyn Crm, entry: &Entry) -> Result<Known, CrmError> {
    let Some(number) = &entry.case.number else { return Ok(Known::Nobody) };
    let found = timeout(worker.config.timeout, crm.facts(number)).await;
    Ok(match found.unwrap_or(Err(CrmError::Slow))? {
        Some(client) => Known::Client(client.into()),
        None => Known::Nobody,
    })
}

/// The set that judged the case judges it again; after a restart it may be gone, then the one in
/// force does, and the journal shows its hash.
fn judge(worker: &Worker, entry: &mut Entry, known: Known) -> Anew {
    let kept = worker.rulers.get(&entry.hash);
    let ruler = kept.unwrap_or_else(|| worker.judge.set_for(entry.case.line.as_deref()).live);
    entry.case.client = known.clone();
    let mut ruling = ruler.judge(&entry.case);
    if ruling.hash != entry.hash {
        ruling.notes.push(format!(
            "the set that ruled first ({}) was not in memory any more: the one in force ruled",
            entry.hash
        ));
        entry.hash.clone_from(&ruling.hash);
    }
    entry.actions.clone_from(&ruling.actions);
    Anew { at: worker.now(), client: known, ruling }
}

fn is_hook(planned: &Planned) -> bool {
    matches!(planned.action, Action::Webhook { .. })
}

/// Webhooks by the queue they wait in, in order.
fn queues(hooks: Vec<Planned>, client: &str) -> Vec<(String, Vec<Planned>)> {
    let mut queues: Vec<(String, Vec<Planned>)> = Vec::new();
    for planned in hooks {
        let Action::Webhook { url, .. } = &planned.action else { continue };
        let name = webhook::queue(url, client);
        match queues.iter_mut().find(|(other, _)| *other == name) {
            Some((_, actions)) => actions.push(planned),
            None => queues.push((name, vec![planned])),
        }
    }
    queues
}

async fn call(store: &Store, entry: &Entry) -> Result<Option<CallFacts>, sqlx::Error> {
    let row: Option<(i64, String, bool, String)> =
        query_as("SELECT revision, known, made, bound FROM outbox_call WHERE call = ?")
            .bind(entry.call.as_str())
            .fetch_optional(store.pool())
            .await?;
    let Some((revision, known, made, bound)) = row else { return Ok(None) };
    Ok(Some(CallFacts { revision, known: json(&known)?, made, bound: json(&bound)? }))
}

async fn revision(store: &Store, queue: &Queue) -> Result<i64, sqlx::Error> {
    let found = query_scalar("SELECT revision FROM outbox_client WHERE client = ? AND crm = ?");
    Ok(found
        .bind(&queue.client)
        .bind(&queue.crm)
        .fetch_optional(store.pool())
        .await?
        .unwrap_or_default())
}

/// What earlier entries of the call should have made and did not, because they are parked.
pub(super) async fn missing(store: &Store, entry: &Entry) -> Result<Missing, sqlx::Error> {
    let parked: Vec<(String, String)> = query_as(
        "SELECT actions, progress FROM outbox WHERE call = ? AND id < ? AND state = 'parked' \
         AND lane = 'crm'",
    )
    .bind(entry.call.as_str())
    .bind(entry.id)
    .fetch_all(store.pool())
    .await?;
    let mut missing = Missing::new();
    for (actions, progress) in parked {
        needs::left(&json::<Vec<Planned>>(&actions)?, &json::<Vec<Step>>(&progress)?, &mut missing);
    }
    Ok(missing)
}
