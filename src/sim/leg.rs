//! A channel: its state, its caller profile and its variables.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::cause::Cause;
use super::clock::Micros;
use super::script::Script;
use super::vars::{Vars, encode};

/// `Channel-State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Init,
    Routing,
    SoftExecute,
    Execute,
    ExchangeMedia,
    Park,
    ConsumeMedia,
    Hibernate,
    Reset,
    Hangup,
    Reporting,
    Destroy,
    None,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::New => "CS_NEW",
            Self::Init => "CS_INIT",
            Self::Routing => "CS_ROUTING",
            Self::SoftExecute => "CS_SOFT_EXECUTE",
            Self::Execute => "CS_EXECUTE",
            Self::ExchangeMedia => "CS_EXCHANGE_MEDIA",
            Self::Park => "CS_PARK",
            Self::ConsumeMedia => "CS_CONSUME_MEDIA",
            Self::Hibernate => "CS_HIBERNATE",
            Self::Reset => "CS_RESET",
            Self::Hangup => "CS_HANGUP",
            Self::Reporting => "CS_REPORTING",
            Self::Destroy => "CS_DESTROY",
            Self::None => "CS_NONE",
        }
    }
}

/// `Channel-Call-State`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallState {
    Down = 0,
    Ringing = 2,
    Early = 3,
    Active = 4,
    Held = 5,
    RingWait = 6,
    Hangup = 7,
    Unheld = 8,
}

impl CallState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::Ringing => "RINGING",
            Self::Early => "EARLY",
            Self::Active => "ACTIVE",
            Self::Held => "HELD",
            Self::RingWait => "RING_WAIT",
            Self::Hangup => "HANGUP",
            Self::Unheld => "UNHELD",
        }
    }
}

/// The points in a channel's life; 0: not yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) profile: Micros,
    pub(super) created: Micros,
    pub(super) answered: Micros,
    pub(super) progress: Micros,
    pub(super) progress_media: Micros,
    pub(super) hangup: Micros,
    pub(super) transfer: Micros,
    pub(super) bridged: Micros,
}

/// Who calls whom, as the `Caller-*` headers tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) number: String,
    pub(super) orig_name: String,
    pub(super) orig_number: String,
    pub(super) callee_name: String,
    pub(super) callee_number: String,
    pub(super) destination: String,
}

/// The other leg as it was when it was told.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub(super) uuid: String,
    block: String,
}

/// An application waiting for its turn.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Execute {
        app: String,
        arg: String,
        uuid: String,
        lock: bool,
        loops: i32,
    },
    Hangup(Cause),
    /// Anything else: taken, and nothing happens.
    Nothing,
}

impl Message {
    pub(super) fn locks(&self) -> bool {
        matches!(self, Self::Execute { lock: true, .. })
    }
}

/// A channel.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) uuid: String,
    pub(super) inbound: bool,
    /// `sofia/internal/101@127.0.0.1:6101`.
    pub(super) name: String,
    pub(super) state: State,
    pub(super) call_state: CallState,
    pub(super) cause: Option<Cause>,
    pub(super) times: Times,
    pub(super) profile: Profile,
    pub(super) call_uuid: String,
    pub(super) presence_id: String,
    pub(super) other: Option<Other>,
    pub(super) vars: Vars,
    pub(super) has_media: bool,
    pub(super) dialplan: bool,
    /// The `Caller-*` lines, as long as nothing in them has changed.
    caller: String,
    pub(super) stale: bool,

    pub(super) queue: VecDeque<Message>,
    /// What FreeSWITCH itself runs on the leg: hold music. No lock holds it back.
    pub(super) urgent: VecDeque<Message>,
    pub(super) locked: bool,
    /// Messages are looked at from then on.
    pub(super) ready_at: Micros,
    /// The leg it talks to.
    pub(super) peer: Option<usize>,
    /// The phone behind it, for a leg we dial.
    pub(super) phone: Option<(String, Script)>,
    /// The leg it was dialled for, where that is not the caller's.
    pub(super) dialled_by: Option<usize>,
    /// Whom it asks before it hands the caller over (`att_xfer`).
    pub(super) asks: Option<usize>,
    /// The UUID of the hold music it hears.
    pub(super) music: String,
    /// The UUID of the `fifo` it runs.
    pub(super) fifo: String,
    /// The place in the list of rung phones.
    pub(super) rung: Option<usize>,
    /// The files that are being written.
    pub(super) recordings: Vec<super::record::Recording>,
    /// HANGUP_COMPLETE has been told.
    pub(super) complete: bool,
    pub(super) destroyed: bool,
    /// The applications that run, the innermost last.
    pub(super) running: Vec<String>,
    /// The final SIP answer of the phone; 0: none.
    pub(super) refused: u16,
    /// Asks the innermost application to stop.
    pub(super) break_now: bool,
    /// The exit key of the queue he waits in was pressed.
    pub(super) leaves_queue: bool,
}

