//! `do = [{ do = "deal", title = "…", … }]` into steps.

use super::cx::Cx;
use super::model::{ActionRule, FieldRules, Step};
use super::text::{Text, Use};
use super::words::{ACTIONS, DEDUPE, ON, RESULTS, TOUCH, UNSORTED, Who};
use crate::core::action::{Dedupe, On};
use crate::rules::read::Tab;

pub(super) fn steps(cx: &mut Cx, rule: &Tab) -> Vec<Step> {
    let tabs = cx.reader.tables(rule, "do", "an action").unwrap_or_default();
    tabs.into_iter().filter_map(|tab| step(cx, tab)).collect()
}

fn step(cx: &mut Cx, mut tab: Tab) -> Option<Step> {
    if tab.item("do").is_none() {
        cx.reader.missing(&tab, "do", "say what to do: { do = \"note\", … }");
    }
    let word = cx.reader.text(&tab, "do")?;
    let known: Vec<_> = ACTIONS.iter().map(|(word, keys)| (*word, (*word, *keys))).collect();
    let Some((word, keys)) = cx.reader.word(&word, "action", &known) else {
        let action = ActionRule::Mistaken(None);
        return Some(Step { action, delay: None, span: tab.span });
    };
    tab.what = format!("`{word}`");
    let keys: Vec<&str> = ["do", "delay"].into_iter().chain(keys.iter().copied()).collect();
    cx.reader.keys(&tab, &keys);
    let delay = cx.duration(&tab, "delay").filter(|delay| !delay.is_zero());
    let action = action(cx, &tab, word).unwrap_or(ActionRule::Mistaken(Some(word)));
    Some(Step { action, delay, span: tab.span })
}

fn action(cx: &mut Cx, tab: &Tab, word: &str) -> Option<ActionRule> {
    let a = &mut Keys { cx, tab };
    // Everything is read before anything is missed, so that all mistakes are named.
    Some(match word {
        "contact" => {
            let (name, owner) = (a.text("name"), a.owner("owner"));
            let (tags, fields) = (a.tags(), a.fields());
            ActionRule::Contact { name: name?, owner: owner?, tags, fields }
        }
        "company" => ActionRule::Company { name: a.text("name")? },
        "deal" => {
            let (title, owner) = (a.text("title"), a.owner("owner"));
            let (pipeline, stage) = (a.option("pipeline"), a.option("stage"));
            let (tags, fields) = (a.tags(), a.fields());
            ActionRule::Deal { title: title?, owner: owner?, pipeline, stage, tags, fields }
        }
        "unsorted" => {
            let kind = a.word("kind", "kind of an Unsorted entry", &UNSORTED);
            let (title, name, pipeline) = (a.text("title"), a.text("name"), a.option("pipeline"));
            let (tags, fields) = (a.tags(), a.fields());
            ActionRule::Unsorted { kind: kind?, title: title?, name: name?, pipeline, tags, fields }
        }
        "accept_unsorted" => {
            let (owner, stage) = (a.owner("owner"), a.option("stage"));
            ActionRule::AcceptUnsorted { owner: owner?, stage }
        }
        "decline_unsorted" => ActionRule::DeclineUnsorted,
        "register_call" => {
            let result = a.word("result", "result of a call", &RESULTS);
            let who = a.tab.item("who").map(|_| a.people("who"));
            let text = a.option("text");
            let who = match who {
                Some(who) => Some(who?),
                None => None,
            };
            ActionRule::RegisterCall { result: result?, who, text }
        }
        "update_call" => ActionRule::UpdateCall,
        "voicemail" => {
            let (on, text) = (a.on("on"), a.option("text"));
            ActionRule::Voicemail { on: on?, text }
        }
        "task" => task(a)?,
        "notify" => {
            let to = match a.tab.item("to") {
                Some(_) => a.cx.to(a.tab, "to"),
                None => {
                    a.missing("to", "name somebody, such as to = \"answerer\" or \"everybody\"");
                    None
                }
            };
            let text = a.text("text");
            let link = a.cx.word(a.tab, "link", "thing to link to", &ON);
            ActionRule::Notify { to: to?, text: text?, link }
        }
        "change_owner" => {
            let (of, to) = (a.on("of"), a.owner("to"));
            ActionRule::ChangeOwner { of: of?, to: to? }
        }
        "reactivate" => ActionRule::Reactivate,
        "tag" => {
            if a.tab.item("tags").is_none() {
                a.missing("tags", "write tags = [\"…\"]");
            }
            let (on, tags) = (a.on("on"), a.tags());
            ActionRule::Tag { on: on?, tags }
        }
        "fields" => {
            if a.tab.item("fields").is_none() && a.tab.item("carry").is_none() {
                a.missing("fields", "write fields = { name = \"…\" }, or carry = [\"utm_*\"]");
            }
            let (on, fields) = (a.on("on"), a.fields());
            let touch = a.word("touch", "touch", &TOUCH);
            ActionRule::Fields { on: on?, touch: touch?, fields }
        }
        "note" => {
            let (on, text) = (a.on("on"), a.text("text"));
            ActionRule::Note { on: on?, text: text? }
        }
        "webhook" => {
            let url = a.text("url");
            let body = a.tab.item("body").map(|_| a.cx.text(a.tab, "body", Use::Json));
            let body = match body {
                Some(body) => Some(body?),
                None => None,
            };
            ActionRule::Webhook { url: url?, body }
        }
        _ => return None,
    })
}

