//! A form as it came, read and checked: JSON or as a browser sends it. Nothing of it is cut or
//! left out: what cannot be taken is named, so that the page can say so.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::core::phone::Phone;
use crate::http::problem::Problem;
use crate::rules::Routing;
use crate::rules::model::{Form, Site};

/// Fields at most, those with a meaning of their own included.
const MOST_FIELDS: usize = 64;
/// Characters of a field's name.
const NAME: usize = 80;
/// Characters of a value. A page's address with its tags is long.
const VALUE: usize = 2000;
/// Characters of the client's name and of a department.
const SHORT: usize = 200;
/// A wish further off than this is a slip.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Fields by name, as they came. Names are in small letters, with `_` for blanks and `-`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a body by its content type.
    ///
    /// # Errors
    /// What cannot be read, with the field where there is one.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        let mut fields = Self::default();
        match kind.as_str() {
            "application/json" => fields.json(body)?,
            "application/x-www-form-urlencoded" => {
                for (name, value) in form_urlencoded::parse(body) {
                    fields.put(&name, &value)?;
                }
            }
            _ => {
                let what =
                    "a form is sent as application/json or application/x-www-form-urlencoded";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                return Err(Problem::new(status, "not in this format", what));
            }
        }
        Ok(fields)
    }

    fn json(&mut self, body: &[u8]) -> Result<(), Problem> {
        let unread =
            |why: String| Problem::new(StatusCode::BAD_REQUEST, "the body cannot be read", why);
        let value: Value = serde_json::from_slice(body).map_err(|why| unread(why.to_string()))?;
        let Value::Object(object) = value else {
            return Err(unread("write an object: {\"site\": …, \"phone\": …}".into()));
        };
        for (name, value) in object {
            match value {
                // `fields` is a bag for those that would clash; `utm` one for its tags.
                Value::Object(inner) if name == "fields" || name == "utm" => {
                    for (key, value) in inner {
                        let tag = name == "utm" && !key.starts_with("utm_");
                        let key = if tag { format!("utm_{key}") } else { key };
                        self.scalar(&key, value)?;
                    }
                }
                other => self.scalar(&name, other)?,
            }
        }
        Ok(())
    }

    fn scalar(&mut self, name: &str, value: Value) -> Result<(), Problem> {
        match value {
            Value::Null => Ok(()),
            Value::String(text) => self.put(name, &text),
            Value::Bool(_) | Value::Number(_) => self.put(name, &value.to_string()),
            Value::Array(values) => {
                let nested = values.iter().any(|v| v.is_array() || v.is_object());
                if nested {
                    return Err(Problem::field(name, "a list may hold texts and numbers only"));
                }
                values.into_iter().try_for_each(|value| self.scalar(name, value))
            }
            Value::Object(_) => {
                let what = "only `fields` and `utm` may hold fields of their own";
                Err(Problem::field(name, what))
            }
        }
    }

    /// A name that comes twice (boxes that are ticked) has both values.
    fn put(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let name = clean_name(name)?;
        if value.contains('\u{fffd}') {
            let what = "this is no UTF-8: add accept-charset=\"utf-8\" to the form";
            return Err(Problem::field(&name, what));
        }
        let value = value.replace("\r\n", "\n");
        let value = value.trim();
        if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Problem::field(&name, "there are control characters in it"));
        }
        if value.is_empty() {
            return Ok(());
        }
        let room = self.0.len() < MOST_FIELDS;
        let whole = match self.0.get(&name) {
            Some(before) => format!("{before}, {value}"),
            None if room => value.to_owned(),
            None => {
                let what = format!("a form has {MOST_FIELDS} fields at most");
                return Err(Problem::field(&name, what));
            }
        };
        if whole.chars().count() > VALUE {
            return Err(Problem::field(&name, format!("it is longer than {VALUE} characters")));
        }
        self.0.insert(name, whole);
        Ok(())
    }

    /// Takes a field out.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// One that is a name or a word: on one line, and short.
    fn short(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(value) = self.0.get(name).cloned() else { return Ok(None) };
        if value.chars().count() > SHORT {
            return Err(Problem::field(name, format!("it is longer than {SHORT} characters")));
        }
        if value.contains(['\n', '\t']) {
            return Err(Problem::field(name, "write it on one line"));
        }
        Ok(Some(value))
    }

    /// What the form asks for. Whatever does not stand in the deal as such is kept under its name,
    /// what it means to us as well (A20).
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn form(mut self, site: &Site, rules: &Routing, now: Timestamp) -> Result<Form, Problem> {
        let phone = self.take("phone").ok_or_else(|| Problem::field("phone", "it is missing"))?;
        let phone = Phone::parse(&phone, rules.region());
        let phone = phone.map_err(|why| Problem::field("phone", why))?;
        if let Some(countries) = &site.countries
            && !phone.country().is_some_and(|country| countries.contains(&country))
        {
            let all: Vec<_> = countries.iter().map(String::as_str).collect();
            let what = format!("numbers of these countries are called: {}", all.join(", "));
            return Err(Problem::field("phone", what));
        }
        if phone.premium() {
            return Err(Problem::field("phone", "a number at a premium rate is not called"));
        }
        let timezone = self.0.get("timezone").filter(|zone| TimeZone::get(zone).is_ok()).cloned();
        let zone = rules.client_zone(&phone, timezone.as_deref());
        let wanted = self.0.get("wanted").map(|text| wanted(text, &zone, now)).transpose()?;
        let (name, department) = (self.short("name")?, self.short("department")?);
        self.0.remove("name");
        Ok(Form {
            phone,
            name,
            comment: self.take("comment"),
            department,
            fields: self.0,
            wanted: wanted.flatten(),
            timezone,
        })
    }
}

