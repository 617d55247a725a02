//! A strict reader of OpenMetrics 1.0 (the ABNF and rules of its specification), as far as an
//! engine's page uses it.

use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Family {
    pub kind: String,
    pub unit: Option<String>,
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub exemplar: Option<Exemplar>,
}

#[derive(Debug)]
pub struct Exemplar {
    pub trace: String,
    pub value: f64,
    pub at: f64,
}

/// Reads the page, or says which line is wrong.
pub fn parse(page: &str) -> BTreeMap<String, Family> {
    let body = page.strip_suffix("# EOF\n").expect("it ends with `# EOF`");
    let mut families = BTreeMap::<String, Family>::new();
    let mut current = String::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let (word, rest) = comment.split_once(' ').expect(line);
            let (name, rest) = rest.split_once(' ').expect(line);
            if name != current {
                assert!(!families.contains_key(name), "the family is told twice: {line}");
                let family = Family { kind: String::new(), unit: None, samples: vec![] };
                families.insert(name.to_owned(), family);
                name.clone_into(&mut current);
            }
            let family = families.get_mut(name).unwrap();
            assert!(family.samples.is_empty(), "after its samples: {line}");
            match word {
                "HELP" => drop(text(&format!("{rest}\""), line)),
                "TYPE" => rest.clone_into(&mut family.kind),
                "UNIT" => {
                    assert!(name.ends_with(&format!("_{rest}")), "{line}");
                    family.unit = Some(rest.to_owned());
                }
                _ => panic!("an unknown word: {line}"),
            }
            continue;
        }
        let sample = sample(line);
        let family = families.get_mut(&current).expect(line);
        let suffix = sample.name.strip_prefix(&current).unwrap_or_else(|| panic!("whose? {line}"));
        let right: &[&str] = match family.kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("an unknown type `{other}`: {line}"),
        };
        assert!(right.contains(&suffix), "{line}");
        assert_eq!(sample.labels.contains_key("le"), suffix == "_bucket", "{line}");
        assert!(sample.exemplar.is_none() || matches!(suffix, "_bucket" | "_total"), "{line}");
        family.samples.push(sample);
    }
    families.values().for_each(histogram);
    families
}

/// Buckets rise, end with +Inf, and hold their exemplars.
fn histogram(family: &Family) {
    let mut below = f64::NEG_INFINITY;
    let mut count = 0.0;
    for sample in family.samples.iter().filter(|_| family.kind == "histogram") {
        let Some(le) = sample.labels.get("le") else { continue };
        assert!(le == "+Inf" || le.contains(['.', 'e']), "`{le}` is no canonical number");
        let le = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
        if le <= below {
            (below, count) = (f64::NEG_INFINITY, 0.0);
        }
        assert!(sample.value >= count, "{sample:?}");
        if let Some(exemplar) = &sample.exemplar {
            assert!(exemplar.value <= le && exemplar.value > below, "{sample:?}");
            assert!(sample.value > count, "an exemplar of nothing: {sample:?}");
        }
        (below, count) = (le, sample.value);
    }
    if let Some(last) = family.samples.iter().rfind(|sample| sample.labels.contains_key("le")) {
        assert_eq!(last.labels["le"], "+Inf");
    }
}

fn sample(line: &str) -> Sample {
    let (line, exemplar) = match line.split_once(" # ") {
        Some((line, exemplar)) => (line, Some(self::exemplar(exemplar))),
        None => (line, None),
    };
    let end = line.find(['{', ' ']).expect(line);
    let (name, rest) = line.split_at(end);
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    assert!(name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit()), "{line}");
    let (labels, rest) = labels(rest, line);
    let value = rest.strip_prefix(' ').expect(line).parse().expect(line);
    Sample { name: name.to_owned(), labels, value, exemplar }
}

fn exemplar(text: &str) -> Exemplar {
    let (labels, rest) = labels(text, text);
    let length: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(length <= 128, "{text}");
    let (value, at) = rest.strip_prefix(' ').expect(text).split_once(' ').expect(text);
    let trace = labels.get("trace_id").expect(text).clone();
    Exemplar { trace, value: value.parse().unwrap(), at: at.parse().unwrap() }
}

fn labels<'a>(rest: &'a str, line: &str) -> (BTreeMap<String, String>, &'a str) {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = rest.strip_prefix('{') else { return (labels, rest) };
    loop {
        let (name, value) = rest.split_once("=\"").expect(line);
        let (value, after) = text(value, line);
        assert!(labels.insert(name.to_owned(), value).is_none(), "twice: {line}");
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, after.strip_prefix('}').expect(line)),
        }
    }
}

/// Up to the quote that ends it.
fn text<'a>(rest: &'a str, line: &str) -> (String, &'a str) {
    let (mut text, mut chars) = (String::new(), rest.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &rest[at + 1..]),
            '\\' => match chars.next().expect(line).1 {
                'n' => text.push('\n'),
                c @ ('\\' | '"') => text.push(c),
                _ => panic!("a wrong escape: {line}"),
            },
            other => text.push(other),
        }
    }
    panic!("it does not end: {line}")
}
