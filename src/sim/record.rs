//! `record`, `record_session` and `uuid_record` (transcripts 10a, 10c). Nothing is heard in a
//! simulated talk, so a file holds a moment of silence, and that only where files are wanted at
//! all ([`super::Builder::recordings`]).

use std::path::Path;
use std::time::Duration;

use super::call::{A, Call};
use super::clock::Micros;
use super::event::{Extra, Kind};
use super::timers::What;
use super::vars::encode;

/// Where no file can be made, as in the transcripts.
const UNWRITABLE: &str = "/proc/";
/// Samples of the silence in a file.
const SAMPLES: u32 = 800;
const RATE: u32 = 8000;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Recording {
    file: String,
    from: Micros,
    channels: u16,
}

impl Call {
    /// `record_session PATH`.
    pub(super) fn app_record_session(&mut self, arg: &str) {
        let file = arg.split(" +").next().unwrap_or_default();
        self.start_recording(A, file, "");
    }

    /// `uuid_record UUID start|stop|mask|unmask PATH [LIMIT] [{VARIABLES}]`. The limit is not kept.
    pub(super) fn uuid_record(&mut self, l: usize, rest: &str) -> String {
        let words = words(rest);
        let word = |n: usize| words.get(n).map(String::as_str).unwrap_or_default();
        let (action, file) = (word(0), word(1));
        let known = self.legs[l].recordings.iter().any(|r| r.file == file);
        let (done, what) = match action {
            _ if file.is_empty() => return usage(),
            "start" => (self.start_recording(l, file, word(3)), "record"),
            "stop" if file == "all" => (self.stop_recordings(l), "stop record"),
            "stop" => (self.stop_recording(l, file), "stop record"),
            "mask" => (known, "mask recording"),
            "unmask" => (known, "unmask recording"),
            _ => return usage(),
        };
        if done { "+OK Success\n".to_owned() } else { format!("-ERR Cannot {what} session!\n") }
    }

    fn start_recording(&mut self, l: usize, file: &str, variables: &str) -> bool {
        if l == A {
            // An unanswered caller gets 183 and hears no ringing any more (transcript 02a).
            self.pre_answer();
        }
        if self.legs[l].recordings.iter().any(|r| r.file == file) {
            return true;
        }
        if file.starts_with(UNWRITABLE) {
            self.legs[l].vars.set("record_completion_cause", "uri-failure");
            return false;
        }
        let stereo = variables.contains("RECORD_STEREO=true")
            || self.legs[l].vars.get("RECORD_STEREO").as_deref() == Some("true");
        let channels = if stereo { 2 } else { 1 };
        let recording = Recording { file: file.to_owned(), from: self.now(), channels };
        self.write_file(&recording, 0);
        self.legs[l].recordings.push(recording);
        self.record_event(l, Kind::RecordStart, file);
        true
    }

    fn stop_recording(&mut self, l: usize, file: &str) -> bool {
        let found = self.legs[l].recordings.iter().position(|r| r.file == file);
        let recording = found.map(|n| self.legs[l].recordings.remove(n));
        recording.map(|recording| self.recorded(l, &recording)).is_some()
    }

    /// Whether there were any.
    pub(super) fn stop_recordings(&mut self, l: usize) -> bool {
        let recordings = std::mem::take(&mut self.legs[l].recordings);
        for recording in &recordings {
            self.recorded(l, recording);
        }
        !recordings.is_empty()
    }

    fn recorded(&mut self, l: usize, recording: &Recording) {
        self.write_file(recording, SAMPLES);
        let cause = if self.legs[l].alive() { "success-maxtime" } else { "success-silence" };
        self.record_variables(l, recording.from);
        self.legs[l].vars.set("record_completion_cause", cause);
        self.record_event(l, Kind::RecordStop, &recording.file);
    }

    fn record_variables(&mut self, l: usize, from: Micros) {
        // Whole frames of 20 ms.
        let ms = self.now().saturating_sub(from) / 20_000 * 20;
        let vars = &mut self.legs[l].vars;
        vars.set("record_samples", &(ms * u64::from(RATE) / 1000).to_string());
        vars.set("record_seconds", &(ms / 1000).to_string());
        vars.set("record_ms", &ms.to_string());
    }

