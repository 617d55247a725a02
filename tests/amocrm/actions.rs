//! Contacts, companies, deals, tasks, notes, tags, fields, owners, notifications.

use dozvon::crm::amocrm::CreateFields;
use serde_json::{Value, json};

use crate::office::{CLOSED, FIRM, NEW, OLGA, World, contact, lead, new_contact, new_deal, task};

fn tags(record: &Value) -> Vec<&str> {
    let tags = record["_embedded"]["tags"].as_array().unwrap();
    tags.iter().map(|tag| tag["name"].as_str().unwrap()).collect()
}

fn field(record: &Value, id: i64) -> Option<&str> {
    let fields = record["custom_fields_values"].as_array()?;
    let field = fields.iter().find(|field| field["field_id"] == id)?;
    field["values"][0]["value"].as_str()
}

#[tokio::test]
async fn a02_contact_and_deal_of_a_new_client() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(new_contact()).await;
    let mut deal = new_deal();
    deal["fields"] = json!({ "utm_source": "ya", "Комментарий": "окна" });
    deal["tags"] = json!(["сайт"]);
    call.does(deal).await;
    let client = w.find(NEW).await.unwrap();
    assert_eq!((client.name.as_str(), client.deals.len()), ("Иван", 1));
    assert_eq!(call.bound.client, Some(client.id.clone()));
    assert_eq!(call.bound.deal.as_ref(), Some(&client.open_deal().unwrap().id));
    let house = w.server.house();
    let lead = house.account.all("leads").into_iter().next_back().unwrap();
    assert_eq!((field(lead, 901), field(lead, 903)), (Some("ya"), Some("окна")));
    assert_eq!(tags(lead), ["сайт"]);
}

#[tokio::test]
async fn a_contact_or_deal_that_is_there_is_not_made_twice() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    assert_eq!(call.does(new_contact()).await, "nothing: contact 7 is known");
    // The rules were told that there is an open one, and want another.
    call.does(new_deal()).await;
    let again = call.does(new_deal()).await;
    assert!(again.starts_with("nothing: this call made deal"), "{again}");
    let mut other = w.call("c2", CLOSED).await;
    w.call("c3", CLOSED).await.does(new_deal()).await;
    let late = other.does(new_deal()).await;
    assert!(late.contains("was opened meanwhile"), "{late}");
}

#[tokio::test]
async fn a_deal_without_a_contact_brings_one_along_whichever_way_the_account_answers() {
    for complex_is_a_list in [false, true] {
        let w = World::new().await;
        w.server.house().account.habits.complex_is_a_list = complex_is_a_list;
        let mut call = w.call("c1", NEW).await;
        call.does(new_deal()).await;
        let client = w.find(NEW).await.unwrap();
        assert_eq!(call.bound.client, Some(client.id));
        assert_eq!(client.deals.len(), 1);
    }
}

#[tokio::test]
async fn pipeline_and_stage_are_named_as_people_name_them() {
    let w = World::new().await;
    let mut call = w.call("c1", CLOSED).await;
    let mut deal = new_deal();
    deal["pipeline"] = json!("воронка");
    deal["stage"] = json!("Первичный контакт");
    call.does(deal.clone()).await;
    deal["stage"] = json!("Вторичный");
    let mut other = w.call("c2", FIRM).await;
    let why = other.refused(deal).await;
    assert!(why.contains("no stage `Вторичный`") && why.contains("Первичный контакт"), "{why}");
}

#[tokio::test]
async fn b04_a_company_is_found_by_name_or_made_once() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    let what = call.does(json!({ "do": "company", "name": "ромашка" })).await;
    assert_eq!(what, "found company 9, contact 7 belongs to it");
    let company = json!({ "do": "company", "name": "Лютик" });
    let what = call.does(company.clone()).await;
    assert!(what.starts_with("made company"), "{what}");
    // The index does not know it yet, we do.
    w.server.house().account.habits.index_lags = true;
    let what = w.call("c2", CLOSED).await.does(company).await;
    assert!(what.starts_with("found company"), "{what}");
    assert_eq!(w.server.house().account.all("companies").len(), 2);
}

