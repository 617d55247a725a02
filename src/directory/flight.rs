//! Requests on their way: one for all who ask for a number, going on after they stopped waiting.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::{Arc, BreakerState, Client, CrmError, Directory, Entry, HashMap, Instant, Phone};

/// What the CRM said; `None` inside: nobody has the number.
pub(super) type Answer = Result<Option<Arc<Client>>, CrmError>;
/// Empty until the answer is there.
pub(super) type Waiting = watch::Receiver<Option<Answer>>;

/// The requests whose answers may be kept.
#[derive(Default)]
pub(super) struct Flights {
    by_phone: HashMap<Phone, (u64, Waiting)>,
    next: u64,
}

impl Flights {
    pub(super) fn forget(&mut self, phone: &Phone) {
        self.by_phone.remove(phone);
    }

    pub(super) fn forget_all(&mut self) {
        self.by_phone.clear();
    }

    fn lists(&self, phone: &Phone, number: u64) -> bool {
        self.by_phone.get(phone).is_some_and(|(n, _)| *n == number)
    }
}

/// How a look-up gets its answer.
pub(super) enum Joined {
    /// A request was sent for it.
    Started(Waiting),
    /// Somebody else's request is on its way.
    Other(Waiting),
    /// The breaker is open.
    Refused,
}

/// Waits for the answer.
pub(super) async fn landed(mut waiting: Waiting) -> Answer {
    match waiting.wait_for(Option::is_some).await {
        Ok(answer) => answer.clone().unwrap_or(Ok(None)),
        Err(_) => Err(CrmError::Fault("the request was cut off".into())),
    }
}

impl Directory {
    pub(super) fn join(self: &Arc<Self>, phone: &Phone, now: Instant) -> Joined {
        let mut flights = self.flights();
        if let Some((_, waiting)) = flights.by_phone.get(phone) {
            return Joined::Other(waiting.clone());
        }
        if !self.health().breaker.admit(now) {
            return Joined::Refused;
        }
        let (landing, waiting) = watch::channel(None);
        let number = flights.next;
        flights.next += 1;
        flights.by_phone.insert(phone.clone(), (number, waiting.clone()));
        let (directory, phone) = (self.clone(), phone.clone());
        let request = async move {
            let answer = directory.ask(&phone).await;
            directory.keep(&phone, number, &answer).await;
            landing.send_replace(Some(answer));
        };
        // What is logged of it names the call that asked first.
        tokio::spawn(request.in_current_span());
        Joined::Started(waiting)
    }

    async fn ask(&self, phone: &Phone) -> Answer {
        let begun = Instant::now();
        let request = self.guarded(self.crm.caller(phone));
        tokio::pin!(request);
        let (answer, outcome) = match timeout(self.config.deadline, &mut request).await {
            Ok(answer) => {
                self.judge(answer.as_ref().err());
                let outcome = outcome(&answer);
                (answer, outcome)
            }
            Err(_) => {
                self.judge(Some(&CrmError::Slow));
                (request.await, "slow")
            }
        };
        self.count_request("find", outcome, begun);
        answer.map(|client| client.map(Arc::new))
    }

    /// Ends a request at its time limit, and turns a panic of a CRM into a fault.
    pub(super) async fn guarded<T>(
        &self,
        request: impl Future<Output = Result<T, CrmError>>,
    ) -> Result<T, CrmError> {
        let request = AssertUnwindSafe(request).catch_unwind();
        match timeout(self.config.request_timeout, request).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CrmError::Fault(format!(
                "the connection to {} panicked; please report it",
                self.name
            ))),
            Err(_) => Err(CrmError::Slow),
        }
    }

    pub(super) fn count_request(&self, op: &str, outcome: &str, begun: Instant) {
        let crm = self.name.as_str();
        self.metrics.crm_requests.with_label_values(&[crm, op, outcome]).inc();
        self.metrics
            .crm_seconds
            .with_label_values(&[crm, op])
            .observe(begun.elapsed().as_secs_f64());
    }

    /// Tells the breaker, once a request: at its deadline, or at its end if that is earlier.
    fn judge(&self, failure: Option<&CrmError>) {
        let mut health = self.health();
        let before = health.breaker.state();
        match failure {
            None => health.breaker.succeeded(),
            Some(_) => health.breaker.failed(Instant::now()),
        }
        let after = health.breaker.state();
        let failed_before = health.last_error.is_some();
        health.last_error = failure.map(ToString::to_string);
        drop(health);

        let crm = self.name.as_str();
        self.metrics
            .crm_circuit_open
            .with_label_values(&[crm])
            .set(i64::from(after != BreakerState::Closed));
        match failure {
            None if failed_before => tracing::info!(crm, "the CRM answers look-ups again"),
            None => {}
            Some(error) if before == BreakerState::Closed && after == BreakerState::Open => {
                tracing::warn!(crm, %error, "the CRM fails again and again: calls are routed without it, by what is remembered, until a probe succeeds");
            }
            Some(error) if !failed_before => {
                tracing::warn!(crm, %error, "a look-up in the CRM failed: the call goes on by what is remembered, or without an owner");
            }
            Some(error) => tracing::debug!(crm, %error, "a look-up in the CRM failed"),
        }
    }

    /// Keeps the answer, unless the number was invalidated while the request was on its way.
    async fn keep(&self, phone: &Phone, number: u64, answer: &Answer) {
        let listed = self.flights().lists(phone, number);
        if let Ok(client) = answer
            && listed
        {
            let entry = Entry { client: client.clone(), at: Instant::now() };
            self.cache.insert(phone.clone(), entry).await;
        }
        let forgotten = {
            let mut flights = self.flights();
            let listed_still = flights.lists(phone, number);
            if listed_still {
                flights.forget(phone);
            }
            listed && !listed_still
        };
        if forgotten {
            self.cache.invalidate(phone).await;
        }
        self.count_entries().await;
    }
}

/// The label of `dozvon_crm_requests_total`.
pub(super) fn outcome<T>(answer: &Result<T, CrmError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(CrmError::Slow) => "slow",
        Err(CrmError::Fault(_)) => "fault",
    }
}
