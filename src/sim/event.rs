//! Events: their kinds, and how one is put together from prepared pieces.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::{self, Micros};
use super::leg::Leg;

macro_rules! kinds {
    ($($kind:ident $name:literal $file:literal $function:literal $line:literal;)*) => {
        /// What an event tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Kind { $($kind),* }

        impl Kind {
            const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            pub(super) fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            /// Where FreeSWITCH 1.10.12 fires it.
            fn source(self) -> &'static str {
                match self {
                    $(Kind::$kind => concat!(
                        "\nEvent-Calling-File: ", $file,
                        "\nEvent-Calling-Function: ", $function,
                        "\nEvent-Calling-Line-Number: ", $line,
                        "\nEvent-Sequence: "
                    )),*
                }
            }
        }
    };
}

kinds! {
    Custom "CUSTOM" "mod_callcenter.c" "callcenter_function" "3113";
    ChannelCreate "CHANNEL_CREATE" "switch_core_state_machine.c" "switch_core_session_run" "626";
    ChannelDestroy "CHANNEL_DESTROY" "switch_core_session.c" "switch_core_session_perform_destroy" "1631";
    ChannelState "CHANNEL_STATE" "switch_channel.c" "switch_channel_perform_set_running_state" "2480";
    ChannelCallstate "CHANNEL_CALLSTATE" "switch_channel.c" "switch_channel_perform_set_callstate" "286";
    ChannelAnswer "CHANNEL_ANSWER" "switch_channel.c" "switch_channel_perform_mark_answered" "3852";
    ChannelHangup "CHANNEL_HANGUP" "switch_channel.c" "switch_channel_perform_hangup" "3515";
    ChannelHangupComplete "CHANNEL_HANGUP_COMPLETE" "switch_core_state_machine.c" "switch_core_session_reporting_state" "943";
    ChannelExecute "CHANNEL_EXECUTE" "switch_core_session.c" "switch_core_session_exec" "2944";
    ChannelExecuteComplete "CHANNEL_EXECUTE_COMPLETE" "switch_core_session.c" "switch_core_session_exec" "2993";
    ChannelApplication "CHANNEL_APPLICATION" "mod_dptools.c" "event_function" "1899";
    ChannelHold "CHANNEL_HOLD" "mod_sofia.c" "sofia_receive_message" "2331";
    ChannelUnhold "CHANNEL_UNHOLD" "mod_sofia.c" "sofia_receive_message" "2354";
    ChannelBridge "CHANNEL_BRIDGE" "switch_ivr_bridge.c" "switch_ivr_multi_threaded_bridge" "1689";
    ChannelUnbridge "CHANNEL_UNBRIDGE" "switch_ivr_bridge.c" "switch_ivr_multi_threaded_bridge" "1795";
    ChannelProgress "CHANNEL_PROGRESS" "switch_channel.c" "switch_channel_perform_mark_ring_ready_value" "3550";
    ChannelProgressMedia "CHANNEL_PROGRESS_MEDIA" "switch_channel.c" "switch_channel_perform_mark_pre_answered" "3615";
    ChannelOutgoing "CHANNEL_OUTGOING" "switch_ivr_originate.c" "switch_ivr_originate" "2951";
    ChannelOriginate "CHANNEL_ORIGINATE" "switch_ivr_originate.c" "switch_ivr_originate" "3100";
    ChannelPark "CHANNEL_PARK" "switch_ivr.c" "switch_ivr_park" "994";
    ChannelUnpark "CHANNEL_UNPARK" "switch_ivr.c" "switch_ivr_park" "1139";
    ChannelUuid "CHANNEL_UUID" "switch_core_session.c" "switch_core_session_set_uuid" "2382";
    CallUpdate "CALL_UPDATE" "switch_channel.c" "switch_channel_perform_set_caller_profile" "0";
    PlaybackStart "PLAYBACK_START" "switch_ivr_play_say.c" "switch_ivr_play_file" "1736";
    PlaybackStop "PLAYBACK_STOP" "switch_ivr_play_say.c" "switch_ivr_play_file" "1998";
    RecordStart "RECORD_START" "switch_ivr_async.c" "record_callback" "1300";
    RecordStop "RECORD_STOP" "switch_ivr_async.c" "record_callback" "1500";
    Codec "CODEC" "switch_core_codec.c" "switch_core_session_set_real_read_codec" "250";
    Dtmf "DTMF" "switch_channel.c" "switch_channel_dequeue_dtmf" "650";
    PresenceIn "PRESENCE_IN" "switch_channel.c" "switch_channel_perform_presence" "800";
    BackgroundJob "BACKGROUND_JOB" "mod_event_socket.c" "api_exec" "1589";
    Heartbeat "HEARTBEAT" "switch_core.c" "send_heartbeat" "95";
    Api "API" "switch_loadable_module.c" "switch_api_execute" "2991";
    Shutdown "SHUTDOWN" "switch_core.c" "switch_core_destroy" "3040";
}

impl Kind {
    /// By the name in an `event` command.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// Which events a connection has asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    all: bool,
    bits: u64,
    custom: Vec<String>,
}

