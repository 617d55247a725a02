//! Callbacks of the story: a form, the managers' phones, the client.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::learns::told;
use super::papers::{Learnt, PapersError};
use super::stage::Stage;
use super::{actions_json, rules_json};
use crate::callback::{Callbacks, Refused};
use crate::cli::words::stage as words;
use crate::core::campaign::order::{
    Ending, GroupOrder, Kind, Order, Policy, Prompt, Stage as At, Target, Try, View, Whom,
};
use crate::core::ids::CallId;
use crate::core::phone::{Phone, Region};
use crate::core::record::between;
use crate::core::staff::Staff;
use crate::sim::Script;

/// The phones of the sales group that can ring.
const SALES: [&str; 5] = ["101", "102", "103", "106", "+79035550105"];

/// One form of the story.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its name in `--json`.
    pub name: &'static str,
    /// What it shows, for people.
    pub tells: &'static str,
    phone: &'static str,
    client: &'static str,
    comment: &'static str,
    /// Who picks up; everybody else is busy.
    picks_up: Option<&'static str>,
    /// Who does once the first try has failed.
    later: Option<&'static str>,
    ending: Ending,
    /// Who talked, in the end.
    answered: &'static [&'static str],
    actions: &'static [&'static str],
}

/// Why it did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// It was not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It goes on and on.
    #[error("it did not end within {} s", .0.as_secs())]
    Late(Duration),
    /// Nobody knows what the CRM learnt.
    #[error(transparent)]
    Papers(#[from] PapersError),
    /// The engine of the demo takes none, or the number is wrong.
    #[error("the demo's engine takes no callbacks")]
    Off,
}

/// The forms, in order.
pub fn requests() -> Vec<Request> {
    let first = Request {
        name: "callback",
        tells: "A form on the site: Анна's phone rings with name and comment on it, then the client's.",
        phone: "+79267770001",
        client: "Ирина",
        comment: "замер двух окон",
        picks_up: Some("101"),
        later: None,
        ending: Ending::Talked,
        answered: &["101", "client"],
        actions: &[
            "register_call 101",
            "contact 101",
            "deal 101",
            "notify 101",
            "update_call",
            "update_call",
        ],
    };
    let busy = Request {
        name: "callback_all_busy",
        tells: "Everybody is busy; 30 s later Борис is free, and the client is called.",
        phone: "+79267770002",
        client: "Степан",
        comment: "когда привезут?",
        picks_up: None,
        later: Some("102"),
        answered: &["102", "client"],
        actions: &[
            "register_call 102",
            "contact 102",
            "deal 102",
            "notify 102",
            "update_call",
            "update_call",
        ],
        ..first.clone()
    };
    let nobody = Request {
        name: "callback_nobody",
        tells: "Nobody of ours picks up: the CRM gets the form, so that it is not forgotten.",
        phone: "+79267770003",
        client: "Зоя",
        comment: "балкон",
        picks_up: None,
        later: None,
        ending: Ending::NoManager,
        answered: &[],
        actions: &["register_call nobody", "unsorted", "notify 101"],
    };
    vec![first, busy, nobody]
}

impl Request {
    /// Times of the engine go as fast as the simulated world.
    fn order(&self, speed: f64) -> Option<Order> {
        let fields = [("utm_source", "yandex"), ("page", "/windows")];
        let seconds = |n: u64| Duration::from_secs(n).div_f64(speed);
        Some(Order {
            kind: Kind::Form,
            phone: Phone::parse(self.phone, Region::default()).ok()?,
            site: "windows.example".into(),
            line: Some("main".into()),
            department: None,
            name: Some(self.client.into()),
            comment: Some(self.comment.into()),
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            wanted: None,
            timezone: None,
            targets: vec![
                Target::Owner,
                Target::Group { name: "sales".into(), order: GroupOrder::InTurn },
            ],
            policy: Policy {
                delay: Duration::ZERO,
                ring: Duration::from_secs(20),
                retry: seconds(30),
                give_up: seconds(if self.ending == Ending::NoManager { 40 } else { 600 }),
                client_ring: Duration::from_secs(40),
                client_tries: 2,
                client_pause: seconds(60),
                prompt: Prompt::Tone,
                key: None,
            },
        })
    }

