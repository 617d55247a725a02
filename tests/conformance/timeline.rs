//! Reads the timelines of recorded transcripts: one line a message, UUIDs as letters.

use std::collections::HashMap;
use std::path::Path;

/// What the events of a timeline line say, beside their name and leg.
pub const KEYS: &[&str] = &[
    "Application",
    "Application-Data",
    "Application-Response",
    "Application-UUID",
    "Answer-State",
    "Channel-State",
    "Channel-Call-State",
    "Hangup-Cause",
    "Bridge-A-UUID",
    "Bridge-B-UUID",
    "Other-Leg-UUID",
    "Playback-Status",
    "Record-File-Path",
    "DTMF-Digit",
    "CC-Action",
    "CC-Agent",
    "CC-Cause",
    "CC-Cancel-Reason",
    "CC-Hangup-Cause",
    "CC-Member-UUID",
    "FIFO-Action",
    "v_originate_disposition",
    "v_bridge_hangup_cause",
    "v_last_bridge_hangup_cause",
    "v_current_application",
];

/// A message as far as it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// `CHANNEL_ANSWER`, `CUSTOM callcenter::info`, `text/disconnect-notice linger`.
    pub name: String,
    /// The leg: a letter in a timeline, a UUID from the simulator.
    pub leg: Option<String>,
    /// The decisive headers.
    pub headers: HashMap<&'static str, String>,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(leg) = &self.leg {
            write!(f, " [{leg}]")?;
        }
        for key in KEYS {
            if let Some(value) = self.headers.get(key) {
                write!(f, " {key}={value}")?;
            }
        }
        Ok(())
    }
}

/// A line of a timeline.
#[derive(Clone, Debug)]
pub enum What {
    Open,
    Closed,
    /// A command of the controller, in the form it is sent in.
    Sent(String),
    Reply(String),
    /// An event or a notice.
    Event(Seen),
    /// A remark of the script.
    Note(String),
}

#[derive(Clone, Debug)]
pub struct Line {
    pub at: f64,
    pub conn: String,
    pub what: What,
}

#[derive(Debug)]
pub struct Timeline {
    pub lines: Vec<Line>,
    /// The UUID behind a letter.
    pub letters: HashMap<String, String>,
    /// The wall clock at the beginning, in microseconds.
    pub began: u64,
}

/// The two long `event` commands, which timelines cut off.
const WIDE: &[&str] = &[
    "event plain CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_DESTROY CHANNEL_PARK CHANNEL_UNPARK CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_UUID CALL_UPDATE DTMF CUSTOM sofia::transferor sofia::transferee sofia::replaced",
    "event plain CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_DESTROY CHANNEL_PARK CHANNEL_UNPARK CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_UUID CHANNEL_ORIGINATE CHANNEL_OUTGOING CHANNEL_STATE CHANNEL_CALLSTATE CALL_UPDATE DTMF RECORD_START RECORD_STOP PLAYBACK_START PLAYBACK_STOP BACKGROUND_JOB CUSTOM callcenter::info fifo::info sofia::transferor sofia::transferee sofia::replaced",
];

impl Timeline {
    /// Reads `tests/transcripts/timelines/NAME….timeline.txt`; the name may be cut short.
    pub fn read(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/timelines");
        let file = std::fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                file.starts_with(&format!("{name}-")) && !file.contains(".observer.")
            })
            .unwrap_or_else(|| panic!("no timeline {name}"));
        Self::parse(&std::fs::read_to_string(file).unwrap())
    }

    fn parse(text: &str) -> Self {
        let mut timeline = Self { lines: Vec::new(), letters: HashMap::new(), began: 0 };
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("#   ") {
                if let Some((key, value)) = rest.split_once(" = ") {
                    match key {
                        "began" => timeline.began = value.parse().unwrap(),
                        letter => {
                            timeline.letters.insert(letter.to_owned(), value.to_owned());
                        }
                    }
                }
            } else if let Some(rest) = line.strip_prefix('+') {
                timeline.lines.extend(parse_line(rest));
            }
        }
        timeline
    }
}

fn parse_line(text: &str) -> Option<Line> {
    let at = text[..8].trim().parse().ok()?;
    // The connection stands right-aligned in ten columns.
    let conn = text.get(9..19)?.trim().to_owned();
    let rest = text.get(20..)?;
    let what = if conn.is_empty() {
        What::Note(text.get(9..)?.trim().to_owned())
    } else if let Some(command) = rest.strip_prefix(">>> ") {
        What::Sent(command_of(command))
    } else if let Some(got) = rest.strip_prefix("<<< ") {
        match got.strip_prefix("command/reply ") {
            Some(reply) => What::Reply(reply.trim().to_owned()),
            None if got.starts_with("api/response") => What::Reply(got.trim().to_owned()),
            None if got.starts_with("auth/request") => return None,
            None if got.starts_with("CHANNEL_DATA") => What::Reply("CHANNEL_DATA".to_owned()),
            None => What::Event(seen(got)),
        }
    } else if rest.starts_with("=== open") {
        What::Open
    } else if rest.starts_with("=== EOF") {
        What::Closed
    } else {
        What::Note(text.get(9..)?.trim().to_owned())
    };
    Some(Line { at, conn, what })
}

fn command_of(text: &str) -> String {
    let text = text.trim();
    if let Some(whole) = WIDE.iter().find(|w| text.len() > 100 && w.starts_with(text)) {
        return format!("{whole}\n\n");
    }
    format!("{}\n\n", text.replace(" | ", "\n"))
}

fn seen(text: &str) -> Seen {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("text/disconnect-notice") {
        let kind = rest.split_whitespace().next().unwrap_or_default();
        return Seen { name: format!("notice {kind}"), ..Seen::default() };
    }
    let mut places: Vec<(usize, &'static str)> =
        KEYS.iter().filter_map(|key| Some((text.find(&format!(" {key}="))?, *key))).collect();
    places.sort_unstable();
    let head_end = places.first().map_or(text.len(), |p| p.0);
    let mut head: Vec<_> = text[..head_end].split_whitespace().collect();
    let leg = head.last().and_then(|w| w.strip_prefix('[')?.strip_suffix(']')).map(str::to_owned);
    if leg.is_some() {
        head.pop();
    }
    let mut headers = HashMap::new();
    for (n, (at, key)) in places.iter().enumerate() {
        let end = places.get(n + 1).map_or(text.len(), |p| p.0);
        headers.insert(*key, text[at + key.len() + 2..end].to_owned());
    }
    Seen { name: head.join(" "), leg, headers }
}
