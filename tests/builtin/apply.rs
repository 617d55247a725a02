//! Every action carried out, twice under one key and once in effect.

use dozvon::core::case::{Known, Sound};
use dozvon::crm::{ApplyError, Crm, Work};
use serde_json::json;

use crate::World;
use crate::office::{CLOSED, NEW, OLGA, case, contact, deal};

#[tokio::test]
async fn c01_a_new_number_becomes_contact_and_deal_with_tags_and_fields() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let made = call
        .json(json!({
            "do": "contact", "name": "Пётр", "owner": "102", "tags": ["звонок", "утро"],
            "fields": { "utm_source": "ya" },
        }))
        .await;
    assert_eq!(made, "made contact dz1");
    let made = call
        .json(json!({
            "do": "deal", "title": "Окна", "owner": "103", "pipeline": "Монтаж", "stage": "Замер",
            "tags": ["звонок"], "fields": { "utm_medium": "cpc" },
        }))
        .await;
    assert_eq!(made, "made deal dz2");
    let client = w.find(NEW).await.unwrap();
    assert_eq!((client.id.as_str(), client.name.as_str()), ("dz1", "Пётр"));
    assert_eq!(client.owner, Some("102".into()));
    let deal = client.open_deal().unwrap();
    assert_eq!((deal.title.as_str(), deal.owner.clone()), ("Окна", Some("103".into())));
    assert_eq!(deal.created, call.case.at, "dated by the case, not by when it was carried out");
    assert_eq!(
        w.sql::<String>("SELECT pipeline || '/' || stage FROM deal WHERE id = 'dz2'").await,
        "Монтаж/Замер"
    );
    let tags = "SELECT group_concat(tag, ',') FROM client_tag WHERE client = 'dz1'";
    assert_eq!(w.sql::<String>(tags).await, "звонок,утро");
    assert_eq!(w.sql::<String>("SELECT value FROM client_field").await, "ya");
    assert_eq!(w.sql::<String>("SELECT name || value FROM deal_field").await, "utm_mediumcpc");
}

#[tokio::test]
async fn c04_a_deal_without_pipeline_and_stage_stands_in_the_first() {
    let w = World::sample().await;
    let mut call = w.call("a", CLOSED).await;
    call.does(deal()).await;
    let place = "SELECT pipeline || '/' || stage FROM deal WHERE id = 'dz1'";
    assert_eq!(w.sql::<String>(place).await, "Продажи/Новая");
}

#[tokio::test]
async fn c01_a_known_client_is_no_second_contact() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    assert_eq!(call.does(contact()).await, "nothing: client c1 is known");
    assert_eq!(call.bound.client, Some("c1".into()));
    // The CRM was down when the call began.
    let mut unsure = w.call("b", OLGA).await;
    unsure.case.client = Known::Unsure;
    assert_eq!(unsure.does(contact()).await, "nothing: client c1 is known");
}

#[tokio::test]
async fn a02_a_deal_is_made_once_a_call_and_never_beside_one_opened_meanwhile() {
    let w = World::sample().await;
    let mut call = w.call("a", CLOSED).await;
    let mut other = w.call("b", CLOSED).await;
    assert_eq!(call.does(deal()).await, "made deal dz1");
    assert_eq!(call.does(deal()).await, "nothing: this call made deal dz1");
    assert_eq!(other.does(deal()).await, "nothing: deal dz1 was opened meanwhile");
    assert_eq!(other.bound.deal, Some("dz1".into()));
    // A rule that wants one more though it knows of an open one.
    let mut third = w.call("c", CLOSED).await;
    assert_eq!(third.does(deal()).await, "made deal dz2");
}

#[tokio::test]
async fn c01_a_deal_without_a_client_is_refused_with_what_to_do() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let why = call.refused(json!({ "do": "deal", "title": "X", "owner": "102" })).await;
    assert!(why.contains("let a rule make the contact before it (C01)"), "{why}");
    assert_eq!(w.rows("crm_done").await, 0);
    call.does(contact()).await;
    assert_eq!(call.does(deal()).await, "made deal dz2");
}

#[tokio::test]
async fn e14_an_unknown_employee_is_refused_and_nothing_is_left_of_it() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    for wrong in [
        json!({ "do": "contact", "name": "X", "owner": "999" }),
        json!({ "do": "task", "kind": "k", "on": "client", "text": "T", "owner": "999",
                "due": "2026-11-20T13:00:00Z" }),
        json!({ "do": "register_call", "result": "answered", "who": "999" }),
        json!({ "do": "notify", "to": { "these": ["101", "999"] }, "text": "T" }),
        json!({ "do": "change_owner", "of": "client", "to": "999" }),
    ] {
        let why = call.refused(wrong).await;
        assert!(why.contains("no employee has the id `999`"), "{why}");
        assert!(why.contains("dozvon crm import"), "{why}");
    }
    for table in ["crm_call", "task", "notification", "crm_done"] {
        assert_eq!(w.rows(table).await, 0, "{table}");
    }
    assert_eq!(w.find(NEW).await, None);
}