    /// Plays it. `say` is told what happens, with the seconds since the form came.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn play(
        &self,
        stage: &Stage,
        speed: f64,
        limit: Duration,
        say: impl Fn(f64, String),
    ) -> Result<(View, Vec<Learnt>), RequestError> {
        for phone in SALES {
            stage.switch.set_phone(phone, Script::busy());
        }
        let answers = |phone| {
            stage.switch.set_phone(phone, Script::answers(Duration::from_secs(3)));
        };
        self.picks_up.into_iter().for_each(answers);
        let client = Script::answers(Duration::from_secs(4));
        stage.switch.set_phone(self.phone, client.hangs_up_after(Duration::from_secs(20)));

        let (Some(callbacks), Some(order)) = (&stage.app.callbacks, self.order(speed)) else {
            return Err(RequestError::Off);
        };
        let began = Timestamp::now();
        let passed = || between(began, Timestamp::now()).as_secs_f64() * speed;
        say(passed(), format!("{} leaves a number: \"{}\"", self.client, self.comment));
        let taken = callbacks.take(order, None).await?;
        let mut followed = callbacks.watch(&taken.id).await?;
        let staff = stage.app.engine.directory.staff();
        let follow = async {
            let (mut at, mut told) = (None, 0);
            loop {
                let view = followed.borrow_and_update().clone();
                let over = view.tries.iter().take_while(|one| one.until.is_some()).count();
                for one in view.tries.iter().take(over).skip(told) {
                    say(passed(), line(one, &staff));
                }
                told = told.max(over);
                if at != Some(view.stage) {
                    at = Some(view.stage);
                    say(passed(), words(view.stage).to_owned());
                }
                if view.stage == At::Waiting {
                    self.later.into_iter().for_each(answers);
                }
                // Who follows a campaign that is gone hears no more of it.
                if followed.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(limit, follow).await.map_err(|_| RequestError::Late(limit))?;
        let learnt = stage.papers.learnt(&CallId::new(taken.id.as_str())).await?;
        Ok((callbacks.show(&taken.id).await?, learnt))
    }

    /// What is otherwise than told.
    pub fn differences(&self, view: &View, learnt: &[Learnt]) -> Vec<String> {
        let mut differences = Vec::new();
        let mut same = |what: &str, is: String, told: String| {
            if is != told {
                differences.push(format!("{what} is `{is}`, told was `{told}`"));
            }
        };
        let answered = view.tries.iter().filter(|one| one.answered.is_some());
        let who: Vec<_> = answered.map(|one| number(&one.whom)).collect();
        same("end", words(view.stage).into(), words(At::Over(self.ending)).into());
        same("who answered", who.join(" "), self.answered.join(" "));
        same("what the CRM learnt", told(learnt).join(", "), self.actions.join(", "));
        differences.extend(learnt.iter().filter_map(Learnt::undone));
        differences
    }

    /// The same as an object, with the keys of a call.
    pub fn json(&self, view: &View, learnt: &[Learnt]) -> Value {
        json!({
            "scene": self.name,
            "call_id": view.id,
            "from": self.phone,
            "to": view.order.site,
            "outcome": view.stage,
            "steps": view.tries,
            "reason": null,
            "rules": rules_json(learnt),
            "actions": actions_json(learnt),
        })
    }
}

fn number(whom: &Whom) -> String {
    use crate::core::staff::Number;
    match whom {
        Whom::Client(_) => "client".to_owned(),
        Whom::Manager { number: Number::Line(line), .. } => line.to_string(),
        Whom::Manager { number: Number::Outside(phone), .. } => phone.e164().to_owned(),
    }
}

fn line(one: &Try, staff: &Staff) -> String {
    let result = one.result.map_or("", |result| result.as_str());
    match &one.whom {
        Whom::Client(_) => format!("  the client: {result}"),
        Whom::Manager { employee, .. } => {
            let known = employee.as_ref().and_then(|id| staff.get(id));
            let name = known.map_or("somebody", |employee| employee.name.as_str());
            format!("  {name} ({}): {result}", number(&one.whom))
        }
    }
}
