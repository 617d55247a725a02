//! `dozvon crm import`: what a file in order does.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Number, Staff, Status};
use dozvon::crm::Crm;
use dozvon::crm::builtin::import::{Format, Tally};
use dozvon::crm::builtin::load_sample;
use dozvon::crm::lazy::Lazy;
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use tokio_util::sync::CancellationToken;

use crate::World;

const CSV: &str = "\
kind,id,name,numbers,company,client,owner,groups,deputy,status,leave_until,online,created
employee,1,Анна,101|8 903 555-01-01,,,,sales|vip,2,on_leave,2026-12-31,no,
employee,2,Борис,line:1000002,,,,sales,,,,,
company,k1,\"Firm, Ltd\",+7 495 111 00 01,,,1,,,,,,2025-01-31
contact,c1,Olga,\"8 (916) 111-00-01 | +380501234567\",k1,,2,,,,,,2026-01-31 14:30
deal,d1,Окна,,,c1,1,,,open,,,2026-02-01T10:00:00+03:00
deal,d2,Двери,,,k1,,,,closed,,,2026-01-01
";

const ONE: Tally = Tally { new: 1, changed: 0, same: 0 };

async fn revision(w: &World) -> Option<i64> {
    w.crm.revision().await.unwrap()
}

#[tokio::test]
async fn a_csv_file_becomes_employees_clients_and_deals() {
    let w = World::new().await;
    let report = w.import(Format::Csv, CSV).await.unwrap();
    assert_eq!((report.employees.new, report.deals.new), (2, 2));
    assert_eq!((report.contacts, report.companies), (ONE, ONE));

    let staff = Staff::new(w.crm.employees().await.unwrap());
    let anna = staff.get(&"1".into()).unwrap();
    assert_eq!(anna.groups, ["sales", "vip"]);
    assert_eq!(anna.deputy, Some("2".into()));
    assert_eq!(anna.online, Some(false));
    let last = "2026-12-31".parse().unwrap();
    assert_eq!(anna.status, Status::OnLeave(Some(last)));
    assert!(matches!(&anna.numbers[1], Number::Outside(p) if p.e164() == "+79035550101"));
    let boris = staff.get(&"2".into()).unwrap();
    assert!(matches!(&boris.numbers[0], Number::Line(l) if l.as_str() == "1000002"));

    let olga = w.find("+380501234567").await.unwrap();
    assert_eq!(olga.display_name(), "Olga (Firm, Ltd)");
    assert_eq!(olga.deals.len(), 2);
    let deal = olga.open_deal().unwrap();
    assert_eq!(deal.created.to_string(), "2026-02-01T07:00:00Z");
}

#[tokio::test]
async fn semicolons_byte_order_mark_column_order_and_windows_line_ends_make_no_difference() {
    let w = World::new().await;
    w.import(Format::Csv, CSV).await.unwrap();
    let expected = w.find("+79161110001").await;
    let text = "\u{feff}Name;KIND;Id;numbers;client;owner;company;status;created\r\n\
        Анна;employee;1;101;;;;;\r\n\
        Борис;employee;2;;;;;;\r\n\
        Firm, Ltd;company;k1;;;1;;;31.01.2025\r\n\
        ;;;;;;;;\r\n\
        Olga;contact;c1;+79161110001;;2;k1;;31.01.2026 14:30\r\n\
        Окна;deal;d1;;c1;1;;open;2026-02-01T10:00:00+03:00\r\n\
        Двери;deal;d2;;k1;;;closed;2026-01-01\r\n";
    let other = World::new().await;
    other.import(Format::Csv, text).await.unwrap();
    assert_eq!(other.find("+79161110001").await, expected);
    assert!(expected.is_some());
}

#[tokio::test]
async fn the_same_file_again_changes_nothing() {
    let w = World::new().await;
    w.import(Format::Csv, CSV).await.unwrap();
    let before = revision(&w).await;
    let report = w.import(Format::Csv, CSV).await.unwrap();
    assert!(!report.changed_anything(), "{report}");
    assert_eq!((report.employees.same, report.deals.same), (2, 2));
    assert_eq!(revision(&w).await, before);
}

