//! Applications, all but `bridge` and the queues.

use std::time::Duration;

use super::call::{A, Call};
use super::cause;
use super::dial::var_list;
use super::event::{Extra, Kind};
use super::timers::What;
use super::vars::encode;

/// What the simulator can run. Anything else ends the call (transcript 07c Z).
const KNOWN: &[&str] = &[
    "answer",
    "att_xfer",
    "bridge",
    "callcenter",
    "event",
    "export",
    "fifo",
    "hangup",
    "info",
    "log",
    "multiset",
    "multiunset",
    "park",
    "play_and_get_digits",
    "playback",
    "pre_answer",
    "push",
    "record",
    "record_session",
    "respond",
    "ring_ready",
    "set",
    "set_name",
    "set_profile_var",
    "sleep",
    "socket",
    "stop_record_session",
    "transfer",
    "unset",
    "voicemail",
];

/// These send 183 to a caller who is not answered yet (transcripts 02a, 03c).
const NEED_MEDIA: &[&str] =
    &["playback", "record", "record_session", "voicemail", "play_and_get_digits"];

impl Call {
    /// Runs an application on the caller's leg, with its two events.
    pub(super) async fn execute(&mut self, app: &str, arg: &str, uuid: &str) {
        if !KNOWN.contains(&app) {
            self.hang_up_caller("DESTINATION_OUT_OF_ORDER");
            return;
        }
        if app == "socket" {
            let targets = arg.split(' ').next().unwrap_or_default().to_owned();
            self.dialplan_ends = !Box::pin(self.app_socket(&targets)).await;
            return;
        }
        let arg = self.expand(arg);
        if NEED_MEDIA.contains(&app) {
            self.pre_answer();
        }
        let vars = &mut self.legs[A].vars;
        vars.set("current_loop", "1");
        vars.set("total_loops", "1");
        vars.set("current_application", app);
        vars.set("current_application_data", &arg);
        vars.unset("current_application_response");
        let uuid = if uuid.is_empty() { super::shared::new_uuid() } else { uuid.to_owned() };
        self.tell_app(Kind::ChannelExecute, A, app, &arg, &uuid);
        self.legs[A].running.push(app.to_owned());
        self.legs[A].break_now = false;
        self.legs[A].leaves_queue = false;
        self.run_app(app, &arg).await;
        self.legs[A].running.pop();
        self.tell_app(Kind::ChannelExecuteComplete, A, app, &arg, &uuid);
        for name in ["current_loop", "total_loops"] {
            self.legs[A].vars.unset(name);
        }
        self.destroy_reaped();
    }

    async fn run_app(&mut self, app: &str, arg: &str) {
        match app {
            "answer" => self.answer_caller(),
            "pre_answer" => self.pre_answer(),
            "ring_ready" => self.ring_caller(),
            "set" | "export" => {
                if let Some((name, value)) = arg.split_once('=') {
                    self.set_variable(app, name.trim(), value);
                }
            }
            "multiset" => {
                for (name, value) in var_list(arg) {
                    self.set_variable("set", &name, &value);
                }
            }
            "set_profile_var" => {
                if let Some(("caller_id_name", name)) = arg.split_once('=') {
                    name.clone_into(&mut self.legs[A].profile.name);
                }
            }
            "unset" => self.legs[A].vars.unset(arg.trim()),
            "multiunset" => {
                let by = arg.strip_prefix("^^").and_then(|a| a.chars().next());
                for name in arg.trim_start_matches("^^").split(by.unwrap_or(',')) {
                    self.legs[A].vars.unset(name.trim());
                }
            }
            "push" => {
                if let Some((name, value)) = arg.split_once('=') {
                    self.legs[A].vars.push(name.trim(), value);
                }
            }
            "sleep" => {
                let time = Duration::from_millis(arg.trim().parse().unwrap_or(0));
                self.pass(time).await;
            }
            "playback" => self.app_playback(arg).await,
            "play_and_get_digits" => self.app_digits(arg).await,
            "record" => self.app_record(arg).await,
            "record_session" => self.app_record_session(arg),
            "stop_record_session" => {
                self.stop_recordings(A);
            }
            "hangup" => self.hang_up_caller(cause::parse(arg)),
            "respond" => {
                let status = arg.split(' ').next().and_then(|s| s.parse().ok());
                self.hang_up_caller(cause::of_sip(status.unwrap_or(500)));
            }
            "park" => {
                self.tell(A, Kind::ChannelPark);
                // Whole wall-clock seconds, and only looked at while nothing plays.
                let seconds = self.seconds("park_timeout");
                self.park_ends = seconds.map(|s| (self.now() / 1_000_000 + s) * 1_000_000);
                if let Some(at) = self.park_ends {
                    self.timers.at(at, What::Wake);
                }
                self.parked(None).await;
                self.park_ends = None;
                self.tell(A, Kind::ChannelUnpark);
            }
            "transfer" => {
                let destination = super::transfer::Destination::parse(arg);
                self.send_caller_to(destination);
            }
            "event" => self.app_event(A, arg),
            "bridge" => self.app_bridge(arg).await,
            "callcenter" => self.app_callcenter(arg).await,
            "fifo" => self.app_fifo(arg).await,
            "voicemail" => self.app_voicemail(arg).await,
            _ => {}
        }
    }

