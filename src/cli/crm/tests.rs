use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    crm: CrmArgs,
}

async fn run(store: &Path, args: &[&str]) -> Result<(), String> {
    let cli = Cli::try_parse_from([&["crm"], args].concat()).map_err(|e| e.to_string())?;
    let mut config = Config::default();
    config.store.path = store.to_owned();
    cli.crm.run(&config).await.map_err(|report| {
        let help = report.help().map(|help| help.to_string());
        format!("{report}; {}", help.unwrap_or_default())
    })
}

#[tokio::test]
async fn a_file_is_imported_or_refused_whole_and_the_reason_is_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    let file = folder.path().join("clients.CSV");
    let name = file.to_str().unwrap();
    std::fs::write(&file, "kind,id,name,numbers\nemployee,1,A,101\ncontact,1,B,oops\n").unwrap();
    let error = run(&store, &["import", name]).await.unwrap_err();
    assert!(error.contains("nothing was imported"), "{error}");
    assert!(error.contains("1 place to correct"), "{error}");

    std::fs::write(&file, "kind,id,name,numbers\nemployee,1,A,101\ncontact,1,B,\n").unwrap();
    for _ in 0..2 {
        assert_eq!(run(&store, &["import", name]).await, Ok(()));
    }
    assert_eq!(run(&store, &["list"]).await, Ok(()));
    let crm = Builtin::new(Store::open(&store).await.unwrap());
    let employees = crm.employees().await.unwrap();
    assert_eq!(employees.len(), 1);
    assert_eq!(line(&employees[0]).split_whitespace().last(), Some("active"));
    assert_eq!(crm.counts().await.unwrap().contacts, 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named_with_what_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    for (args, says) in [
        (&["import", "clients.xlsx"][..], "name the file by what is in it"),
        (&["import", "nowhere.toml"], "nowhere.toml cannot be read"),
        (&["import", "a.csv", "--region", "Russia"], "write two letters"),
    ] {
        let error = run(&store, args).await.unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    assert!(!store.exists(), "a mistake in the arguments makes no store");
}

#[tokio::test]
async fn who_only_looks_makes_no_store_and_is_told_that_there_is_none() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    for args in [
        &["list"][..],
        &["list", "deals", "--json"],
        &["show", "deal", "d1"],
        &["accept", "1", "--owner", "101"],
        &["decline", "1"],
        &["close-deal", "d1"],
        &["done", "1"],
        &["read", "1"],
        &["delete", "contact", "c1"],
        &["deactivate", "c1"],
    ] {
        let error = run(&store, args).await.unwrap_err();
        assert!(error.contains("there is no store"), "{error}");
        assert!(error.contains("dozvon crm import"), "{error}");
        assert!(!store.exists(), "{args:?}");
    }
}

#[tokio::test]
async fn a_record_that_is_not_there_and_a_wrong_number_are_told_with_what_to_do() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    crate::crm::builtin::load_sample(&Store::open(&store).await.unwrap()).await.unwrap();
    for (args, says) in [
        (&["show", "deal", "x\u{1b}[2J"][..], "`x [2J`; `dozvon crm list deals` shows them"),
        (&["show", "call", "1"], "there is no call `1`"),
        (&["list", "calls", "--number", "x"], "write it like +79161234567"),
        (&["close-deal", "d4"], "there is no open deal `d4`"),
        (&["read", "7"], "there is no unread notification 7"),
        (&["list", "--number", "+79161110001"], "<WHAT>"),
    ] {
        let error = run(&store, args).await.unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    for (args, again) in [
        (&["close-deal", "d1", "--lost"][..], "there is no open deal"),
        (&["delete", "contact", "c1"], "there is no contact"),
        (&["deactivate", "c2"], "there is no active contact"),
    ] {
        assert_eq!(run(&store, args).await, Ok(()));
        assert!(run(&store, args).await.unwrap_err().contains(again));
    }
    for what in ["contacts", "deals", "unsorted", "calls", "tasks", "notifications", "notes"] {
        assert_eq!(run(&store, &["list", what]).await, Ok(()));
        assert_eq!(run(&store, &["list", what, "--json", "--limit", "1"]).await, Ok(()));
    }
}
