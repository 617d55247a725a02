//! A recorded talk, as it stands in its WAV file.

use std::path::{Path, PathBuf};

/// What was heard.
pub struct Wav {
    /// Samples by channel.
    pub channels: Vec<Vec<i16>>,
    rate: usize,
}

impl Wav {
    /// Reads 16-bit PCM. `None`: it is not there, or is not complete.
    pub fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let two = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
        let four = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let kinds = (bytes.get(..4)?, bytes.get(8..12)?, bytes.get(36..40)?);
        assert_eq!(kinds, (&b"RIFF"[..], &b"WAVE"[..], &b"data"[..]), "a WAV of FreeSWITCH");
        let (count, rate, length) = (two(22)?, four(24)?, four(40)?);
        let data = bytes.get(44..44 + length as usize).filter(|data| !data.is_empty())?;
        let samples: Vec<_> =
            data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        let count = usize::from(count);
        let of = |n| samples.iter().skip(n).step_by(count).copied().collect();
        Some(Self { channels: (0..count).map(of).collect(), rate: rate as usize })
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.channels[0].len() as f64 / self.rate as f64
    }

    /// The tone of a channel in a second, by its crossings of zero; 0: silence.
    pub fn hertz(&self, channel: usize, second: usize) -> usize {
        let samples = self.channels[channel].chunks(self.rate).nth(second).expect("that long");
        let crossings = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
        crossings * self.rate / samples.len() / 2
    }
}

/// All files in a folder and below it.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_owned()], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let list = if entry.path().is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files
}
