//! Whatever a rule set of ours decides, the built-in CRM carries it out.

use std::path::Path;

use dozvon::core::case::{Event, Known, Sound, Speaker};
use dozvon::core::facts::Direction;
use dozvon::core::staff::Staff;
use dozvon::crm::Crm;
use dozvon::rules::set::RuleSet;

use crate::World;
use crate::office::{CLOSED, NEW, OLGA};

const EVENTS: [Event; 10] = [
    Event::Ringing,
    Event::Answered,
    Event::Missed,
    Event::Ended,
    Event::Recorded,
    Event::Voicemail,
    Event::Unreached,
    Event::CallbackRequested,
    Event::CallbackFailed,
    Event::CallbackClientUnreached,
];

/// Every event of one call after the other, with every direction, client and answerer.
async fn carried_out(set: &RuleSet) -> u32 {
    let w = World::sample().await;
    let staff = Staff::new(w.crm.employees().await.unwrap());
    let speaker = |employee: Option<&str>| Speaker {
        employee: employee.map(Into::into),
        number: employee.unwrap_or("900").to_owned(),
    };
    let answerers =
        [None, Some(speaker(Some("101"))), Some(speaker(Some("103"))), Some(speaker(None))];
    let mut done = 0;
    for direction in [Direction::Inbound, Direction::Outbound, Direction::Callback] {
        for number in [NEW, OLGA, CLOSED, ""] {
            for (who, answerer) in answerers.iter().enumerate() {
                let id = format!("{direction:?}/{number}/{who}");
                let mut call = w.call(&id, number).await;
                if number == NEW {
                    call.case.client = Known::Nobody;
                }
                let case = &mut call.case;
                case.direction = direction;
                (case.first, case.last) = (answerer.clone(), answerer.clone());
                case.caller = (direction == Direction::Outbound).then(|| speaker(Some("102")));
                case.answered = answerer.as_ref().map(|_| case.at);
                case.recording = Some(Sound { url: "http://rec/a".into(), seconds: Some(5) });
                case.voicemail = Some(Sound { url: "http://rec/m".into(), seconds: Some(5) });
                case.fields.insert("utm_source".into(), "ya".into());
                for (event, seq) in EVENTS.into_iter().zip(1..) {
                    (call.case.event, call.case.seq) = (event, seq);
                    let ruling = set.judge(&call.case, &staff);
                    for planned in ruling.actions {
                        let answer = call.with_key(&planned.key, &planned.action).await;
                        assert!(
                            answer.is_ok(),
                            "{} {}: {id} {event:?}: {:?}: {answer:?}",
                            set.name(),
                            planned.rule,
                            planned.action
                        );
                        done += 1;
                    }
                }
            }
        }
    }
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(w.store.pool()).await.unwrap();
    assert_eq!(broken.len(), 0);
    done
}

#[tokio::test]
async fn no_set_of_ours_plans_what_the_built_in_crm_refuses() {
    for name in ["amocrm-classic", "retailcrm-matrix", "sipuni", "keycrm", "comagic"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("rules/{name}.toml"));
        let set = match RuleSet::load(&file) {
            Ok(set) => set,
            Err(error) => panic!("{name}: {error:?}"),
        };
        assert!(carried_out(&set).await > 0, "{name} plans nothing");
    }
}
