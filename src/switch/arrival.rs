//! The handshake of an outbound connection: what FreeSWITCH says of the call it hands over.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::core::casebook::{Brought, FIELD_LENGTH, MOST_FIELDS, is_field_name};
use crate::core::facts::Direction;
use crate::core::ids::CallId;
use crate::core::phone::{Caller, Region};
use crate::esl::{Event, Headers};

/// A call as it was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The caller's leg.
    pub call: CallId,
    /// Which way it goes: `dozvon_direction`, set by the dialplan; inbound without it.
    pub direction: Direction,
    /// Who calls.
    pub from: Caller,
    /// The dialled number, digits as dialled.
    pub to: String,
    /// The caller's leg is answered already.
    pub answered: bool,
    /// The caller has hung up before we came to speak: the cause.
    pub gone: Option<String>,
    /// An engine has led this call before: another one, or this one a moment ago.
    pub led_before: bool,
    /// `Event-Sequence` of the channel data: what has a lower one is in them already.
    pub sequence: Option<u64>,
    /// `Core-UUID` of the FreeSWITCH that hands it over.
    pub core: Option<String>,
    /// Where the dialplan wants the talk recorded: `dozvon_record_path`.
    pub record_path: Option<String>,
    /// What the cases of the call need besides. Read only where it is asked for.
    pub brought: Brought,
}

/// Why a connection is refused. The dialplan goes on with the plain queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The dialplan says `socket … ` without `async`: linger would delay the BYE and the last
    /// events never come (transcript 07g).
    #[error("the socket is `{0}`: write `socket HOST:PORT async full` in the dialplan")]
    NotAsync(String),
    /// Without `full`, `linger` and `api` are ignored (`esl.md`, pitfall 19).
    #[error("the socket gives `{0}` control: write `socket HOST:PORT async full` in the dialplan")]
    NotFull(String),
    /// Nothing to key the call by.
    #[error("the channel data has no Unique-ID: this is no outbound Event Socket of FreeSWITCH")]
    NoId,
    /// FreeSWITCH said no to `connect`.
    #[error("FreeSWITCH refused `connect`: {0}")]
    Refused(String),
}

impl HandshakeError {
    /// The label in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotAsync(_) => "not_async",
            Self::NotFull(_) => "not_full",
            Self::NoId => "no_id",
            Self::Refused(_) => "refused",
        }
    }
}

impl Arrival {
    /// Reads CHANNEL_DATA, the reply to `connect`.
    ///
    /// # Errors
    /// [`HandshakeError`]: this call cannot be led by us.
    pub fn read(data: &Headers, region: Region) -> Result<Self, HandshakeError> {
        let get = |name: &str| data.get(name).unwrap_or(Cow::Borrowed(""));
        if get("Reply-Text").starts_with("-ERR") {
            return Err(HandshakeError::Refused(get("Reply-Text").trim().to_owned()));
        }
        let call = data.raw("Unique-ID").or_else(|| data.raw("Channel-Unique-ID"));
        let call = call.filter(|id| !id.is_empty()).ok_or(HandshakeError::NoId)?;
        match get("Socket-Mode").as_ref() {
            "async" => {}
            other => return Err(HandshakeError::NotAsync(other.to_owned())),
        }
        match get("Control").as_ref() {
            "full" => {}
            other => return Err(HandshakeError::NotFull(other.to_owned())),
        }
        let direction = match get("variable_dozvon_direction").as_ref() {
            "outbound" => Direction::Outbound,
            "internal" => Direction::Internal,
            "callback" => Direction::Callback,
            _ => Direction::Inbound,
        };
        Ok(Self {
            call: CallId::new(call),
            direction,
            from: Caller::read(&get("Caller-Caller-ID-Number"), region),
            to: dialled(&get("Caller-Destination-Number")),
            answered: get("Answer-State") == "answered",
            gone: (get("Answer-State") == "hangup").then(|| get("Hangup-Cause").into_owned()),
            led_before: data.raw("variable_dozvon_led").is_some(),
            sequence: data.raw("Event-Sequence").and_then(|n| n.parse().ok()),
            core: data.raw("Core-UUID").map(str::to_owned),
            record_path: Some(get("variable_dozvon_record_path").into_owned())
                .filter(|path| !path.is_empty()),
            brought: Brought::default(),
        })
    }

    /// Whether this was fired before the channel data were made: the channel data tell what came of
    /// it. A busy FreeSWITCH hands events on late, to whoever asks for them by then; so the second
    /// connection of a call passed on may be told that the `socket` of the first one is over.
    pub fn is_past(&self, event: &Event) -> bool {
        let fired = || event.raw("Event-Sequence")?.parse::<u64>().ok();
        self.sequence.is_some_and(|here| fired().is_some_and(|fired| fired < here))
    }

    /// With what the cases of the call need.
    #[must_use]
    pub fn with_brought(mut self, data: &Headers) -> Self {
        let get = |name: &str| data.get(name).filter(|value| !value.is_empty());
        let shown = get("variable_effective_caller_id_number").map(|n| dialled(&n));
        self.brought = Brought {
            shown: shown.filter(|_| self.direction == Direction::Outbound),
            fields: fields(data),
            led_before: self.led_before,
            talked_before: self.led_before && get("variable_last_bridge_to").is_some(),
        };
        self
    }
}

/// `dozvon_field_NAME`, set by the dialplan; bounded in number and length.
fn fields(data: &Headers) -> BTreeMap<String, String> {
    let field = |(name, _): (&str, &str)| {
        let name = name.strip_prefix("variable_dozvon_field_")?;
        let value = data.get(&format!("variable_dozvon_field_{name}"))?;
        let value: String = value.chars().filter(|c| !c.is_control()).take(FIELD_LENGTH).collect();
        let name = name.to_ascii_lowercase();
        (is_field_name(&name) && !value.is_empty()).then_some((name, value))
    };
    data.iter().filter_map(field).take(MOST_FIELDS).collect()
}

/// What of the dialled number is a number: digits, `*`, `#` and a leading plus, 40 at most.
fn dialled(text: &str) -> String {
    let digit = |c: &char| c.is_ascii_digit() || "*#+".contains(*c);
    text.chars().filter(digit).take(40).collect()
}

#[cfg(test)]
mod tests;
