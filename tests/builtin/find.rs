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

/// The newest entry is the one somebody keeps up; an owner of an older one does not outweigh it.
#[tokio::test]
async fn a05_without_open_deals_the_newest_contact() {
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
        NUMBER
        [[contact]]
        id = "c"
        name = "C"
        created = 2021-01-01
        owner = "1"
        NUMBER
        "#;
    assert_eq!(found(three).await, "b");
    let same_day = three.replace("2020", "2022").replace("2021", "2022");
    assert_eq!(found(&same_day).await, "c", "the last one entered");
}

const FIRM_AND_PERSON: &str = r#"
    [[company]]
    id = "firm"
    name = "Firm"
    owner = "1"
    created = 2026-02-01
    NUMBER
    [[contact]]
    id = "person"
    name = "Person"
    created = 2020-01-01
    NUMBER
    "#;

#[tokio::test]
async fn a04_contacts_come_before_companies() {
    assert_eq!(found(FIRM_AND_PERSON).await, "person");
    let both = ["firm", "person"].map(|client| {
        format!(
            "[[deal]]\nid = \"{client}\"\nname = \"D\"\nclient = \"{client}\"\n\
             created = 2026-01-{}\nstatus = \"open\"\n",
            if client == "firm" { "01" } else { "02" },
        )
    });
    let both = format!("{FIRM_AND_PERSON}{}{}", both[0], both[1]);
    assert_eq!(found(&both).await, "person", "though the firm's deal is older");
}

/// The open deal decides first of all: its owner is the one to ring (A05).
#[tokio::test]
async fn a05_a_company_with_an_open_deal_comes_before_a_contact_without() {
    let deal = "[[deal]]\nid = \"1\"\nname = \"the firm's\"\nclient = \"firm\"\n\
        created = 2026-01-01\nstatus = \"open\"\n";
    assert_eq!(found(&format!("{FIRM_AND_PERSON}{deal}")).await, "firm");
    let colleague =
        FIRM_AND_PERSON.replace("name = \"Person\"", "name = \"P\"\ncompany = \"firm\"");
    assert_eq!(found(&format!("{colleague}{deal}")).await, "person", "the deal is his as well");
}

#[tokio::test]
async fn a05_a_switchboard_of_a_company_with_several_contacts_says_whom_it_took() {
    let w = World::new().await;
    let people = r#"
        [[company]]
        id = "firm"
        name = "Firm"
        NUMBER
        [[contact]]
        id = "a"
        name = "A"
        company = "firm"
        created = 2020-01-01
        NUMBER
        [[contact]]
        id = "b"
        name = "B"
        company = "firm"
        created = 2021-01-01
        NUMBER
        "#;
    w.toml(&sharing(people)).await;
    let choice = async || w.find("+79161234567").await.unwrap().choice.unwrap();
    let says = "3 clients have this number; B (Firm) is taken: it is the newest";
    assert_eq!(choice().await, says);
    let deal = |id: &str, client: &str, day: &str| {
        format!(
            "[[deal]]\nid = \"{id}\"\nname = \"D\"\nclient = \"{client}\"\n\
             created = {day}\nstatus = \"open\"\n"
        )
    };
    w.toml(&deal("1", "a", "2026-03-01")).await;
    let says = "3 clients have this number; A (Firm) is taken: it has an open deal";
    assert_eq!(choice().await, says);
    w.toml(&deal("2", "b", "2026-02-01")).await;
    let says = "3 clients have this number; B (Firm) is taken: its open deal is the oldest (D03)";
    assert_eq!(choice().await, says);
    assert_eq!(w.find("+79161110001").await, None);
}

#[tokio::test]
async fn a_number_of_one_client_leaves_no_choice() {
    let w = sample().await;
    assert_eq!(w.find("+74951110001").await.unwrap().choice, None);
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
