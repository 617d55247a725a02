//! Commands on an outbound connection. Replies go out at once and in order.

use std::fmt::Write as _;

use super::call::{A, Call};
use super::cause;
use super::conn::{Request, goodbye};
use super::event::Kind;
use super::leg::Message;
use super::shared::{Ctl, new_uuid};

impl Call {
    pub(super) fn serve(&mut self, c: usize, request: &Request) {
        self.report.commands += 1;
        let (verb, rest) = request.split();
        let reply = match verb {
            "connect" => {
                let data = self.channel_data();
                let conn = &mut self.conns[c];
                conn.connected = true;
                conn.reply(data.as_bytes());
                if self.legs[A].complete && self.conns[c].linger.is_none() {
                    // The caller was quicker; without linger the connection ends at once.
                    self.say_goodbye(c);
                }
                return;
            }
            "myevents" => self.my_events(c, rest),
            "linger" => {
                let seconds = rest.parse().unwrap_or(0);
                self.conns[c].linger = Some(seconds);
                if seconds > 0 {
                    format!("+OK will linger {seconds} seconds")
                } else {
                    "+OK will linger".to_owned()
                }
            }
            "nolinger" => {
                self.conns[c].linger = None;
                "+OK will not linger".to_owned()
            }
            "resume" => {
                self.conns[c].resume = true;
                "+OK".to_owned()
            }
            "getvar" => match self.legs[A].vars.get(rest) {
                Some(value) if !rest.is_empty() => value.chars().take(511).collect(),
                _ => "-ERR command not found".to_owned(),
            },
            "sendmsg" => self.sendmsg(rest, request),
            "api" => {
                self.api_on(c, rest);
                return;
            }
            "bgapi" => {
                let job = request.header("Job-UUID").map_or_else(new_uuid, str::to_owned);
                self.conns[c].reply_text(&format!("+OK Job-UUID: {job}"));
                self.bgapi_on(&job, rest);
                return;
            }
            "exit" | "..." => {
                self.conns[c].reply_text("+OK bye");
                let text = goodbye(Some(&self.legs[A].uuid));
                self.conns[c].reply(text.as_bytes());
                self.conns[c].closing = true;
                return;
            }
            _ => (self.conns[c].interest.command(verb, rest))
                .unwrap_or_else(|| "-ERR command not found".to_owned()),
        };
        self.conns[c].reply_text(&reply);
        if verb == "event" {
            self.tell_late(c);
        }
    }

    fn my_events(&mut self, c: usize, format: &str) -> String {
        let uuid = self.legs[A].uuid.clone();
        let interest = &mut self.conns[c].interest;
        if interest.my_events {
            return "-ERR aready enabled.".to_owned();
        }
        interest.my_events = true;
        interest.json = format == "json";
        interest.wanted.add_my_events();
        interest.command("filter", &format!("Unique-ID {uuid}"));
        "+OK Events Enabled".to_owned()
    }

    /// The whole channel, as the reply to `connect`: no Content-Length, values encoded.
    fn channel_data(&mut self) -> String {
        let mut out = String::with_capacity(8 * 1024);
        let now = self.now();
        let source = "\nEvent-Calling-File: mod_event_socket.c\nEvent-Calling-Function: parse_command\nEvent-Calling-Line-Number: 2021\nEvent-Sequence: ";
        (self.shared.preamble).write("CHANNEL_DATA", source, now, &mut out);
        let leg = &mut self.legs[A];
        let times = leg.times;
        leg.write_profile("Channel", true, &times, &mut out);
        leg.write_state(&mut out);
        leg.write_profiles(&mut out);
        out.push_str(leg.vars.block());
        let (mode, control) = self.shared.config.socket_mode;
        let _ = write!(
            out,
            "Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: {mode}\nControl: {control}\n\n"
        );
        out
    }

    pub(super) fn sendmsg(&mut self, uuid: &str, request: &Request) -> String {
        let l =
            if uuid.is_empty() { Some(A) } else { self.legs.iter().position(|l| l.uuid == uuid) };
        let Some(l) = l else {
            return format!("-ERR invalid session id [{uuid}]");
        };
        let text = |name: &str| {
            let value = request.header(name)?;
            Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let message = match text("call-command").as_deref() {
            Some("execute") => match text("execute-app-name") {
                Some(app) => Message::Execute {
                    app,
                    arg: if request.body.is_empty() {
                        text("execute-app-arg").unwrap_or_default()
                    } else {
                        request.body.clone()
                    },
                    uuid: text("Event-UUID").unwrap_or_default(),
                    lock: request.header("event-lock") == Some("true"),
                    loops: text("loops").and_then(|n| n.parse().ok()).unwrap_or(1),
                },
                None => Message::Nothing,
            },
            Some("hangup") => {
                Message::Hangup(cause::parse(&text("hangup-cause").unwrap_or_default()))
            }
            _ => Message::Nothing,
        };
        // A channel that is gone and only lingers takes everything, and nothing happens.
        if self.legs[l].alive() {
            if l == A {
                self.send_message(A, message);
            } else {
                self.message_to_other(l, message);
            }
        }
        "+OK".to_owned()
    }

    /// `api`: holds back the connection until it is answered (transcript 07q).
    fn api_on(&mut self, c: usize, line: &str) {
        if let Some(text) = self.api_here(line) {
            self.conns[c].reply_api(&text);
        } else {
            let (shared, mailbox, line) =
                (self.shared.clone(), self.mailbox.clone(), line.to_owned());
            tokio::spawn(async move {
                let text = shared.api(&line).await;
                let _ = mailbox.send(Ctl::Answer(c, text));
            });
        }
    }

    fn bgapi_on(&mut self, job: &str, line: &str) {
        if let Some(text) = self.api_here(line) {
            self.job_done(job, line, &text);
        } else {
            // The job is told on control connections; outbound ones ask for their own calls.
            let (shared, job, line) = (self.shared.clone(), job.to_owned(), line.to_owned());
            tokio::spawn(async move {
                let text = shared.api(&line).await;
                shared.tell_job(&job, &line, &text);
            });
        }
    }

    fn job_done(&mut self, job: &str, line: &str, text: &str) {
        let tail = super::api::job_headers(job, line);
        let extra = super::event::Extra { tail: &tail, body: text, ..Default::default() };
        self.tell_more(None, Kind::BackgroundJob, extra);
    }
}