#[tokio::test]
async fn a_deal_of_another_crm_is_refused() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    call.bound.deal = Some("amo-17".into());
    let why = call.refused(json!({ "do": "note", "on": "deal", "text": "T" })).await;
    assert!(why.contains("there is no deal `amo-17` in this store"), "{why}");
}

#[tokio::test]
async fn a_webhook_is_the_outboxs() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let why = call.refused(json!({ "do": "webhook", "url": "http://127.0.0.1/" })).await;
    assert!(why.contains("the outbox sends it"), "{why}");
}

#[tokio::test]
async fn a04_a_company_is_made_once_and_its_contacts_belong_to_it() {
    let w = World::sample().await;
    let name = "ООО \"Окна\"\nи 'двери' 🚪";
    let company = json!({ "do": "company", "name": name });
    let mut call = w.call("a", NEW).await;
    call.does(contact()).await;
    assert_eq!(call.json(company.clone()).await, "made company dz2, contact dz1 belongs to it");
    assert_eq!(w.find(NEW).await.unwrap().company.as_deref(), Some(name));
    assert_eq!(call.json(company.clone()).await, "nothing: contact dz1 belongs to it");
    let mut olga = w.call("b", OLGA).await;
    assert_eq!(olga.json(company).await, "found company dz2, contact c1 belongs to it");
    let mut firm = w.call("c", "+79161110007").await;
    let said = firm.json(json!({ "do": "company", "name": "Y" })).await;
    assert_eq!(said, "nothing: client romashka is a company itself");
}

#[tokio::test]
async fn a12_a_call_is_registered_at_the_answer_and_completed_at_its_end() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    call.case.recording = Some(Sound { url: "http://rec/a".into(), seconds: None });
    let said = call
        .json(json!({ "do": "register_call", "result": "answered", "who": "101", "text": "T" }))
        .await;
    assert_eq!(said, "registered call 1 on deal d1");
    assert_eq!(call.bound.call.as_deref(), Some("1"));
    call.case.talked = 65;
    call.case.ended = Some("2026-11-20T12:01:05Z".parse().unwrap());
    call.case.recording = Some(Sound { url: "http://rec/a".into(), seconds: Some(65) });
    assert_eq!(call.json(json!({ "do": "update_call" })).await, "updated call 1");
    // A rule for its end that calls it missed does not make it so.
    call.json(json!({ "do": "register_call", "result": "missed" })).await;
    let row = "SELECT concat_ws('|', call, direction, result, who, number, client, deal, line, \
               ended - answered, talked, recording, recording_seconds, text) FROM crm_call";
    assert_eq!(
        w.sql::<String>(row).await,
        "a|inbound|answered|101|+79161110001|c1|d1|moscow|65000000|65|http://rec/a|65|T"
    );
    assert_eq!(w.rows("crm_call").await, 1);
    let mut unknown = w.call("b", OLGA).await;
    let said = unknown.json(json!({ "do": "update_call" })).await;
    assert_eq!(said, "nothing: this call was not registered");
}

#[tokio::test]
async fn d03_a_call_is_tied_to_the_oldest_active_deal_and_with_none_to_the_client() {
    let w = World::sample().await;
    let register = json!({ "do": "register_call", "result": "answered" });
    let mut two = w.call("a", "+79161110006").await;
    assert_eq!(two.json(register.clone()).await, "registered call 1 on deal d6-old");
    let mut closed = w.call("b", CLOSED).await;
    assert_eq!(closed.json(register.clone()).await, "registered call 2 on client c4");
    let mut nobody = w.call("c", NEW).await;
    assert_eq!(nobody.json(register.clone()).await, "registered call 3 on the number");
    // Registered first, client and deal made after: it is theirs.
    nobody.does(contact()).await;
    nobody.does(deal()).await;
    let tied = "SELECT client || ' ' || deal FROM crm_call WHERE call = 'c'";
    assert_eq!(w.sql::<String>(tied).await, "dz1 dz2");
    let mut withheld = w.call("d", "").await;
    assert_eq!(withheld.json(register).await, "registered call 4 on the number");
}

#[tokio::test]
async fn b05_the_recording_finds_the_deal_made_at_the_answer() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    call.does(contact()).await;
    call.does(deal()).await;
    call.case.client = Known::Nobody;
    let task = json!({ "do": "task", "kind": "listen", "on": "deal", "text": "http://rec/a",
        "owner": "102", "due": "2026-11-20T12:00:00Z", "done": true });
    assert_eq!(call.json(task).await, "made completed task 1 for 102 on deal dz2");
    assert_eq!(w.sql::<i64>("SELECT done FROM task").await, 1);
}

