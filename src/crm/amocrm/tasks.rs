//! Tasks.

use jiff::Timestamp;

use super::desk::{Desk, Entity, Spot, said};
use super::notes::same_text;
use super::sent::{NewTask, TaskResult};
use super::wire::{Id, Kind, Task};
use crate::core::action::{Dedupe, On};
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done};

/// amoCRM's own type of tasks: to call.
const CALL: i64 = 1;

/// Cards in one question: the address must not grow too long.
const MOST: usize = 50;

/// A task to be made.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The rules' word for it.
    pub kind: &'a str,
    pub text: &'a str,
    pub owner: i64,
    pub due: Timestamp,
    pub done: bool,
}

impl Desk<'_> {
    pub(super) async fn task(
        &self,
        on: On,
        wanted: &Wanted<'_>,
        dedupe: Dedupe,
    ) -> Result<Done, ApplyError> {
        let spot = self.spot(on).await?;
        let later_than = match dedupe {
            Dedupe::Never => None,
            // At the second it is due it is no longer one that is not yet due.
            Dedupe::UntilDue => Some(self.work.case.at.as_second()),
            Dedupe::WhileOpen => Some(i64::MIN),
        };
        // Nobody's task is not this one's.
        if let Some(later_than) = later_than.filter(|_| spot.of().is_some()) {
            let kind = self.type_of(wanted.kind);
            let open = self.tasks(spot, &[wanted.owner], false).await?.into_iter().filter(|task| {
                !task.is_completed && task.task_type_id == kind && task.complete_till > later_than
            });
            if let Some(open) = open.max_by_key(|task| task.complete_till) {
                let due = Timestamp::from_second(open.complete_till).unwrap_or_default();
                return Ok(said(format!("nothing: task {} is open, due {due}", open.id)));
            }
        }
        let id = self.make_task(wanted, spot).await?;
        Ok(said(made(wanted, id, spot)))
    }

    pub(super) async fn make_task(&self, wanted: &Wanted<'_>, spot: Spot) -> Result<i64, Fault> {
        let entity = spot.of();
        let new = NewTask {
            text: wanted.text,
            complete_till: wanted.due.as_second(),
            task_type_id: self.type_of(wanted.kind),
            responsible_user_id: wanted.owner,
            entity_type: entity.map(|entity| entity.kind),
            entity_id: entity.map(|entity| entity.id),
            is_completed: wanted.done,
            result: wanted.done.then_some(TaskResult { text: wanted.text }),
        };
        let made: Id = self.amo.api.make("api/v4/tasks", &[new]).await?;
        Ok(made.id)
    }

    /// One that was made for this case.
    pub(super) async fn task_back(
        &self,
        on: On,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Done>, ApplyError> {
        let spot = self.spot(on).await?;
        let tasks = self.tasks(spot, &[wanted.owner], wanted.done).await?;
        Ok(self.among(&tasks, wanted).map(|id| said(made(wanted, id, spot))))
    }

    /// A task that says the same to the same, and may have been made for this case.
    pub(super) fn among(&self, tasks: &[Task], wanted: &Wanted<'_>) -> Option<i64> {
        let (due, since) = (wanted.due.as_second(), self.since());
        let same = |task: &&Task| {
            same_text(&task.text, wanted.text)
                && task.complete_till == due
                && task.created_at >= since
                && task.responsible_user_id == Some(wanted.owner)
        };
        tasks.iter().find(same).map(|task| task.id)
    }

    /// Tasks of the client and of his deals, else what is new among those of these users: the open
    /// ones, or those completed.
    pub(super) async fn tasks(
        &self,
        spot: Spot,
        owners: &[i64],
        done: bool,
    ) -> Result<Vec<Task>, Fault> {
        let is_completed = ("filter[is_completed]", if done { "1" } else { "0" });
        let order = ("order[complete_till]", "desc");
        let since = self.since().to_string();
        let known = self.work.case.client().into_iter().flat_map(|client| &client.deals);
        let known = known.filter_map(|deal| super::desk::lead(deal.id.as_str()));
        let made = self.work.bound.deal.as_ref().and_then(|deal| super::desk::lead(deal.as_str()));
        let mut all: Vec<Entity> = spot.both().chain(made).chain(known).collect();
        all.sort_by_key(|entity| (entity.kind.path(), entity.id));
        all.dedup();
        let mut tasks = Vec::new();
        let mut ask = async |kind: Option<Kind>, ids: Vec<i64>| -> Result<(), Fault> {
            let key = if kind.is_some() { "entity_id" } else { "responsible_user_id" };
            for ids in ids.chunks(MOST) {
                let ids = ids.iter().enumerate();
                let ids: Vec<(String, String)> =
                    ids.map(|(n, id)| (format!("filter[{key}][{n}]"), id.to_string())).collect();
                let mut query = vec![is_completed, order];
                query.push(match kind {
                    Some(kind) => ("filter[entity_type]", kind.path()),
                    None => ("filter[updated_at][from]", since.as_str()),
                });
                query.extend(ids.iter().map(|(key, id)| (key.as_str(), id.as_str())));
                let list: Vec<Task> =
                    self.amo.api.all(Class::Delivery, "api/v4/tasks", &query).await?;
                tasks.extend(list);
            }
            Ok(())
        };
        if all.is_empty() {
            ask(None, owners.to_vec()).await?;
        }
        for of_a_kind in all.chunk_by(|one, other| one.kind == other.kind) {
            let ids = of_a_kind.iter().map(|entity| entity.id).collect();
            ask(Some(of_a_kind[0].kind), ids).await?;
        }
        Ok(tasks)
    }

    fn type_of(&self, kind: &str) -> i64 {
        self.amo.config.task_types.get(kind).copied().unwrap_or(CALL)
    }
}

fn made(wanted: &Wanted<'_>, id: i64, spot: Spot) -> String {
    let how = if wanted.done { "completed task" } else { "task" };
    let on = spot.of().map(|entity| format!(" on {}", entity.words())).unwrap_or_default();
    format!("made {how} {id} for {}{on}", wanted.owner)
}
