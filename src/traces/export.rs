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
use tracing::{debug, info, warn};

use super::config::TraceConfig;
use super::{Paper, call, wire};
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
/// What is left at the end is sent within this time, or not at all.
const END: Duration = Duration::from_secs(3);

pub(super) struct Exporter {
    client: Client,
    url: String,
    headers: HeaderMap,
    resource: Value,
    metrics: Arc<Metrics>,
    /// The receiver fails since then.
    outage: Option<Instant>,
}

/// Why a batch was not taken.
struct Fault {
    why: String,
    /// It may be taken later.
    passes: bool,
}

impl Exporter {
    pub fn new(
        endpoint: &str,
        config: &TraceConfig,
        metrics: Arc<Metrics>,
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
            outage: None,
        })
    }

    /// Until `stop`, and then what is left.
    pub async fn run(mut self, mut papers: Receiver<Paper>, stop: CancellationToken) {
        let (mut batch, mut unsent) = (Vec::new(), None);
        while stop.run_until_cancelled(fill(&mut papers, &mut batch)).await.is_some() {
            let (body, count) = (self.body(&batch), batch.len());
            batch.clear();
            if stop.run_until_cancelled(self.deliver(&body, count)).await.is_none() {
                unsent = Some((body, count));
                break;
            }
        }
        papers.close();
        let rest = async {
            if let Some((body, count)) = unsent {
                self.last(&body, count).await;
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
                self.last(&self.body(&batch), batch.len()).await;
                batch.clear();
            }
        };
        let _ = timeout(END, rest).await;
    }

    fn body(&self, batch: &[Paper]) -> String {
        let spans = batch
            .iter()
            .flat_map(|paper| match paper {
                Paper::Call(record, notes) => call::spans(record, notes),
                Paper::Delivery(delivery) => vec![delivery.span()],
            })
            .collect();
        wire::request(&self.resource, spans)
    }

    /// Tries until it is taken or refused. Meanwhile the channel fills, and then is full.
    async fn deliver(&mut self, body: &str, count: usize) {
        let mut pause = PAUSE;
        loop {
            match self.send(body).await {
                Ok(()) => return self.sent(count),
                Err(fault) => {
                    self.failed(&fault);
                    if !fault.passes {
                        return self.lost(count);
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Tries once.
    async fn last(&mut self, body: &str, count: usize) {
        match self.send(body).await {
            Ok(()) => self.sent(count),
            Err(fault) => {
                self.failed(&fault);
                self.lost(count);
            }
        }
    }

    async fn send(&self, body: &str) -> Result<(), Fault> {
        let request = self.client.post(&self.url).headers(self.headers.clone());
        let answer = request.body(body.to_owned()).send().await.map_err(|error| {
            // The address may hold a token.
            Fault { why: chain(&error.without_url()), passes: true }
        })?;
        let status = answer.status();
        if !status.is_success() {
            let passes = [
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ];
            let why = format!("it answered {}", status.as_u16());
            return Err(Fault { why, passes: passes.contains(&status) });
        }
        match wire::rejected(&answer.bytes().await.unwrap_or_default()) {
            Some(why) => Err(Fault { why, passes: false }),
            None => Ok(()),
        }
    }

    fn sent(&mut self, count: usize) {
        self.count("sent", count);
        if let Some(since) = self.outage.take() {
            let seconds = since.elapsed().as_secs();
            info!(seconds, "the receiver of traces takes them again");
        }
    }

    fn lost(&self, count: usize) {
        self.count("lost", count);
    }

    fn count(&self, result: &str, count: usize) {
        self.metrics.traces.with_label_values(&[result]).inc_by(count as u64);
    }

    /// Said once, until it works again.
    fn failed(&mut self, fault: &Fault) {
        let why = &fault.why;
        if self.outage.is_some() {
            debug!(why, "the receiver of traces still fails");
            return;
        }
        self.outage = Some(Instant::now());
        warn!(
            why,
            "traces cannot be sent: see `endpoint` in [traces]; calls go on, dozvon_traces_total counts what is lost"
        );
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
