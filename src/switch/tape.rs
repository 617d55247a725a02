//! The recording of one call: which file, the command that begins it, and what came of it.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::warn;

use super::dial;
use crate::core::call::{Call, Input, Recorded, Recording};
use crate::core::ids::{CallId, OpId};
use crate::esl::Command;
use crate::recording::{Lasting, Recorder, Words};

/// The tape of one call.
pub(super) struct Tape {
    recorder: Arc<Recorder>,
    /// It runs.
    lasting: Option<Lasting>,
}

impl Tape {
    /// For a call that has just arrived.
    pub fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, lasting: None }
    }

    /// After a decision, as the line is known then. A call that is passed on keeps its file.
    pub fn prepare(
        &self,
        call: &mut Call,
        dialplan: Option<&str>,
        timezone: &TimeZone,
        now: Timestamp,
    ) {
        if self.lasting.is_some() || !self.recorder.may_record(dialplan) {
            return;
        }
        let record = call.record();
        let words = Words {
            date: record.started.to_zoned(timezone.clone()).date(),
            call: &record.id,
            line: record.line.as_deref(),
            direction: record.direction,
        };
        match self.recorder.file(dialplan, &words) {
            Ok(Some(file)) => {
                let url = self.recorder.link(&file, now).unwrap_or_default();
                call.record_into(Recording { file: file.into(), url });
            }
            Ok(None) => {}
            Err(error) => {
                warn!(%error, "dozvon_record_path of the dialplan cannot be used; the talk is not recorded");
            }
        }
    }

    /// The command that starts it. By `bgapi`: a disk that hangs would hold back the events of the
    /// call otherwise (seen on 1.10.12, with a pipe nobody reads). What came of it is in the last
    /// words.
    pub fn begin(&mut self, call: &CallId, file: &str) -> Command {
        self.lasting = Some(self.recorder.begin(file));
        let job = OpId::new(format!("{call}.record"));
        Command::bgapi(&job, &dial::record(call, file))
    }

    /// The talk was not harmed, but somebody should mend the folder.
    pub fn heard(&self, input: &Input) {
        let Input::Completed(words) = input else { return };
        if self.lasting.is_some() && words.recorded == Recorded::Nothing {
            warn!(
                "the talk was not recorded; FreeSWITCH's log says why: mostly it may not write into the folder"
            );
        }
    }

    /// The file is complete, or out of our sight.
    pub fn end(&mut self) {
        self.lasting = None;
    }
}
