//! Whatever a rule set of ours decides, retailCRM carries it out.

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Event, Known, Sound, Speaker};
use dozvon::core::facts::Direction;
use dozvon::core::staff::Staff;
use dozvon::crm::Crm;
use dozvon::crm::config::CrmConfig;
use dozvon::rules::set::RuleSet;
use futures_util::future::join_all;

use crate::common::EVENTS;
use crate::house::{House, NEW, OLGA, PETR, config, speaker};

/// How much was done of a call from or to this number, which goes this way and is answered so.
async fn carried_out(
    name: &str,
    number: &str,
    direction: Direction,
    first: Option<Speaker>,
) -> usize {
    let set = RuleSet::builtin(name).unwrap().unwrap();
    let house = House::patient().await;
    let staff = Staff::new(house.crm.employees().await.unwrap());
    let mut case = house.case(Event::Ringing, number).await;
    case.direction = direction;
    case.answered = first.as_ref().map(|_| case.at);
    (case.first, case.last) = (first.clone(), first);
    case.caller = (direction == Direction::Outbound).then(|| speaker("12", "102"));
    case.recording = Some(Sound { url: "https://rec/a".into(), seconds: Some(5) });
    case.voicemail = Some(Sound { url: "https://rec/m".into(), seconds: Some(5) });
    case.fields.insert("utm_source".into(), "ya".into());
    case.ended = Some(case.at);
    let mut bound = Bound::default();
    let mut done = 0;
    for (event, seq) in EVENTS.into_iter().zip(1..) {
        (case.event, case.seq) = (event, seq);
        if matches!(case.client, Known::Unsure) {
            continue;
        }
        for planned in set.judge(&case, &staff).actions {
            if !matches!(planned.action, Action::Webhook { .. }) {
                house.apply(&planned.key, &planned.action, &case, &mut bound).await;
                done += 1;
            }
        }
    }
    let clients = house.fake.state().customers.len();
    match number {
        OLGA | PETR => assert_eq!(clients, 2, "{name} {number} {direction:?}: a second client"),
        _ => assert!(clients <= 3, "{name} {number} {direction:?}: {clients} clients"),
    }
    done
}

/// Whichever way a call with this number goes, and whoever answers it.
async fn all_ways(name: &str, number: &str) {
    use Direction::{Callback, Inbound, Outbound};
    let unlisted = Speaker { employee: None, number: "900".into() };
    let answerers = [None, Some(speaker("12", "102")), Some(unlisted)];
    let ways = match number {
        // Nobody calls a withheld number.
        "" => &[Inbound][..],
        _ => &[Inbound, Outbound, Callback],
    };
    let all = ways.iter().flat_map(|way| answerers.iter().map(move |first| (*way, first.clone())));
    let done = join_all(all.map(|(way, first)| carried_out(name, number, way, first))).await;
    assert!(done.iter().sum::<usize>() > 1, "{name} {number}");
}

macro_rules! sets {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            let numbers = [NEW, OLGA, PETR, ""].map(|number| all_ways($name, number));
            join_all(numbers).await;
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
    let crm = CrmConfig::Retailcrm(Box::new(config("https://example.retailcrm.ru")));
    for ability in crm.abilities() {
        let names = ["amocrm-classic", "retailcrm-matrix", "sipuni", "keycrm", "comagic"];
        let mut sets = names.map(|name| RuleSet::builtin(name).unwrap().unwrap()).into_iter();
        let known = ["company", "unsorted", "accept_unsorted", "decline_unsorted", "tag", "fields"];
        let asked = sets.any(|set| set.actions().contains(ability.word));
        assert!(asked || known.contains(&ability.word), "{}", ability.word);
    }
}
