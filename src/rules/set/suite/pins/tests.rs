use super::*;

const SET: &str = r#"
    schema = 1
    title = "t"
    why = "w"
    timezone = "Europe/Moscow"
    [settings]
    admin = { type = "employee", value = "101", why = "E14" }
    boss = { type = "employee", value = "101", why = "E07" }
    whose = { type = "who", value = ["$boss"], why = "E07" }
    by = { type = "due", value = { end_of_day = "19:00" }, why = "E07" }
    [[chapters]]
    id = "tasks"
    title = "t"
    [[chapters.rules]]
    id = "missed"
    title = "t"
    why = "w"
    when = { event = "missed", client = "known" }
    do = [{ do = "task", kind = "k", on = "client", text = "t", owner = "$whose", due = "$by" }]
    [[chapters.rules]]
    id = "otherwise"
    default = true
    do = []
"#;

fn run(set: &str, pins: &str, own: &str, owner: &str, due: &str) -> Vec<String> {
    let tests = format!(
        "{pins}\n[[tests]]\nname = \"n\"\n{own}\ncase = {{ event = \"missed\", client = {{ owner = \"102\" }} }}\n\
         rules = {{ tasks = \"missed\" }}\n\
         actions = [{{ do = \"task\", kind = \"k\", on = \"client\", text = \"t\", owner = \"{owner}\", due = \"{due}\" }}]\n"
    );
    let suite = Suite {
        name: "t".into(),
        set: ("t.toml".into(), set.into()),
        tests: Some(("t.test.toml".into(), tests)),
    };
    match suite.run() {
        Ok(report) => report.failures.iter().map(ToString::to_string).collect(),
        Err(error) => error.lines(),
    }
}

const PINS: &str = "timezone = \"Europe/Moscow\"\nsettings = { boss = \"103\", whose = [\"$boss\"], by = { end_of_day = \"19:00\" } }";
const DUE: &str = "2026-11-20T23:59:59+03:00";

#[test]
fn tests_go_by_the_values_of_their_file_whatever_the_head_says() {
    let head = SET.replace("Moscow", "Berlin").replace("19:00", "09:00");
    assert_eq!(run(&head, PINS, "", "103", DUE), [""; 0]);
    assert!(!run(&head, "", "", "103", DUE).is_empty());
}

#[test]
fn a_tests_own_value_comes_first_also_where_another_value_names_it() {
    let own = "settings = { boss = \"104\" }";
    assert_eq!(run(SET, PINS, own, "104", DUE), [""; 0]);
}

#[test]
fn a_setting_the_set_does_not_have_is_named_once() {
    let found =
        run(SET, "settings = { bos = \"103\" }", "settings = { boss = \"104\" }", "104", DUE);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.contains("t.test.toml:1") && one.contains("the set has no setting `bos`"), "{one}");
    assert!(one.contains("`boss`"), "{one}");
}