/// What `myevents` asks for (FACTS.md: no HOLD, CALLSTATE, CALL_UPDATE, RECORD, PLAYBACK, CUSTOM).
const MYEVENTS: &[Kind] = &[
    Kind::ChannelCreate,
    Kind::ChannelDestroy,
    Kind::ChannelState,
    Kind::ChannelAnswer,
    Kind::ChannelHangup,
    Kind::ChannelHangupComplete,
    Kind::ChannelExecute,
    Kind::ChannelExecuteComplete,
    Kind::ChannelBridge,
    Kind::ChannelUnbridge,
    Kind::ChannelProgress,
    Kind::ChannelProgressMedia,
    Kind::ChannelOutgoing,
    Kind::ChannelOriginate,
    Kind::ChannelPark,
    Kind::ChannelUnpark,
    Kind::ChannelUuid,
    Kind::Dtmf,
];

impl Wanted {
    pub(super) fn add_my_events(&mut self) {
        for kind in MYEVENTS {
            self.bits |= 1 << *kind as u8;
        }
    }

    /// Takes over the names of an `event` or (`on` false) `nixevent` command. Returns whether any
    /// was known: unknown ones are ignored as long as one is not.
    pub(super) fn change(&mut self, names: &str, on: bool) -> bool {
        let (mut known, mut custom) = (false, false);
        for name in names.split_whitespace() {
            if custom {
                self.custom.retain(|c| c != name);
                if on {
                    self.custom.push(name.to_owned());
                }
            } else if name.eq_ignore_ascii_case("ALL") {
                self.all = on;
                if !on {
                    *self = Self::default();
                }
                known = true;
            } else if let Some(kind) = Kind::parse(name) {
                let bit = 1 << kind as u8;
                if kind == Kind::Custom {
                    custom = true;
                    self.bits |= bit;
                } else if on {
                    self.bits |= bit;
                } else {
                    self.bits &= !bit;
                }
                known = true;
            }
        }
        known
    }

    pub(super) fn has(&self, kind: Kind, subclass: Option<&str>) -> bool {
        self.all
            || (self.bits & (1 << kind as u8) != 0
                && (kind != Kind::Custom
                    || subclass.is_some_and(|s| self.custom.iter().any(|c| c == s))))
    }
}

/// What is said about an event beside the channel's own headers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extra<'a> {
    /// `callcenter::info` and the like.
    pub(super) subclass: Option<&'a str>,
    /// Complete header lines, encoded, before the channel's.
    pub(super) head: &'a str,
    /// Complete header lines, encoded, at the end.
    pub(super) tail: &'a str,
    /// The event's own body.
    pub(super) body: &'a str,
}

/// The headers every event begins with, prepared once for a process and once a second.
#[derive(Debug)]
pub(super) struct Preamble {
    fixed: String,
    sequence: AtomicU64,
}

impl Preamble {
    pub(super) fn new(core_uuid: &str) -> Self {
        Self {
            fixed: format!(
                "\nCore-UUID: {core_uuid}\nFreeSWITCH-Hostname: sim\nFreeSWITCH-Switchname: sim\n\
                 FreeSWITCH-IPv4: 192.0.2.2\nFreeSWITCH-IPv6: fd00%3A%3A2\nEvent-Date-Local: "
            ),
            sequence: AtomicU64::new(500),
        }
    }

    /// Writes the headers up to `Event-Sequence`.
    pub(super) fn write(&self, name: &str, source: &str, now: Micros, out: &mut String) {
        thread_local! {
            static SECOND: std::cell::RefCell<(u64, String)> = const { std::cell::RefCell::new((0, String::new())) };
        }
        out.push_str("Event-Name: ");
        out.push_str(name);
        out.push_str(&self.fixed);
        SECOND.with_borrow_mut(|(second, text)| {
            if *second != now / 1_000_000 || text.is_empty() {
                *second = now / 1_000_000;
                *text = clock::text(now, "%Y-%m-%d%%20%H%%3A%M%%3A%S\nEvent-Date-GMT: %a,%%20%d%%20%b%%20%Y%%20%H%%3A%M%%3A%S%%20GMT\nEvent-Date-Timestamp: ");
            }
            out.push_str(text);
        });
        let _ = write!(out, "{now}{source}{}", self.sequence.fetch_add(1, Ordering::Relaxed));
        out.push('\n');
    }
}

/// Puts an event together: 4 to 9 KB, most of it copied in a few pieces.
pub(super) fn render(
    preamble: &Preamble,
    kind: Kind,
    leg: Option<&mut Leg>,
    extra: Extra<'_>,
    now: Micros,
    out: &mut String,
) {
    out.clear();
    if let Some(subclass) = extra.subclass {
        out.push_str("Event-Subclass: ");
        out.push_str(&super::vars::encode(subclass));
        out.push('\n');
    }
    preamble.write(kind.name(), kind.source(), now, out);
    out.push_str(extra.head);
    if let Some(leg) = leg {
        leg.write_state(out);
        leg.write_profiles(out);
        // These carry no variables (transcript 02b; the last one seen on 1.10.12).
        if !matches!(kind, Kind::ChannelState | Kind::ChannelCallstate | Kind::ChannelApplication) {
            out.push_str(leg.vars.block());
        }
    }
    out.push_str(extra.tail);
    if !extra.body.is_empty() {
        let _ = writeln!(out, "Content-Length: {}", extra.body.len());
    }
    out.push('\n');
    out.push_str(extra.body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_after_custom_are_subclasses() {
        let mut wanted = Wanted::default();
        assert!(wanted.change("CHANNEL_ANSWER NONSENSE CUSTOM callcenter::info", true));
        assert!(wanted.has(Kind::ChannelAnswer, None));
        assert!(wanted.has(Kind::Custom, Some("callcenter::info")));
        assert!(!wanted.has(Kind::Custom, Some("fifo::info")));
        assert!(!wanted.change("NONSENSE", true));
    }
}
