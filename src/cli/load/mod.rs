//! `dozvon load`: the simulated FreeSWITCH as a load generator, the engine in a process of its own.

mod engine;
mod tally;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use self::engine::Target;
use self::tally::Tally;
use super::out::print;
use super::signals::Signals;
use crate::demo::LINE;
use crate::sim::{Agent, CallSpec, Caller, FreeSwitch, Queue, Script};

/// Clients of the sample whose owners have desk phones.
const CLIENTS: [&str; 4] = ["+79161110001", "+79161110002", "+79161110003", "+79161110006"];

/// A call that takes longer than its talk and this is lost, and is not waited for.
const LONGEST: Duration = Duration::from_secs(60);

/// `dozvon load`
#[derive(Debug, clap::Args)]
pub struct LoadArgs {
    /// How many calls in all.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// New calls a second; without it as many as the concurrency allows.
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Calls in hand at once, at most.
    #[arg(long, default_value = "200", value_parser = at_once)]
    concurrency: usize,
    /// How long each talk lasts.
    #[arg(long, default_value = "0s", value_parser = duration)]
    talk: Duration,
    /// An engine that runs already and has the sample's clients (`dozvon serve --sample`).
    /// Without it one is started for the run.
    #[arg(long, value_name = "HOST:PORT")]
    engine: Option<SocketAddr>,
    /// The engine that is started also tells the CRM of each call: rules, journal, outbox,
    /// callbacks and the built-in CRM. Without it the way of the calls alone is measured.
    #[arg(long, conflicts_with = "engine")]
    crm: bool,
    /// That engine's process, on this machine: its CPU time and memory are read.
    #[arg(long, requires = "engine")]
    pid: Option<u32>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "write a time such as 500ms or 5s".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time cannot be negative".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("write a number from 0.001 to 1000000".to_owned()),
    }
}

fn at_once(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(calls) if (1..=100_000).contains(&calls) => Ok(calls),
        _ => Err("write a number from 1 to 100000".to_owned()),
    }
}

impl LoadArgs {
    /// Runs the load and prints the numbers. The exit code says whether any call was lost.
    ///
    /// # Errors
    /// What keeps it from running.
    pub async fn run(self) -> miette::Result<ExitCode> {
        let mut signals = Signals::new()?;
        let target = match self.engine {
            Some(calls) => Target::running(calls, self.pid).await?,
            None => Target::start(self.crm).await?,
        };
        let switch = switch(&target.calls.to_string()).await?;
        let tally = tokio::select! {
            tally = self.measure(&target, &switch) => Some(tally),
            _ = signals.next() => None,
        };
        target.end().await;
        let Some(tally) = tally else { return Ok(ExitCode::FAILURE) };
        print(&if self.json { format!("{}\n", tally.json()) } else { format!("{tally}\n") })?;
        Ok(if tally.lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn measure(&self, target: &Target, switch: &FreeSwitch) -> Tally {
        self.warm(switch).await;
        let before = target.usage();
        let (watch, peak) = target.watch_memory();
        let begin = Instant::now();
        let mut tally = self.calls(switch).await;
        tally.elapsed = begin.elapsed();
        watch.cancel();
        let after = target.usage();
        tally.engine(before.zip(after), peak.await.unwrap_or_default());
        tally
    }

    /// Each client once, so that the cache is warm.
    async fn warm(&self, switch: &FreeSwitch) {
        for client in CLIENTS {
            let _ = timeout(LONGEST, switch.call(spec(client, Duration::ZERO)).report()).await;
        }
    }

    async fn calls(&self, switch: &FreeSwitch) -> Tally {
        let bar = self.bar();
        let room = Arc::new(Semaphore::new(self.concurrency));
        let mut pace = self.rate.map(|rate| {
            let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            pace
        });
        let (mut tally, mut running) = (Tally::default(), JoinSet::new());
        for number in 0..self.calls {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            // The semaphore is never closed.
            let Ok(place) = room.clone().acquire_owned().await else { break };
            let call = switch.call(spec(CLIENTS[number as usize % CLIENTS.len()], self.talk));
            let longest = LONGEST.saturating_add(self.talk);
            running.spawn(async move {
                let report = timeout(longest, call.report()).await;
                drop(place);
                report.ok()
            });
            tally.most = tally.most.max(self.concurrency - room.available_permits());
            while let Some(Ok(report)) = running.try_join_next() {
                tally.add(report.as_ref());
                bar.inc(1);
            }
        }
        while let Some(Ok(report)) = running.join_next().await {
            tally.add(report.as_ref());
            bar.inc(1);
        }
        bar.finish_and_clear();
        tally
    }

    /// A bar on a terminal, nothing elsewhere.
    fn bar(&self) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(self.calls);
        let style = "{bar:40} {pos}/{len} calls, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar
    }
}

/// Owners who answer at once, and a queue behind them.
async fn switch(engine: &str) -> miette::Result<FreeSwitch> {
    let answers = || Script::answers(Duration::ZERO);
    FreeSwitch::builder()
        .engine(engine)
        .tick(Duration::ZERO)
        .phone("101", answers())
        .phone("102", answers())
        .phone("103", answers())
        .phone("106", answers())
        .agent(Agent::new("egor", "106"))
        .queue("sales", Queue::new(&["egor"]))
        .start()
        .await
        .map_err(|error| miette::miette!("the simulated FreeSWITCH cannot start: {error}"))
}

fn spec(client: &str, talk: Duration) -> CallSpec {
    CallSpec::new(client, LINE).caller(Caller::stays().talks_for(talk))
}