#[tokio::test]
async fn tags_are_added_to_those_there_are() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    call.does(json!({ "do": "tag", "on": "client", "tags": ["утро"] })).await;
    call.does(json!({ "do": "tag", "on": "deal", "tags": ["срочно", "утро"] })).await;
    let house = w.server.house();
    assert_eq!(tags(house.account.record("contacts", 7)), ["VIP", "утро"]);
    assert_eq!(tags(house.account.record("leads", 71)), ["старый", "срочно", "утро"]);
}

#[tokio::test]
async fn b07_a_client_is_active_again_without_the_tag_that_says_otherwise() {
    let w = World::with(|config| config.inactive_tag = Some("VIP".into())).await;
    let mut call = w.call("c1", OLGA).await;
    call.does(json!({ "do": "reactivate" })).await;
    assert!(tags(w.server.house().account.record("contacts", 7)).is_empty());
    let plain = World::new().await;
    let what = plain.call("c1", OLGA).await.does(json!({ "do": "reactivate" })).await;
    assert!(what.starts_with("nothing: `inactive_tag`"), "{what}");
}

#[tokio::test]
async fn e08_the_deal_keeps_the_first_visit_and_the_contact_tells_the_last() {
    let w = World::new().await;
    let touch = |on: &str, touch: &str, source: &str| json!({ "do": "fields", "on": on, "touch": touch, "fields": { "utm_source": source } });
    let mut call = w.call("c1", OLGA).await;
    call.does(touch("deal", "first", "ya")).await;
    call.does(touch("client", "last", "ya")).await;
    let mut later = w.call("c2", OLGA).await;
    let what = later.does(touch("deal", "first", "google")).await;
    assert_eq!(what, "nothing: deal 71 keeps its first values");
    later.does(touch("client", "last", "google")).await;
    let house = w.server.house();
    assert_eq!(field(house.account.record("leads", 71), 901), Some("ya"));
    assert_eq!(field(house.account.record("contacts", 7), 911), Some("google"));
    // The number is still there.
    assert_eq!(field(house.account.record("contacts", 7), 3), Some("8 (916) 111-00-01"));
}

#[tokio::test]
async fn a_field_the_account_does_not_have_is_noted_once_or_made_where_that_is_allowed() {
    let action = json!({ "do": "fields", "on": "client", "touch": "last",
        "fields": { "yclid": "42" } });
    let w = World::new().await;
    for call in ["c1", "c2"] {
        w.call(call, OLGA).await.does(action.clone()).await;
    }
    let notes = w.server.house().account.notes["contacts/7"].clone();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["params"]["text"], "yclid: 42");

    let w = World::with(|config| config.create_fields = CreateFields::Known(true)).await;
    for call in ["c1", "c2"] {
        w.call(call, OLGA).await.does(action.clone()).await;
    }
    let house = w.server.house();
    let made = house.account.fields["contacts"].last().unwrap();
    assert_eq!((&made["code"], &made["type"]), (&json!("YCLID"), &json!("text")));
    let id = made["id"].as_i64().unwrap();
    assert_eq!(field(house.account.record("contacts", 7), id), Some("42"));
    assert_eq!(house.account.fields["contacts"].len(), 2);
}

#[tokio::test]
async fn b02_another_owner() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    for on in ["client", "deal"] {
        call.does(json!({ "do": "change_owner", "of": on, "to": "504142" })).await;
    }
    let olga = w.find(OLGA).await.unwrap();
    assert_eq!(olga.owner, Some("504142".into()));
    let why = call.refused(json!({ "do": "change_owner", "of": "deal", "to": "101" })).await;
    assert_eq!(
        why,
        "it refuses this: amoCRM answered 400: Request validation failed; responsible_user_id: The \
         value you selected is not a valid choice."
    );
    let why = call.refused(json!({ "do": "change_owner", "of": "deal", "to": "olga" })).await;
    assert!(why.starts_with("`olga` is no user of amoCRM"), "{why}");
}

