//! `api` and `bgapi`: what the simulator can be asked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::call::{A, Call};
use super::cause;
use super::clock::stamp;
use super::conn::Request;
use super::event::{Extra, Kind};
use super::shared::{Ctl, Shared, lock};
use super::transfer::Destination;
use super::vars::encode;

const NO_CHANNEL: &str = "-ERR No such channel!\n";

/// The headers of a BACKGROUND_JOB.
pub(super) fn job_headers(job: &str, line: &str) -> String {
    let (command, arg) = line.split_once(' ').unwrap_or((line, ""));
    let mut headers = format!("Job-UUID: {}\nJob-Command: {}\n", encode(job), encode(command));
    if !arg.is_empty() {
        headers.push_str(&format!("Job-Command-Arg: {}\n", encode(arg)));
    }
    headers
}

impl Call {
    /// Answers what concerns this call; `None`: somebody else has to.
    pub(super) fn api_here(&mut self, line: &str) -> Option<String> {
        let (command, arg) = line.split_once(' ').unwrap_or((line, ""));
        if !command.starts_with("uuid_") {
            return None;
        }
        let (uuid, rest) = arg.trim().split_once(' ').unwrap_or((arg.trim(), ""));
        let l = self.legs.iter().position(|l| l.uuid == uuid)?;
        // A leg that is over is gone, though it may linger.
        if self.legs[l].complete {
            return Some(match command {
                "uuid_exists" => "false".to_owned(),
                _ => NO_CHANNEL.to_owned(),
            });
        }
        let ok = "+OK\n".to_owned();
        Some(match command {
            "uuid_exists" => "true".to_owned(),
            "uuid_getvar" => (self.legs[l].vars.get(rest)).unwrap_or_else(|| "_undef_".to_owned()),
            "uuid_setvar" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                self.legs[l].vars.set(name, value);
                ok
            }
            "uuid_dump" => {
                let mut out = String::new();
                self.legs[l].write_state(&mut out);
                self.legs[l].write_profiles(&mut out);
                out.push_str(self.legs[l].vars.block());
                if rest.trim() == "plain" { bracketed(&out) } else { out }
            }
            "uuid_kill" => {
                let cause = cause::parse(rest);
                let peer = self.legs[l].peer.filter(|p| l != A && *p != A);
                self.hang_up(l, cause);
                if let Some(peer) = peer {
                    self.end_talk(l);
                    self.hang_up(peer, cause);
                }
                ok
            }
            "uuid_break" => {
                if rest.trim() == "all" {
                    self.legs[l].queue.clear();
                }
                self.legs[l].break_now = true;
                ok
            }
            "uuid_record" => self.uuid_record(l, rest),
            "uuid_recv_dtmf" => {
                let keys = ["cc_exit_keys", "fifo_caller_exit_key"];
                let keys = keys.map(|k| self.legs[l].vars.get(k).unwrap_or_default());
                self.legs[l].leaves_queue =
                    rest.chars().any(|d| keys.iter().any(|k| k.contains(d)));
                format!("+OK {uuid} received DTMF {rest}.\n")
            }
            "uuid_transfer" => {
                if let Some(rest) = rest.strip_prefix("-bleg ") {
                    if let Some(b) = self.legs[l].peer {
                        self.send_other_to(b, &Destination::parse(rest));
                    }
                } else if let Some(rest) = rest.strip_prefix("-both ") {
                    let mut to = Destination::parse(rest);
                    to.keeps_other = true;
                    self.send_caller_to(to);
                } else if l == A {
                    self.send_caller_to(Destination::parse(rest));
                } else {
                    self.send_other_to(l, &Destination::parse(rest));
                }
                ok
            }
            "uuid_answer" => {
                if l == A {
                    self.answer_caller();
                }
                ok
            }
            _ => return None,
        })
    }

    /// The channels of this call, as `show channels as json` lists them.
    pub(super) fn rows(&self) -> Vec<Value> {
        let live = self.legs.iter().filter(|l| !l.complete);
        live.map(|leg| {
            let app = leg.vars.get("current_application").unwrap_or_default();
            let data = leg.vars.get("current_application_data").unwrap_or_default();
            json!({
                "uuid": leg.uuid,
                "direction": if leg.inbound { "inbound" } else { "outbound" },
                "created": stamp(leg.times.created),
                "created_epoch": (leg.times.created / 1_000_000).to_string(),
                "name": leg.name,
                "state": leg.state.name(),
                "cid_name": leg.profile.name,
                "cid_num": leg.profile.number,
                "ip_addr": "127.0.0.1",
                "dest": leg.profile.destination,
                "application": app,
                "application_data": data,
                "dialplan": "XML",
                "context": "public",
                "presence_id": leg.presence_id,
                "callstate": leg.call_state.name(),
                "callee_name": leg.profile.callee_name,
                "callee_num": leg.profile.callee_number,
                "call_uuid": leg.call_uuid,
                "hostname": "sim",
            })
        })
        .collect()
    }
}

