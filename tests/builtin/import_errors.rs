//! `dozvon crm import`: a file that is not in order is refused whole, with every place named.

use dozvon::crm::builtin::import::{Format, ImportError, import};
use dozvon::crm::builtin::load_sample;

use crate::{World, refused};

#[tokio::test]
async fn every_problem_of_a_csv_file_is_told_at_once_with_its_line() {
    let w = World::new().await;
    let text = "\
kind,id,name,numbers,client,owner,deputy,status,online,created
employee,1,Анна,1o1|+7916,,,1,away,maybe,
contact,c1,,12345678901234567890,,2,,,,31/01/2026
deal,d1,Окна,,c9,,,,,
lead,x,Y,,,,,,,
contact,c1,Борис,,,,1,,,
contact,c2,\"Вера, Орлова\"
contact,,Глеб,+79161110001,,,,,,
";
    let problems = refused(w.import(Format::Csv, text).await);
    insta::assert_snapshot!(problems.join("\n"), @r#"
    clients.csv:2: `1o1` is no SIP line; write it like +79161234567, a SIP line like 101 or line:1234567
    clients.csv:2: `+7916`: the number has 4 digits; E.164 allows 7 to 15; write it like +79161234567, a SIP line like 101 or line:1234567
    clients.csv:2: he is his own deputy; name another employee
    clients.csv:2: `away` is no status of an employee; write active, on_leave or gone
    clients.csv:2: `maybe` says neither yes nor no; write yes or no, or nothing
    clients.csv:3: a contact without `name`; write a name; it is shown on the ringing phone
    clients.csv:3: `12345678901234567890`: the number has 20 digits; E.164 allows 7 to 15; write it like +79161234567
    clients.csv:3: `31/01/2026` is no time; write it like 2026-01-31 or 2026-01-31T14:30:00+03:00
    clients.csv:3: `owner` names `2`, but no employee has this id; write an id that stands in this file or was imported before
    clients.csv:4: a deal without `created`; write when the deal was made, like 2026-01-31: the oldest open deal decides
    clients.csv:4: a deal without `status`; write open or closed
    clients.csv:4: `client` names `c9`, but no contact or company has this id; write an id that stands in this file or was imported before
    clients.csv:5: `lead` is no kind of record; use one of: employee, contact, company, deal
    clients.csv:6: a contact has no `deputy`; leave this cell empty
    clients.csv:6: the id `c1` is taken by line 3; give each record an id of its own
    clients.csv:7: the row has 3 cells, the first row has 10; put text that holds the separator in double quotes, and leave empty cells empty
    clients.csv:8: a contact without `id`; give each record an id that stays the same
    "#);
}

#[tokio::test]
async fn every_problem_of_a_toml_file_is_told_at_once_with_its_line() {
    let w = World::new().await;
    let text = r#"
[[employee]]
id = "1"
name = "Анна"
number = ["101"]
status = "active"
leave_until = 2026-12-31

[[employee]]
id = "2"
name = ["Борис"]
numbers = ["101", "+79031234567"]

[[employee]]
id = "3"
name = "Вера"
numbers = ["101"]

[[clients]]
id = "4"

[contact]
id = "5"

[[deal]]
id = "d1"
name = "Окна"
client = "c1"
owner = "Анна"
created = 2026-01-31T25:00:00Z
status = "won"
"#;
    let syntax = refused(w.import(Format::Toml, text).await);
    assert_eq!(syntax.len(), 1, "{syntax:?}");
    assert!(syntax[0].starts_with("clients.toml:30: this is not TOML"), "{syntax:?}");

    let text = text.replace("2026-01-31T25:00:00Z", "\"yesterday\"");
    let problems = refused(w.import(Format::Toml, &text).await);
    insta::assert_snapshot!(problems.join("\n"), @r#"
    clients.toml:5: an employee has no `number`; did you mean `numbers`?
    clients.toml:7: the leave of an employee who is not on leave; write on_leave as his status, or leave it empty
    clients.toml:11: `name` is not a single value; write it like name = "…"
    clients.toml:19: `clients` is no kind of record; use one of: employee, contact, company, deal
    clients.toml:22: `contact` is not a list of tables; write [[contact]], in double brackets, above each contact
    clients.toml:28: `client` names `c1`, but no contact or company has this id; write an id that stands in this file or was imported before
    clients.toml:29: `owner` names `Анна`, but no employee has this id; write an id that stands in this file or was imported before
    clients.toml:30: `yesterday` is no time; write it like 2026-01-31 or 2026-01-31T14:30:00+03:00
    clients.toml:31: `won` is no status of a deal; write open or closed
    "#);
}

#[tokio::test]
async fn an_empty_field_is_a_missing_one() {
    let w = World::new().await;
    let text = "[[contact]]\nid = \"\"\nname = \" \"\nnumbers = [\"\"]\n";
    assert_eq!(
        refused(w.import(Format::Toml, text).await),
        [
            "clients.toml:1: a contact without `id`; give each record an id that stays the same",
            "clients.toml:1: a contact without `name`; write a name; it is shown on the ringing phone",
        ]
    );
}

#[tokio::test]
async fn nothing_is_half_imported() {
    let w = World::new().await;
    load_sample(&w.store).await.unwrap();
    let before = (w.rows("employee").await, w.rows("client").await, w.rows("deal").await);
    let text = "\
kind,id,name,numbers,owner
employee,201,Новый,201,
contact,n1,Хороший,+79162220001,201
contact,n2,Плохой,нет,201
";
    let problems = refused(w.import(Format::Csv, text).await);
    assert_eq!(problems.len(), 1);
    let after = (w.rows("employee").await, w.rows("client").await, w.rows("deal").await);
    assert_eq!(after, before);
    assert_eq!(w.find("+79162220001").await, None);
}

#[tokio::test]
async fn what_only_the_store_can_tell_is_told_with_the_line_too() {
    let w = World::new().await;
    load_sample(&w.store).await.unwrap();
    let text = "\
kind,id,name,numbers,company,owner
employee,201,Новый,+79035550105,,
contact,romashka,Ромашка,,,
contact,n1,Хороший,,c1,106
";
    let problems = refused(w.import(Format::Csv, text).await);
    insta::assert_snapshot!(problems.join("\n"), @r#"
    clients.csv:2: the number +7903***0105 is also that of employee `105`; leave it with one of the two
    clients.csv:3: the id `romashka` belongs to a company in the store; give this record another id
    clients.csv:4: `company` names `c1`, but no company has this id; write an id that stands in this file or was imported before
    "#);
}

#[tokio::test]
async fn a_header_that_cannot_be_understood_is_explained() {
    let w = World::new().await;
    for (text, says) in [
        ("", "clients.csv:1: the file is empty; begin with a row of column names: kind,id,name"),
        (
            "kind,id,name,phones,id\n",
            "clients.csv:1: there is no column `phones`; use one of: kind",
        ),
        ("kind,id,name,nubmers\n", "there is no column `nubmers`; did you mean `numbers`?"),
        ("kind,id,name,id\n", "clients.csv:1: the column `id` stands twice; keep one of them"),
        ("kind;name\n", "clients.csv:1: the column `id` is missing;"),
    ] {
        let problems = refused(w.import(Format::Csv, text).await).join("\n");
        assert!(problems.contains(says), "{problems}");
    }
}

#[tokio::test]
async fn an_open_quote_does_not_swallow_the_rest_of_the_file() {
    let w = World::new().await;
    let text = "kind,id,name\ncontact,1,\"Анна\ncontact,2,Борис\ncontact,3,Вера\n";
    let problems = refused(w.import(Format::Csv, text).await);
    assert_eq!(
        problems,
        ["clients.csv:2: a cell runs over several lines; close its double quote on the same line"]
    );
}

#[tokio::test]
async fn a_file_in_another_encoding_is_named_with_its_first_wrong_line() {
    let w = World::new().await;
    let mut bytes = b"kind,id,name\ncontact,1,Olga\ncontact,2,".to_vec();
    bytes.extend([0xce, 0xeb, 0xfc, 0xe3, 0xe0]);
    let result = import(
        &w.store,
        "clients.csv",
        Format::Csv,
        &bytes,
        dozvon::core::phone::Region::default(),
        jiff::Timestamp::now(),
    )
    .await;
    let problems = refused(result);
    assert_eq!(
        problems,
        ["clients.csv:3: the file is not in UTF-8; save it as UTF-8 (in Excel: \"CSV UTF-8\")"]
    );
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_such() {
    let w = World::new().await;
    w.store.pool().close().await;
    std::fs::remove_dir_all(w.folder.path()).unwrap();
    let result = w.import(Format::Csv, "kind,id,name\n").await;
    assert!(matches!(result, Err(ImportError::Store(_))), "{result:?}");
}

/// Files with random damage: never a panic, never half of it, and every line named exists.
#[test]
fn a_damaged_file_is_refused_in_order_or_imported() {
    use proptest::prelude::*;

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let w = runtime.block_on(World::new());
    let toml = include_str!("../../src/crm/builtin/sample.toml");
    let csv = "kind;id;name;numbers;client;owner;status;created\n\
        employee;1;Анна;101|+79035550101;;;active;\n\
        contact;c1;\"Ольга; Белова\";+79161110001;;1;;\n\
        deal;d1;Окна;;c1;1;open;2026-01-31\n";
    let damage =
        (any::<bool>(), any::<prop::sample::Index>(), 0..4_usize, "[\\PC\n\"=;,\\[\\]]{0,3}");
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&damage, |(is_toml, at, cut, put)| {
        let (format, text) = if is_toml { (Format::Toml, toml) } else { (Format::Csv, csv) };
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        chars.splice(at..(at + cut).min(text.chars().count()), put.chars());
        let damaged: String = chars.into_iter().collect();
        match runtime.block_on(w.import(format, &damaged)) {
            Ok(_) => {}
            Err(ImportError::Refused { problems, .. }) => {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(
                        (1..=damaged.lines().count()).contains(&problem.line),
                        "{problem}"
                    );
                }
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
        Ok(())
    });
    outcome.unwrap();
}
