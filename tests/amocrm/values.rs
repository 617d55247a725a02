//! Values of fields: each in the form its field takes, and what it does not take in a note.

use dozvon::crm::amocrm::CreateFields;
use serde_json::{Value, json};

use crate::office::{CLOSED, NEW, OLGA, World, new_contact, new_deal, new_unsorted};

/// Fields with a form of their own.
fn particular(w: &World) {
    let account = &mut w.server.house().account;
    let fields = [
        json!({ "id": 904, "name": "Город", "code": null, "type": "select",
            "enums": [{ "id": 1, "value": "Москва", "sort": 1 }, { "id": 2, "value": "Омск" }] }),
        json!({ "id": 905, "name": "Бюджет", "code": null, "type": "numeric", "enums": null }),
        json!({ "id": 906, "name": "Сайт", "code": null, "type": "url" }),
    ];
    for kind in ["leads", "contacts"] {
        account.fields.get_mut(kind).unwrap().extend(fields.clone());
    }
    account.fields.get_mut("contacts").unwrap().extend([
        json!({ "id": 3, "name": "Телефон", "code": "PHONE", "type": "multitext" }),
        json!({ "id": 4, "name": "Почта", "code": "EMAIL", "type": "multitext" }),
        json!({ "id": 903, "name": "Комментарий", "code": null, "type": "textarea" }),
    ]);
}

fn values(record: &Value, id: i64) -> Vec<Value> {
    let fields = record["custom_fields_values"].as_array().cloned().unwrap_or_default();
    let own = fields.into_iter().filter(|field| field["field_id"] == id);
    let values = own.flat_map(|field| field["values"].as_array().cloned().unwrap());
    values.map(|held| held["value"].clone()).collect()
}

fn notes(w: &World, card: &str) -> Vec<String> {
    let notes = w.server.house().account.notes.get(card).cloned().unwrap_or_default();
    notes.iter().map(|note| note["params"]["text"].as_str().unwrap().to_owned()).collect()
}

fn last(w: &World, kind: &'static str) -> Value {
    w.server.house().account.all(kind).into_iter().next_back().unwrap().clone()
}

#[tokio::test]
async fn e08_a_choice_a_sum_and_a_page_are_written_as_their_fields_take_them() {
    let w = World::new().await;
    particular(&w);
    let mut deal = new_deal();
    deal["fields"] =
        json!({ "город": " москва", "Бюджет": "12 000,5", "Сайт": "https://a.example" });
    w.call("c1", CLOSED).await.does(deal).await;
    let made = last(&w, "leads");
    assert_eq!(values(&made, 904), ["Москва"]);
    assert_eq!(values(&made, 905), [12000.5]);
    assert_eq!(values(&made, 906), ["https://a.example"]);
    assert_eq!(notes(&w, &format!("leads/{}", made["id"])), [""; 0]);
}

#[tokio::test]
async fn a20_a_value_its_field_does_not_take_stands_in_a_note_and_the_deal_is_made() {
    let w = World::new().await;
    particular(&w);
    let fields = json!({ "Город": "Тверь", "Бюджет": "много", "Сайт": "нет", "utm_source": "ya" });
    let mut deal = new_deal();
    deal["fields"] = fields.clone();
    for number in [CLOSED, NEW] {
        let mut call = w.call("c1", number).await;
        call.does(deal.clone()).await;
        let made = last(&w, "leads");
        assert_eq!(values(&made, 901), ["ya"]);
        let noted = notes(&w, &format!("leads/{}", made["id"]));
        assert_eq!(noted, ["Бюджет: много\nГород: Тверь\nСайт: нет"]);
    }
}

#[tokio::test]
async fn a20_a_value_only_the_account_knows_to_be_wrong_costs_no_deal_entry_contact_or_other_field()
{
    let evil = "<script>";
    let fields = json!({ "Комментарий": evil, "utm_source": "ya" });
    let told = [format!("Комментарий: {evil}")];
    for (number, mut action, kind) in [
        (CLOSED, new_deal(), "leads"),
        (NEW, new_deal(), "leads"),
        (NEW, new_unsorted("call"), "leads"),
        (NEW, new_unsorted("form"), "leads"),
        (NEW, new_contact(), "contacts"),
        (OLGA, json!({ "do": "fields", "on": "client", "touch": "last" }), "contacts"),
    ] {
        let w = World::new().await;
        particular(&w);
        action["fields"] = fields.clone();
        let mut call = w.call("c1", number).await;
        call.does(action.clone()).await;
        let made = match number {
            OLGA => w.server.house().account.record("contacts", 7).clone(),
            _ => last(&w, kind),
        };
        let source = if kind == "leads" { 901 } else { 911 };
        assert_eq!(values(&made, source), ["ya"], "{action}");
        let noted = notes_of_text(&w, &format!("{kind}/{}", made["id"]));
        assert_eq!(noted, told, "{action}");
        if kind == "contacts" {
            assert_eq!(values(&made, 3).len(), 1, "{action}: he keeps his number");
        }
    }
}

