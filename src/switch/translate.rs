//! Events of FreeSWITCH in the words of the call machine. All knowledge of header names that
//! concern a call is here.

use std::borrow::Cow;

use crate::core::call::{Completion, Input, LastWords, Probe, Recorded};
use crate::core::ids::{CallId, EmployeeId, Extension, LegId, OpId};
use crate::core::phone::{Phone, Region};
use crate::core::record::Party;
use crate::core::staff::Staff;
use crate::esl::{Event, Reply};

/// The events of a session. FreeSWITCH renders and sends each for every filter that fits, so the
/// list is short.
pub const EVENTS: &str = "CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE \
    CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE_COMPLETE CALL_UPDATE";

/// The filters that bring both legs to one connection, agents of queues included. They are OR-ed.
/// `myevents` would bring the own leg only.
pub const FILTERS: [&str; 2] = ["Unique-ID", "Other-Leg-Unique-ID"];

/// The filter that brings what mod_callcenter says of this caller: an agent's leg is not known as
/// his before it is bridged to him.
pub const AGENTS: &str = "CC-Member-Session-UUID";

/// The events of mod_callcenter.
pub const AGENT_EVENTS: &str = "CUSTOM callcenter::info";

/// Reads events for one call.
#[derive(Clone, Copy)]
pub struct Translator<'a> {
    /// The call.
    pub call: &'a CallId,
    /// Whose number is whose.
    pub staff: &'a Staff,
    /// How national numbers are read.
    pub region: Region,
    /// Where a file can be listened to; empty: nobody can be told where.
    pub link: &'a dyn Fn(&str) -> String,
}