#[tokio::test]
async fn c05_a_task_while_one_is_open_is_none() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    assert!(call.does(task("until_due")).await.contains("on deal 71"));
    assert!(call.does(task("until_due")).await.starts_with("nothing: task"));
    assert!(call.does(task("while_open")).await.starts_with("nothing: task"));
    assert!(call.does(task("never")).await.starts_with("made task"));
    // Past its due time it no longer stands in the way.
    for task in &mut w.server.house().account.tasks {
        task["complete_till"] = json!(1_600_000_000);
    }
    assert!(call.does(task("while_open")).await.starts_with("nothing: task"));
    assert!(call.does(task("until_due")).await.starts_with("made task"));
}

#[tokio::test]
async fn b06_a_task_made_as_completed_has_its_result() {
    let w = World::new().await;
    let mut done = task("never");
    done["done"] = json!(true);
    w.call("c1", OLGA).await.does(done).await;
    let made = w.server.house().account.tasks[0].clone();
    assert_eq!(
        (&made["is_completed"], &made["result"]["text"]),
        (&json!(true), &json!("Перезвонить"))
    );
}

#[tokio::test]
async fn tasks_have_the_types_of_the_configuration() {
    let w = World::with(|config| {
        config.task_types.insert("call_back".into(), 2);
    })
    .await;
    let mut call = w.call("c1", OLGA).await;
    call.does(task("never")).await;
    let mut other = task("until_due");
    other["kind"] = json!("review");
    assert!(call.does(other).await.starts_with("made task"));
    let types: Vec<Value> =
        w.server.house().account.tasks.iter().map(|task| task["task_type_id"].clone()).collect();
    assert_eq!(types, [json!(2), json!(1)]);
}

#[tokio::test]
async fn a08_the_card_of_the_call_pops_up() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    call.does(json!({ "do": "notify", "to": { "these": ["504142"] }, "text": "Ольга" })).await;
    call.does(json!({ "do": "notify", "to": "everybody", "text": "Ольга" })).await;
    let popups = w.server.house().account.popups.clone();
    assert_eq!(popups[0]["users"], json!(["504142"]));
    assert_eq!(popups[0]["phone_number"], "79161110001");
    assert_eq!(popups[1].get("users"), None);
}

#[tokio::test]
async fn a07_without_a_number_nothing_can_pop_up_and_a_task_says_it() {
    let w = World::new().await;
    let mut call = w.call("c1", "").await;
    let notify = json!({ "do": "notify", "to": "everybody", "text": "Номер скрыт" });
    assert_eq!(call.does(notify).await, "made a task for 504141, 504142");
    let tasks = w.server.house().account.tasks.clone();
    assert_eq!(tasks.len(), 2);
    assert_eq!((&tasks[0]["text"], tasks[0].get("entity_id")), (&json!("Номер скрыт"), None));
}

#[tokio::test]
async fn notes_and_messages_stand_in_the_card() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    call.does(json!({ "do": "note", "on": "client", "text": "Звонили" })).await;
    call.case.voicemail = crate::office::sound("https://pbx.example/voicemail/1", Some(75));
    call.does(json!({ "do": "voicemail", "on": "deal", "text": "Сообщение" })).await;
    let house = w.server.house();
    assert_eq!(house.account.notes["contacts/7"][0]["params"]["text"], "Звонили");
    let text = &house.account.notes["leads/71"][0]["params"]["text"];
    assert_eq!(text, "Сообщение\nhttps://pbx.example/voicemail/1 (1:15)");
}

#[tokio::test]
async fn c01_what_needs_a_client_says_so() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    let why = call.refused(json!({ "do": "note", "on": "client", "text": "?" })).await;
    assert!(why.contains("C01"), "{why}");
}