#[tokio::test]
async fn the_sample_can_be_loaded_at_every_start_and_is_seen_by_a_running_engine() {
    let w = World::new().await;
    let before = revision(&w).await;
    let report = load_sample(&w.store).await.unwrap();
    assert!(report.changed_anything());
    assert_ne!(revision(&w).await, before);
    assert!(!load_sample(&w.store).await.unwrap().changed_anything());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_at_the_same_time_go_one_after_another() {
    let w = World::new().await;
    let both = [(); 4].map(|()| w.import(Format::Csv, CSV));
    let reports = futures_util::future::try_join_all(both).await.unwrap();
    let new: usize = reports.iter().map(|report| report.employees.new).sum();
    let same: usize = reports.iter().map(|report| report.employees.same).sum();
    assert_eq!((new, same), (2, 6));
}

/// `dozvon crm import` beside `dozvon serve`: nobody restarts anything, or waits six hours.
#[tokio::test]
async fn a_running_engine_sees_the_import_of_another_process() {
    let w = World::new().await;
    let crm = Arc::new(Lazy::new(w.store.path().to_owned()));
    let config =
        DirectoryConfig { watch_interval: Duration::from_millis(10), ..DirectoryConfig::default() };
    let directory = Directory::new(crm, config, Arc::new(Metrics::new().unwrap()));
    let stop = CancellationToken::new();
    let running = tokio::spawn(directory.clone().run(stop.clone()));
    let phone = Phone::parse("+79161110001", Region::default()).unwrap();
    assert_eq!(directory.lookup(&phone).await.client(), None);
    while directory.state().employees.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    w.import(Format::Csv, CSV).await.unwrap();
    let seen = async {
        while directory.lookup(&phone).await.client().is_none()
            || directory.staff().get(&"1".into()).is_none()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await.unwrap();
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_changed_record_replaces_the_old_one_and_is_counted() {
    let w = World::new().await;
    w.import(Format::Csv, CSV).await.unwrap();
    let changed = CSV
        .replace("Olga,\"8 (916) 111-00-01 | ", "Ольга,\"")
        .replace("Борис,line:1000002", "Борис,102");
    let report = w.import(Format::Csv, &changed).await.unwrap();
    assert_eq!((report.contacts.changed, report.contacts.same), (1, 0));
    assert_eq!((report.employees.changed, report.employees.same), (1, 1));
    assert_eq!(w.find("+79161110001").await, None, "a number taken away");
    assert_eq!(w.find("+380501234567").await.unwrap().name, "Ольга");
}

#[tokio::test]
async fn a_client_without_created_keeps_the_time_of_his_first_import() {
    let w = World::new().await;
    let text = "[[contact]]\nid = 1\nname = \"A\"\nnumbers = 79161110001\n";
    assert_eq!(w.toml(text).await.contacts, ONE);
    let report = w.toml(text).await;
    assert_eq!((report.contacts.same, report.contacts.changed), (1, 0));
}

#[tokio::test]
async fn e14_who_is_gone_takes_no_part_and_his_line_is_free() {
    let w = World::new().await;
    w.toml("[[employee]]\nid = \"1\"\nname = \"A\"\nnumbers = [\"101\"]").await;
    w.toml(
        "[[employee]]\nid = \"1\"\nname = \"A\"\nnumbers = [\"101\"]\nstatus = \"gone\"\n\
         [[employee]]\nid = \"2\"\nname = \"B\"\nnumbers = [101]",
    )
    .await;
    let staff = Staff::new(w.crm.employees().await.unwrap());
    assert_eq!(staff.get(&"1".into()).unwrap().status, Status::Gone);
    let line = dozvon::core::ids::Extension::parse("101").unwrap();
    assert_eq!(staff.by_extension(&line).unwrap().name, "B");
}

#[tokio::test]
async fn the_report_is_a_table() {
    let w = World::new().await;
    let report = w.import(Format::Csv, CSV).await.unwrap();
    insta::assert_snapshot!(report, @r"
                    new  changed     same
    employees         2        0        0
    contacts          1        0        0
    companies         1        0        0
    deals             2        0        0
    ");
}