    fn set_variable(&mut self, app: &str, name: &str, value: &str) {
        let name = name.strip_prefix("nolocal:").unwrap_or(name);
        self.legs[A].vars.set(name, value);
        if app == "export" {
            let mut list = self.legs[A].vars.get("export_vars").unwrap_or_default();
            if !list.split(',').any(|n| n == name) {
                if !list.is_empty() {
                    list.push(',');
                }
                list.push_str(name);
                self.legs[A].vars.set("export_vars", &list);
            }
        }
    }

    /// Variables and the functions transcripts use, in an argument.
    fn expand(&self, arg: &str) -> String {
        let (mut out, mut rest) = (String::new(), arg);
        while let Some((before, behind)) = rest.split_once("${") {
            let Some((name, behind)) = behind.split_once('}') else {
                break;
            };
            out.push_str(before);
            match name.strip_prefix("sofia_contact(").and_then(|n| n.strip_suffix(')')) {
                Some(who) => {
                    let number = who.rsplit('/').next().unwrap_or_default();
                    let number = number.split('@').next().unwrap_or_default();
                    if self.shared.registered().iter().any(|r| r == number) {
                        out.push_str(&format!("sofia/internal/sip:{number}@127.0.0.1"));
                    } else {
                        out.push_str("error/user_not_registered");
                    }
                }
                None => match (self.legs[A].vars.get(name), name) {
                    (Some(value), _) => out.push_str(&value),
                    // A global variable of the stock configuration.
                    (None, "domain" | "domain_name") => out.push_str("127.0.0.1"),
                    (None, "hold_music") => out.push_str("local_stream://moh"),
                    (None, _) => {}
                },
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// Lets time pass, as long as the caller is there and nobody breaks it. Returns whether it
    /// passed whole.
    pub(super) async fn pass(&mut self, time: Duration) -> bool {
        let until = self.now() + super::clock::micros(time);
        self.timers.at(until, What::Wake);
        while self.now() < until {
            if !self.legs[A].alive() || self.transfer.is_some() || self.joins.is_some() {
                return false;
            }
            if std::mem::take(&mut self.legs[A].break_now) {
                return false;
            }
            self.wait(A).await;
        }
        true
    }

    async fn app_playback(&mut self, file: &str) {
        let Some(length) = self.length_of(file) else {
            self.respond_with("FILE NOT FOUND");
            return;
        };
        let limit = self.seconds("playback_timeout_sec").map(Duration::from_secs);
        let length = limit.map_or(length, |limit| length.min(limit));
        self.report.played.push(file.to_owned());
        self.playback_event(Kind::PlaybackStart, file, "");
        self.music += 1;
        self.pass(length).await;
        self.music -= 1;
        let vars = &mut self.legs[A].vars;
        let ms = length.as_millis();
        vars.set("playback_last_offset_pos", &(ms * 8).to_string());
        vars.set("playback_seconds", &length.as_secs().to_string());
        vars.set("playback_ms", &ms.to_string());
        vars.set("playback_samples", &(ms * 8).to_string());
        self.playback_event(Kind::PlaybackStop, file, "done");
        // Cut by the caller it is an error, cut by a nested `hangup` it is not (01, 05f).
        let cut = self.joins.is_some() || !self.legs[A].alive() && self.report.caller_hung_up;
        self.respond_with(if cut { "PLAYBACK ERROR" } else { "FILE PLAYED" });
    }

    fn respond_with(&mut self, response: &str) {
        let vars = &mut self.legs[A].vars;
        vars.set("current_application_response", response);
    }

    pub(super) fn playback_event(&mut self, kind: Kind, file: &str, status: &str) {
        let mut tail = format!("Playback-File-Path: {}\n", encode(file));
        if !status.is_empty() {
            tail.push_str(&format!("Playback-Status: {status}\n"));
        }
        let extra = Extra { tail: &tail, ..Extra::default() };
        self.tell_more(Some(A), kind, extra);
    }

    /// A variable that holds whole seconds, above 0.
    fn seconds(&self, name: &str) -> Option<u64> {
        self.legs[A].vars.get(name)?.parse().ok().filter(|s| *s > 0)
    }

    /// How long a sound plays; `None`: there is no such file.
    fn length_of(&self, file: &str) -> Option<Duration> {
        let endless = file.starts_with("local_stream://")
            || file.starts_with("tone_stream://") && file.contains("loops=-1");
        match self.shared.config.files.get(file) {
            Some(known) => *known,
            None if endless => Some(Duration::from_secs(86_400)),
            None => Some(self.shared.config.file_length),
        }
    }

    /// `event NAME=VALUE,…`.
    pub(super) fn app_event(&mut self, l: usize, arg: &str) {
        let lines = arg.split(',').filter_map(|line| line.trim().split_once('='));
        let tail: String =
            lines.map(|(name, value)| format!("{name}: {}\n", encode(value))).collect();
        let extra = Extra { tail: &tail, ..Extra::default() };
        self.tell_more(Some(l), Kind::ChannelApplication, extra);
    }

    /// `play_and_get_digits MIN MAX TRIES TIMEOUT TERMINATORS FILE INVALID_FILE VARIABLE REGEXP …`.
    /// Of expressions only a single key is known, `^[1]$` or `^1$`.
    async fn app_digits(&mut self, arg: &str) {
        let words = super::record::words(arg);
        let word = |n: usize| words.get(n).map(String::as_str).unwrap_or_default();
        let tries = word(2).parse().unwrap_or(1_u32).max(1);
        let variable = word(7).to_owned();
        let right = |digits: &str| match word(8).trim_matches(['^', '$', '[', ']']) {
            "" => !digits.is_empty(),
            key if key.len() == 1 => digits == key,
            _ => true,
        };
        self.legs[A].vars.unset(&variable);
        for attempt in 1..=tries {
            let digits = self.digits_once(&words).await;
            let over = !self.legs[A].alive() || self.joins.is_some() || self.transfer.is_some();
            if right(&digits) || tries == 1 {
                self.legs[A].vars.set(&variable, &digits);
                return;
            }
            if over || attempt == tries || std::mem::take(&mut self.legs[A].break_now) {
                return;
            }
        }
    }

    /// Plays, and waits for keys.
    async fn digits_once(&mut self, words: &[String]) -> String {
        let word = |n: usize| words.get(n).map(String::as_str).unwrap_or_default();
        let most = word(1).parse().unwrap_or(1);
        let mut time = Duration::from_millis(word(3).parse().unwrap_or(5000));
        if word(2) != "1" {
            time += self.length_of(word(5)).unwrap_or_default();
        }
        let ends = if word(4) == "none" { "" } else { word(4) };
        self.digits.clear();
        let mut plays = true;
        self.playback_event(Kind::PlaybackStart, word(5), "");
        self.music += 1;
        let until = self.now() + super::clock::micros(time);
        self.timers.at(until, What::Wake);
        while self.now() < until
            && self.legs[A].alive()
            && !self.legs[A].break_now
            && self.joins.is_none()
            && self.digits.len() < most
        {
            if self.digits.ends_with(|c| ends.contains(c)) {
                break;
            }
            self.wait(A).await;
            if plays && !self.digits.is_empty() {
                plays = false;
                self.playback_event(Kind::PlaybackStop, word(5), "break");
            }
        }
        if plays {
            self.playback_event(Kind::PlaybackStop, word(5), "done");
        }
        self.music -= 1;
        let mut digits = std::mem::take(&mut self.digits);
        if digits.ends_with(|c| ends.contains(c)) {
            let end = digits.pop().map(String::from).unwrap_or_default();
            self.legs[A].vars.set("read_terminator_used", &end);
        }
        digits
    }
}
