//! Applications as text. The only place where a dial string is made.
//!
//! What stands in a dial string is digits and the configured template, nothing else: a name
//! inside it can call a second leg (seen on FreeSWITCH 1.10.12: `x']user/102`). Names travel as
//! `effective_caller_id_name` (to mod_fifo in the caller's profile), which carries Cyrillic, quotes
//! and braces whole.

use crate::core::call::{App, RING_SLACK};
use crate::core::ids::CallId;
use crate::core::phone::Phone;
use crate::core::plan::{Ring, Target};
use crate::core::staff::Number;

/// How numbers become endpoints.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dial {
    /// A SIP line: `{line}` is the extension.
    pub line: String,
    /// An outside number: `{e164}` with the plus, `{digits}` without it.
    pub outside: String,
    /// The voicemail domain, as the directory names it.
    pub domain: String,
    /// The voicemail profile.
    pub voicemail: String,
}

impl Default for Dial {
    fn default() -> Self {
        Self {
            line: "user/{line}".into(),
            outside: "sofia/gateway/mobile/{e164}".into(),
            domain: "${domain}".into(),
            voicemail: "default".into(),
        }
    }
}

impl Dial {
    /// What is wrong with the templates, if anything.
    pub fn check(&self) -> Result<(), String> {
        if !self.line.contains("{line}") {
            return Err(format!(
                "dial.line is `{}`: it needs `{{line}}`, as in `user/{{line}}`",
                self.line
            ));
        }
        if !self.outside.contains("{e164}") && !self.outside.contains("{digits}") {
            return Err(format!(
                "dial.outside is `{}`: it needs `{{e164}}` or `{{digits}}`, as in `sofia/gateway/mobile/{{e164}}`",
                self.outside
            ));
        }
        Ok(())
    }

    /// Name and argument of an application.
    pub fn application(&self, app: &App) -> (&'static str, String) {
        match app {
            App::Name(name) => ("set", format!("effective_caller_id_name={}", clean_name(name))),
            App::FifoName(name) => {
                ("set_profile_var", format!("caller_id_name={}", clean_name(name)))
            }
            App::Answer => ("answer", String::new()),
            App::Bridge { ring, caller_id } => ("bridge", self.bridge(ring, caller_id.as_ref())),
            App::Callcenter(queue) => ("callcenter", clean_path(queue.as_str())),
            App::Fifo(queue) => ("fifo", format!("{} in", clean_path(queue.as_str()))),
            App::Voicemail(mailbox) => {
                ("voicemail", format!("{} {} {mailbox}", self.voicemail, self.domain))
            }
            App::Playback(file) => ("playback", clean_path(file)),
            App::Hangup(cause) => ("hangup", cause.0.to_string()),
            App::Mark => ("set", "dozvon_mark=true".to_owned()),
        }
    }

    fn bridge(&self, ring: &Ring, caller_id: Option<&Phone>) -> String {
        let seconds = (ring.timeout + RING_SLACK).as_secs().max(2);
        let legs: Vec<_> = ring.targets.iter().map(|t| self.endpoint(t, caller_id)).collect();
        // Without ignore_early_media a ring-back tone from the carrier counts as an answer and
        // the time-out never fires (transcript 03f).
        format!("{{ignore_early_media=true,leg_timeout={seconds}}}{}", legs.join(","))
    }

    fn endpoint(&self, target: &Target, caller_id: Option<&Phone>) -> String {
        match &target.number {
            Number::Line(line) => self.line.replace("{line}", line.as_str()),
            Number::Outside(phone) => {
                let shown =
                    caller_id.map(|id| format!("[origination_caller_id_number={}]", id.e164()));
                let endpoint = self
                    .outside
                    .replace("{e164}", phone.e164())
                    .replace("{digits}", phone.digits());
                shown.unwrap_or_default() + &endpoint
            }
        }
    }
}

/// The variables of every call we lead. They go first of all commands: `hangup_after_bridge`, so that a talk that ends
/// without us does not send the caller into the queue. `continue_on_fail`, so that a busy owner
/// does not end the call (transcript 04b). `sip_ignore_remote_cause`, because otherwise the caller
/// is sent the last code of the phone that was rung instead of our own: a phone that hangs up in
/// the very moment it answers leaves 200, so that he is answered by nobody, in silence and without
/// a channel (seen on 1.10.12). `dozvon_led` tells the next engine, should this one let go of the
/// call, that it is none of its own. The exit keys: see [`LEAVE_KEY`].
pub const CALL_VARIABLES: &str = "^^|dozvon_led=true|hangup_after_bridge=true|continue_on_fail=true\
    |sip_ignore_remote_cause=true|cc_exit_keys=D|fifo_caller_exit_key=D|ringback=%(1000,4000,425)";