impl Translator<'_> {
    /// The input an event makes; `None`: it tells the machine nothing.
    pub fn event(&self, event: &Event) -> Option<Input> {
        let own = event.raw("Unique-ID") == Some(self.call.as_str());
        match event.name() {
            "CHANNEL_PROGRESS" | "CHANNEL_PROGRESS_MEDIA" if !own => {
                let number = event.get("Caller-Destination-Number").unwrap_or_default();
                Some(Input::Ringing { employee: self.employee(&number) })
            }
            "CUSTOM" if event.raw("CC-Action") == Some("agent-offering") => self.offered(event),
            "CHANNEL_ANSWER" if own => Some(Input::CallerAnswered),
            "CHANNEL_BRIDGE" => {
                let party = self.bridge_party(event, own)?;
                Some(Input::Bridged {
                    party,
                    answered: event.raw("Answer-State") == Some("answered"),
                })
            }
            "CALL_UPDATE" if own => self.update(event),
            "CHANNEL_UNBRIDGE" => self.other_side(event).map(|_| Input::Unbridged),
            "CHANNEL_EXECUTE_COMPLETE" if own && event.raw("Application") == Some("socket") => {
                Some(Input::Released)
            }
            "CHANNEL_EXECUTE_COMPLETE" if own => Some(Input::Done {
                op: OpId::new(event.raw("Application-UUID")?),
                result: self.completion(event),
            }),
            "CHANNEL_HANGUP" if own => Some(Input::HungUp { cause: cause(event) }),
            "CHANNEL_HANGUP_COMPLETE" if own => Some(Input::Completed(self.last_words(event))),
            _ => None,
        }
    }

    /// The answer to `uuid_dump`.
    pub fn probe(&self, reply: &Reply) -> Probe {
        if reply.text().starts_with("-ERR No such channel") {
            return Probe::Gone;
        }
        let event = Event::from_plain(&reply.body);
        if event.raw("Unique-ID") != Some(self.call.as_str()) {
            return Probe::Unknown;
        }
        // Other-Leg headers stay behind after a bridge; the bond is taken off (transcript 09g).
        match event.variable("signal_bond").filter(|bond| !bond.is_empty()) {
            None => Probe::Alone,
            Some(bond) => {
                let number = match event.raw("Other-Leg-Unique-ID") == Some(&*bond) {
                    true => event.get("Other-Leg-Destination-Number").unwrap_or_default(),
                    false => Cow::Borrowed(""),
                };
                Probe::With(self.party(&bond, &number))
            }
        }
    }

    /// An agent's name is his extension (`freeswitch-conf/autoload_configs/callcenter.conf.xml`); a domain may stand behind it.
    fn offered(&self, event: &Event) -> Option<Input> {
        let ours = event.raw(AGENTS) == Some(self.call.as_str());
        let agent = event.get("CC-Agent").unwrap_or_default();
        let line = agent.split('@').next().unwrap_or_default();
        ours.then(|| Input::Ringing { employee: self.employee(line) })
    }

    /// An attended transfer inside FreeSWITCH shows itself by this event only (transcript 09i).
    fn update(&self, event: &Event) -> Option<Input> {
        let by_transfer =
            matches!(event.raw("Channel-State"), Some("CS_EXCHANGE_MEDIA" | "CS_SOFT_EXECUTE"));
        let other = event.raw("Other-Leg-Unique-ID")?;
        if !by_transfer || event.variable("signal_bond").as_deref() != Some(other) {
            return None;
        }
        let number = event.get("Other-Leg-Destination-Number").unwrap_or_default();
        let answered = event.raw("Answer-State") == Some("answered");
        Some(Input::Bridged { party: self.party(other, &number), answered })
    }

    fn other_side<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let (a, b) = (event.raw("Bridge-A-Unique-ID")?, event.raw("Bridge-B-Unique-ID")?);
        match (a == self.call.as_str(), b == self.call.as_str()) {
            (true, false) => Some(b),
            (false, true) => Some(a),
            _ => None,
        }
    }

    /// In a mod_fifo talk the agent's leg is leg A and the event is his (transcript 03d).
    fn bridge_party(&self, event: &Event, own: bool) -> Option<Party> {
        let leg = self.other_side(event)?;
        let header = if own { "Other-Leg-Destination-Number" } else { "Caller-Destination-Number" };
        Some(self.party(leg, &event.get(header).unwrap_or_default()))
    }

    fn party(&self, leg: &str, number: &str) -> Party {
        let employee = self.employee(number);
        Party { leg: LegId::new(leg), employee, number: number.to_owned() }
    }

    fn employee(&self, number: &str) -> Option<EmployeeId> {
        let employee = match Extension::parse(number) {
            Ok(line) => self.staff.by_extension(&line),
            Err(_) => None,
        };
        let outside = || {
            let phone = Phone::parse(number, self.region).ok()?;
            self.staff.by_phone(&phone)
        };
        employee.or_else(outside).map(|e| e.id.clone())
    }

    /// The end of the call, as CHANNEL_HANGUP_COMPLETE or the channel data tell it.
    pub fn last_words(&self, event: &Event) -> LastWords {
        let bridged = event.variable("bridge_hangup_cause").is_some()
            || event.variable("bridge_uepoch").is_some_and(|at| at != "0")
            || event.variable("fifo_serviced_uuid").is_some();
        let partner = || {
            let leg =
                event.variable("bridge_uuid").or_else(|| event.variable("fifo_serviced_uuid"))?;
            let number = match event.raw("Other-Leg-Unique-ID") == Some(&*leg) {
                true => event.get("Other-Leg-Destination-Number").unwrap_or_default(),
                false => Cow::Borrowed(""),
            };
            Some(self.party(&leg, &number))
        };
        LastWords {
            cause: cause(event),
            bridged_with: if bridged { partner() } else { None },
            message_seconds: message_seconds(event),
            message_url: self.message_url(event),
            recorded: recorded(event),
        }
    }

    fn message_url(&self, event: &Event) -> String {
        event.variable("voicemail_file_path").map(|file| (self.link)(&file)).unwrap_or_default()
    }

    fn completion(&self, event: &Event) -> Completion {
        let app = event.raw("Application");
        let voicemail = app == Some("voicemail");
        let text = |name: &str| event.variable(name).map(Cow::into_owned);
        Completion {
            disposition: if app == Some("bridge") { text("originate_disposition") } else { None },
            queue_cause: if app == Some("callcenter") { text("cc_cause") } else { None },
            queue_bridged: app == Some("fifo") && event.variable("fifo_serviced_uuid").is_some(),
            taken_out: app == Some("callcenter")
                && event.variable("cc_cancel_reason").as_deref() == Some("BREAK_OUT"),
            missing: app == Some("playback")
                && event.get("Application-Response").as_deref() == Some("FILE NOT FOUND"),
            message_seconds: if voicemail { message_seconds(event) } else { 0 },
            message_url: if voicemail { self.message_url(event) } else { String::new() },
        }
    }
}

fn cause(event: &Event) -> String {
    event.raw("Hangup-Cause").unwrap_or("UNKNOWN").to_owned()
}

/// `record_ms` and its like are set when the file is closed, before CHANNEL_HANGUP_COMPLETE
/// (transcript 10a). A recording that cannot begin leaves only `uri-failure` (10c). One that ran
/// out of disk leaves that too, and is as long as what was written (seen on 1.10.12).
pub(crate) fn recorded(event: &Event) -> Recorded {
    let discarded = event.variable("RECORD_DISCARDED").as_deref() == Some("true");
    match event.variable("record_ms").and_then(|ms| ms.parse().ok()) {
        Some(ms) if !discarded => Recorded::Milliseconds(ms),
        Some(_) => Recorded::Nothing,
        None if event.variable("record_completion_cause").is_some() => Recorded::Nothing,
        None => Recorded::Unknown,
    }
}

/// `voicemail_message_len` is written `00:00:04` (transcript 10b).
fn message_seconds(event: &Event) -> u64 {
    let Some(text) = event.variable("voicemail_message_len") else { return 0 };
    text.split(':').fold(0, |sum, part| sum * 60 + part.trim().parse::<u64>().unwrap_or(0))
}
