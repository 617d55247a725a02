//! Telling about a channel, to whom it concerns.

use std::borrow::Cow;

use super::call::Call;
use super::event::{Extra, Kind, render};
use super::leg::{CallState, State};
use super::shared::Told;
use super::timers::What;

/// The value of a header in complete lines.
pub(super) fn line<'a>(lines: &'a str, name: &str) -> Option<Cow<'a, str>> {
    lines.lines().find_map(|l| {
        let value = l.strip_prefix(name)?.strip_prefix(": ")?;
        Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy())
    })
}

impl Call {
    /// Tells an event of a leg.
    pub(super) fn tell(&mut self, l: usize, kind: Kind) {
        self.tell_more(Some(l), kind, Extra::default());
    }

    /// Tells an event, to whom it concerns. Nothing is put together for nobody.
    pub(super) fn tell_more(&mut self, l: Option<usize>, kind: Kind, extra: Extra<'_>) {
        if self.given {
            return;
        }
        let watched = self.shared.is_watched();
        let mut takers = 0_u32;
        for (c, conn) in self.conns.iter().enumerate().take(32) {
            if conn.wants(kind, extra.subclass) && self.passes(c, l, kind, extra) {
                takers |= 1 << c;
            }
        }
        if takers == 0 && !watched {
            return;
        }
        let now = self.now();
        let mut body = std::mem::take(&mut self.scratch);
        let leg = l.map(|l| &mut self.legs[l]);
        render(&self.shared.preamble, kind, leg, extra, now, &mut body);
        let hold = !self.shared.config.tick.is_zero();
        for c in 0..self.conns.len().min(32) {
            if takers & (1 << c) == 0 {
                continue;
            }
            self.report.events += 1;
            self.conns[c].event(&body, hold);
            if hold && !self.conns[c].flush_due {
                self.conns[c].flush_due = true;
                self.after(self.shared.config.tick, What::Release(c));
            }
        }
        if self.shared.config.late_events && self.transfer.is_some() && extra.subclass.is_none() {
            self.late.push((kind, body.clone()));
        }
        if watched {
            self.shared.publish(Told {
                kind,
                subclass: extra.subclass.map(str::to_owned),
                body: body.clone(),
            });
        }
        self.scratch = body;
    }

    /// A connection has asked for events: what was fired before and is not handed out yet comes too.
    pub(super) fn tell_late(&mut self, c: usize) {
        let hold = !self.shared.config.tick.is_zero();
        for (kind, body) in std::mem::take(&mut self.late) {
            if self.conns[c].wants(kind, None) {
                self.conns[c].event(&body, hold);
            }
        }
    }

    fn passes(&self, c: usize, l: Option<usize>, kind: Kind, extra: Extra<'_>) -> bool {
        let leg = l.map(|l| &self.legs[l]);
        self.conns[c].interest.passes(|header| match header {
            "Unique-ID" => leg.map(|leg| Cow::from(leg.uuid.as_str())),
            "Channel-Call-UUID" => leg.map(|leg| Cow::from(leg.call_uuid.as_str())),
            "Other-Leg-Unique-ID" => {
                leg.and_then(|leg| leg.other.as_ref().map(|o| Cow::from(o.uuid.as_str())))
            }
            "Event-Name" => Some(Cow::from(kind.name())),
            "Event-Subclass" => extra.subclass.map(Cow::from),
            other => match other.strip_prefix("variable_") {
                Some(name) => leg.and_then(|leg| leg.vars.get(name)).map(Cow::from),
                None => line(extra.head, other).or_else(|| line(extra.tail, other)),
            },
        })
    }

    /// Enters a state and tells it.
    pub(super) fn state(&mut self, l: usize, state: State) {
        self.legs[l].state = state;
        self.tell(l, Kind::ChannelState);
    }

    pub(super) fn call_state(&mut self, l: usize, state: CallState) {
        let old = self.legs[l].call_state;
        if old == state {
            return;
        }
        self.legs[l].call_state = state;
        let head = format!(
            "Original-Channel-Call-State: {}\nChannel-Call-State-Number: {}\n",
            old.name(),
            state as u8
        );
        let extra = Extra { head: &head, ..Extra::default() };
        self.tell_more(Some(l), Kind::ChannelCallstate, extra);
    }

    pub(super) fn presence(&mut self, l: usize) {
        if !self.legs[l].presence_id.is_empty() {
            self.tell(l, Kind::PresenceIn);
        }
    }
}
