//! Step by step (E01).

use super::*;
use crate::core::phone::Region;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
}

/// Hour 100 is the end of the deal.
fn won() -> Won {
    let numbers = vec![Phone::parse("+79161110001", Region::default()).unwrap()];
    let contact = Contact { id: "7".into(), numbers, communication: None };
    Won {
        id: "1".into(),
        closed: at(100),
        price: None,
        communication: None,
        contact: Some(contact),
    }
}

fn spoke(call: &str, hour: i64) -> Communication {
    Communication { call: call.into(), at: at(hour) }
}

fn memory() -> Memory {
    let communications = vec![spoke("a", 10), spoke("c", 90), spoke("b", 50), spoke("late", 101)];
    Memory { communications, ..Memory::default() }
}

fn found(call: &str, step: Step) -> Source {
    Source::Found(call.into(), step)
}

const TWO_DAYS: ByHand = ByHand::LastWithin(Duration::from_secs(2 * 24 * 3600));

#[test]
fn e01_a_deal_made_by_us_is_the_sale_of_what_made_it() {
    let mut deal = won();
    let known = Memory { deal: Some("b".into()), ..memory() };
    assert_eq!(source(&deal, &known, ByHand::First), found("b", Step::Deal), "by our memory");
    deal.communication = Some("a".into());
    assert_eq!(
        source(&deal, &known, ByHand::First),
        found("a", Step::Deal),
        "the card comes first"
    );
    deal.contact = None;
    assert_eq!(
        source(&deal, &known, ByHand::First),
        found("a", Step::Deal),
        "before anybody asks for a contact"
    );
}

#[test]
fn e01_a_deal_with_no_contact_is_skipped() {
    let deal = Won { contact: None, ..won() };
    assert_eq!(source(&deal, &memory(), ByHand::First), Source::NoContact);
}

#[test]
fn e01_of_a_contact_made_by_us_it_is_the_last_communication() {
    let known = Memory { contact: Some(spoke("a", 10)), ..memory() };
    for by_hand in [ByHand::First, ByHand::LastWithin(Duration::ZERO)] {
        assert_eq!(source(&won(), &known, by_hand), found("c", Step::Contact), "by our memory");
    }
    let mut deal = won();
    if let Some(contact) = &mut deal.contact {
        contact.communication = Some("late".into());
    }
    assert_eq!(
        source(&deal, &memory(), ByHand::First),
        found("c", Step::Contact),
        "the card tells one that came after the end of the deal"
    );
}

#[test]
fn e01_a_contact_whose_calls_are_forgotten_has_what_his_card_tells() {
    let mut deal = won();
    if let Some(contact) = &mut deal.contact {
        contact.communication = Some("old".into());
    }
    let none = Memory::default();
    assert_eq!(source(&deal, &none, ByHand::First), found("old", Step::Contact));
    let known = Memory { contact: Some(spoke("first", 5)), ..Memory::default() };
    assert_eq!(source(&won(), &known, ByHand::First), found("first", Step::Contact));
    // Made by a call that came after the deal: it cannot have brought it.
    let known = Memory { contact: Some(spoke("late", 101)), ..Memory::default() };
    assert_eq!(source(&won(), &known, ByHand::First), Source::NoCommunication);
    let known = Memory { communications: vec![spoke("old", 101)], ..Memory::default() };
    assert_eq!(source(&deal, &known, ByHand::First), Source::NoCommunication);
}

#[test]
fn e01_by_hand_it_is_the_first_or_the_last_within_some_days() {
    assert_eq!(source(&won(), &memory(), ByHand::First), found("a", Step::First));
    assert_eq!(source(&won(), &memory(), TWO_DAYS), found("c", Step::Last));
    let mut known = memory();
    known.communications.retain(|one| one.call.as_str() != "c");
    // 50 hours are more than two days.
    assert_eq!(source(&won(), &known, TWO_DAYS), Source::NoCommunication);
    assert_eq!(
        source(&won(), &known, ByHand::LastWithin(Duration::from_secs(50 * 3600))),
        found("b", Step::Last)
    );
}

#[test]
fn e01_what_came_after_the_end_of_the_deal_did_not_bring_it() {
    let known = Memory { communications: vec![spoke("late", 101)], ..Memory::default() };
    for by_hand in [ByHand::First, TWO_DAYS] {
        assert_eq!(source(&won(), &known, by_hand), Source::NoCommunication);
        let just = Memory { communications: vec![spoke("just", 100)], ..Memory::default() };
        assert!(matches!(source(&won(), &just, by_hand), Source::Found(..)));
    }
}

#[test]
fn e01_nothing_to_go_by_is_no_sale() {
    assert_eq!(source(&won(), &Memory::default(), ByHand::First), Source::NoCommunication);
}
