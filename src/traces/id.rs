//! Ids of traces and spans. All follow from the call's id, so whoever knows the call knows them.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::core::ids::CallId;

/// A trace: the call's UUID, its hyphens removed when it is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of this call. An id that is no UUID gets its hash.
    pub fn of(call: &CallId) -> Self {
        match Uuid::try_parse(call.as_str()) {
            Ok(uuid) if !uuid.is_nil() => Self(uuid.into_bytes()),
            _ => Self(hash(&[call.as_str().as_bytes()])),
        }
    }
}

/// A span of a trace.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl SpanId {
    /// The span of this name: the same one whoever asks.
    pub fn of(trace: TraceId, name: &str) -> Self {
        Self(hash(&[&trace.0, name.as_bytes()]))
    }

    /// The span of the whole call.
    pub fn root(trace: TraceId) -> Self {
        Self::of(trace, "call")
    }
}

/// Which traces are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling(u64);

impl Sampling {
    /// From 0, none, to 1, all.
    pub fn new(ratio: f64) -> Self {
        Self((ratio * u64::MAX as f64) as u64)
    }

    /// A trace is taken whole or not at all. Hashed, because a UUID that is made of time and
    /// network card is not evenly spread.
    pub fn takes(self, trace: TraceId) -> bool {
        self.0 == u64::MAX || u64::from_be_bytes(hash(&[&trace.0, b"sampled"])) < self.0
    }
}

/// The beginning of SHA-256.
fn hash<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let (bytes, mut beginning) = (hash.finalize(), [0; N]);
    beginning.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    beginning
}

macro_rules! hex {
    ($($name:ident)+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    )+};
}

hex!(TraceId SpanId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_the_calls_uuid() {
        let of = |id: &str| TraceId::of(&id.into()).to_string();
        let uuid = "0195e1a2-9b5c-4d3e-8f70-1234567890ab";
        assert_eq!(of(uuid), uuid.replace('-', ""));
        assert_eq!(of(&uuid.to_uppercase()), of(uuid));
        let other = of("a-1");
        assert_eq!((other.len(), &other), (32, &of("a-1")));
        assert_ne!(other, of("a-2"));
        assert_ne!(of("00000000-0000-0000-0000-000000000000"), "0".repeat(32), "none is no trace");
    }

    #[test]
    fn a_span_is_known_by_its_name_alone() {
        let trace = TraceId::of(&"a-1".into());
        assert_eq!(SpanId::root(trace), SpanId::of(trace, "call"));
        assert_ne!(SpanId::root(trace), SpanId::of(TraceId::of(&"a-2".into()), "call"));
        assert_eq!(SpanId::root(trace).to_string().len(), 16);
    }

    #[test]
    fn so_many_traces_are_kept_as_are_asked_for() {
        let kept = |ratio| {
            let traces = (0..2000_u128).map(|n| TraceId(Uuid::from_u128(n).into_bytes()));
            traces.filter(|trace| Sampling::new(ratio).takes(*trace)).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 2000));
        assert!((400..600).contains(&kept(0.25)), "{}", kept(0.25));
    }
}