#[tokio::test]
async fn e08_a_field_the_account_refuses_is_noted_and_the_contact_is_made() {
    let w = World::with(|config| config.create_fields = CreateFields::Known(true)).await;
    let mut call = w.call("c1", NEW).await;
    let mut contact = new_contact();
    contact["fields"] = json!({ "reserved": "42", "источник": "сайт" });
    call.does(contact).await;
    // Nobody may make fields here.
    let no = crate::request::Said::refused(403, "Forbidden");
    w.server.fault("POST /api/v4/leads/custom_fields", 1, crate::server::Wrong::Answer(no));
    let mut deal = new_deal();
    deal["fields"] = json!({ "utm_term": "окна" });
    call.does(deal).await;
    let house = w.server.house();
    let made = house.account.all("contacts").into_iter().next_back().unwrap();
    let source = house.account.fields["contacts"].last().unwrap();
    assert_eq!((&source["name"], source.get("code")), (&json!("источник"), None));
    assert_eq!(field(made, source["id"].as_i64().unwrap()), Some("сайт"));
    let told = |card: String| house.account.notes[&card][0]["params"]["text"].clone();
    assert_eq!(told(format!("contacts/{}", made["id"])), "reserved: 42");
    assert_eq!(told(format!("leads/{}", call.bound.deal.clone().unwrap())), "utm_term: окна");
}

#[tokio::test]
async fn a20_a_form_makes_no_fields_in_the_account() {
    for (create, names) in [
        (CreateFields::Known(true), vec!["utm_term", "source"]),
        (CreateFields::And(vec!["Roistat".into()]), vec!["roistat", "utm_term", "source"]),
        (CreateFields::Known(false), vec![]),
    ] {
        let w = World::with(|config| config.create_fields = create).await;
        let mut call = w.call("c1", OLGA).await;
        // `carry = ["*"]`, and a value that the rule writes out itself.
        for (name, value) in [("utm_term", "окна"), ("roistat", "1"), ("evil", "x")] {
            call.case.fields.insert(name.into(), value.into());
        }
        let mut fields = json!(call.case.fields);
        fields["source"] = json!("звонок");
        call.does(json!({ "do": "fields", "on": "client", "touch": "last", "fields": fields }))
            .await;
        let house = w.server.house();
        let made = house.account.fields["contacts"].iter().skip(1);
        let mut made: Vec<&str> = made.map(|field| field["name"].as_str().unwrap()).collect();
        made.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(made, names);
        let note = &house.account.notes["contacts/7"][0]["params"]["text"];
        assert!(note.as_str().unwrap().contains("evil: x"), "{note}");
    }
}

#[tokio::test]
async fn c05_a_task_on_the_newest_of_very_many_deals_is_seen() {
    let w = World::new().await;
    let deals: Vec<i64> = (1000..1120).collect();
    {
        let account = &mut w.server.house().account;
        account.add("contacts", contact(20, "Оптовик", 504142, NEW, &deals));
        for id in &deals {
            account.add("leads", lead(*id, "Партия", 504142, if *id == 1000 { 501 } else { 142 }));
        }
    }
    let mut call = w.call("c1", NEW).await;
    let mut on_newest = task("never");
    on_newest["on"] = json!("client");
    call.does(on_newest).await;
    w.server.house().account.tasks[0]["entity_type"] = json!("leads");
    w.server.house().account.tasks[0]["entity_id"] = json!(1119);
    let what = call.does(task("while_open")).await;
    assert!(what.starts_with("nothing: task"), "{what}");
}

#[tokio::test]
async fn c05_a_strangers_task_is_made_whatever_else_its_employee_has_to_do() {
    let w = World::new().await;
    w.call("c1", OLGA).await.does(task("never")).await;
    let mut call = w.call("c2", NEW).await;
    assert!(call.does(task("while_open")).await.starts_with("made task"));
    assert_eq!(w.server.house().account.tasks.len(), 2);
}
