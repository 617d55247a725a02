//! How many forms may come from one address and for one phone, and which address that is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::config::Proxy;

type Limiter = RateLimiter<
    String,
    DefaultKeyedStateStore<String>,
    MonotonicClock,
    NoOpMiddleware<std::time::Instant>,
>;

/// Forms between two looks for addresses that were not seen for long.
const SWEEP: u32 = 10_000;

/// Counts forms an hour. Who has used his hour up gets one more after its share of it.
#[derive(Default)]
pub(crate) struct Limits {
    /// By forms an hour: the rules may say another number at any time.
    limiters: Mutex<HashMap<u32, Arc<Limiter>>>,
    seen: AtomicU32,
}

impl Limits {
    /// Notes one form for this key.
    ///
    /// # Errors
    /// It is one too many: how long to wait.
    pub fn count(&self, key: String, an_hour: u32) -> Result<(), Duration> {
        let limiter = self.limiter(an_hour);
        if self.seen.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            limiter.retain_recent();
        }
        let clock = MonotonicClock;
        limiter.check_key(&key).map_err(|until| until.wait_time_from(clock.now()))
    }

    fn limiter(&self, an_hour: u32) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let forms = NonZeroU32::new(an_hour).unwrap_or(NonZeroU32::MIN);
            Arc::new(RateLimiter::dashmap_with_clock(Quota::per_hour(forms), MonotonicClock))
        };
        limiters.entry(an_hour).or_insert_with(made).clone()
    }
}

/// Where a request came from: what stands next to the last trusted proxy. Of an IPv6 address the
/// network counts, because one house has all of it.
pub(super) fn address(peer: SocketAddr, headers: &HeaderMap, proxies: &[Proxy]) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.holds(address));
    let mut address = peer.ip().to_canonical();
    let said = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = said.flat_map(|value| value.split(',')).collect();
    for hop in said.iter().rev() {
        if !trusted(address) {
            break;
        }
        // What is no address was not written by a proxy of ours.
        let Ok(before) = hop.trim().parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    match address {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hours_forms_are_taken_and_the_next_one_has_to_wait_its_share() {
        let limits = Limits::default();
        for _ in 0..4 {
            assert_eq!(limits.count("a".into(), 4), Ok(()));
        }
        let wait = limits.count("a".into(), 4).unwrap_err();
        assert!(wait > Duration::from_secs(890) && wait <= Duration::from_secs(900), "{wait:?}");
        assert_eq!(limits.count("b".into(), 4), Ok(()), "another one");
        assert_eq!(limits.count("a".into(), 5), Ok(()), "the rules were changed");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_where_a_request_came_from() {
        let from = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let proxies =
                ["127.0.0.1", "10.0.0.0/8"].map(|p| Proxy::try_from(p.to_owned()).unwrap());
            address(SocketAddr::new(peer.parse().unwrap(), 1), &headers, &proxies).to_string()
        };
        assert_eq!(from("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(from("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("127.0.0.1", &["1.1.1.1, 198.51.100.1, 10.2.3.4"]), "198.51.100.1");
        assert_eq!(from("127.0.0.1", &["1.1.1.1", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("127.0.0.1", &["1.1.1.1, nonsense"]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from("::ffff:127.0.0.1", &["2001:db8:1:2:3:4:5:6"]), "2001:db8:1:2::");
    }
}