impl Leg {
    pub(super) fn new(uuid: String, inbound: bool, name: String, now: Micros) -> Self {
        Self {
            call_uuid: uuid.clone(),
            uuid,
            inbound,
            name,
            state: State::New,
            call_state: CallState::Down,
            cause: None,
            times: Times { profile: now, created: now, ..Times::default() },
            profile: Profile::default(),
            presence_id: String::new(),
            other: None,
            vars: Vars::default(),
            has_media: false,
            dialplan: inbound,
            caller: String::new(),
            stale: true,
            queue: VecDeque::new(),
            urgent: VecDeque::new(),
            locked: false,
            ready_at: 0,
            peer: None,
            phone: None,
            dialled_by: None,
            asks: None,
            music: String::new(),
            fifo: String::new(),
            rung: None,
            recordings: Vec::new(),
            complete: false,
            destroyed: false,
            running: Vec::new(),
            refused: 0,
            break_now: false,
            leaves_queue: false,
        }
    }

    pub(super) fn alive(&self) -> bool {
        self.cause.is_none()
    }

    pub(super) fn answered(&self) -> bool {
        self.times.answered > 0
    }

    /// 183 or more.
    pub(super) fn early(&self) -> bool {
        self.times.progress_media > 0 || self.answered()
    }

    /// `Answer-State`.
    pub(super) fn answer_state(&self) -> &'static str {
        if self.cause.is_some() {
            "hangup"
        } else if self.answered() {
            "answered"
        } else if self.times.progress_media > 0 {
            "early"
        } else {
            "ringing"
        }
    }

    fn direction(&self) -> &'static str {
        if self.inbound { "inbound" } else { "outbound" }
    }

    /// `Channel-State` to `Channel-Write-Codec-Bit-Rate`.
    pub(super) fn write_state(&self, out: &mut String) {
        // The number runs ahead of the name once the leg is hung up (transcript 02b).
        let number = match (self.cause.is_some(), self.state) {
            (true, s) if (s as u8) < State::Hangup as u8 => State::Hangup as u8,
            (_, s) => s as u8,
        };
        for piece in
            ["Channel-State: ", self.state.name(), "\nChannel-Call-State: ", self.call_state.name()]
        {
            out.push_str(piece);
        }
        let _ = write!(out, "\nChannel-State-Number: {number}");
        for piece in [
            "\nChannel-Name: ",
            &encode(&self.name),
            "\nUnique-ID: ",
            &self.uuid,
            "\nCall-Direction: ",
            self.direction(),
            "\nPresence-Call-Direction: ",
            self.direction(),
            "\nChannel-HIT-Dialplan: ",
            if self.dialplan { "true" } else { "false" },
        ] {
            out.push_str(piece);
        }
        if !self.presence_id.is_empty() {
            out.push_str("\nChannel-Presence-ID: ");
            out.push_str(&encode(&self.presence_id));
        }
        for piece in
            ["\nChannel-Call-UUID: ", &self.call_uuid, "\nAnswer-State: ", self.answer_state()]
        {
            out.push_str(piece);
        }
        if let Some(cause) = self.cause {
            out.push_str("\nHangup-Cause: ");
            out.push_str(cause);
        }
        out.push('\n');
        if self.has_media {
            out.push_str(
                "Channel-Read-Codec-Name: PCMU\nChannel-Read-Codec-Rate: 8000\n\
                 Channel-Read-Codec-Bit-Rate: 64000\nChannel-Write-Codec-Name: PCMU\n\
                 Channel-Write-Codec-Rate: 8000\nChannel-Write-Codec-Bit-Rate: 64000\n",
            );
        }
    }

    /// `Caller-*` and `Other-*`.
    pub(super) fn write_profiles(&mut self, out: &mut String) {
        if self.stale {
            let mut caller = std::mem::take(&mut self.caller);
            caller.clear();
            self.write_profile("Caller", true, &self.times, &mut caller);
            self.caller = caller;
            self.stale = false;
        }
        out.push_str(&self.caller);
        if let Some(other) = &self.other {
            out.push_str(&other.block);
        }
    }

    /// The profile under `prefix`; `Channel` in CHANNEL_DATA.
    pub(super) fn write_profile(&self, prefix: &str, index: bool, times: &Times, out: &mut String) {
        let p = &self.profile;
        let mut line = |name: &str, value: &str| {
            for piece in [prefix, "-", name, ": ", value, "\n"] {
                out.push_str(piece);
            }
        };
        let name = encode(&p.name);
        line("Direction", self.direction());
        line("Logical-Direction", "inbound");
        line("Username", &encode(&p.orig_number));
        line("Dialplan", "XML");
        line("Caller-ID-Name", &name);
        line("Caller-ID-Number", &encode(&p.number));
        line("Orig-Caller-ID-Name", &encode(&p.orig_name));
        line("Orig-Caller-ID-Number", &encode(&p.orig_number));
        if !p.callee_number.is_empty() {
            line("Callee-ID-Name", &encode(&p.callee_name));
            line("Callee-ID-Number", &encode(&p.callee_number));
        }
        line("Network-Addr", "127.0.0.1");
        line("ANI", &encode(&p.orig_number));
        line("Destination-Number", &encode(&p.destination));
        line("Unique-ID", &self.uuid);
        line("Source", "mod_sofia");
        line("Context", "public");
        line("Channel-Name", &encode(&self.name));
        if index {
            line("Profile-Index", "1");
        }
        for (name, at) in [
            ("Profile-Created-Time", times.profile),
            ("Channel-Created-Time", times.created),
            ("Channel-Answered-Time", times.answered),
            ("Channel-Progress-Time", times.progress),
            ("Channel-Progress-Media-Time", times.progress_media),
            ("Channel-Hangup-Time", times.hangup),
            ("Channel-Transfer-Time", times.transfer),
            ("Channel-Resurrect-Time", 0),
            ("Channel-Bridged-Time", times.bridged),
            ("Channel-Last-Hold", 0),
            ("Channel-Hold-Accum", 0),
        ] {
            let _ = writeln!(out, "{prefix}-{name}: {at}");
        }
        for (name, value) in [
            ("Screen-Bit", "true"),
            ("Privacy-Hide-Name", "false"),
            ("Privacy-Hide-Number", "false"),
        ] {
            for piece in [prefix, "-", name, ": ", value, "\n"] {
                out.push_str(piece);
            }
        }
    }

    /// This leg as another one's `Other-Leg-*`. `role`: `originator` or `originatee`.
    pub(super) fn as_other(&self, role: &str) -> Other {
        let mut block = format!("Other-Type: {role}\n");
        let times = if role == "originator" { Times::default() } else { self.times };
        self.write_profile("Other-Leg", false, &times, &mut block);
        Other { uuid: self.uuid.clone(), block }
    }
}
