//! Texts with words in them: minijinja, with a closed list of words and nothing to call.

mod names;
mod place;

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::{AutoEscape, Environment, Value};

pub(crate) use names::names;
use names::trial;
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
    /// The words that occur: only they are made.
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
        if !self.words_are_known(reader, &name, text, span, &mut fields) {
            return None;
        }
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

    fn words_are_known(
        &mut self,
        reader: &mut Reader,
        name: &str,
        text: &str,
        span: &Range<usize>,
        fields: &mut BTreeSet<String>,
    ) -> bool {
        let Ok(template) = self.env.get_template(name) else { return false };
        let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        used.sort_unstable();
        let mut known = true;
        for path in used {
            let (word, rest) = path.split_once('.').map_or((&*path, None), |(w, r)| (w, Some(r)));
            let at = inside(reader, span, text, find(text, word));
            match (WORDS.iter().find(|(name, _)| *name == word), rest) {
                (Some((_, Word::Fields)), Some(field)) => {
                    fields.insert(field.to_owned());
                    self.words.push(Word::Fields);
                }
                (Some((_, Word::Fields)), None) => {
                    let help = "name one of them: {{ fields.utm_source }}";
                    reader.error(&at, "`fields` is no text", help);
                    known = false;
                }
                (Some((_, word)), None) => self.words.push(*word),
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
        known
    }

    fn render(&self, name: &str, words: &Value) -> Result<String, minijinja::Error> {
        self.env.get_template(name)?.render(words.clone())
    }

    /// The text with its words. An error is a template that cannot be made of these words.
    pub(crate) fn make(
        &self,
        text: &Text,
        words: impl FnOnce() -> Value,
    ) -> Result<String, String> {
        match text {
            Text::Plain(text) => Ok(text.clone()),
            Text::Made(name) => self.render(name, &words()).map_err(|error| error.to_string()),
        }
    }

    /// The words that occur in any text.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&'static str, Word)> {
        WORDS.into_iter().filter(|(_, word)| self.words.contains(word))
    }
}
