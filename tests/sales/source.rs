//! From the call to the mark (E01): which call or form it is.

use dozvon::core::case::Event;
use dozvon::core::facts::Direction;
use dozvon::sales::config::ByHand;
use dozvon::sales::{Counts, SalesConfig};
use jiff::SignedDuration;

use crate::crm_outbox::by_hand;
use crate::house::House;
use crate::office::{NEW, OLGA, contact, lead};

const FORM: &str = "+79165550002";
const NEVER: &str = "+79165550099";

/// A stranger calls, is made contact and deal, and calls again; a form becomes a deal; Ольга, who
/// was there before with deal 71, calls twice, and somebody at the company calls her number
/// inside. Then all is won, with a deal of nobody's and one of somebody who never called.
fn story(house: &House<'_>) {
    house.calls("c1", NEW);
    let form = [Event::CallbackRequested];
    house.occurs("f1", FORM, Direction::Callback, &form);
    house.calls("c2", OLGA);
    house.later(SignedDuration::from_hours(1));
    house.calls("c3", OLGA);
    house.occurs("inside", OLGA, Direction::Internal, &[Event::Ended]);
    house.calls("c4", NEW);
    {
        let account = &mut house.w.server.house().account;
        account.add("leads", lead(75, "Ничья", 504141, 501));
        account.add("contacts", contact(20, "Глеб", 504141, NEVER, &[76]));
        account.add("leads", lead(76, "Тихая", 504141, 501));
    }
    for id in house.deals().into_iter().chain([71, 75, 76]) {
        house.wins(id);
    }
    // What comes after the end of a deal did not bring it.
    house.later(SignedDuration::from_mins(5));
    house.calls("c5", OLGA);
}

fn told(all: &[(String, String, &'static str)]) -> Vec<(String, &'static str)> {
    let mut told: Vec<_> = all.iter().map(|(_, call, step)| (call.clone(), *step)).collect();
    told.sort();
    told
}

fn sold(fields: bool, change: impl FnOnce(&mut SalesConfig)) -> Vec<(String, &'static str)> {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, fields);
    let (desk, _engine) = house.engine(house.seller(change));
    let first = house.until(&desk, "the first run", |one| one.last_success.is_some());
    assert_eq!(first.counts, Some(Counts::default()), "nothing was won the day before");
    story(&house);
    assert_eq!(house.deals().len(), 2, "one by a call, one by a form");
    assert_eq!(house.sales(&desk), [], "nobody asks before the night");
    house.at(house.standing(&desk).next + SignedDuration::from_secs(61));
    let night = house.until(&desk, "the night", |one| one.last_success > first.last_success);
    let counts = Counts { deals: 5, marked: 3, no_contact: 1, no_communication: 1, known: 0 };
    assert_eq!(night.counts, Some(counts));
    let all = house.sales(&desk);
    // Each at the deal it made.
    let made = house.deals();
    for (id, call) in made.iter().zip(["c1", "f1"]) {
        assert!(all.contains(&(id.to_string(), call.to_owned(), "deal")), "{all:?}");
    }
    assert_eq!(house.metrics.sales.with_label_values(&["shop", "deal"]).get(), 2);
    told(&all)
}

fn pair(call: &str, step: &'static str) -> (String, &'static str) {
    (call.to_owned(), step)
}

#[test]
fn e01_the_cards_tell_what_made_them() {
    // The card of a contact tells his last communication: it is one of ours from then on.
    let all = sold(true, |_| {});
    assert_eq!(all, [pair("c1", "deal"), pair("c3", "contact"), pair("f1", "deal")]);
}

#[test]
fn e01_without_such_fields_our_own_memory_does_and_by_hand_is_the_first() {
    let all = sold(false, |_| {});
    assert_eq!(all, [pair("c1", "deal"), pair("c2", "first"), pair("f1", "deal")]);
}

#[test]
fn e01_or_the_last_one_where_that_is_set() {
    let all = sold(false, |config| config.by_hand = ByHand::Last);
    assert_eq!(all, [pair("c1", "deal"), pair("c3", "last"), pair("f1", "deal")]);
}

/// The contact is ours, the deal was made by hand for him: his last call before its end.
#[test]
fn e01_a_deal_by_hand_of_a_contact_made_by_us_is_of_his_last_call() {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, false);
    house.calls("c1", NEW);
    house.later(SignedDuration::from_hours(1));
    house.calls("c2", NEW);
    {
        let account = &mut house.w.server.house().account;
        account.add("leads", lead(77, "Своими руками", 504141, 501));
        let ours = account.all("contacts").into_iter().map(|one| one["id"].as_i64().unwrap());
        let ours = ours.max().unwrap();
        let contacts = account.records.get_mut("contacts").unwrap();
        let leads = contacts.get_mut(&ours).unwrap()["_embedded"]["leads"].as_array_mut().unwrap();
        leads.push(serde_json::json!({ "id": 77 }));
    }
    house.wins(77);
    house.later(SignedDuration::from_secs(5));
    let seller = house.seller(|_| {});
    let store = house.store();
    rt.block_on(seller.run(&store, "shop")).unwrap();
    let desk = dozvon::sales::Desk::new(seller);
    assert_eq!(house.sales(&desk), [("77".to_owned(), "c2".to_owned(), "contact")]);
}
