//! What can be listened to: a message, and the recording of the talk. That is begun once, at the
//! first answered bridge. It stays on the caller's leg, so that it goes on through every transfer
//! (seen on FreeSWITCH 1.10.12).

use jiff::Timestamp;

use super::{Call, Occurrence, Output, Recorded, Recording};
use crate::core::case::Sound;
use crate::core::facts::Direction;
use crate::core::record::{AttemptResult, Tried};

impl Call {
    /// The talk, once there is one, is to be recorded. Before the first bridge; later it does
    /// nothing.
    pub fn record_into(&mut self, recording: Recording) {
        if self.record.talks.is_empty() {
            self.recording = Some(recording);
        }
    }

    /// Calls between employees are not recorded (E02).
    pub(super) fn record_talk(&mut self) {
        if self.record.direction == Direction::Internal {
            return;
        }
        if let Some(Recording { file, url }) = self.recording.take() {
            // Known before the file is complete (A12).
            self.record.recording = Some(Sound { url, seconds: None });
            self.outputs.push_back(Output::Record(file));
        }
    }

    pub(super) fn recorded(&mut self, recorded: Recorded) {
        match (recorded, &mut self.record.recording) {
            (Recorded::Nothing, recording) => *recording = None,
            (Recorded::Milliseconds(ms), Some(sound)) => {
                sound.seconds = Some(ms.saturating_add(500) / 1000);
            }
            _ => {}
        }
    }

    pub(super) fn complete_recording(&self) -> Option<Occurrence> {
        let seconds = self.record.recording.as_ref()?.seconds?;
        Some(Occurrence::Recorded { seconds })
    }

    /// Once a call.
    pub(super) fn message(&mut self, seconds: u64, url: &str, now: Timestamp) {
        if seconds == 0 || self.message_seconds > 0 {
            return;
        }
        self.message_seconds = seconds;
        self.record.voicemail = Some(Sound { url: url.to_owned(), seconds: Some(seconds) });
        if self.tries(|t| *t == Tried::Voicemail) {
            self.end_attempt(AttemptResult::Answered, now);
        }
        self.outputs.push_back(Output::Occurred(Occurrence::Voicemail { seconds }));
    }
}
