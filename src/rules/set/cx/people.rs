//! Lists of people.

use toml_edit::Item;

use super::{Cx, Named};
use crate::rules::read::{At, Tab};
use crate::rules::set::model::{To, Value};
use crate::rules::set::words::{EVERYBODY, Kind, WHO, Who};
use crate::rules::words::{shown, suggest};

impl Cx {
    /// An ordered list of people, a single word, or a setting's. `None` only where there is no
    /// such key, or a mistake that is named.
    pub fn who(&mut self, tab: &Tab, key: &str) -> Option<Vec<Who>> {
        let item = tab.item(key)?;
        self.who_at(&item, &format!("`{key}` of {}", tab.what), false).map(|(who, _)| who)
    }

    /// Whom to notify.
    pub fn to(&mut self, tab: &Tab, key: &str) -> Option<To> {
        let item = tab.item(key)?;
        let (who, everybody) = self.who_at(&item, &format!("`{key}` of {}", tab.what), true)?;
        Some(if everybody { To::Everybody } else { To::These(who) })
    }

    pub(super) fn who_at(
        &mut self,
        item: &At<&Item>,
        what: &str,
        everybody: bool,
    ) -> Option<(Vec<Who>, bool)> {
        let texts: Vec<At<&str>> = match (item.value.as_str(), item.value.as_array()) {
            (Some(value), _) => vec![At { value, span: item.span.clone() }],
            (None, Some(array)) => array.iter().filter_map(|v| self.text_of(v, item)).collect(),
            (None, None) => {
                self.wrong(what, &item.span, "a word or a list of words", item.value);
                return None;
            }
        };
        let mut found: Vec<Who> = Vec::new();
        let (mut all, mut wrong) = (false, false);
        for text in &texts {
            let wanted = [Kind::Who, Kind::Employee, Kind::Employees];
            let people = match self.named(text, &wanted) {
                Named::Is(Value::Who(who)) => who,
                Named::Is(Value::Employee(one)) => vec![Who::Employee(one)],
                Named::Is(Value::Employees(many)) => many.into_iter().map(Who::Employee).collect(),
                Named::Is(_) | Named::Wrong => {
                    wrong = true;
                    continue;
                }
                Named::Not if everybody && text.value == EVERYBODY => {
                    all = true;
                    continue;
                }
                Named::Not => match WHO.iter().find(|(word, _)| *word == text.value) {
                    Some((_, who)) => vec![who.clone()],
                    None if text.value.chars().any(|c| c.is_ascii_digit()) => {
                        vec![Who::Employee(text.value.into())]
                    }
                    None => {
                        self.nobody(text, everybody);
                        wrong = true;
                        continue;
                    }
                },
            };
            for who in people {
                if !found.contains(&who) {
                    found.push(who);
                }
            }
        }
        if texts.is_empty() && !wrong {
            let message = format!("{what} names nobody");
            self.reader.error(&item.span, message, "name somebody, such as \"admin\"");
            wrong = true;
        }
        let misplaced = |at| at + 1 != found.len() || at == 0;
        if found.iter().position(|who| *who == Who::Nobody).is_some_and(misplaced) {
            let message = format!("`nobody` in {what} is not the end of a list");
            let help = "it stands last, behind those who are wanted: [\"answerer\", \"nobody\"]";
            self.reader.error(&item.span, message, help);
            wrong = true;
        }
        (!wrong).then_some((found, all))
    }

    pub(super) fn nobody(&mut self, text: &At<&str>, everybody: bool) {
        let mut names: Vec<&str> = WHO.iter().map(|(word, _)| *word).collect();
        if everybody {
            names.push(EVERYBODY);
        }
        let message = format!("`{}` is nobody", shown(text.value));
        let mut help = suggest(text.value, &names);
        help.push_str("; an employee is named by id or extension, such as \"101\"");
        self.reader.error(&text.span, message, help.trim_start_matches("; "));
    }
}
