//! Tasks. They have no external id: our mark, with the kind, stands in their commentary.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Entity;
use super::desk::{Desk, afterwards, manager, no_id, refused, said};
use super::wire::{Id, NewTask, Ref, Success, Task, Tasks, Whom};
use crate::core::action::{Action, Dedupe};
use crate::crm::remote::{Class, same_number};
use crate::crm::{ApplyError, Done};

/// Pages of 100 tasks that are read.
const PAGES: u32 = 10;
/// How far the clocks may be apart when a task is looked for by the time it was made: as far as a
/// wrong `time_zone` puts them. Its mark tells it from others.
const SLACK: SignedDuration = SignedDuration::from_hours(26);

impl Desk<'_> {
    pub(super) async fn task(&self) -> Result<Done, ApplyError> {
        let Action::Task { kind, on, text, owner, due, done, dedupe } = self.work.action else {
            return Err(refused("no task"));
        };
        let spot = self.spot(*on).await?;
        let later_than = match dedupe {
            Dedupe::Never => None,
            Dedupe::UntilDue => Some(self.work.case.at),
            Dedupe::WhileOpen => Some(Timestamp::MIN),
        };
        if let Some(later_than) = later_than
            && let Some(task) = self.open_task(spot.client, kind, later_than).await?
        {
            let due = task.datetime.unwrap_or_default();
            return Ok(said(format!("nothing: task {} is open, due {due}", task.id)));
        }
        let site = self.shop(spot.client).await?;
        let new = NewTask {
            text,
            performer_id: manager(owner)?,
            commentary: &format!("{} {kind}", self.mark()),
            datetime: &self.crm.times.write_minute(*due),
            complete: *done,
            customer: spot.client.map(|id| Whom { id, kind: None, site: site.clone() }),
            order: spot.order.map(|id| Ref { id }),
            phone: self.number(),
        };
        let new = serde_json::to_string(&new).map_err(|error| refused(&error.to_string()))?;
        let mut form = vec![("task", new.as_str())];
        form.extend(site.as_deref().map(|site| ("site", site)));
        let made: super::wire::Made =
            self.crm.api.post(Class::Delivery, "tasks/create", &form).await?;
        let id = made.id.ok_or_else(no_id)?;
        self.task_done(id, *done, site.as_deref(), &spot.words()).await
    }

    /// The shop of a task: its client's.
    async fn shop(&self, client: Option<Id>) -> Result<Option<String>, ApplyError> {
        let site = match client {
            Some(client) => self.crm.site_of(Entity::Customer, client).await?,
            None => None,
        };
        Ok(site.or_else(|| self.site().map(str::to_owned)))
    }

    /// The task is there by now; `complete` it is to become. Not every account heeds that of a new
    /// task; of a change it does.
    async fn task_done(
        &self,
        id: Id,
        complete: bool,
        site: Option<&str>,
        on: &str,
    ) -> Result<Done, ApplyError> {
        let mut what = format!("made task {id} on {on}");
        if complete {
            let task = json!({ "complete": true }).to_string();
            let mut form = vec![("task", task.as_str())];
            form.extend(site.map(|site| ("site", site)));
            let path = format!("tasks/{id}/edit");
            let answer = self.crm.api.post::<Success>(Class::Delivery, &path, &form).await;
            if answer.is_ok() {
                what = format!("made completed task {id} on {on}");
            }
            afterwards(answer.map(drop), &mut what, "completing it")?;
        }
        Ok(said(what))
    }

    /// The task this action made before its answer was lost.
    pub(super) async fn task_back(&self) -> Result<Option<Done>, ApplyError> {
        let Action::Task { on, owner, done, .. } = self.work.action else { return Ok(None) };
        let since = self.work.case.at.saturating_sub(SLACK).unwrap_or(self.work.case.at);
        let since = self.crm.times.write(since);
        let owner = manager(owner)?.to_string();
        let filter = [("filter[performers][0]", owner.as_str()), ("filter[createdAtFrom]", &since)];
        let mark = self.mark();
        let tasks = self.tasks(&filter).await?;
        let Some(task) = tasks.into_iter().find(|task| task.commentary_starts_with(&mark)) else {
            return Ok(None);
        };
        let spot = self.spot(*on).await?;
        let site = self.shop(spot.client).await?;
        let open = *done && !task.complete;
        Ok(Some(self.task_done(task.id, open, site.as_deref(), &spot.words()).await?))
    }

    /// The open task of a kind that is due last (C05).
    async fn open_task(
        &self,
        client: Option<Id>,
        kind: &str,
        later_than: Timestamp,
    ) -> Result<Option<Task>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let digits = number.digits();
        let spelt = digits.len().checked_sub(10).map_or(digits, |from| &digits[from..]);
        let filter = [("filter[status]", "performing"), ("filter[customer]", spelt)];
        let due = |task: &Task| {
            task.datetime
                .as_deref()
                .and_then(|at| self.crm.times.read(at))
                .unwrap_or(Timestamp::MAX)
        };
        let tasks = self.tasks(&filter).await?.into_iter().filter(|task| {
            let his = match (&task.customer, client) {
                (Some(whose), Some(client)) => whose.id == client,
                _ => task.phone.as_deref().is_some_and(|phone| same_number(phone, digits)),
            };
            his && !task.complete && task.is_of_kind(kind) && due(task) > later_than
        });
        Ok(tasks.max_by_key(due))
    }

    async fn tasks(&self, filter: &[(&str, &str)]) -> Result<Vec<Task>, ApplyError> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let mut query = filter.to_vec();
            query.extend([("limit", "100"), ("page", page.as_str())]);
            let answer: Tasks = self.crm.api.get(Class::Delivery, "tasks", &query).await?;
            found.extend(answer.tasks);
            if answer.pagination.is_last() {
                break;
            }
        }
        Ok(found)
    }
}
