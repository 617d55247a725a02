//! Whatever a rule set of ours decides, KeyCRM carries it out.

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Event, Known, Sound, Speaker};
use dozvon::core::facts::Direction;
use dozvon::core::staff::Staff;
use dozvon::crm::Crm;
use dozvon::crm::config::CrmConfig;
use dozvon::rules::set::RuleSet;

use crate::common::EVENTS;
use crate::house::{House, NEW, OLGA, PETRO, config, speaker};

async fn carried_out(name: &str, number: &str, orders: bool) {
    let set = RuleSet::builtin(name).unwrap().unwrap();
    let directions = match number {
        // Nobody calls a withheld number.
        "" => &[Direction::Inbound][..],
        _ => &[Direction::Inbound, Direction::Outbound, Direction::Callback],
    };
    let mut done = 0;
    for (n, direction) in directions.iter().enumerate() {
        let house = if orders { House::with_orders().await } else { House::new().await };
        let staff = Staff::new(house.crm.employees().await.unwrap());
        let unlisted = Speaker { employee: None, number: "900".into() };
        let answerers = [None, Some(speaker("12", "102")), Some(unlisted)];
        let mut case = house.case(Event::Ringing, number).await;
        case.direction = *direction;
        let first = answerers[n].clone();
        case.answered = first.as_ref().map(|_| case.at);
        (case.first, case.last) = (first.clone(), first);
        case.caller = (*direction == Direction::Outbound).then(|| speaker("12", "102"));
        case.recording = Some(Sound { url: "https://rec/a".into(), seconds: Some(5) });
        case.voicemail = Some(Sound { url: "https://rec/m".into(), seconds: Some(5) });
        case.fields.insert("utm_source".into(), "ya".into());
        case.ended = Some(case.at);
        let mut bound = Bound::default();
        for (event, seq) in EVENTS.into_iter().zip(1..) {
            (case.event, case.seq) = (event, seq);
            // Who is called misses nothing, and asked for no callback.
            let occurs = *direction != Direction::Outbound
                || !matches!(event, Event::Missed | Event::CallbackFailed);
            if matches!(case.client, Known::Unsure) || !occurs {
                continue;
            }
            for planned in set.judge(&case, &staff).actions {
                if !matches!(planned.action, Action::Webhook { .. }) {
                    house.apply(&planned.key, &planned.action, &case, &mut bound).await;
                    done += 1;
                }
            }
        }
    }
    assert!(done > 1, "{name} {number}");
}

macro_rules! sets {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            for number in [NEW, OLGA, PETRO, ""] {
                carried_out($name, number, false).await;
                carried_out($name, number, true).await;
            }
        })*
    };
}

sets! {
    amocrm_classic: "amocrm-classic",
    retailcrm_matrix: "retailcrm-matrix",
    sipuni: "sipuni",
    keycrm: "keycrm",
    comagic: "comagic",
}

#[test]
fn what_comes_out_otherwise_is_said_of_words_that_there_are() {
    let crm = CrmConfig::Keycrm(Box::new(config("https://openapi.keycrm.app")));
    for ability in crm.abilities() {
        let names = ["amocrm-classic", "retailcrm-matrix", "sipuni", "keycrm", "comagic"];
        let mut sets = names.map(|name| RuleSet::builtin(name).unwrap().unwrap()).into_iter();
        let known = ["company", "unsorted", "accept_unsorted", "decline_unsorted", "tag", "fields"];
        let asked = sets.any(|set| set.actions().contains(ability.word));
        assert!(asked || known.contains(&ability.word), "{}", ability.word);
    }
}
