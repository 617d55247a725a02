//! Texts of the usual shape, taken apart when a set is read: a ruling then only joins pieces. What
//! minijinja makes of the same text is the same; whatever else a text may do is left to it.

use std::borrow::Cow;

use crate::rules::set::words::{WORDS, Word};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Box<str>),
    /// The first one that is not empty: `{{ name or number }}`.
    First(Box<[Atom]>),
    /// `{% if word %}…{% else %}…{% endif %}`.
    If(Test, Box<[Piece]>, Box<[Piece]>),
}

/// What has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    Word(Word),
    /// `fields.NAME`
    Field(Box<str>),
    Literal(Box<str>),
}

/// What `if` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    There(Atom),
    Is(Word, Box<str>),
}

/// The values of words and fields. One that is not known is empty.
pub(crate) trait Words {
    fn word(&self, word: Word) -> Cow<'_, str>;
    fn field(&self, name: &str) -> &str;
}

impl Atom {
    fn value<'a>(&'a self, words: &'a impl Words) -> Cow<'a, str> {
        match self {
            Self::Word(word) => words.word(*word),
            Self::Field(name) => words.field(name).into(),
            Self::Literal(text) => Cow::Borrowed(text),
        }
    }
}

/// Joins them.
pub(crate) fn join(pieces: &[Piece], words: &impl Words, made: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => made.push_str(text),
            Piece::First(atoms) => {
                let mut values = atoms.iter().map(|atom| atom.value(words));
                if let Some(value) = values.find(|value| !value.is_empty()) {
                    made.push_str(&value);
                }
            }
            Piece::If(test, then, other) => {
                let holds = match test {
                    Test::There(atom) => !atom.value(words).is_empty(),
                    Test::Is(word, text) => *words.word(*word) == **text,
                };
                join(if holds { then } else { other }, words, made);
            }
        }
    }
}

/// Takes a text apart. `None`: it is not of the usual shape.
pub(crate) fn apart(text: &str) -> Option<Box<[Piece]>> {
    // The one line break at the end is minijinja's to leave out.
    if text.contains(['\n', '\r']) {
        return None;
    }
    let mut rest = text;
    let (pieces, end) = until_tag(&mut rest)?;
    end.is_none().then_some(pieces)
}

/// Pieces up to a tag that is no `if`, which is given as well, or to the end.
fn until_tag<'t>(rest: &mut &'t str) -> Option<(Box<[Piece]>, Option<&'t str>)> {
    let mut pieces = Vec::new();
    loop {
        let sign = rest.find('{').filter(|_| rest.contains("{{") || rest.contains("{%"));
        let Some(at) = sign else {
            if rest.contains("{#") {
                return None;
            }
            pieces.extend((!rest.is_empty()).then(|| Piece::Text((*rest).into())));
            *rest = "";
            return Some((pieces.into(), None));
        };
        let (before, tag) = rest.split_at(at);
        pieces.extend((!before.is_empty()).then(|| Piece::Text(before.into())));
        if let Some(inner) = tag.strip_prefix("{{") {
            pieces.push(Piece::First(atoms(closed(inner, "}}", rest)?)?));
            continue;
        }
        let tag = closed(tag.strip_prefix("{%")?, "%}", rest)?;
        let Some(test) = tag.strip_prefix("if ") else {
            return Some((pieces.into(), Some(tag)));
        };
        let test = self::test(test.trim())?;
        let (then, end) = until_tag(rest)?;
        let (other, end) = match end? {
            "else" => until_tag(rest)?,
            end => (Box::default(), Some(end)),
        };
        if end != Some("endif") {
            return None;
        }
        pieces.push(Piece::If(test, then, other));
    }
}

/// What stands before the closing sign; `rest` goes on behind it. Signs in quotes and those that
/// trim (`-`) are left to minijinja, as they do not parse then.
fn closed<'t>(inner: &'t str, sign: &str, rest: &mut &'t str) -> Option<&'t str> {
    let (inner, behind) = inner.split_once(sign)?;
    *rest = behind;
    Some(inner.trim())
}

fn test(text: &str) -> Option<Test> {
    match text.split_once("==") {
        None => atom(text).map(Test::There),
        Some((word, literal)) => match (atom(word.trim())?, atom(literal.trim())?) {
            (Atom::Word(word), Atom::Literal(literal)) => Some(Test::Is(word, literal)),
            _ => None,
        },
    }
}

