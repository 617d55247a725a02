//! What phones and callers do: the scripts a scene is written in.

use std::time::Duration;

/// What a phone does when it is called. Built by the functions named after the story:
/// `Script::answers(secs(2)).hangs_up_after(secs(5))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub(super) presence: Presence,
    /// Sends 180 after this; `None`: 100 Trying only (transcript 03e).
    pub(super) rings: Option<Duration>,
    /// 183 with media instead of 180 (transcript 03f).
    pub(super) early_media: bool,
    pub(super) then: Then,
    pub(super) talk: Talk,
}

/// Whether there is a phone at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Registered,
    Unregistered,
    Absent,
}

/// How the ringing ends, counted from the INVITE.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Then {
    Answer(Duration),
    Refuse(Duration, u16),
    Nothing,
}

/// What happens in the talk, counted from the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Talk {
    pub(super) hang_up: Option<Duration>,
    pub(super) transfer: Option<Transfer>,
    /// Holds after this, for this long.
    pub(super) holds: Option<(Duration, Duration)>,
    /// Keys, and when they are pressed.
    pub(super) presses: Vec<(Duration, char)>,
}

/// A transfer by the phone: REFER after `after` to `to`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transfer {
    pub(super) after: Duration,
    pub(super) to: String,
    /// Calls the target first and hands over after this (REFER with Replaces, transcript 09e).
    pub(super) attended: Option<Duration>,
}

impl Script {
    fn new(then: Then) -> Self {
        Self {
            presence: Presence::Registered,
            rings: Some(Duration::ZERO),
            early_media: false,
            then,
            talk: Talk::default(),
        }
    }

    /// Rings at once and answers after `after`.
    pub fn answers(after: Duration) -> Self {
        Self::new(Then::Answer(after))
    }

    /// 486 Busy Here, at once.
    pub fn busy() -> Self {
        Self::refuses(486)
    }

    /// 603 Decline, at once.
    pub fn rejects() -> Self {
        Self::refuses(603)
    }

    /// A final SIP answer, at once: 480, 404, 503 …
    pub fn refuses(status: u16) -> Self {
        Self { rings: None, ..Self::new(Then::Refuse(Duration::ZERO, status)) }
    }

    /// Rings, and refuses after `after` with a final SIP answer.
    pub fn refuses_after(after: Duration, status: u16) -> Self {
        Self::new(Then::Refuse(after, status))
    }

    /// Rings for ever.
    pub fn silent() -> Self {
        Self::new(Then::Nothing)
    }

    /// 100 Trying, then nothing more.
    pub fn trying_only() -> Self {
        Self { rings: None, ..Self::new(Then::Nothing) }
    }

    /// 183 with media, then nothing more: an announcement of the network.
    pub fn early_media() -> Self {
        Self { early_media: true, ..Self::new(Then::Nothing) }
    }

    /// In the directory, but no phone has registered.
    pub fn unregistered() -> Self {
        Self { presence: Presence::Unregistered, ..Self::new(Then::Nothing) }
    }

    /// Not in the directory.
    pub fn absent() -> Self {
        Self { presence: Presence::Absent, ..Self::new(Then::Nothing) }
    }

    /// Rings later, or (`None`) answers without ringing.
    #[must_use]
    pub fn rings_after(mut self, after: Option<Duration>) -> Self {
        self.rings = after;
        self
    }

    /// Hangs up this long after the answer.
    #[must_use]
    pub fn hangs_up_after(mut self, after: Duration) -> Self {
        self.talk.hang_up = Some(after);
        self
    }

    /// Presses a key this long after the answer.
    #[must_use]
    pub fn presses(mut self, after: Duration, key: char) -> Self {
        self.talk.presses.push((after, key));
        self
    }

    /// Puts the caller on hold this long after the answer, for `time` (transcript 09a).
    #[must_use]
    pub fn holds(mut self, after: Duration, time: Duration) -> Self {
        self.talk.holds = Some((after, time));
        self
    }

    /// Sends the caller on to `to` by a blind REFER (transcript 09b).
    #[must_use]
    pub fn transfers(mut self, after: Duration, to: &str) -> Self {
        self.talk.transfer = Some(Transfer { after, to: to.to_owned(), attended: None });
        self
    }

    /// Asks `to` for `consults` and then hands the caller over (transcript 09e).
    #[must_use]
    pub fn transfers_attended(mut self, after: Duration, to: &str, consults: Duration) -> Self {
        self.talk.transfer = Some(Transfer { after, to: to.to_owned(), attended: Some(consults) });
        self
    }
}

/// What the caller does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    pub(super) hangs_up: Option<Duration>,
    pub(super) gives_up: Option<Duration>,
    pub(super) talks: Option<Duration>,
    pub(super) holds: Option<(Duration, Duration)>,
    pub(super) presses: Vec<(Duration, char)>,
    pub(super) transfer: Option<Transfer>,
}

impl Caller {
    /// Stays until the other side ends the call.
    pub fn stays() -> Self {
        Self::default()
    }

    /// Hangs up this long after the call began, whatever goes on. Before an answer it is a CANCEL.
    #[must_use]
    pub fn hangs_up_after(mut self, after: Duration) -> Self {
        self.hangs_up = Some(after);
        self
    }

    /// Gives up when nobody has spoken to him this long after the call began.
    #[must_use]
    pub fn gives_up_after(mut self, after: Duration) -> Self {
        self.gives_up = Some(after);
        self
    }

    /// Hangs up this long after somebody began to talk to him.
    #[must_use]
    pub fn talks_for(mut self, talk: Duration) -> Self {
        self.talks = Some(talk);
        self
    }

    /// Holds this long after the call began, for `time`.
    #[must_use]
    pub fn holds(mut self, after: Duration, time: Duration) -> Self {
        self.holds = Some((after, time));
        self
    }

    /// Presses a key this long after the call began.
    #[must_use]
    pub fn presses(mut self, after: Duration, digit: char) -> Self {
        self.presses.push((after, digit));
        self
    }

    /// Sends the other side on to `to` by a blind REFER this long after the talk began (09d).
    #[must_use]
    pub fn transfers(mut self, after: Duration, to: &str) -> Self {
        self.transfer = Some(Transfer { after, to: to.to_owned(), attended: None });
        self
    }
}

/// One inbound call.
#[derive(Clone, Debug)]
pub struct CallSpec {
    /// The caller's number as the trunk delivers it.
    pub from: String,
    /// The caller's name as the trunk delivers it.
    pub name: String,
    /// The number dialled.
    pub to: String,
    /// Channel variables the dialplan sets before `socket`.
    pub variables: Vec<(String, String)>,
    /// What the caller does.
    pub caller: Caller,
    /// The channel's UUID; `None`: a new one.
    pub uuid: Option<String>,
}

impl CallSpec {
    /// A caller who stays.
    pub fn new(from: &str, to: &str) -> Self {
        Self {
            from: from.to_owned(),
            name: from.to_owned(),
            to: to.to_owned(),
            variables: Vec::new(),
            caller: Caller::stays(),
            uuid: None,
        }
    }

    /// With a name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// With another caller's behaviour.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// With a channel variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a UUID of the test's choice.
    #[must_use]
    pub fn uuid(mut self, uuid: &str) -> Self {
        self.uuid = Some(uuid.to_owned());
        self
    }
}