/// The key that takes a caller out of a queue, pressed for him with `uuid_recv_dtmf`. Telephones
/// have no D. `uuid_break` does not do it: mod_callcenter plays its music again, and mod_fifo too
/// (seen on 1.10.12).
pub const LEAVE_KEY: char = 'D';

/// With [`CALL_VARIABLES`] where an employee's call to a client may be recorded: the recording is
/// on his leg then, and goes over to the client's when he passes the client on. A client who calls
/// is recorded on his own leg, which stays.
pub const FOLLOW_TRANSFER: &str = "|recording_follow_transfer=true";

/// Records a talk in stereo: left who called, right who was called. The folder is made where it is
/// missing. Fed to `api`, because `record_session` would wait in the leg's queue until the talk is
/// over, and would send 183 to a leg that is not answered (transcript 02a).
pub fn record(call: &CallId, file: &str) -> String {
    let file = clean_path(file).replace('\\', r"\\").replace('\'', r"\'");
    format!("uuid_record {call} start '{file}' 0 {{RECORD_STEREO=true}}")
}

/// A name without what breaks a display or a dial string on its way; 80 characters at most.
fn clean_name(name: &str) -> String {
    let typographic = |c: char| match c {
        '\'' => '’',
        '"' => '”',
        c if c.is_control() || "\\/:%$|^,<>{}[];=&".contains(c) => ' ',
        c => c,
    };
    let clean: String = name.chars().map(typographic).take(80).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name or path from the rules, in one line. It is the operator's own: `$${sounds_dir}/x.wav` and
/// the like may stand in it.
fn clean_path(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Extension;
    use crate::core::plan::Role;
    use std::time::Duration;

    fn line(text: &str) -> Target {
        Target { employee: None, number: Number::Line(Extension::parse(text).unwrap()) }
    }

    fn arg(targets: Vec<Target>) -> String {
        let ring = Ring { role: Role::Owner, targets, timeout: Duration::from_secs(10) };
        Dial::default().application(&App::Bridge { ring, caller_id: None }).1
    }

    #[test]
    fn a05_ten_seconds_are_eleven_to_freeswitch() {
        assert_eq!(arg(vec![line("101")]), "{ignore_early_media=true,leg_timeout=11}user/101");
        assert!(arg(vec![line("101"), line("102")]).ends_with("}user/101,user/102"));
    }

    #[test]
    fn e11_a_mobile_goes_by_the_gateway() {
        let phone = Phone::parse("+79035550105", Default::default()).unwrap();
        let target = Target { employee: None, number: Number::Outside(phone) };
        assert!(arg(vec![target]).ends_with("}sofia/gateway/mobile/+79035550105"));
    }

    #[test]
    fn e11_the_configured_caller_id_goes_with_outside_legs_only() {
        let phone = |text: &str| Phone::parse(text, Default::default()).unwrap();
        let targets = vec![
            line("101"),
            Target { employee: None, number: Number::Outside(phone("+79035550105")) },
        ];
        let ring = Ring { role: Role::Group, targets, timeout: Duration::from_secs(20) };
        let app = App::Bridge { ring, caller_id: Some(phone("+74951234567")) };
        assert!(Dial::default().application(&app).1.ends_with(
            "}user/101,[origination_caller_id_number=+74951234567]sofia/gateway/mobile/+79035550105"
        ));
    }

    #[test]
    fn a04_a_cyrillic_name_arrives_whole() {
        let name = "Иван Петров (ООО «Ромашка»)";
        for (app, text) in [
            (App::Name(name.into()), format!("effective_caller_id_name={name}")),
            (App::FifoName(name.into()), format!("caller_id_name={name}")),
        ] {
            assert_eq!(Dial::default().application(&app).1, text);
        }
    }

    #[test]
    fn the_path_of_a_recording_stays_one_word() {
        let said = record(&CallId::new("a-1"), "/Записи/it's \\ \"q\".wav");
        let words = r#"uuid_record a-1 start '/Записи/it\'s \\ "q".wav' 0 {RECORD_STEREO=true}"#;
        assert_eq!(said, words);
    }

    proptest::proptest! {
        /// Pitfall 21: a name never makes a variable reference, a second leg or a second line.
        #[test]
        fn pitfall_21_a_name_stays_a_name(name in "[\\PC\n\r\0,{}\\[\\]'|^$/:%\\\\]{0,120}") {
            let clean = clean_name(&name);
            let bad = |c: char| c.is_control() || "\\/:%$|^,<>{}[];=&'\"".contains(c);
            proptest::prop_assert!(!clean.contains(bad), "{clean:?}");
            proptest::prop_assert!(clean.chars().count() <= 80);
        }
    }
}