fn task(a: &mut Keys) -> Option<ActionRule> {
    if a.tab.item("kind").is_none() {
        a.missing(
            "kind",
            "a word of your own, such as kind = \"callback\": by it a second one is known",
        );
    }
    let kind = a.cx.plain(a.tab, "kind");
    let (on, text) = (a.on("on"), a.text("text"));
    let owner = match a.tab.item("owner") {
        Some(_) => a.people("owner"),
        None => {
            let message = "this is a task with nobody responsible: it has no `owner`";
            let help = "name who is to do it, such as owner = [\"client_owner\", \"admin\"]";
            a.cx.reader.error(&a.tab.span, message, help);
            None
        }
    };
    let done = a.cx.flag(a.tab, "done").unwrap_or(false);
    let due = a.cx.due(a.tab, "due");
    if a.tab.item("due").is_none() && !done {
        a.missing(
            "due",
            "write due = \"3600s\" or { end_of_day = \"19:00\" }; a task that is done needs none",
        );
    }
    let dedupe = a.cx.word(a.tab, "dedupe", "way to tell a second task", &DEDUPE);
    let dedupe = match a.tab.item("dedupe") {
        Some(_) => dedupe?,
        None => Dedupe::Never,
    };
    if due.is_none() && !done {
        return None;
    }
    Some(ActionRule::Task { kind: kind?, on: on?, text: text?, owner: owner?, due, done, dedupe })
}

/// The keys of one action.
struct Keys<'c, 't> {
    cx: &'c mut Cx,
    tab: &'c Tab<'t>,
}

impl Keys<'_, '_> {
    fn missing(&mut self, key: &str, help: &str) {
        self.cx.reader.missing(self.tab, key, help);
    }

    fn text(&mut self, key: &str) -> Option<Text> {
        if self.tab.item(key).is_none() {
            self.missing(key, &format!("write {key} = \"…\""));
        }
        self.cx.text(self.tab, key, Use::Plain)
    }

    /// A text that may be left out.
    fn option(&mut self, key: &str) -> Text {
        let text = self.cx.text(self.tab, key, Use::Plain);
        text.unwrap_or_else(|| Text::Plain(String::new()))
    }

    fn owner(&mut self, key: &str) -> Option<Vec<Who>> {
        if self.tab.item(key).is_none() {
            self.missing(key, &format!("name who is responsible, such as {key} = \"admin\""));
        }
        let people = self.people(key)?;
        // Of what is made, others go by it (C01): it is never left out.
        if key == "owner" && people.contains(&Who::Nobody) {
            let message = format!("`nobody` cannot be the owner of {}", self.tab.what);
            let span = self.tab.item(key).map_or_else(|| self.tab.span.clone(), |item| item.span);
            self.cx.reader.error(&span, message, "end the list with somebody, such as \"admin\"");
            return None;
        }
        Some(people)
    }

    /// People, at least one of them.
    fn people(&mut self, key: &str) -> Option<Vec<Who>> {
        let people = self.cx.who(self.tab, key)?;
        if people.is_empty() {
            let message =
                format!("`{key}` of {} names nobody: the setting is empty", self.tab.what);
            let span = self.tab.item(key).map_or_else(|| self.tab.span.clone(), |item| item.span);
            self.cx.reader.error(&span, message, "name somebody there, or add \"admin\" here");
            return None;
        }
        Some(people)
    }

    fn word<T: Copy>(&mut self, key: &str, what: &str, known: &[(&str, T)]) -> Option<T> {
        if self.tab.item(key).is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.missing(key, &format!("one of {}", names.join(", ")));
        }
        self.cx.word(self.tab, key, what, known)
    }

    fn on(&mut self, key: &str) -> Option<On> {
        self.word(key, "thing to put it on", &ON)
    }

    fn tags(&mut self) -> Vec<Text> {
        self.cx.texts(self.tab, "tags")
    }

    fn fields(&mut self) -> FieldRules {
        let written = self.cx.fields(self.tab, "fields");
        FieldRules { written, carried: self.cx.names(self.tab, "carry") }
    }
}