    pub(super) fn record_event(&mut self, l: usize, kind: Kind, file: &str) {
        let tail = format!("Record-File-Path: {}\n", encode(file));
        self.tell_more(Some(l), kind, Extra { tail: &tail, ..Extra::default() });
    }

    /// `record PATH LIMIT THRESHOLD SILENCE`: until the limit, a key, or so many seconds of
    /// silence; and callers say nothing here.
    pub(super) async fn app_record(&mut self, arg: &str) {
        let words = words(arg);
        let word = |n: usize| words.get(n).map(String::as_str).unwrap_or_default();
        let file = word(0).to_owned();
        if file.starts_with(UNWRITABLE) {
            self.legs[A].vars.set("record_completion_cause", "uri-failure");
            self.hang_up_caller("DESTINATION_OUT_OF_ORDER");
            return;
        }
        let seconds = [1, 3].map(|n| word(n).parse().ok().filter(|s| *s > 0));
        let limit = Duration::from_secs(seconds.into_iter().flatten().min().unwrap_or(3600));
        let ends = self.legs[A].vars.get("playback_terminators").unwrap_or_else(|| "*".to_owned());
        let from = self.now();
        let until = from + super::clock::micros(limit);
        self.digits.clear();
        self.record_event(A, Kind::RecordStart, &file);
        self.timers.at(until, What::Wake);
        while self.now() < until && self.legs[A].alive() && self.transfer.is_none() {
            if std::mem::take(&mut self.legs[A].break_now) {
                break;
            }
            if let Some(key) = self.digits.chars().find(|key| ends.contains(*key)) {
                self.legs[A].vars.set("playback_terminator_used", &key.to_string());
                break;
            }
            self.wait(A).await;
        }
        self.digits.clear();
        self.record_variables(A, from);
        self.record_event(A, Kind::RecordStop, &file);
    }

    /// The head says 0 bytes until the file is complete, as with the real one.
    fn write_file(&self, recording: &Recording, samples: u32) {
        let Some(folder) = &self.shared.config.recordings else { return };
        let path = Path::new(&recording.file);
        if path.starts_with(folder) && !recording.file.contains("..") {
            // Whoever wants to hear it finds nothing; the call goes on.
            let _ = path.parent().map(std::fs::create_dir_all);
            let _ = std::fs::write(path, wav(recording.channels, samples));
        }
    }
}

fn usage() -> String {
    "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n".to_owned()
}

/// 16-bit silence.
fn wav(channels: u16, samples: u32) -> Vec<u8> {
    let frame = u32::from(channels) * 2;
    let data = samples * frame;
    let mut file = b"RIFF".to_vec();
    file.extend((data + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * frame).to_le_bytes());
    file.extend((frame as u16).to_le_bytes());
    file.extend(b"\x10\0data");
    file.extend(data.to_le_bytes());
    file.resize(file.len() + data as usize, 0);
    file
}

/// Words between blanks, as FreeSWITCH takes them apart: `'…'` is one word, `\` takes the next
/// letter as it is.
pub(super) fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut open) = (Vec::new(), String::new(), false, false);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.extend(letters.next()),
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                if std::mem::take(&mut open) {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => word.push(letter),
        }
        open = true;
    }
    if open {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_path_is_one_word() {
        let text = r#"start '/Записи/it\'s \\ "q", a.wav' 0 {RECORD_STEREO=true}"#;
        let expected = ["start", r#"/Записи/it's \ "q", a.wav"#, "0", "{RECORD_STEREO=true}"];
        assert_eq!(words(text), expected);
        assert_eq!(words("  a  b "), ["a", "b"]);
    }

    #[test]
    fn the_file_is_a_wav() {
        let file = wav(2, SAMPLES);
        assert_eq!(file.len(), 44 + 3200);
        assert_eq!(file[..4], *b"RIFF");
        assert_eq!(file[8..16], *b"WAVEfmt ");
        assert_eq!(file[36..44], *b"data\x80\x0c\0\0");
    }
}
