//! `rules/LANGUAGE.md` and the code know the same words.

use std::collections::BTreeSet;

use crate::rules::set::words::*;

const PAGE: &str = include_str!("../../../../rules/LANGUAGE.md");

/// Everything in backticks, cut into words.
fn on_the_page() -> BTreeSet<&'static str> {
    let spans = PAGE.split('`').skip(1).step_by(2);
    let word = |c: char| !(c.is_alphanumeric() || c == '_');
    spans.flat_map(|span| span.split(word)).filter(|word| !word.is_empty()).collect()
}

/// The rows of the table under a head that begins so.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let lines = PAGE.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words in backticks of one cell.
fn words(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_word_of_the_code_stands_on_the_page() {
    let page = on_the_page();
    let mut code: Vec<&str> = vec![SETTINGS, EVERYBODY, ADMIN, SHORT_CALL];
    for fact in Fact::ALL {
        code.push(fact.key());
        code.extend(fact.words());
    }
    code.extend(KINDS.iter().map(|(word, _)| word));
    code.extend(WHO.iter().map(|(word, _)| word));
    code.extend(ON.iter().map(|(word, _)| word));
    code.extend(UNSORTED.iter().map(|(word, _)| word));
    code.extend(RESULTS.iter().map(|(word, _)| word));
    code.extend(DEDUPE.iter().map(|(word, _)| word));
    code.extend(TOUCH.iter().map(|(word, _)| word));
    code.extend(WORDS.iter().map(|(word, _)| word));
    for (action, keys) in ACTIONS {
        code.push(action);
        code.extend(keys);
    }
    let missing: Vec<&&str> = code.iter().filter(|word| !page.contains(**word)).collect();
    assert!(missing.is_empty(), "rules/LANGUAGE.md does not name {missing:?}");
}

#[test]
fn every_fact_of_the_page_is_known_to_the_code_with_its_words() {
    let rows = table("| key | words |");
    let mut keys: Vec<&str> = Vec::new();
    for row in &rows {
        let key = words(row[0])[0];
        keys.push(key);
        let fact = Fact::ALL.iter().find(|fact| fact.key() == key);
        if let Some(fact) = fact.filter(|fact| **fact != Fact::Line) {
            let told = words(row[1].split_once(';').map_or(row[1], |(words, _)| words));
            assert_eq!(told, fact.words(), "{key}");
        }
    }
    let known: Vec<&str> = Fact::ALL.iter().map(|fact| fact.key()).chain([SETTINGS]).collect();
    assert_eq!(keys, known);
}

#[test]
fn every_type_of_the_page_is_known_to_the_code() {
    let told: Vec<&str> = table("| type | value |").iter().map(|row| words(row[0])[0]).collect();
    let known: Vec<&str> = KINDS.iter().map(|(word, _)| *word).collect();
    assert_eq!(told, known);
}

#[test]
fn every_action_of_the_page_is_known_to_the_code_with_its_keys() {
    let rows = table("| action | keys");
    assert_eq!(rows.len(), ACTIONS.len());
    for (row, (action, keys)) in rows.iter().zip(ACTIONS) {
        assert_eq!(words(row[0]), [action]);
        let told: Vec<&str> =
            row[1].split(',').filter_map(|key| words(key_part(key)).into_iter().next()).collect();
        assert_eq!(told, keys, "{action}");
    }
}

/// A key without the words it may have.
fn key_part(key: &'static str) -> &'static str {
    key.split_once('=').map_or(key, |(key, _)| key)
}