fn clean_name(name: &str) -> Result<String, Problem> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.chars().count() > NAME {
        let what = format!("a field's name has 1 to {NAME} characters");
        return Err(Problem::field(trimmed, what));
    }
    if trimmed.chars().any(|c| c.is_control() || c == '\u{fffd}') {
        let plain: String = trimmed.chars().filter(|c| !c.is_control()).collect();
        return Err(Problem::field(&plain, "a field's name has characters that are no text"));
    }
    let underscores = |c: char| if c.is_whitespace() || c == '-' { '_' } else { c };
    Ok(trimmed.to_lowercase().chars().map(underscores).collect())
}

/// `2026-11-21T15:00+03:00`, or without an offset, as `<input type="datetime-local">` sends it: by
/// the client's clock. A moment that is over means now.
fn wanted(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let local = || -> Option<Timestamp> {
        let time: jiff::civil::DateTime = text.parse().ok()?;
        Some(time.to_zoned(zone.clone()).ok()?.timestamp())
    };
    let Some(at) = text.parse().ok().or_else(local) else {
        let what =
            "write a time as 2026-11-21T15:00, with +03:00 behind it where it is another's clock";
        return Err(Problem::field("wanted", what));
    };
    if at.duration_since(now) > MOST_AHEAD {
        return Err(Problem::field("wanted", "it is more than 31 days ahead"));
    }
    Ok((at > now).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-20T12:00:00+03:00";

    fn read(kind: &str, body: &str) -> Result<Fields, String> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        Fields::read(&headers, body.as_bytes()).map_err(|p| serde_json::to_string(&p).unwrap())
    }

    fn form(body: &str) -> Result<Form, String> {
        let text = "schema = 1\ntimezone = \"Europe/Moscow\"\n[callbacks]\nzones = { \"+7383\" = \"Asia/Novosibirsk\" }\n\
             [lines.main]\nnumbers = \"any\"\nroute = \"r\"\n[routes.r]\ntitle = \"t\"\nwhy = \"w\"\n\
             steps = [{ do = \"owner\" }]\n[sites.s]\nkey = \"s\"\ntargets = [\"owner\"]\ncountries = [\"RU\", \"GB\"]\n";
        let rules = Routing::parse("r.toml", text).unwrap();
        let fields = read("application/json", body)?;
        let form = fields.form(rules.site("s").unwrap(), &rules, NOW.parse().unwrap());
        form.map_err(|problem| serde_json::to_string(&problem).unwrap())
    }

    #[test]
    fn a20_every_field_is_kept_and_both_ways_of_sending_it_are_the_same() {
        let json = r#"{"phone": "8 916 123-45-67", "Name": "Иван", "comment": "Окна\r\nи двери",
            "UTM-Source": "yandex", "utm": {"term": "окна", "utm_content": 5}, "ua_client_id": 17,
            "fields": {"Город": "Тверь"}, "colour": ["red", "blue"], "none": null, "empty": " "}"#;
        let urlencoded = "phone=8+916+123-45-67&Name=%D0%98%D0%B2%D0%B0%D0%BD&comment=%D0%9E%D0%BA%D0%BD%D0%B0%0D%0A\
            %D0%B8+%D0%B4%D0%B2%D0%B5%D1%80%D0%B8&UTM-Source=yandex&utm_term=%D0%BE%D0%BA%D0%BD%D0%B0&utm_content=5\
            &ua_client_id=17&%D0%93%D0%BE%D1%80%D0%BE%D0%B4=%D0%A2%D0%B2%D0%B5%D1%80%D1%8C&colour=red&colour=blue&empty=";
        let fields = read("application/json; charset=utf-8", json).unwrap();
        assert_eq!(fields, read("application/x-www-form-urlencoded", urlencoded).unwrap());
        let form = form(json).unwrap();
        assert_eq!(form.phone.e164(), "+79161234567");
        assert_eq!(form.name.as_deref(), Some("Иван"));
        assert_eq!(form.comment.as_deref(), Some("Окна\nи двери"));
        let kept: Vec<_> = form.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            kept,
            [
                "colour=red, blue",
                "ua_client_id=17",
                "utm_content=5",
                "utm_source=yandex",
                "utm_term=окна",
                "город=Тверь"
            ]
        );
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (body, field, word) in [
            (r#"{}"#, "phone", "missing"),
            (r#"{"phone": "call me"}"#, "phone", "characters"),
            (r#"{"phone": "12"}"#, "phone", "2 digits"),
            (r#"{"phone": "+375291234567"}"#, "phone", "RU"),
            (r#"{"phone": "+78095551234"}"#, "phone", "premium"),
            (r#"{"phone": {"a": 1}}"#, "phone", "only `fields`"),
            (r#"{"phone": "+79161234567", "name": "a\nb"}"#, "name", "one line"),
            (r#"{"phone": "+79161234567", "name": "a\u0000b"}"#, "name", "control"),
            (r#"{"phone": "+79161234567", "wanted": "soon"}"#, "wanted", "2026-11-21T15:00"),
            (r#"{"phone": "+79161234567", "wanted": "2027-11-21T15:00"}"#, "wanted", "31 days"),
            (r#"{"phone": "+79161234567", "fields": {"a": {"b": 1}}}"#, "a", "only `fields`"),
            (r#"{"phone": "+79161234567", "x": [[1]]}"#, "x", "a list"),
            (r#"{"phone": "+79161234567", "": "1"}"#, "", "1 to 80"),
        ] {
            let error = form(body).unwrap_err();
            assert!(error.contains(&format!("\"field\":\"{field}\"")), "{body}: {error}");
            assert!(error.contains(word), "{body}: {error}");
        }
        let long = format!(r#"{{"phone": "+79161234567", "page": "{}"}}"#, "я".repeat(2001));
        assert!(form(&long).unwrap_err().contains("\"field\":\"page\""));
        let name = format!(r#"{{"phone": "+79161234567", "name": "{}"}}"#, "я".repeat(201));
        assert!(form(&name).unwrap_err().contains("longer than 200"));
        let many: Vec<_> = (0..70).map(|n| format!("\"f{n}\": 1")).collect();
        assert!(form(&format!("{{{}}}", many.join(","))).unwrap_err().contains("64 fields"));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for (kind, body, word) in [
            ("application/json", "{", "EOF"),
            ("application/json", "[]", "write an object"),
            ("application/json", "\u{0}", "expected value"),
            ("text/plain", "phone=1", "application/json"),
            ("", "phone=1", "application/json"),
            ("application/x-www-form-urlencoded", "name=%CF%F0%E8", "UTF-8"),
        ] {
            let error = read(kind, body).unwrap_err();
            assert!(error.contains(word), "{body}: {error}");
        }
        let deep = format!("{{\"a\": {}1{}}}", "[".repeat(500), "]".repeat(500));
        assert!(read("application/json", &deep).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn a_wanted_time_goes_by_the_clients_clock() {
        let wanted = |phone: &str, rest: &str| {
            let form = form(&format!("{{\"phone\": \"{phone}\", {rest}}}")).unwrap();
            (form.wanted.map(|at| at.to_string()), form.timezone, form.fields.len())
        };
        let at = |text: &str| Some(text.to_owned());
        let plain = r#""wanted": "2026-11-21T15:00""#;
        assert_eq!(wanted("+79161234567", plain).0, at("2026-11-21T12:00:00Z"));
        assert_eq!(wanted("+73832223344", plain).0, at("2026-11-21T08:00:00Z"));
        let zone = r#""wanted": "2026-11-21 15:00", "timezone": "Europe/London""#;
        assert_eq!(
            wanted("+442079460000", zone),
            (at("2026-11-21T15:00:00Z"), at("Europe/London"), 2)
        );
        let offset = r#""wanted": "2026-11-21T15:00:00+05:00""#;
        assert_eq!(wanted("+79161234567", offset).0, at("2026-11-21T10:00:00Z"));
        assert_eq!(wanted("+79161234567", r#""wanted": "2026-11-20T11:00""#).0, None, "over: now");
        // A browser may tell a zone nobody knows: no reason to lose a form.
        let unknown = wanted("+79161234567", r#""timezone": "Mars/Olympus""#);
        assert_eq!(unknown, (None, None, 1));
    }
}
