//! Callbacks and sites in `routing.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::core::campaign::order::{GroupOrder, Kind, Prompt, Target};
use crate::core::ids::{Extension, QueueName};
use crate::core::phone::{Phone, Region};
use crate::core::staff::Number;
use crate::rules::model::Form;

const SHOP: &str = r#"
[callbacks]
retry = "20s"
press = "1"
hours = { mon-fri = "08:00-22:00", sat-sun = "09:00-20:00" }
zones = { "+7" = "Europe/Samara", "+7383" = "Asia/Novosibirsk" }
[callbacks.missed]
lines = ["main"]
delay = "2m"
targets = ["owner"]
[sites.shop]
key = "shop"
origins = ["https://shop.example", "http://localhost:8000"]
line = "main"
targets = ["owner", { group = "sales", order = "longest_idle" }, { employee = "101" }, { queue = "sales" }]
departments = { Service = [{ group = "service" }] }
countries = ["RU"]
honeypot = "website"
ring = "12s"
press = ""
prompt = { say = "A form" }
"#;

fn rules(more: &str) -> Routing {
    Routing::parse("r.toml", &(changed("", "") + more)).unwrap()
}

/// What is said of `SHOP` with `change` in place of `what`.
fn said(what: &str, change: &str) -> String {
    assert!(SHOP.contains(what), "{what}");
    lines(&(changed("", "") + &SHOP.replace(what, change))).join("\n")
}

fn staff() -> Staff {
    Staff::new([Employee {
        id: "anna".into(),
        name: "Анна".into(),
        numbers: vec![Number::Line(Extension::parse("101").unwrap())],
        groups: vec!["sales".into()],
        deputy: None,
        status: Status::Active,
        online: None,
    }])
}

fn form(phone: &str, department: Option<&str>) -> Form {
    Form {
        phone: Phone::parse(phone, Region::default()).unwrap(),
        name: Some("Иван".into()),
        comment: None,
        department: department.map(str::to_owned),
        fields: BTreeMap::from([("utm_source".into(), "yandex".into())]),
        wanted: None,
        timezone: None,
    }
}

#[test]
fn a15_targets_follow_the_site_and_the_department_and_an_employee_is_found_by_extension() {
    let rules = rules(SHOP);
    let site = rules.site("shop").unwrap();
    let order = site.order(form("+79161234567", None), &staff());
    assert_eq!(
        order.targets,
        [
            Target::Owner,
            Target::Group { name: "sales".into(), order: GroupOrder::LongestIdle },
            Target::Employee("anna".into()),
            Target::Queue(QueueName::new("sales")),
        ]
    );
    let service = [Target::Group { name: "service".into(), order: GroupOrder::Together }];
    for written in ["Service", "service", "SERVICE"] {
        assert_eq!(site.order(form("+79161234567", Some(written)), &staff()).targets, service);
    }
    let unknown = site.order(form("+79161234567", Some("Отдел")), &staff());
    assert_eq!((unknown.targets, unknown.department), (order.targets, Some("Отдел".into())));
    assert!(rules.site("other").is_none());
}

#[test]
fn a18_a_site_says_otherwise_than_all_and_what_it_leaves_out_is_as_for_all() {
    let rules = rules(SHOP);
    let policy = &rules.site("shop").unwrap().policy;
    assert_eq!(policy.retry, Duration::from_secs(20));
    assert_eq!(policy.give_up, Duration::from_secs(600));
    assert_eq!(policy.ring, Duration::from_secs(12));
    assert_eq!((policy.key, &policy.prompt), (None, &Prompt::Say("A form".into())));
    assert_eq!(rules.callbacks().policy.key, Some('1'));
    let missed = rules.missed(Some("main")).unwrap();
    assert_eq!((missed.policy.delay, missed.policy.key), (Duration::from_secs(120), Some('1')));
    assert!(rules.missed(None).is_none());
    let order = missed.order(form("+79161234567", None).phone, Some("main"), &staff());
    assert_eq!((order.kind, order.line.as_deref()), (Kind::MissedCall, Some("main")));
}

#[test]
fn the_law_goes_by_the_clients_clock_the_company_by_its_own() {
    let rules = rules(SHOP);
    let site = rules.site("shop").unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let zone = |phone: &str, told: Option<&str>| {
        let order =
            site.order(Form { timezone: told.map(str::to_owned), ..form(phone, None) }, &staff());
        rules.legal(&order).unwrap().zone.iana_name().map(str::to_owned).unwrap()
    };
    assert_eq!(zone("+73832223344", None), "Asia/Novosibirsk", "the longest beginning counts");
    assert_eq!(zone("+79161234567", None), "Europe/Samara");
    assert_eq!(zone("+375291234567", None), "Europe/Moscow", "the file's own");
    assert_eq!(zone("+73832223344", Some("Asia/Vladivostok")), "Asia/Vladivostok");
    assert_eq!(zone("+73832223344", Some("Mars/Olympus")), "Asia/Novosibirsk");

    let order = site.order(form("+73832223344", None), &staff());
    let legal = rules.legal(&order).unwrap();
    // A Friday, 18:30 in Moscow is 22:30 in Novosibirsk.
    assert!(!legal.state(at("2026-11-20T18:30:00+03:00")).open);
    assert_eq!(legal.opens(at("2026-11-20T18:30:00+03:00")), Some(at("2026-11-21T09:00:00+07:00")));
    let working = rules.working(&order).unwrap();
    assert!(working.state(at("2026-11-20T18:30:00+03:00")).open, "the line's calendar");
}

