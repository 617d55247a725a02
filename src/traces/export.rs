//! Makes spans and sends them: OTLP over HTTP, in JSON, which every receiver has to take beside
//! protobuf. Of the OpenTelemetry SDK nothing else would be used than its data types: ids, clock,
//! sampling and batches are ours, because spans are made long after what they tell of.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::config::TraceConfig;
use super::trouble::Trouble;
use super::{Paper, call, wire};
use crate::crm::remote::retry_after;
use crate::http;
use crate::metrics::Metrics;

/// Calls and deliveries in one request: about half a megabyte.
const BATCH: usize = 128;
/// So long a batch is filled.
const FILL: Duration = Duration::from_secs(1);
/// So long a receiver may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Answers by which the receiver only puts it off ("OTLP Specification", OTLP/HTTP Response).
const PASSES: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];
/// So much of an answer is read, in bytes.
const TOLD: usize = 64 * 1024;
/// What is left at the end is sent within this time, or not at all.
const END: Duration = Duration::from_secs(3);

pub(super) struct Exporter {
    client: Client,
    url: String,
    headers: HeaderMap,
    resource: Value,
    metrics: Arc<Metrics>,
    trouble: Arc<Trouble>,
    /// Calls and deliveries that are neither sent nor lost yet, beside those that wait.
    in_hand: usize,
}

/// Why a batch was not taken.
struct Fault {
    why: String,
    again: Again,
}

/// Whether it may be taken later.
enum Again {
    Never,
    /// `Some`: not sooner, says the receiver.
    After(Option<Duration>),
}

impl Exporter {
    pub fn new(
        endpoint: &str,
        config: &TraceConfig,
        metrics: Arc<Metrics>,
        trouble: Arc<Trouble>,
    ) -> Result<Self, String> {
        let client = http::client().timeout(ANSWER).redirect(redirect::Policy::none());
        let mut headers = config.header_map()?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            client: client.build().map_err(|error| error.to_string())?,
            url: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            headers,
            resource: wire::resource(&config.service),
            metrics,
            trouble,
            in_hand: 0,
        })
    }

    /// Until `stop`, and then what is left.
    pub async fn run(mut self, mut papers: Receiver<Paper>, stop: CancellationToken) {
        let (mut batch, mut unsent) = (Vec::new(), None);
        while stop.run_until_cancelled(fill(&mut papers, &mut batch)).await.is_some() {
            let body = self.body(&mut batch);
            match stop.run_until_cancelled(self.deliver(&body)).await {
                Some(taken) if taken && papers.is_empty() => self.trouble.ends(),
                Some(_) => {}
                None => {
                    unsent = Some(body);
                    break;
                }
            }
        }
        papers.close();
        let rest = async {
            if let Some(body) = unsent {
                self.last(&body).await;
            }
            loop {
                while batch.len() < BATCH
                    && let Ok(paper) = papers.try_recv()
                {
                    batch.push(paper);
                }
                if batch.is_empty() {
                    break;
                }
                let body = self.body(&mut batch);
                self.last(&body).await;
            }
        };
        if timeout(END, rest).await.is_err() {
            self.in_hand += papers.len();
            self.done("lost");
        }
    }

    fn body(&mut self, batch: &mut Vec<Paper>) -> String {
        self.in_hand = batch.len();
        let spans = batch
            .drain(..)
            .flat_map(|paper| match paper {
                Paper::Call(record, notes) => call::spans(&record, &notes),
                Paper::Delivery(delivery) => vec![delivery.span()],
            })
            .collect();
        wire::request(&self.resource, spans)
    }

    /// Tries until it is taken or refused, and says which. Meanwhile the channel fills, and then is
    /// full.
    async fn deliver(&mut self, body: &str) -> bool {
        let mut pause = PAUSE;
        loop {
            let Err(fault) = self.send(body).await else {
                self.done("sent");
                return true;
            };
            self.trouble.begins(&fault.why);
            let Again::After(told) = fault.again else {
                self.done("lost");
                return false;
            };
            sleep(told.unwrap_or(pause).clamp(pause, PAUSE_MAX)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Tries once.
    async fn last(&mut self, body: &str) {
        match self.send(body).await {
            Ok(()) => self.done("sent"),
            Err(fault) => {
                self.trouble.begins(&fault.why);
                self.done("lost");
            }
        }
    }

    async fn send(&self, body: &str) -> Result<(), Fault> {
        let request = self.client.post(&self.url).headers(self.headers.clone());
        let mut answer = request.body(body.to_owned()).send().await.map_err(|error| {
            // The address may hold a token.
            Fault { why: chain(&error.without_url()), again: Again::After(None) }
        })?;
        let status = answer.status();
        if !status.is_success() {
            let why = format!("it answered {}", status.as_u16());
            let again = match PASSES.contains(&status) {
                true => Again::After(retry_after(&answer)),
                false => Again::Never,
            };
            return Err(Fault { why, again });
        }
        let mut text = Vec::new();
        while text.len() < TOLD
            && let Ok(Some(more)) = answer.chunk().await
        {
            text.extend_from_slice(&more);
        }
        match wire::rejected(&text) {
            Some(why) => Err(Fault { why, again: Again::Never }),
            None => Ok(()),
        }
    }

    /// What was in hand is: counts it.
    fn done(&mut self, result: &str) {
        let count = std::mem::take(&mut self.in_hand) as u64;
        self.metrics.traces.with_label_values(&[result]).inc_by(count);
    }
}

/// Waits for the next batch; for ever where nobody is left to hand anything in.
async fn fill(papers: &mut Receiver<Paper>, batch: &mut Vec<Paper>) {
    match papers.recv().await {
        Some(paper) => batch.push(paper),
        None => std::future::pending().await,
    }
    let until = Instant::now() + FILL;
    while batch.len() < BATCH
        && let Ok(Some(paper)) = timeout_at(until, papers.recv()).await
    {
        batch.push(paper);
    }
}

/// With what is behind it: reqwest's own words say no more than that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
