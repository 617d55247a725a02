//! A timeline as a person writes it: what is so from the beginning, then what happens when. It
//! is played, and what the campaign does stands between the lines.

use std::sync::Arc;
use std::time::Duration;

use super::super::Input;
use super::super::order::{GroupOrder, Kind, Order, Prompt, Target};
use super::office::{Office, calendar, noon, order};
use super::switch::World;
use crate::core::call::{Recording, after};
use crate::core::case::Known;
use crate::core::client::Client;
use crate::core::ids::NodeId;

fn seconds(text: &str) -> Duration {
    let text = text.trim_start_matches('+').trim_end_matches('s');
    Duration::from_secs_f64(text.parse().unwrap_or_else(|_| panic!("{text} is no time")))
}

fn target(words: &[&str]) -> Target {
    match words {
        ["owner"] => Target::Owner,
        ["queue", name] => Target::Queue((*name).into()),
        ["sales", order @ ..] => Target::Group {
            name: "sales".into(),
            order: match order {
                ["together"] => GroupOrder::Together,
                ["in", "turn"] => GroupOrder::InTurn,
                ["longest", "idle"] => GroupOrder::LongestIdle,
                other => panic!("{other:?} is no order of a group"),
            },
        },
        [employee] => Target::Employee((*employee).into()),
        other => panic!("{other:?} is no target"),
    }
}

fn known(owner: &str) -> Known {
    Known::Client(Arc::new(Client {
        id: "7".into(),
        name: "Пётр".into(),
        company: Some("Ромашка".into()),
        owner: Some(owner.into()),
        deals: vec![],
        choice: None,
    }))
}

fn policy(order: &mut Order, words: &[&str]) {
    let policy = &mut order.policy;
    match words {
        ["key", key] => policy.key = key.chars().next(),
        ["prompt", "tone"] => policy.prompt = Prompt::Tone,
        ["delay", time] => policy.delay = seconds(time),
        ["give_up", time] => policy.give_up = seconds(time),
        ["client_tries", n] => policy.client_tries = n.parse().unwrap(),
        other => panic!("{other:?} is no policy"),
    }
}

/// A line before the first moment.
fn given(office: &mut Office, order: &mut Order, targets: &mut Vec<Target>, words: &[&str]) {
    match words {
        ["kind", "click"] => order.kind = Kind::Click,
        ["kind", "missed"] => order.kind = Kind::MissedCall,
        ["target", rest @ ..] => targets.push(target(rest)),
        ["policy", rest @ ..] => policy(order, rest),
        ["client", "of", owner] => office.known = known(owner),
        ["crm", "down"] => office.known = Known::Unsure,
        ["crm", "silent"] => office.silent = true,
        ["hours", span] => office.hours = Some(calendar(span, "Europe/Moscow")),
        ["legal", span, zone] => office.legal = Some(calendar(span, zone)),
        ["wanted", time] => order.wanted = Some(after(noon(), seconds(time))),
        ["unregistered", who] => office.unregistered.extend(office.lines_of(who)),
        ["busy", who] => office.busy.extend(office.lines_of(who)),
        ["engaged", who] => {
            office.engaged.insert((*who).into());
        }
        ["idle", who, time] => {
            let since = noon().saturating_sub(seconds(time)).unwrap();
            office.idle.insert((*who).into(), since);
        }
        ["no", "target"] => order.targets.clear(),
        ["no", "node"] => office.node = None,
        ["recorded"] => {
            let url = "https://records/c".into();
            office.recording = Some(Recording { file: "/rec/c.wav".into(), url });
        }
        other => panic!("{other:?} cannot be given"),
    }
}

fn happens(world: &mut World, words: &[&str]) {
    match words {
        ["nothing"] => {}
        ["cancel"] => world.give(Input::Cancel),
        ["the", "client", "calls", "in"] => world.give(Input::ClientCalled),
        ["another", "form:", comment @ ..] => {
            let mut more = order();
            more.comment = Some(comment.join(" "));
            more.fields = [("utm_source", "google"), ("page", "/okna")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
            world.give(Input::Joined(Box::new(more)));
        }
        ["busy", who] => {
            let lines = world.office.lines_of(who);
            world.office.busy.extend(lines);
        }
        ["free", who] => {
            for line in world.office.lines_of(who) {
                world.office.busy.remove(&line);
            }
        }
        ["a", "node", "has", "room"] => world.office.node = Some(NodeId::new("fs1")),
        ["the", "link", "breaks"] => world.cut_off = true,
        ["the", "link", "is", "back"] => {
            world.cut_off = false;
            let legs: Vec<_> = world.campaign.legs().map(|(leg, _)| leg.clone()).collect();
            for leg in legs {
                world.give(Input::Lost { leg });
            }
        }
        ["events", "are", "lost"] => world.deaf = true,
        ["events", "come", "again"] => world.deaf = false,
        ["the", "engine", "restarts"] => {
            world.deaf = false;
            world.give(Input::Recovered);
        }
        ["the", "engine", "dies", "next"] => world.dying = true,
        ["an", "outage", "of", time] => {
            world.now = after(world.now, seconds(time));
            world.give(Input::Recovered);
        }
        [who, rest @ ..] => {
            let leg = world.live(who).unwrap_or_else(|| panic!("{who} has no leg"));
            match rest {
                ["rings"] => world.event(Input::Ringing { leg }),
                ["answers"] => world.picks_up(&leg),
                ["presses"] => world.event(Input::Confirmed { leg }),
                ["rejects"] => world.ends(&leg, "CALL_REJECTED"),
                ["is", "busy"] => world.ends(&leg, "USER_BUSY"),
                ["hangs", "up"] => world.ends(&leg, "NORMAL_CLEARING"),
                ["passes", "him", "on"] => world.passed_on(&leg),
                other => panic!("{who} cannot {other:?}"),
            }
        }
        [] => {}
    }
}

/// Plays it to its end.
pub(super) fn play(script: &str) -> String {
    let (mut office, mut order, mut targets) = (Office::new(), order(), vec![]);
    let lines: Vec<Vec<&str>> = script
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect();
    let timed = |words: &&Vec<&str>| words.first().is_some_and(|w| w.starts_with('+'));
    for words in lines.iter().take_while(|words| !timed(words)) {
        given(&mut office, &mut order, &mut targets, words);
    }
    if !targets.is_empty() {
        order.targets = targets;
    }
    let mut world = World::new(office, order);
    for words in lines.iter().skip_while(|words| !timed(words)) {
        let (time, words) = words.split_first().unwrap();
        world.until(after(world.now, seconds(time)));
        if words != ["nothing"] {
            world.say(&words.join(" "));
        }
        happens(&mut world, words);
    }
    world.finish();
    assert!(!world.twice, "the client was dialled twice at once:\n{}", world.log.join("\n"));
    let up: Vec<&str> = world.live_legs();
    assert!(up.is_empty() || world.cut_off, "{up:?} are left up:\n{}", world.log.join("\n"));
    let record = world.record.as_ref().unwrap();
    let outcome = record.outcome.unwrap().as_str();
    world.log.push(format!("{:?}, for the journal: {outcome}", world.campaign.stage()));
    world.log.push(format!("tries: {}", record.steps()));
    world.log.join("\n")
}