impl Shared {
    /// Answers an api command of any connection.
    pub(super) async fn api(self: &Arc<Self>, line: &str) -> String {
        let line = line.trim();
        let (command, arg) = line.split_once(' ').unwrap_or((line, ""));
        match command {
            "status" => self.status(),
            "version" => "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n".to_owned(),
            "global_getvar" if arg == "core_uuid" => self.core_uuid.clone(),
            "show" => self.show(arg).await,
            "callcenter_config" => self.callcenter_config(arg),
            "module_exists" => "true".to_owned(),
            "sofia_contact" => {
                let number = arg.rsplit('/').next().unwrap_or_default();
                let number = number.split('@').next().unwrap_or_default();
                if self.registered().iter().any(|r| r == number) {
                    format!("sofia/internal/sip:{number}@127.0.0.1")
                } else {
                    "error/user_not_registered".to_owned()
                }
            }
            "user_exists" => {
                let number = arg.split_whitespace().nth(1).unwrap_or_default();
                self.config.phones.contains_key(number).to_string()
            }
            "originate" => self.originate(arg).await,
            "uuid_bridge" => self.uuid_bridge(arg).await,
            "reloadxml" => "+OK [Success]\n".to_owned(),
            _ if command.starts_with("uuid_") => self.api_of_call(line, command, arg).await,
            _ => format!("-ERR {command} Command not found!\n"),
        }
    }

    async fn api_of_call(&self, line: &str, command: &str, arg: &str) -> String {
        let uuid = arg.split_whitespace().next().unwrap_or_default();
        if let Some(mailbox) = self.mailbox(uuid) {
            let (answer, text) = oneshot::channel();
            if mailbox.send(Ctl::Api(line.to_owned(), answer)).is_ok()
                && let Ok(text) = text.await
            {
                return text;
            }
        }
        match command {
            "uuid_exists" => "false".to_owned(),
            _ => NO_CHANNEL.to_owned(),
        }
    }

    /// `sendmsg UUID` on a control connection.
    pub(super) async fn sendmsg(&self, uuid: &str, request: Request) -> String {
        if let Some(mailbox) = self.mailbox(uuid) {
            let (answer, text) = oneshot::channel();
            if mailbox.send(Ctl::Send(uuid.to_owned(), request, answer)).is_ok()
                && let Ok(text) = text.await
            {
                return text;
            }
        }
        format!("-ERR invalid session id [{uuid}]")
    }

    fn status(&self) -> String {
        format!(
            "UP 0 years, 0 days, 0 hours, 1 minute, 0 seconds, 0 milliseconds, 0 microseconds\n\
             FreeSWITCH (Version 1.10.12-release  64bit) is ready\n{} session(s) since startup\n\
             {} session(s) - peak 0, last 5min 0\n",
            self.session(),
            self.channels()
        )
    }

    async fn show(&self, what: &str) -> String {
        let mut words = what.split_whitespace();
        let rows = match words.next() {
            Some("channels" | "calls") => self.all_rows().await,
            Some("registrations") => self
                .registered()
                .into_iter()
                .map(|user| json!({"reg_user": user, "realm": "127.0.0.1", "url": format!("sofia/internal/sip:{user}@127.0.0.1"), "network_proto": "udp", "hostname": "sim"}))
                .collect(),
            _ => Vec::new(),
        };
        if what.contains("count") {
            return format!("\n{} total.\n", rows.len());
        }
        if rows.is_empty() {
            return json!({"row_count": 0}).to_string();
        }
        json!({"row_count": rows.len(), "rows": rows}).to_string()
    }

    async fn all_rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        for call in self.calls() {
            let (answer, mine) = oneshot::channel();
            if call.send(Ctl::Rows(answer)).is_ok() {
                // A call that is just ending does not answer any more.
                if let Ok(Ok(mine)) = tokio::time::timeout(Duration::from_secs(2), mine).await {
                    rows.extend(mine);
                }
            }
        }
        rows
    }

    fn callcenter_config(&self, arg: &str) -> String {
        let words: Vec<_> = arg.split_whitespace().collect();
        match words.as_slice() {
            ["agent", "list", ..] => lock(&self.agents).list(),
            ["agent", "set", "status", agent, rest @ ..] => {
                self.set_agent_status(agent, rest.join(" ").trim_matches('\''));
                "+OK\n".to_owned()
            }
            ["queue", "list"] => {
                let mut out = String::from("name|strategy|moh_sound|time_base_score\n");
                let mut names: Vec<_> = self.config.queues.keys().collect();
                names.sort();
                for name in names {
                    out.push_str(&format!("{name}|top-down|local_stream://moh|queue\n"));
                }
                out + "+OK\n"
            }
            ["tier", "list"] => {
                let mut out = String::from("queue|agent|state|level|position\n");
                for (name, queue) in &self.config.queues {
                    for (n, agent) in queue.agents.iter().enumerate() {
                        out.push_str(&format!("{name}|{agent}|Ready|1|{}\n", n + 1));
                    }
                }
                out + "+OK\n"
            }
            _ => "-ERR Invalid!\n".to_owned(),
        }
    }

    /// BACKGROUND_JOB for those who watch.
    pub(super) fn tell_job(&self, job: &str, line: &str, text: &str) {
        let tail = job_headers(job, line);
        let extra = Extra { tail: &tail, body: text, ..Extra::default() };
        self.tell(Kind::BackgroundJob, extra);
    }

    /// `sofia::register` or `sofia::unregister`.
    pub(super) fn tell_registration(&self, number: &str, registered: bool) {
        let number = encode(number);
        let tail = format!(
            "profile-name: internal\nfrom-user: {number}\nfrom-host: 127.0.0.1\nusername: {number}\nrealm: 127.0.0.1\n"
        );
        let extra = Extra {
            subclass: Some(if registered { "sofia::register" } else { "sofia::unregister" }),
            tail: &tail,
            ..Extra::default()
        };
        self.tell(Kind::Custom, extra);
    }
}

/// An event block as `uuid_dump … plain` writes it: decoded, the values in brackets.
fn bracketed(block: &str) -> String {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let lines = block.lines().filter_map(|line| line.split_once(": "));
    lines.map(|(name, value)| format!("{name}: [{}]\n", decoded(value))).collect()
}
