//! mod_voicemail (transcript 10b).

use std::time::Duration;

use super::call::{A, Call};
use super::event::{Extra, Kind};
use super::vars::encode;

/// The greeting and the tone.
const GREETING: Duration = Duration::from_secs(1);
/// How long the caller speaks; then silence ends the message.
const MESSAGE: Duration = Duration::from_secs(4);
/// A shorter message is thrown away.
const SHORTEST: u64 = 1;

impl Call {
    /// `voicemail PROFILE DOMAIN BOX`.
    pub(super) async fn app_voicemail(&mut self, arg: &str) {
        let words: Vec<_> = arg.split_whitespace().map(str::to_owned).collect();
        let word = |n: usize| words.get(n).cloned().unwrap_or_default();
        let (profile, domain, mailbox) = (word(0), word(1), word(2));
        if !self.shared.config.boxes.contains(&mailbox) {
            return;
        }
        self.answer_caller();
        self.music += 1;
        if self.pass(GREETING).await {
            self.take_message(&profile, &domain, &mailbox).await;
        }
        self.music -= 1;
    }

    async fn take_message(&mut self, profile: &str, domain: &str, mailbox: &str) {
        let name = super::shared::new_uuid();
        let file = format!("/voicemail/{profile}/{domain}/{mailbox}/msg_{name}.wav");
        self.record_event(A, Kind::RecordStart, &file);
        let from = self.now();
        self.pass(MESSAGE).await;
        self.record_event(A, Kind::RecordStop, &file);
        let seconds = self.now().saturating_sub(from) / 1_000_000;
        if seconds < SHORTEST {
            return;
        }
        self.report.voicemail = Some(mailbox.to_owned());
        let length = format!("00:00:{seconds:02}");
        let vars = &mut self.legs[A].vars;
        vars.set("voicemail_account", mailbox);
        vars.set("voicemail_domain", domain);
        vars.set("voicemail_file_path", &file);
        vars.set("voicemail_message_len", &length);
        let tail = format!(
            "VM-Action: leave-message\nVM-User: {}\nVM-Domain: {}\nVM-File-Path: {}\nVM-Message-Len: {seconds}\n",
            encode(mailbox),
            encode(domain),
            encode(&file)
        );
        let extra = Extra { subclass: Some("vm::maintenance"), tail: &tail, ..Extra::default() };
        self.tell_more(Some(A), Kind::Custom, extra);
    }
}