#[tokio::test]
async fn b06_with_no_deal_made_it_is_the_oldest_open_then_the_newest_closed_then_the_client() {
    let w = World::sample().await;
    let note = json!({ "do": "note", "on": "deal", "text": "T" });
    for (call, number, says) in [
        ("a", "+79161110006", "made note 1 on deal d6-old"),
        ("b", CLOSED, "made note 2 on deal d4-2"),
        ("c", NEW, "made note 3 on the number"),
    ] {
        assert_eq!(w.call(call, number).await.json(note.clone()).await, says);
    }
    let mut new = w.call("d", NEW).await;
    new.does(contact()).await;
    assert_eq!(new.json(note.clone()).await, "made note 4 on client dz1");
    assert_eq!(w.sql::<i64>("SELECT count(*) FROM note WHERE client = 'dz1'").await, 2);
    // The facts are the call's: a deal made meanwhile by another call is not this one's.
    let mut old = w.call("e", NEW).await;
    w.call("f", NEW).await.does(deal()).await;
    assert_eq!(old.json(note).await, "made note 5 on client dz1");
}

#[tokio::test]
async fn b10_a_message_is_attached_to_the_deal() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    let attach = json!({ "do": "voicemail", "on": "deal", "text": "Голосовое" });
    assert_eq!(call.json(attach.clone()).await, "nothing: no message was left in this call");
    call.case.voicemail = Some(Sound { url: "http://rec/m".into(), seconds: Some(12) });
    assert_eq!(call.json(attach).await, "attached message 1 to deal d1");
    let row = "SELECT concat_ws('|', kind, url, seconds, deal) FROM note";
    assert_eq!(w.sql::<String>(row).await, "voicemail|http://rec/m|12|d1");
}

#[tokio::test]
async fn a08_everybody_is_notified_but_those_who_are_gone() {
    let w = World::sample().await;
    w.toml("[[employee]]\nid = \"107\"\nname = \"G\"\nstatus = \"gone\"").await;
    let mut call = w.call("a", OLGA).await;
    let said =
        call.json(json!({ "do": "notify", "to": "everybody", "text": "T", "link": "deal" })).await;
    assert_eq!(said, "notified 101, 102, 103, 104, 105, 106");
    let links = "SELECT count(*) FROM notification WHERE linked AND deal = 'd1' AND read = 0";
    assert_eq!(w.sql::<i64>(links).await, 6);
    let nobody = json!({ "do": "notify", "to": { "these": [] }, "text": "T" });
    assert_eq!(call.json(nobody).await, "nothing: there is nobody to notify");
}

#[tokio::test]
async fn b07_another_owner_and_an_active_client() {
    let w = World::sample().await;
    let mut call = w.call("a", CLOSED).await;
    let change = json!({ "do": "change_owner", "of": "client", "to": "102" });
    assert_eq!(call.json(change.clone()).await, "owner of client c4: 106 → 102");
    assert_eq!(call.json(change).await, "nothing: 102 owns client c4 already");
    assert_eq!(w.find(CLOSED).await.unwrap().owner, Some("102".into()));
    assert_eq!(w.sql::<String>("SELECT kind FROM note").await, "owner");

    assert_eq!(call.json(json!({ "do": "reactivate" })).await, "nothing: client c4 is active");
    w.crm.deactivate_client("c4").await.unwrap();
    assert_eq!(call.json(json!({ "do": "reactivate" })).await, "client c4 is active again");
    assert_eq!(w.sql::<i64>("SELECT active FROM client WHERE id = 'c4'").await, 1);
}

#[tokio::test]
async fn e06_tags_come_besides_those_there_are() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    let tag = |tags| json!({ "do": "tag", "on": "deal", "tags": tags });
    assert_eq!(call.json(tag(["a", "b"])).await, "deal d1 has 2 more tags");
    assert_eq!(call.json(tag(["b", "c"])).await, "deal d1 has 1 more tags");
    assert_eq!(call.json(tag(["b", "c"])).await, "nothing: deal d1 has these tags");
    assert_eq!(w.rows("deal_tag").await, 3);
}

