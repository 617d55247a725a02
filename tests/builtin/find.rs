//! A04, A05, D03: who has a number, and whose client he is.

use std::sync::Arc;

use dozvon::core::staff::{Number, Staff, Status};
use dozvon::crm::Crm;
use dozvon::crm::builtin::load_sample;

use crate::World;

async fn sample() -> World {
    let w = World::new().await;
    load_sample(&w.store).await.unwrap();
    w
}

/// Owner of the open deal, else of the client, as A05 has it.
async fn owner(w: &World, number: &str) -> Option<String> {
    let client = w.find(number).await.unwrap();
    let deal = client.open_deal().and_then(|deal| deal.owner.clone());
    deal.or(client.owner).map(|id| id.to_string())
}

#[tokio::test]
async fn a05_each_sample_client_has_the_owner_the_demo_tells_of() {
    let w = sample().await;
    let mut owners = Vec::new();
    for last in 1..=7 {
        owners.push(owner(&w, &format!("+7916111000{last}")).await.unwrap());
    }
    assert_eq!(owners, ["101", "102", "103", "106", "104", "103", "105"]);
}

#[tokio::test]
async fn a05_closed_deals_are_known_but_do_not_decide() {
    let w = sample().await;
    let client = w.find("+79161110004").await.unwrap();
    assert_eq!(client.open_deal(), None);
    assert_eq!(client.deals.len(), 2);
    assert_eq!(client.owner.as_ref().map(|id| id.as_str()), Some("106"));
}

#[tokio::test]
async fn d03_the_oldest_open_deal_of_two() {
    let w = sample().await;
    let client = w.find("+79161110006").await.unwrap();
    let ids: Vec<_> = client.deals.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids, ["d6-old", "d6"]);
    assert_eq!(client.open_deal().map(|d| d.id.as_str()), Some("d6-old"));
}

#[tokio::test]
async fn a04_a_contacts_company_gives_its_name_deals_and_owner() {
    let w = sample().await;
    let client = w.find("+79161110017").await.unwrap();
    assert_eq!(client.display_name(), "Тимур Ахметов (ООО «Ромашка»)");
    assert_eq!(client.open_deal().map(|d| d.id.as_str()), Some("d7"));
    assert_eq!(client.owner.as_ref().map(|id| id.as_str()), Some("105"));
    let company = w.find("+79161110007").await.unwrap();
    assert_eq!(company.display_name(), "ООО «Ромашка»");
}

#[tokio::test]
async fn a04_every_number_of_a_client_leads_to_him_and_others_to_nobody() {
    let w = sample().await;
    assert_eq!(w.find("+74951110001").await, w.find("8 916 111-00-01").await);
    assert_eq!(w.find("+79161119999").await, None);
}

#[tokio::test]
async fn e14_the_sample_employees_as_the_demo_needs_them() {
    let w = sample().await;
    let staff = Staff::new(w.crm.employees().await.unwrap());
    let group: Vec<_> = staff.group("sales").iter().map(|e| e.id.to_string()).collect();
    assert_eq!(group, ["101", "102", "103", "104", "105", "106"]);
    let gleb = staff.get(&"104".into()).unwrap();
    assert_eq!(gleb.status, Status::OnLeave(None));
    assert_eq!(gleb.deputy, Some("101".into()));
    let dina = staff.get(&"105".into()).unwrap();
    assert!(matches!(
        dina.numbers.as_slice(),
        [Number::Line(line), Number::Outside(mobile)]
            if line.as_str() == "105" && mobile.e164() == "+79035550105"
    ));
}

/// One employee, and contacts `a`, `b` … with one number between them.
fn sharing(records: &str) -> String {
    format!("[[employee]]\nid = \"1\"\nname = \"One\"\n{records}")
        .replace("NUMBER", "numbers = [\"+79161234567\"]")
}

async fn found(records: &str) -> String {
    let w = World::new().await;
    w.toml(&sharing(records)).await;
    w.find("+79161234567").await.unwrap().id.to_string()
}

#[tokio::test]
async fn d03_of_two_contacts_with_one_number_the_one_with_the_oldest_open_deal() {
    let id = found(
        r#"
        [[contact]]
        id = "a"
        name = "A"
        owner = "1"
        created = 2020-01-01
        NUMBER
        [[contact]]
        id = "b"
        name = "B"
        NUMBER
        [[contact]]
        id = "c"
        name = "C"
        NUMBER
        [[deal]]
        id = "1"
        name = "closed, and oldest"
        client = "a"
        created = 2026-01-01
        status = "closed"
        [[deal]]
        id = "2"
        name = "younger"
        client = "b"
        created = 2026-03-01
        status = "open"
        [[deal]]
        id = "3"
        name = "older"
        client = "c"
        created = 2026-02-01
        status = "open"
        "#,
    )
    .await;
    assert_eq!(id, "c");
}

#[tokio::test]
async fn a05_without_open_deals_the_contact_with_an_owner_then_the_oldest() {
    let three = r#"
        [[contact]]
        id = "a"
        name = "A"
        created = 2020-01-01
        NUMBER
        [[contact]]
        id = "b"
        name = "B"
        created = 2022-01-01
        owner = "1"
        NUMBER
        [[contact]]
        id = "c"
        name = "C"
        created = 2021-01-01
        owner = "1"
        NUMBER
        "#;
    assert_eq!(found(three).await, "c");
    assert_eq!(found(&three.replace("owner = \"1\"", "")).await, "a");
}

#[tokio::test]
async fn a04_contacts_come_before_companies() {
    let id = found(
        r#"
        [[company]]
        id = "firm"
        name = "Firm"
        owner = "1"
        created = 2020-01-01
        NUMBER
        [[deal]]
        id = "1"
        name = "the firm's"
        client = "firm"
        created = 2026-01-01
        status = "open"
        [[contact]]
        id = "person"
        name = "Person"
        NUMBER
        "#,
    )
    .await;
    assert_eq!(id, "person");
}

/// An import is one transaction: look-ups meanwhile neither wait nor see half of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookups_go_on_while_an_import_runs_and_see_all_of_it_or_nothing() {
    let w = Arc::new(World::new().await);
    let mut file = String::from("kind,id,name,numbers\n");
    for n in 0..2000 {
        file += &format!("contact,c{n},Client {n},+7916200{n:04}\n");
    }
    let importing = tokio::spawn({
        let w = w.clone();
        async move { w.import(dozvon::crm::builtin::import::Format::Csv, &file).await }
    });
    let (mut before, mut after) = (0, 0);
    while after < 20 {
        let first = w.find("+79162000000").await.is_some();
        let last = w.find("+79162001999").await.is_some();
        assert!(last || !first, "the first was seen without the last");
        if first {
            after += 1;
        } else {
            before += 1;
            tokio::task::yield_now().await;
        }
    }
    assert!(before > 0, "the import was over before the first look-up");
    assert_eq!(importing.await.unwrap().unwrap().contacts.new, 2000);
}