#[test]
fn e11_the_button_shows_the_lines_number_else_the_configured_one_and_knows_no_hours() {
    let text = changed("calendar = \"office\"", "caller_id = \"+74951111111\"")
        + "[lines.spare]\nnumbers = [\"+74952222222\"]\nroute = \"sales\"\n\
           [outbound]\ncaller_id = \"+74953333333\"\nring = \"33s\"\n"
        + SHOP;
    let rules = Routing::parse("r.toml", &text).unwrap();
    let shown = |line| rules.caller_id(line).map(Phone::e164);
    assert_eq!(shown(Some("main")), Some("+74951111111"));
    assert_eq!(shown(Some("spare")), Some("+74953333333"));
    assert_eq!(shown(None), Some("+74953333333"));
    let staff = staff();
    let anna = staff.named("101").unwrap();
    let order = rules.click(anna, form("+79161234567", None).phone, Some("main"));
    assert_eq!(order.targets, [Target::Employee("anna".into())]);
    assert_eq!((order.kind, order.policy.client_tries), (Kind::Click, 1));
    assert_eq!(order.policy.client_ring, Duration::from_secs(33));
    assert!(rules.legal(&order).is_none() && rules.working(&order).is_none());
}

#[test]
fn e13_a_form_without_a_call_has_nobody_to_ring() {
    let rules = rules("[sites.letters]\nkey = \"letters\"\ncall = false\n");
    let site = rules.site("letters").unwrap();
    assert_eq!(site.order(form("+79161234567", None), &staff()).targets, []);
    let text = "[sites.letters]\nkey = \"letters\"\ncall = false\ntargets = [\"owner\"]\n";
    insta::assert_snapshot!("site_without_call", lines(&(changed("", "") + text)).join("\n"));
}

#[test]
fn every_mistake_of_a_site_is_named_with_its_place() {
    let twice = "[sites.shop]\nkey = \"shop\"\ncall = false\n[sites.again]";
    let out = [
        said("key = \"shop\"", ""),
        said("key = \"shop\"", "key = \"the shop\""),
        said("key = \"shop\"", "key = \"shop\"\ntarget = 5"),
        said(
            "\"https://shop.example\"",
            "\"https://shop.example/\", \"shop.example\", \"https://x:443\", \"HTTPS://X\"",
        ),
        said("line = \"main\"", "line = \"mian\""),
        said("line = \"main\"", "line = \"main\"\ncalendar = \"ofice\""),
        said("countries = [\"RU\"]", "countries = [\"Russia\"]"),
        said("honeypot = \"website\"", "honeypot = \"name\""),
        said("honeypot = \"website\"", "honeypot = \"Web site\""),
        said("honeypot = \"website\"", "per_phone = 0\nper_address = \"many\""),
        said("Service = [", "service = [\"owner\"], Service = ["),
        said("[sites.shop]", twice),
    ];
    insta::assert_snapshot!("site_mistakes", out.join("\n\n"));
}

#[test]
fn every_mistake_of_a_target_is_named_with_its_place() {
    let targets = |text: &str| {
        let whole = "[\"owner\", { group = \"sales\", order = \"longest_idle\" }, { employee = \"101\" }, { queue = \"sales\" }]";
        said(whole, text)
    };
    let out = [
        targets("[]"),
        targets("\"owner\""),
        targets("[\"onwer\", 5, {}, { grup = \"sales\" }]"),
        targets("[{ group = \"a\", queue = \"a\" }, { employee = \"\" }, { queue = \"a b\" }]"),
        targets(
            "[{ group = \"a\", order = \"inturn\" }, { employee = \"101\", order = \"in_turn\" }]",
        ),
        targets("[\"owner\", \"owner\"]"),
    ];
    insta::assert_snapshot!("target_mistakes", out.join("\n\n"));
}

#[test]
fn every_mistake_of_the_callbacks_is_named_with_its_place() {
    let out = [
        said("retry = \"20s\"", "retry = 20\nring = \"5m\"\nclient_tries = 0\ntries = 3"),
        said("retry = \"20s\"", "retry = \"10m\""),
        said("press = \"1\"", "press = \"12\"\nprompt = \"ton\""),
        said("press = \"1\"", "prompt = { file = \"a\", say = \"b\" }"),
        said("{ mon-fri = \"08:00-22:00\", sat-sun = \"09:00-20:00\" }", "{}"),
        said("\"+7383\" = \"Asia/Novosibirsk\"", "7383 = \"Asia/Novosibirks\""),
        said("lines = [\"main\"]\n", "lines = [\"mian\"]\ncalendar = \"ofice\"\n"),
        said("delay = \"2m\"\ntargets = [\"owner\"]", "delay = \"2m\""),
    ];
    insta::assert_snapshot!("callbacks_mistakes", out.join("\n\n"));
}

#[test]
fn a_target_that_names_nobody_is_named_when_the_staff_is_known() {
    let found: Vec<_> = rules(SHOP).check_staff(&staff()).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("target_names_nobody", found.join("\n"));
    assert!(crate::cli::check::render(&rules(SHOP), None, true).contains("1 route, 1 site; hash"));
}
