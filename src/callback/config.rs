//! Settings of callbacks that are no rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directory::config::human_duration;

/// `[callbacks]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackConfig {
    /// `false`: no campaign is taken or led, and missed calls are not listed.
    pub enabled: bool,
    /// How long campaigns that are over and missed calls are kept.
    #[serde(with = "human_duration::positive")]
    pub keep: Duration,
    /// How long a sender's idempotency key is remembered.
    #[serde(with = "human_duration::positive")]
    pub keep_keys: Duration,
    /// How long a claim holds that is not renewed. After a crash, campaigns wait so long for the
    /// next engine; an engine that ends in order leaves them at once.
    #[serde(with = "human_duration::positive")]
    pub lease: Duration,
    /// How often the store is looked at for what other processes ask.
    #[serde(with = "human_duration::positive")]
    pub poll: Duration,
}

impl Default for CallbackConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            enabled: true,
            keep: 90 * DAY,
            keep_keys: 7 * DAY,
            lease: Duration::from_secs(15),
            poll: Duration::from_secs(1),
        }
    }
}