fn atoms(text: &str) -> Option<Box<[Atom]>> {
    text.split(" or ").map(|part| atom(part.trim())).collect()
}

fn atom(text: &str) -> Option<Atom> {
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            let plain = !inner.contains(['\\', '\'', '"']);
            return plain.then(|| Atom::Literal(inner.into()));
        }
    }
    if let Some(name) = text.strip_prefix("fields.") {
        let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return plain.then(|| Atom::Field(name.into()));
    }
    let (_, word) = WORDS.iter().find(|(name, word)| *name == text && *word != Word::Fields)?;
    Some(Atom::Word(*word))
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, Value};
    use proptest::prelude::*;

    use super::super::names;
    use super::*;

    /// Words and fields by name; a field may be missing.
    #[derive(Debug)]
    struct Known {
        name: String,
        number: String,
        site: Option<String>,
    }

    impl Words for Known {
        fn word(&self, word: Word) -> Cow<'_, str> {
            match word {
                Word::Name => (&self.name).into(),
                Word::Number => (&self.number).into(),
                _ => "".into(),
            }
        }

        fn field(&self, name: &str) -> &str {
            self.site.as_deref().filter(|_| name == "site").unwrap_or_default()
        }
    }

    impl Known {
        fn by_minijinja(&self, text: &str) -> Option<String> {
            let env = Environment::empty();
            let fields = self.site.iter().map(|site| ("site", Value::from(site.as_str())));
            let words = names([
                ("name", Value::from(self.name.as_str())),
                ("number", Value::from(self.number.as_str())),
                ("company", Value::from("")),
                ("fields", names(fields)),
            ]);
            env.render_str(text, words).ok()
        }

        fn by_pieces(&self, text: &str) -> Option<String> {
            let mut made = String::new();
            join(&apart(text)?, self, &mut made);
            Some(made)
        }
    }

    fn text() -> impl Strategy<Value = String> {
        let part = proptest::sample::select(vec![
            "Звонок ",
            "{",
            "}",
            "%",
            " ",
            "'",
            "{{ name }}",
            "{{name or number}}",
            "{{- name -}}",
            "{{ name or 'никто' }}",
            "{{ name or \"a or b\" }}",
            "{{ 'it\\'s' }}",
            "{{ '}}' }}",
            "{{ fields.site or name }}",
            "{{ fields.other }}",
            "{{ fields.site }}",
            "{# no #}",
            "{% if name %}",
            "{% if fields.site %}",
            "{% if name == 'x' %}",
            "{%if number%}",
            "{% if not name %}",
            "{% if name and number %}",
            "{% elif number %}",
            "{% else %}",
            "{% endif %}",
            "{%- endif %}",
            "{{ name ~ number }}",
            "{{ company }}",
            "\n",
        ]);
        proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn the_pieces_come_out_as_minijinja_makes_the_text(
            text in text(),
            name in "x|Пётр|",
            number in "\\+7916|0|",
            site in proptest::option::of("s|"),
        ) {
            let words = Known { name, number, site };
            // A text with a mistake is refused before it is taken apart.
            if let (Some(made), Some(wanted)) = (words.by_pieces(&text), words.by_minijinja(&text)) {
                prop_assert_eq!(made, wanted, "{}", text);
            }
        }
    }

    #[test]
    fn the_usual_texts_are_taken_apart_and_others_left() {
        let words = Known { name: String::new(), number: "+7".into(), site: None };
        for (text, made) in [
            ("{{ name or number }}", "+7"),
            ("Звонок {{ name or 'нового' }}", "Звонок нового"),
            ("a{% if name %} ({{ name }}){% endif %}, {{ number }}", "a, +7"),
            ("{% if number == '+7' %}{% if name %}x{% else %}y{% endif %}{% endif %}", "y"),
        ] {
            assert_eq!(words.by_pieces(text).as_deref(), Some(made), "{text}");
        }
        for text in ["{{- name }}", "{{ name and number }}", "{{ fields.a.b }}", "{{ name }}\n"] {
            assert_eq!(apart(text), None, "{text}");
        }
    }
}