/// Without those of calls.
fn notes_of_text(w: &World, card: &str) -> Vec<String> {
    let notes = w.server.house().account.notes.get(card).cloned().unwrap_or_default();
    let texts = notes.iter().filter_map(|note| note["params"]["text"].as_str());
    texts.map(str::to_owned).collect()
}

#[tokio::test]
async fn a20_a_form_with_more_values_than_a_record_takes_loses_none() {
    let w = World::new().await;
    let mut fields = serde_json::Map::new();
    for n in 0..60 {
        let name = format!("поле {n:02}");
        let field = json!({ "id": 2000 + n, "name": name, "code": null, "type": "text" });
        w.server.house().account.fields.get_mut("leads").unwrap().push(field);
        fields.insert(name, json!("x"));
    }
    let mut deal = new_deal();
    deal["fields"] = fields.into();
    w.call("c1", NEW).await.does(deal).await;
    let made = last(&w, "leads");
    let written = made["custom_fields_values"].as_array().unwrap().len();
    let noted = notes(&w, &format!("leads/{}", made["id"]));
    assert_eq!(written + noted[0].lines().count(), 60);
    assert!((1..=40).contains(&written), "{written}");
}

#[tokio::test]
async fn e08_another_number_or_address_of_a_client_is_added_to_those_he_has() {
    let w = World::new().await;
    particular(&w);
    {
        let account = &mut w.server.house().account;
        let olga = account.records.get_mut("contacts").unwrap().get_mut(&7).unwrap();
        let mail = json!({ "field_id": 4, "field_code": "EMAIL",
            "values": [{ "value": "old@example.com", "enum_id": 9, "enum_code": "WORK" }] });
        olga["custom_fields_values"].as_array_mut().unwrap().push(mail);
    }
    let write = json!({ "do": "fields", "on": "client", "touch": "last",
        "fields": { "email": "new@example.com", "телефон": "+7 916 999-00-11" } });
    let mut call = w.call("c1", OLGA).await;
    call.does(write.clone()).await;
    let again = call.does(write).await;
    assert_eq!(again, "nothing: contact 7 has these values");
    let olga = w.server.house().account.record("contacts", 7).clone();
    assert_eq!(values(&olga, 4), ["old@example.com", "new@example.com"]);
    assert_eq!(values(&olga, 3).len(), 2);
    for number in [OLGA, "+79169990011"] {
        assert_eq!(w.find(number).await.unwrap().id.as_str(), "7", "{number}");
    }
}

#[tokio::test]
async fn a20_a_number_told_in_a_form_stands_beside_the_number_of_the_call() {
    let w = World::new().await;
    particular(&w);
    for (call, told, numbers) in [("c1", "8 916 555-00-01", 1), ("c2", "+79169990011", 2)] {
        let number = if numbers == 1 { NEW } else { "+79165550002" };
        let mut contact = new_contact();
        contact["fields"] = json!({ "phone": told });
        w.call(call, number).await.does(contact).await;
        assert_eq!(values(&last(&w, "contacts"), 3).len(), numbers, "{told}");
    }
}

#[tokio::test]
async fn e08_two_calls_that_miss_the_same_field_at_once_make_it_once() {
    let w = World::with(|config| config.create_fields = CreateFields::Known(true)).await;
    let action = json!({ "do": "fields", "on": "client", "touch": "last",
        "fields": { "источник": "звонок" } });
    let (mut one, mut other) = (w.call("c1", OLGA).await, w.call("c2", CLOSED).await);
    tokio::join!(one.does(action.clone()), other.does(action));
    let fields = w.server.house().account.fields["contacts"].clone();
    assert_eq!(fields.iter().filter(|field| field["name"] == "источник").count(), 1);
}

#[tokio::test]
async fn e08_a_field_on_the_second_page_of_them_is_found() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        let fields = account.fields.get_mut("contacts").unwrap();
        for n in 0..60 {
            fields.insert(0, json!({ "id": 3000 + n, "name": n.to_string(), "type": "text" }));
        }
    }
    let action = json!({ "do": "fields", "on": "client", "touch": "last",
        "fields": { "utm_source": "ya" } });
    assert_eq!(w.call("c1", OLGA).await.does(action).await, "1 fields of contact 7 written");
}
