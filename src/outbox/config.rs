//! Settings of journal, outbox and webhooks.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::directory::config::human_duration;

/// `[journal]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalConfig {
    /// How long rows are kept: cases, records of calls, and entries that were delivered or
    /// dropped. What still waits or is parked is kept however old it is.
    #[serde(with = "human_duration::positive")]
    pub keep: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { keep: Duration::from_secs(90 * 24 * 60 * 60) }
    }
}

/// `[outbox]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxConfig {
    /// `false`: calls are routed, counted and logged, and the CRM learns nothing of them. There
    /// is no journal either.
    pub enabled: bool,
    /// Clients worked for at the same time for each CRM; webhooks have as many for themselves.
    pub parallel: NonZeroUsize,
    /// Cases that may wait in memory for the disk. Beyond them cases are lost, and it is said.
    pub memory: NonZeroUsize,
    /// How long an action may take before its answer counts as lost.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
    /// The first wait after a failure; it doubles from one to the next.
    #[serde(with = "human_duration::positive")]
    pub retry: Duration,
    /// The longest wait.
    #[serde(with = "human_duration::positive")]
    pub retry_max: Duration,
    /// An entry that fails and is older than this is parked.
    #[serde(with = "human_duration::positive")]
    pub park_after: Duration,
    /// How often the store is looked at for what became due or was released by hand.
    #[serde(with = "human_duration::positive")]
    pub poll: Duration,
    /// How long a claim holds. After a crash, what was in hand waits so long; nothing else does.
    #[serde(with = "human_duration::positive")]
    pub lease: Duration,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        const NUMBERS: (NonZeroUsize, NonZeroUsize) =
            const { (NonZeroUsize::new(8).unwrap(), NonZeroUsize::new(8192).unwrap()) };
        Self {
            enabled: true,
            parallel: NUMBERS.0,
            memory: NUMBERS.1,
            timeout: Duration::from_secs(30),
            retry: Duration::from_secs(2),
            retry_max: Duration::from_secs(10 * 60),
            park_after: Duration::from_secs(24 * 60 * 60),
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(30),
        }
    }
}

/// `[webhook]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Every webhook is signed with it. Without one none is sent.
    pub secret: Option<Secret>,
}
