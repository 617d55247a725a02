//! Texts with words in them: minijinja, with a closed list of words and nothing to call.

mod names;
mod pieces;
mod place;

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::{AutoEscape, Environment, Value};

pub(crate) use names::names;
use names::trial;
pub(crate) use pieces::Words;
use pieces::{Piece, apart, join};
use place::{find, inside};

use super::words::{WORDS, Word};
use crate::rules::read::Reader;
use crate::rules::words::{shown, suggest};

/// Steps a template may take. A text of a rule takes some dozens.
const FUEL: u64 = 5_000;

/// A text, ready to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// It has no words in it.
    Plain(String),
    /// Of the usual shape.
    Pieces(Box<[Piece]>),
    /// The name of a template.
    Made(String),
}

impl Text {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Plain(text) if text.is_empty())
    }
}

/// The templates of a set, compiled.
#[derive(Debug)]
pub(crate) struct Texts {
    env: Environment<'static>,
    count: usize,
    /// The words that occur in templates: only they are made.
    words: Vec<Word>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut env = Environment::empty();
        env.set_fuel(Some(FUEL));
        env.set_auto_escape_callback(|name| match name.ends_with("json") {
            true => AutoEscape::Json,
            false => AutoEscape::None,
        });
        Self { env, count: 0, words: Vec::new() }
    }
}

/// What a text is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Plain,
    /// Each word is written as JSON, with its quotes.
    Json,
}

impl Texts {
    /// Compiles a text and tries it: with all words empty, and with all words there.
    pub(crate) fn add(
        &mut self,
        reader: &mut Reader,
        text: &str,
        span: &Range<usize>,
        used: Use,
    ) -> Option<Text> {
        if !["{{", "{%", "{#"].iter().any(|sign| text.contains(sign)) {
            return match used {
                Use::Json => self.json(reader, span, text).then(|| Text::Plain(text.to_owned())),
                Use::Plain => Some(Text::Plain(text.to_owned())),
            };
        }
        let kind = if used == Use::Json { "json" } else { "text" };
        let name = format!("{}.{kind}", self.count);
        self.count += 1;
        if let Err(error) = self.env.add_template_owned(name.clone(), text.to_owned()) {
            let at = inside(reader, span, text, error.range());
            let why = error.detail().unwrap_or("it cannot be read").to_owned();
            let help = "write {{ word }}, {{ word or other }} or {% if word %}…{% endif %}";
            reader.error(&at, format!("this text is no template: {why}"), help);
            return None;
        }
        let mut fields = BTreeSet::new();
        let words = self.known_words(reader, &name, text, span, &mut fields)?;
        for full in [false, true] {
            match self.render(&name, &trial(full, &fields)) {
                Err(error) => {
                    let at = inside(reader, span, text, error.range());
                    let why = error.detail().map_or_else(|| error.to_string(), str::to_owned);
                    let message = format!("this text cannot be made: {why}");
                    let help = "words can be printed, joined by `or`, and asked for by `if`";
                    reader.error(&at, message, help);
                    return None;
                }
                Ok(made) if used == Use::Json && !self.json(reader, span, &made) => return None,
                Ok(_) => {}
            }
        }
        if let Some(pieces) = apart(text).filter(|_| used == Use::Plain) {
            return Some(Text::Pieces(pieces));
        }
        self.words.extend(words);
        Some(Text::Made(name))
    }

    fn json(&self, reader: &mut Reader, span: &Range<usize>, made: &str) -> bool {
        let error = serde_json::from_str::<serde::de::IgnoredAny>(made).err();
        if let Some(error) = &error {
            let message = format!("this comes out as no JSON: {error}");
            let help = "a word brings its own quotes here: {\"phone\": {{ number }}}";
            reader.error(span, message, help);
        }
        error.is_none()
    }

    /// The words of a template. `None`: one of them is a mistake, and it is named.
    fn known_words(
        &self,
        reader: &mut Reader,
        name: &str,
        text: &str,
        span: &Range<usize>,
        fields: &mut BTreeSet<String>,
    ) -> Option<Vec<Word>> {
        let template = self.env.get_template(name).ok()?;
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort_unstable();
        let (mut words, mut known) = (Vec::new(), true);
        for path in used {
            let (word, rest) = path.split_once('.').map_or((&*path, None), |(w, r)| (w, Some(r)));
            let at = inside(reader, span, text, find(text, word));
            match (WORDS.iter().find(|(name, _)| *name == word), rest) {
                (Some((_, Word::Fields)), Some(field)) => {
                    fields.insert(field.to_owned());
                    words.push(Word::Fields);
                }
                (Some((_, Word::Fields)), None) => {
                    let help = "name one of them: {{ fields.utm_source }}";
                    reader.error(&at, "`fields` is no text", help);
                    known = false;
                }
                (Some((_, word)), None) => words.push(*word),
                (Some(_), Some(_)) => {
                    let help = "only `fields` has names in it";
                    reader.error(&at, format!("the word `{word}` has no parts"), help);
                    known = false;
                }
                (None, _) => {
                    let names: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
                    let mut help = suggest(word, &names);
                    if help.is_empty() {
                        help = format!("known words: {}", names.join(", "));
                    }
                    let message = format!("templates know no word `{}`", shown(word));
                    reader.error(&at, message, &help);
                    known = false;
                }
            }
        }
        known.then_some(words)
    }

    fn render(&self, name: &str, words: &Value) -> Result<String, minijinja::Error> {
        self.env.get_template(name)?.render(words.clone())
    }

    /// The text with its words. An error is a template that cannot be made of these words.
    pub(crate) fn make(
        &self,
        text: &Text,
        words: &impl Words,
        all: impl FnOnce() -> Value,
    ) -> Result<String, String> {
        match text {
            Text::Plain(text) => Ok(text.clone()),
            Text::Pieces(pieces) => {
                let mut made = String::new();
                join(pieces, words, &mut made);
                Ok(made)
            }
            Text::Made(name) => self.render(name, &all()).map_err(|error| error.to_string()),
        }
    }

    /// The words that occur in any template.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&'static str, Word)> {
        WORDS.into_iter().filter(|(_, word)| self.words.contains(word))
    }
}
