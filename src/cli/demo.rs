//! `dozvon demo`: the main job, with nothing else installed.

use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::out::Lines;
use super::signals::Signals;
use crate::config::{Log, LogFormat};
use crate::core::ids::CallId;
use crate::core::record::CallRecord;
use crate::demo::{
    self, Learnt, Request, Scene, Stage, StageError, Teller, random_call, requests, story,
};
use crate::telemetry;

/// The longest a scene may take in the simulated world.
const SCENE: Duration = Duration::from_secs(120);
/// Between two random calls: the one agent of the queue can keep up with them.
const PAUSE: Duration = Duration::from_secs(12);

/// `dozvon demo`
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// End after the story; the exit code says whether every scene ended as told.
    #[arg(long)]
    once: bool,
    /// How many times faster than life.
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// One JSON object a call instead of lines for people.
    #[arg(long)]
    json: bool,
    /// Where `/metrics` is served.
    #[arg(long, default_value = "127.0.0.1:8080")]
    http: SocketAddr,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=100.0).contains(&speed) => Ok(speed),
        _ => Err("write a number from 0.1 to 100".into()),
    }
}

impl DemoArgs {
    /// Plays the story, then random calls until Ctrl-C.
    ///
    /// # Errors
    /// What keeps the stage from being set.
    pub async fn run(self) -> miette::Result<ExitCode> {
        telemetry::start(&Log { format: LogFormat::Text, level: "error".into() })?;
        let (mut signals, out) = (Signals::new()?, Lines::default());
        let stage = tokio::select! {
            stage = self.stage() => stage?,
            _ = signals.next() => return Ok(ExitCode::SUCCESS),
        };
        let mut teller = Teller::new(stage.app.engine.clone(), self.speed, out.clone(), !self.json);
        self.say(&out, "Engine, FreeSWITCH (simulated) and CRM run in this process.");
        self.say(&out, format_args!("Metrics: http://{}/metrics\n", stage.app.http));
        let mut wrong = 0;
        let show = async {
            wrong = self.play(&stage, &mut teller, &out).await;
            wrong += self.look(&stage, &out).await;
            if !self.once {
                self.go_on(&stage, &mut teller, &out).await;
            }
        };
        tokio::select! {
            () = show => {}
            _ = signals.next() => {}
            () = out.closed() => {}
        }
        stage.strike().await;
        Ok(if wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The demo must run beside whatever uses the usual port.
    async fn stage(&self) -> Result<Stage, StageError> {
        match Stage::set(self.speed, self.http).await {
            Err(StageError::Start(error)) => {
                eprintln!("{error}; a free port is taken instead");
                Stage::set(self.speed, SocketAddr::from(([127, 0, 0, 1], 0))).await
            }
            stage => stage,
        }
    }

    /// Plays all scenes; returns how many ended otherwise than told.
    async fn play(&self, stage: &Stage, teller: &mut Teller, out: &Lines) -> usize {
        let (scenes, requests, mut wrong) = (story(), requests(), 0);
        let count = scenes.len() + requests.len();
        let mut judge = |name: &str, differences: Vec<String>| {
            if !differences.is_empty() {
                wrong += 1;
                eprintln!("scene {name} ended otherwise than told: {}", differences.join("; "));
            }
            self.say(out, "");
        };
        for (number, scene) in scenes.iter().enumerate() {
            self.say(out, format_args!("{}. {}", number + 1, scene.tells));
            judge(scene.name, self.scene(stage, teller, out, scene).await);
        }
        for (number, request) in requests.iter().enumerate() {
            self.say(out, format_args!("{}. {}", scenes.len() + number + 1, request.tells));
            judge(request.name, self.request(stage, out, request).await);
        }
        self.say(out, format_args!("{} of {count} scenes ended as told.", count - wrong));
        wrong
    }

    /// A line for people.
    fn say(&self, out: &Lines, line: impl Display) {
        if !self.json {
            out.line(line);
        }
    }

    async fn scene(
        &self,
        stage: &Stage,
        teller: &mut Teller,
        out: &Lines,
        scene: &Scene,
    ) -> Vec<String> {
        for (phone, script) in &scene.phones {
            stage.switch.set_phone(phone, script.clone());
        }
        stage.crm_down(scene.crm_down).await;
        let call = stage.switch.call(scene.call());
        let id = CallId::new(call.uuid());
        let limit = SCENE.div_f64(self.speed.min(1.0));
        let told = tokio::time::timeout(limit, teller.follow(&id)).await;
        if scene.crm_down {
            match stage.papers.waiting(&id).await {
                Ok(count) => self.say(out, format_args!("  the CRM is down: {count} actions wait")),
                Err(error) => return vec![error.to_string()],
            }
            stage.crm_down(false).await;
        }
        let Ok(Some(record)) = told else {
            return vec![format!("it did not end within {} s", limit.as_secs())];
        };
        let report = call.report().await;
        let learnt = match stage.papers.learnt(&id).await {
            Ok(learnt) => learnt,
            Err(error) => return vec![error.to_string()],
        };
        if self.json {
            out.line(line(scene.name, &record, &learnt));
        }
        match scene.crm_down {
            false => self.say(out, "  the CRM learns:"),
            true => self.say(
                out,
                "  the CRM is back, tells who called, and the rules decide anew. Done is:",
            ),
        }
        let staff = stage.app.engine.directory.staff();
        for line in demo::lines(&learnt, &staff, stage.app.engine.rules.load().timezone()) {
            self.say(out, format_args!("    {line}"));
        }
        demo::differences(scene, &record, &report, &learnt)
    }

    async fn request(&self, stage: &Stage, out: &Lines, request: &Request) -> Vec<String> {
        let say = |seconds: f64, line: String| {
            self.say(out, format_args!("  {seconds:6.1} s  {line}"));
        };
        let limit = SCENE.div_f64(self.speed.min(1.0));
        let (view, learnt) = match request.play(stage, self.speed, limit, say).await {
            Ok(played) => played,
            Err(error) => return vec![error.to_string()],
        };
        if self.json {
            out.line(request.json(&view, &learnt));
        }
        self.say(out, "  the CRM learns:");
        let staff = stage.app.engine.directory.staff();
        for line in demo::lines(&learnt, &staff, stage.app.engine.rules.load().timezone()) {
            self.say(out, format_args!("    {line}"));
        }
        request.differences(&view, &learnt)
    }

    /// What the story left in the CRM, and how a person looks himself.
    async fn look(&self, stage: &Stage, out: &Lines) -> usize {
        match demo::records(&stage.crm, stage.set_at).await {
            Ok(_) if self.json => return 0,
            Ok(text) => {
                self.say(out, format_args!("\nWhat came of it in the built-in CRM:\n{text}"))
            }
            Err(error) => {
                eprintln!("the records of the CRM cannot be shown: {error}");
                return 1;
            }
        }
        if self.once {
            self.say(out, "The demo's store is temporary and is removed now; without --once it stays until Ctrl-C, for `dozvon crm list`.");
            return 0;
        }
        self.say(
            out,
            "Look yourself; the demo's store is temporary and is removed when the demo ends:",
        );
        let store = stage.store().display();
        for verb in ["list deals", "list calls", "show deal dz2"] {
            self.say(out, format_args!("  DOZVON_STORE__PATH={store} dozvon crm {verb}"));
        }
        self.say(out, "");
        0
    }

    async fn go_on(&self, stage: &Stage, teller: &mut Teller, out: &Lines) {
        self.say(out, "Now calls as they come, until Ctrl-C.\n");
        let mut next = tokio::time::interval(PAUSE.div_f64(self.speed));
        next.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = next.tick() => drop(stage.switch.call(random_call(&stage.switch))),
                told = teller.next_end() => {
                    let Some(record) = told else { return };
                    self.tell(stage, teller, out, &record).await;
                }
            }
        }
    }

    /// A random call, in two lines.
    async fn tell(&self, stage: &Stage, teller: &Teller, out: &Lines, record: &CallRecord) {
        let learnt = match stage.papers.learnt(&record.id).await {
            Ok(learnt) => learnt,
            Err(error) => return eprintln!("{error}"),
        };
        if self.json {
            return out.line(line("random", record, &learnt));
        }
        out.line(format_args!("  {} {}", record.from, teller.ending(record)));
        out.line(format_args!("    CRM: {}", demo::in_short(&learnt)));
    }
}

/// One call as one object. The numbers are the demo's own, so they are whole.
fn line(scene: &str, record: &CallRecord, learnt: &[Learnt]) -> serde_json::Value {
    let from = record.from.phone().map_or_else(|| record.from.to_string(), |p| p.e164().to_owned());
    json!({
        "scene": scene,
        "call_id": record.id,
        "from": from,
        "to": record.to,
        "outcome": record.outcome,
        "steps": record.attempts,
        "reason": record.fallback,
        "recording": record.recording,
        "rules": demo::rules_json(learnt),
        "actions": demo::actions_json(learnt),
    })
}
