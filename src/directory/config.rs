//! Settings of the directory.

pub mod human_duration;

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the directory waits, remembers and holds back. Times are written as `500ms`, `6h`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryConfig {
    /// How long a call waits for the CRM (E09). A request that takes longer counts as failed for
    /// the breaker; its answer is still kept for the next call.
    #[serde(with = "human_duration::positive")]
    pub deadline: Duration,
    /// When a request is given up altogether.
    #[serde(with = "human_duration::positive")]
    pub request_timeout: Duration,
    /// How long an answer with a client is kept (E09: 6 hours).
    #[serde(with = "human_duration")]
    pub ttl: Duration,
    /// How long "nobody has this number" is kept.
    #[serde(with = "human_duration")]
    pub negative_ttl: Duration,
    /// How long, after `ttl`, an outlived answer is still given while the CRM is slow or down.
    #[serde(with = "human_duration")]
    pub stale_for: Duration,
    /// Numbers kept at most.
    pub capacity: NonZeroU64,
    /// Failed requests in a row that open the breaker.
    pub breaker_failures: NonZeroU32,
    /// How long the breaker stays open at first; it doubles after each probe that failed.
    #[serde(with = "human_duration::positive")]
    pub breaker_pause: Duration,
    /// The longest the breaker stays open before the next probe.
    #[serde(with = "human_duration::positive")]
    pub breaker_pause_max: Duration,
    /// How often the employees are asked for (E14).
    #[serde(with = "human_duration::positive")]
    pub staff_interval: Duration,
    /// How often a CRM that can tell is asked whether its data changed.
    #[serde(with = "human_duration::positive")]
    pub watch_interval: Duration,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            deadline: Duration::from_millis(500),
            request_timeout: Duration::from_secs(10),
            ttl: Duration::from_secs(6 * HOUR),
            negative_ttl: Duration::from_secs(5 * 60),
            stale_for: Duration::from_secs(24 * HOUR),
            capacity: const { NonZeroU64::new(100_000).unwrap() },
            breaker_failures: const { NonZeroU32::new(5).unwrap() },
            breaker_pause: Duration::from_secs(5),
            breaker_pause_max: Duration::from_secs(60),
            staff_interval: Duration::from_secs(60),
            watch_interval: Duration::from_secs(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<DirectoryConfig, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn e09_the_answer_is_kept_six_hours_unless_set_otherwise() {
        assert_eq!(read("{}"), Ok(DirectoryConfig::default()));
        assert_eq!(DirectoryConfig::default().ttl.as_secs(), 6 * 3600);
        let set = read(r#"{"deadline": "250ms", "ttl": "1h 30m", "stale_for": "0s"}"#).unwrap();
        assert_eq!(set.deadline, Duration::from_millis(250));
        assert_eq!(set.ttl, Duration::from_secs(5400));
        assert_eq!(set.stale_for, Duration::ZERO);
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let config = DirectoryConfig::default();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(read(&text), Ok(config));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_to_write() {
        for (json, says) in [
            (r#"{"ttl": "six hours"}"#, r#"write it like "500ms""#),
            (r#"{"ttl": "1h ago"}"#, r#"write it like "500ms""#),
            (r#"{"ttl": "9999999h"}"#, r#"write it like "500ms""#),
            (r#"{"deadline": "0s"}"#, "above zero"),
            (r#"{"deadlin": "1s"}"#, "unknown field `deadlin`"),
            (r#"{"capacity": 0}"#, "nonzero"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
