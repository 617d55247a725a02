//! Applications as text. The only place where a dial string is made.
//!
//! What stands in a dial string is digits and the configured template, nothing else: a name
//! inside it can call a second leg (seen on FreeSWITCH 1.10.12: `x']user/102`). Names travel as
//! `effective_caller_id_name` (to mod_fifo in the caller's profile), which carries Cyrillic, quotes
//! and braces whole; and with `originate` as an argument of its own behind the dial string.

use crate::core::call::{App, RING_SLACK};
use crate::core::campaign::order::Prompt;
use crate::core::ids::CallId;
use crate::core::phone::Phone;
use crate::core::plan::{Ring, Target};
use crate::core::staff::Number;
use crate::switch::dialler::Leg;

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
    /// What is played for a text that is to be said: `say:flite:slt:{text}`, say. `None`: there is
    /// no speech application, and a tone is heard instead.
    pub say: Option<String>,
    /// What a client hears while he waits for a manager.
    pub music: String,
}

impl Default for Dial {
    fn default() -> Self {
        Self {
            line: "user/{line}".into(),
            outside: "sofia/gateway/mobile/{e164}".into(),
            domain: "${domain}".into(),
            voicemail: "default".into(),
            say: None,
            music: "${hold_music}".into(),
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
        match &self.say {
            Some(say) if !say.contains("{text}") => Err(format!(
                "dial.say is `{say}`: it needs `{{text}}`, as in `say:flite:slt:{{text}}`"
            )),
            _ => Ok(()),
        }
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
        let shown = match (&target.number, caller_id) {
            (Number::Outside(_), Some(id)) => {
                format!("[origination_caller_id_number={}]", id.e164())
            }
            _ => String::new(),
        };
        shown + &self.number(&target.number)
    }

    fn number(&self, number: &Number) -> String {
        match number {
            Number::Line(line) => self.line.replace("{line}", line.as_str()),
            Number::Outside(phone) => {
                self.outside.replace("{e164}", phone.e164()).replace("{digits}", phone.digits())
            }
        }
    }

    /// `originate` for a leg of our own, which is parked as it answers.
    ///
    /// The name stands behind the dial string, where nothing makes a second leg of it (seen on
    /// 1.10.12 with every bracket and quote). `ignore_early_media`: see `bridge`. `park_timeout`
    /// ends a leg nobody leads any more, `playback_timeout_sec` the music before it: FreeSWITCH
    /// looks at the first only while nothing plays. The ringing is told by an application on this
    /// leg alone; CHANNEL_PROGRESS would be told of every call.
    pub fn originate(&self, leg: &Leg) -> String {
        let seconds = (leg.ring + RING_SLACK).as_secs().max(2);
        let patience = leg.patience.as_secs().max(1);
        let (id, campaign) = (word(leg.id.as_str()), word(leg.campaign.as_str()));
        let name = clean_name(&leg.shown_name);
        let number = leg.shown_number.as_ref().map_or("undef", Phone::e164);
        format!(
            "originate {{origination_uuid={id},dozvon_campaign={campaign},{PASSED_ON},\
             ignore_early_media=true,originate_timeout={seconds},park_timeout={patience},playback_timeout_sec={patience},\
             execute_on_ring='event {TOLD}=ringing',execute_on_pre_answer='event {TOLD}=ringing'}}\
             {} &park() XML default '{name}' {number} {seconds}",
            self.number(&leg.number)
        )
    }

    /// What `playback` plays for a prompt; `None`: nothing.
    pub fn sound(&self, prompt: &Prompt) -> Option<String> {
        match (prompt, &self.say) {
            (Prompt::None, _) => None,
            (Prompt::Tone, _) | (Prompt::Say(_), None) => Some(TONE.to_owned()),
            (Prompt::File(file), _) => Some(clean_path(file)),
            (Prompt::Say(text), Some(say)) => Some(say.replace("{text}", &clean_name(text))),
        }
    }

    /// The argument of `play_and_get_digits`: up to three times, each with five seconds for the key.
    /// It is left in the variable `dozvon_key`.
    pub fn ask(&self, prompt: &Prompt, key: char) -> String {
        let sound = self.sound(prompt).unwrap_or_else(|| "silence_stream://10".to_owned());
        let sound = sound.replace('\\', r"\\").replace('\'', r"\'");
        let key = if "0123456789*#".contains(key) { key } else { '1' };
        format!("1 1 3 5000 none '{sound}' silence_stream://10 {KEY} ^[{key}]$ 5000")
    }
}

/// Where a client lands whom a manager's phone passes on: dialplan/dozvon.xml, as the clients of
/// all other calls, and that it is his callback that tells of him.
const PASSED_ON: &str = "force_transfer_context=dozvon,dozvon_direction=callback";

/// The header by which an application on a leg tells what it has come to.
pub const TOLD: &str = "Dozvon-Leg";
/// The header that says to which order it belongs.
pub const TOLD_ORDER: &str = "Dozvon-Order";
/// The header with the key that was pressed.
pub const TOLD_KEY: &str = "Dozvon-Key";
/// The variable with the key that was pressed.
const KEY: &str = "dozvon_key";
/// A short tone.
const TONE: &str = "tone_stream://%(300,100,800)";
/// The ring-back tone of [`CALL_VARIABLES`], as a sound.
pub const RINGBACK: &str = "tone_stream://%(1000,4000,425);loops=-1";

/// The argument of `event` behind what an order plays. CHANNEL_APPLICATION has no variables, so the
/// key stands in it.
pub fn told(order: u32) -> String {
    format!("{TOLD}=done,{TOLD_ORDER}={order},{TOLD_KEY}=${{{KEY}}}")
}

/// An id of ours, as it may stand in a dial string.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
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
        c if c.is_control() || "\\/:%$|^,<>{}[];=&@".contains(c) => ' ',
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
