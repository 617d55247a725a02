//! Where a recording goes, as the company writes it: `/rec/{date}/{call}.wav`.
//!
//! Nothing a caller sends can stand in it: the words are a closed list, and each is made of
//! letters, digits, `.`, `-` and `_` only.

use std::fmt;
use std::path::{Component, Path};
use std::sync::Arc;

use jiff::civil::Date;

use crate::core::facts::Direction;
use crate::core::ids::CallId;

/// The words.
const WORDS: [&str; 4] = ["date", "call", "line", "direction"];

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
}

/// What the words stand for.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The day of the call, in the company's time zone.
    pub date: Date,
    /// The call.
    pub call: &'a CallId,
    /// The line by its configured name.
    pub line: Option<&'a str>,
    /// Which way the call goes.
    pub direction: Direction,
}

/// Why it is no path for recordings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// FreeSWITCH would put it beside its sounds.
    #[error("`{0}` is no whole path: begin with `/`")]
    Relative(String),
    /// It leads out of the folder.
    #[error("`{0}` has `..` or `.` in it: write the path without them")]
    Climbs(String),
    /// A line's end, or the like.
    #[error("`{0}` has a control character in it")]
    Control(String),
    /// FreeSWITCH takes the kind of a file from its name, and writes two raw files without one.
    #[error("`{0}` does not say what kind of file: end with `.wav`")]
    Kind(String),
    /// Not one of the words.
    #[error("`{{{word}}}` is not known{}", near(word))]
    Word {
        /// What stands there.
        word: String,
    },
    /// `{` without `}`.
    #[error("`{0}` has a brace that is not closed")]
    Brace(String),
    /// All calls would go into one file.
    #[error("`{0}` needs `{{call}}`: without it all calls go into one file")]
    NoCall(String),
}

fn near(word: &str) -> String {
    let near = WORDS.iter().find(|known| strsim::jaro_winkler(word, known) > 0.7);
    match near {
        Some(known) => format!(": did you mean `{{{known}}}`?"),
        None => ": there are `{date}`, `{call}`, `{line}` and `{direction}`".to_owned(),
    }
}

/// A path FreeSWITCH can record into: whole, without steps upwards, with a kind.
///
/// # Errors
/// [`PathError`].
pub fn check_path(path: &str) -> Result<(), PathError> {
    let shown = || path.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    if !path.starts_with('/') {
        return Err(PathError::Relative(shown()));
    }
    if path.contains(char::is_control) {
        return Err(PathError::Control(shown()));
    }
    if path.split('/').any(|part| part == ".." || part == ".") {
        return Err(PathError::Climbs(shown()));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, kind)) if !stem.is_empty() && !kind.is_empty() => Ok(()),
        _ => Err(PathError::Kind(shown())),
    }
}

impl Template {
    /// Reads and checks it.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let template = Self { text: text.into() };
        let mut call = false;
        let mut unknown = None;
        let sample = template.replace(|word| {
            call |= word == "call";
            if !WORDS.contains(&word) {
                unknown.get_or_insert_with(|| word.to_owned());
            }
            "x".to_owned()
        });
        let sample = sample.ok_or_else(|| PathError::Brace(text.to_owned()))?;
        if let Some(word) = unknown {
            return Err(PathError::Word { word });
        }
        check_path(&sample)?;
        if call { Ok(template) } else { Err(PathError::NoCall(text.to_owned())) }
    }

    /// The path of a call.
    pub fn fill(&self, words: &Words<'_>) -> String {
        let filled = self.replace(|word| match word {
            "date" => words.date.to_string(),
            "call" => plain(words.call.as_str()),
            "line" => plain(words.line.unwrap_or("none")),
            _ => words.direction.as_str().to_owned(),
        });
        filled.unwrap_or_default()
    }

    /// The folder all recordings are in: the part in which no word stands.
    pub fn folder(&self) -> &Path {
        let fixed = self.text.split('{').next().unwrap_or_default();
        let end = fixed.rfind('/').unwrap_or(0);
        Path::new(fixed.get(..end.max(1)).unwrap_or("/"))
    }

    fn replace(&self, mut value: impl FnMut(&str) -> String) -> Option<String> {
        let mut out = String::with_capacity(self.text.len() + 40);
        let mut rest: &str = &self.text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, behind) = after.split_once('}')?;
            out.push_str(before);
            out.push_str(&value(word));
            rest = behind;
        }
        out.push_str(rest);
        Some(out)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One part of a path, whatever the text is: no slash, no dot in front.
fn plain(text: &str) -> String {
    let clean: String = text
        .chars()
        .take(80)
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    match clean.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if clean.is_empty() => "_".to_owned(),
        None => clean,
    }
}

/// The path below the folder, with `/` between its parts; `None`: it is not inside.
pub(super) fn below(folder: &Path, path: &Path) -> Option<String> {
    let inside = path.strip_prefix(folder).ok()?;
    let mut parts = Vec::new();
    for part in inside.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str, call: &str, line: Option<&str>) -> String {
        let call = CallId::new(call);
        let date = jiff::civil::date(2026, 11, 20);
        Template::parse(text).unwrap().fill(&Words {
            date,
            call: &call,
            line,
            direction: Direction::Inbound,
        })
    }

    #[test]
    fn the_words_are_filled_in() {
        let path = fill("/rec/{line}/{date}/{direction}-{call}.wav", "a-1", Some("main"));
        assert_eq!(path, "/rec/main/2026-11-20/inbound-a-1.wav");
        assert_eq!(fill("/Записи it's/{line} {call}.wav", "a", None), "/Записи it's/none a.wav");
    }

    #[test]
    fn a_wrong_template_says_what_is_wrong() {
        for (text, word) in [
            ("rec/{call}.wav", "begin with `/`"),
            ("/rec/../{call}.wav", "`..`"),
            ("/rec/{call}", ".wav"),
            ("/rec/{cal}.wav", "did you mean `{call}`"),
            ("/rec/{from}/{call}.wav", "there are `{date}`"),
            ("/rec/{call.wav", "not closed"),
            ("/rec/{date}.wav", "needs `{call}`"),
            ("/rec/\n{call}.wav", "control character"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn the_folder_is_the_part_without_words() {
        for (text, folder) in [
            ("/rec/{date}/{call}.wav", "/rec"),
            ("/rec/of-{date}/{call}.wav", "/rec"),
            ("/{call}.wav", "/"),
            ("/a/b/{call}.wav", "/a/b"),
        ] {
            assert_eq!(Template::parse(text).unwrap().folder(), Path::new(folder));
        }
    }

    #[test]
    fn only_what_is_inside_the_folder_is_below_it() {
        let below = |path: &str| below(Path::new("/rec"), Path::new(path));
        assert_eq!(below("/rec/a/b.wav").as_deref(), Some("a/b.wav"));
        for outside in ["/rec", "/rec/../etc/passwd", "/recording/a.wav", "/etc/passwd", "a.wav"] {
            assert_eq!(below(outside), None, "{outside}");
        }
    }

    proptest::proptest! {
        /// Whatever an id or a line's name is, the file stays in its folder.
        #[test]
        fn no_word_leads_out_of_its_folder(call in "\\PC{0,60}", line in "[\\PC\n\r\0/.]{0,60}") {
            let path = fill("/rec/{line}/{call}.wav", &call, Some(&line));
            proptest::prop_assert!(check_path(&path).is_ok(), "{path}");
            proptest::prop_assert_eq!(path.matches('/').count(), 3);
        }
    }
}
