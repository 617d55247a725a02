//! Values of settings.

use toml_edit::Item;

use super::Cx;
use crate::rules::read::At;
use crate::rules::set::model::{Value, Written};
use crate::rules::set::text::Use;
use crate::rules::set::words::Kind;

impl Cx {
    /// A value for a setting of this type.
    pub fn value(
        &mut self,
        kind: Kind,
        of: &[String],
        item: &At<&Item>,
        what: &str,
    ) -> Option<Value> {
        let text = |cx: &mut Self, wanted: &str| {
            let text = item.value.as_str().map(str::to_owned);
            if text.is_none() {
                cx.wrong(what, &item.span, wanted, item.value);
            }
            text
        };
        let written = |text: String| Written { text, span: item.span.clone() };
        Some(match kind {
            Kind::Choice => {
                let word = text(self, "one of the words of `of`, in quotes")?;
                if of.is_empty() {
                    return None;
                }
                let known: Vec<(&str, usize)> = of.iter().map(String::as_str).zip(0..).collect();
                let at = At { value: word.as_str(), span: item.span.clone() };
                Value::Choice(self.reader.word(&at, "value of the choice", &known)?)
            }
            Kind::Flag => match item.value.as_bool() {
                Some(flag) => Value::Flag(flag),
                None => {
                    self.wrong(what, &item.span, "true or false", item.value);
                    return None;
                }
            },
            Kind::Duration => Value::Duration(self.duration_at(item, what)?),
            Kind::Time => Value::Time(self.time_at(item, what)?),
            Kind::Text => {
                let written = written(text(self, "a text in quotes")?);
                self.texts.add(&mut self.reader, &written.text, &written.span, Use::Plain)?;
                Value::Text(written)
            }
            Kind::Texts => {
                let all = self.list(item, what)?;
                for Written { text, span } in &all {
                    self.texts.add(&mut self.reader, text, span, Use::Plain)?;
                }
                Value::Texts(all)
            }
            Kind::Fields => {
                let all = self.fields_at(item, what)?;
                for (_, Written { text, span }) in &all {
                    self.texts.add(&mut self.reader, text, span, Use::Plain)?;
                }
                Value::Fields(all)
            }
            Kind::Employee => {
                let employee = text(self, "an employee's id or extension in quotes")?;
                if employee.trim().is_empty() {
                    let message = format!("{what} names nobody");
                    self.reader.error(
                        &item.span,
                        message,
                        "write an id or extension, such as \"101\"",
                    );
                    return None;
                }
                Value::Employee(employee.into())
            }
            Kind::Employees => {
                let all = self.list(item, what)?;
                Value::Employees(all.into_iter().map(|w| w.text.into()).collect())
            }
            Kind::Who => Value::Who(self.who_at(item, what, false)?.0),
            Kind::Due => Value::Due(self.due_at(item, what)?),
        })
    }

    pub(super) fn list(&mut self, item: &At<&Item>, what: &str) -> Option<Vec<Written>> {
        let Some(array) = item.value.as_array() else {
            self.wrong(what, &item.span, "a list of texts", item.value);
            return None;
        };
        let texts: Vec<_> = array.iter().map(|value| self.text_of(value, item)).collect();
        let written = |at: At<&str>| Written { text: at.value.to_owned(), span: at.span };
        texts.into_iter().map(|text| text.map(written)).collect()
    }
}
