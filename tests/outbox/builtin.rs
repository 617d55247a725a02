//! The outbox, the real rule sets and the built-in CRM together.

use dozvon::core::case::{Clerk, Event, Known, Speaker};
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::Staff;
use dozvon::crm::Crm;
use dozvon::crm::builtin::{Builtin, load_sample};
use dozvon::crm::lazy::Lazy;
use dozvon::outbox::InForce;
use dozvon::outbox::entry::State;
use dozvon::rules::RuleSet;
use dozvon::store::Store;
use std::sync::Arc;

use crate::house::{House, case};

const NEW: &str = "+79169998877";

/// A built-in set as a ruler, with the employees of the sample.
async fn classic(store: &Store) -> InForce {
    load_sample(store).await.unwrap();
    let staff = Staff::new(Builtin::new(store.clone()).employees().await.unwrap());
    let rules = RuleSet::builtin("amocrm-classic").unwrap().unwrap();
    let hash = rules.hash();
    InForce { live: set_of(hash, move |case| rules.judge(case, &staff)), shadow: None }
}

fn set_of(
    hash: String,
    judge: impl Fn(&dozvon::core::case::Case) -> dozvon::core::action::Ruling + Send + Sync + 'static,
) -> Arc<dyn dozvon::outbox::Ruler> {
    struct Whole<F>(String, F);
    impl<F> dozvon::outbox::Ruler for Whole<F>
    where
        F: Fn(&dozvon::core::case::Case) -> dozvon::core::action::Ruling + Send + Sync,
    {
        fn judge(&self, case: &dozvon::core::case::Case) -> dozvon::core::action::Ruling {
            (self.1)(case)
        }
        fn hash(&self) -> &str {
            &self.0
        }
    }
    Arc::new(Whole(hash, judge))
}

#[test]
fn c01_two_calls_of_a_new_number_in_one_second_are_one_contact_and_one_deal_in_the_built_in_crm() {
    let house = House::new(|_| vec![]);
    let life = house.start_with(Arc::new(Lazy::new(house.path.clone())));
    let store = life.store();
    house.rules(life.rt.block_on(classic(&store)));
    let before = life.rt.block_on(Builtin::new(store.clone()).counts()).unwrap();
    let calls = ["one", "two"];
    for (seq, event) in [(1, Event::Ringing), (2, Event::Answered), (3, Event::Ended)] {
        for call in calls {
            let mut case = case(call, seq, event, NEW);
            case.client = Known::Nobody;
            if event != Event::Ringing {
                let speaker = Speaker { employee: Some("101".into()), number: "101".into() };
                (case.first, case.last) = (Some(speaker.clone()), Some(speaker));
                case.answered = Some(case.at);
            }
            if event == Event::Ended {
                (case.ended, case.talked) = (Some(case.at), 60);
                case.outcome = Some(dozvon::core::record::Outcome::Answered);
            }
            life.outbox.occurred(case);
        }
    }
    life.reach(State::Done, 6);
    let crm = Builtin::new(store);
    let after = life.rt.block_on(crm.counts()).unwrap();
    assert_eq!((after.contacts - before.contacts, after.open_deals - before.open_deals), (1, 1));
    let number = Phone::parse(NEW, Region::default()).unwrap();
    let client = life.rt.block_on(crm.find(&number)).unwrap().unwrap();
    assert_eq!(client.deals.len(), 1);
}