#[tokio::test]
async fn e08_the_deal_tells_the_first_touch_and_the_contact_the_last() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    for source in ["ya", "google", "ya"] {
        for (on, touch) in [("deal", "first"), ("client", "last")] {
            let fields = json!({ "utm_source": source, "empty": "" });
            call.json(json!({ "do": "fields", "on": on, "touch": touch, "fields": fields })).await;
        }
        call.json(json!({ "do": "fields", "on": "deal", "touch": "first",
            "fields": { "empty": source } }))
            .await;
    }
    let first = "SELECT group_concat(name || '=' || value, ' ') FROM deal_field";
    assert_eq!(w.sql::<String>(first).await, "empty=ya utm_source=ya");
    call.json(json!({ "do": "fields", "on": "client", "touch": "last",
        "fields": { "utm_source": "google" } }))
        .await;
    let last = "SELECT value FROM client_field WHERE name = 'utm_source'";
    assert_eq!(w.sql::<String>(last).await, "google");
}

#[tokio::test]
async fn names_are_kept_to_the_letter() {
    let w = World::sample().await;
    let name = "O'Нил \"Ёж\"; DROP TABLE client; -- 🦔\n\tвторая строка";
    let mut call = w.call("a", NEW).await;
    call.json(json!({ "do": "contact", "name": name, "owner": "102", "tags": [name],
        "fields": { name: name } }))
        .await;
    call.json(json!({ "do": "deal", "title": name, "owner": "102", "stage": name })).await;
    call.json(json!({ "do": "note", "on": "deal", "text": name })).await;
    let client = w.find(NEW).await.unwrap();
    assert_eq!((client.name.as_str(), client.deals[0].title.as_str()), (name, name));
    for query in [
        "SELECT tag FROM client_tag",
        "SELECT name FROM client_field",
        "SELECT stage FROM deal WHERE id = 'dz2'",
        "SELECT text FROM note",
    ] {
        assert_eq!(w.sql::<String>(query).await, name);
    }
}

#[tokio::test]
async fn a_withheld_number_makes_a_contact_of_the_call_alone() {
    let w = World::sample().await;
    let mut call = w.call("a", "").await;
    assert_eq!(call.does(contact()).await, "made contact dz1");
    assert_eq!(call.does(deal()).await, "made deal dz2");
    assert_eq!(w.call("b", "").await.does(contact()).await, "made contact dz3");
}

#[tokio::test]
async fn the_first_answer_to_a_key_stands_whatever_is_asked_under_it_later() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let first = call.with_key("k", &contact()).await.unwrap();
    assert_eq!(call.with_key("k", &deal()).await, Ok(first));
    assert_eq!(w.find(NEW).await.unwrap().deals, []);
    let case = case("b", NEW);
    let (action, bound) = (deal(), Default::default());
    let work = Work { key: "never", action: &action, case: &case, bound: &bound };
    assert_eq!(w.crm.read_back(&work).await, Ok(None));
}

/// What a running engine remembers of clients is dropped only for what changes the way of calls.
#[tokio::test]
async fn the_revision_rises_for_contacts_deals_and_owners_only() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    let mut last = w.crm.revision().await.unwrap();
    for (matters, next) in [
        (true, json!({ "do": "contact", "name": "X", "owner": "102" })),
        (false, json!({ "do": "contact", "name": "X", "owner": "102" })),
        (true, json!({ "do": "deal", "title": "X", "owner": "102" })),
        (true, json!({ "do": "change_owner", "of": "deal", "to": "103" })),
        (true, json!({ "do": "company", "name": "X" })),
        (false, json!({ "do": "register_call", "result": "answered" })),
        (false, json!({ "do": "note", "on": "deal", "text": "X" })),
        (false, json!({ "do": "tag", "on": "deal", "tags": ["X"] })),
        (false, json!({ "do": "notify", "to": "everybody", "text": "X" })),
        (
            false,
            json!({ "do": "task", "kind": "k", "on": "deal", "text": "X", "owner": "102",
                        "due": "2026-11-20T13:00:00Z" }),
        ),
    ] {
        let what = call.json(next).await;
        let now = w.crm.revision().await.unwrap();
        assert_eq!(now > last, matters, "{what}");
        last = now;
    }
}

#[tokio::test]
async fn a_lazy_store_carries_actions_out_and_one_away_makes_them_wait() {
    let w = World::sample().await;
    let (action, case, bound) = (contact(), case("a", NEW), Default::default());
    let work = Work { key: "k", action: &action, case: &case, bound: &bound };
    let lazy = dozvon::crm::lazy::Lazy::new(w.store.path().to_owned());
    let done = lazy.apply(&work).await.unwrap();
    assert_eq!(lazy.read_back(&work).await, Ok(Some(done)));
    let away = dozvon::crm::lazy::Lazy::new(w.folder.path().join("nowhere/s.sqlite"));
    for answer in [away.apply(&work).await.map(|_| ()), away.read_back(&work).await.map(|_| ())] {
        assert!(matches!(answer, Err(ApplyError::Later { .. })), "{answer:?}");
    }
}
