//! Commands as bytes that hold exactly one command, whatever the arguments are.
//!
//! Every argument loses its control characters on the way in, so no value can end a line, begin
//! a second command or cut the string (`esl.md`, pitfall 21). What a dial string may contain is
//! the business of [`crate::switch::dial`].

use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS};

use crate::core::ids::{LegId, OpId};

/// What FreeSWITCH escapes in event headers (FACTS.md, framing), for what we write in its stead.
pub const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~')
    .add(b'(')
    .add(b')')
    .add(b'$')
    .add(b'!');

/// One command, with the blank line that ends it.
#[derive(Clone, PartialEq, Eq)]
pub struct Command(Bytes);

impl Command {
    fn line(text: &str) -> Self {
        Self(Bytes::from(format!("{}\n\n", one_line(text))))
    }

    /// `connect`: the first command on an outbound connection.
    pub fn connect() -> Self {
        Self(Bytes::from_static(b"connect\n\n"))
    }

    /// `auth`. The password goes as it is, without control characters.
    pub fn auth(password: &str) -> Self {
        Self::line(&format!("auth {password}"))
    }

    /// `linger`: keeps the connection for the last events of a call. Without it they are lost
    /// when the caller cancels (transcript 07n). Whole seconds, at least one.
    pub fn linger(time: Duration) -> Self {
        Self::line(&format!("linger {}", time.as_secs().max(1)))
    }

    /// `filter`: only events with this header value; several are OR-ed.
    pub fn filter(header: &str, value: &str) -> Self {
        Self::line(&format!("filter {header} {value}"))
    }

    /// `event plain …`. `CUSTOM` subclasses come last.
    pub fn events(names: &str) -> Self {
        Self::line(&format!("event plain {names}"))
    }

    /// `noevents`: stop all events on this connection.
    pub fn no_events() -> Self {
        Self(Bytes::from_static(b"noevents\n\n"))
    }

    /// `exit`.
    pub fn exit() -> Self {
        Self(Bytes::from_static(b"exit\n\n"))
    }

    /// `api`: for what answers at once. It holds back every event of the connection (07q).
    pub fn api(call: &str) -> Self {
        Self::line(&format!("api {call}"))
    }

    /// `bgapi` with a Job-UUID of our own, so that the answer is known before it is asked for
    /// (`esl.md`, pitfall 4).
    pub fn bgapi(job: &OpId, call: &str) -> Self {
        Self(Bytes::from(format!(
            "bgapi {}\nJob-UUID: {}\n\n",
            one_line(call),
            one_line(job.as_str())
        )))
    }

    /// Runs an application on a leg; `None`: the leg of this outbound connection.
    ///
    /// `event-lock` keeps the order (pitfall 18). The argument goes as the body: FreeSWITCH takes
    /// 0.26 ms for 8 KB there and 12.5 ms in a header (`esl.md`). `op` comes back as
    /// `Application-UUID`.
    pub fn execute(leg: Option<&LegId>, op: &OpId, app: &str, arg: &str) -> Self {
        let leg = leg.map(|l| format!(" {}", one_line(l.as_str()))).unwrap_or_default();
        let (op, app, arg) = (one_line(op.as_str()), one_line(app), one_line(arg));
        let head = format!(
            "sendmsg{leg}\ncall-command: execute\nexecute-app-name: {app}\nEvent-UUID: {op}\nevent-lock: true\n"
        );
        Self(Bytes::from(if arg.is_empty() {
            format!("{head}\n")
        } else {
            format!("{head}content-type: text/plain\ncontent-length: {}\n\n{arg}", arg.len())
        }))
    }

    /// Hangs up, cutting whatever runs (transcript 05f).
    pub fn hangup(cause: &str) -> Self {
        let cause = one_line(cause);
        Self(Bytes::from(format!("sendmsg\ncall-command: hangup\nhangup-cause: {cause}\n\n")))
    }

    /// The bytes to send.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The first word, for metrics and errors.
    pub fn verb(&self) -> &str {
        let end = self.0.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).unwrap_or_default()
    }
}

/// Shows the verb only: arguments hold passwords and phone numbers.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({} …)", self.verb())
    }
}

/// The text without control characters: one line, no NUL.
fn one_line(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_control());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_of_execute_goes_as_a_body_counted_in_bytes() {
        let command =
            Command::execute(None, &"op-1".into(), "set", "effective_caller_id_name=Иван");
        let text = String::from_utf8(command.bytes().to_vec()).unwrap();
        assert!(text.ends_with("content-length: 33\n\neffective_caller_id_name=Иван"), "{text}");
    }

    proptest::proptest! {
        /// Pitfall 21: whatever the arguments are, it stays one command.
        #[test]
        fn pitfall_21_no_argument_makes_a_second_command(arg in "[\\PC\n\r\0,{}\\[\\]'|^]{0,60}", app in "[\\PC\n\r\0:]{0,20}") {
            let head_lines = |c: &Command| {
                let text = String::from_utf8(c.bytes().to_vec()).unwrap();
                let (head, body) = text.split_once("\n\n").map(|(h, b)| (h.to_owned(), b.to_owned())).unwrap();
                (head.lines().count(), body)
            };
            proptest::prop_assert_eq!(head_lines(&Command::api(&arg)), (1, String::new()));
            proptest::prop_assert_eq!(head_lines(&Command::filter("Unique-ID", &arg)), (1, String::new()));
            let op = OpId::new(&arg);
            let (lines, body) = head_lines(&Command::execute(None, &op, &app, &arg));
            proptest::prop_assert!(lines == 5 || lines == 7);
            proptest::prop_assert!(!body.contains(['\n', '\r', '\0']));
            let (lines, _) = head_lines(&Command::bgapi(&op, &arg));
            proptest::prop_assert_eq!(lines, 2);
        }
    }
}
