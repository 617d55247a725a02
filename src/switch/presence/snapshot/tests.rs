use super::*;

fn line(text: &str) -> Option<Extension> {
    Extension::parse(text).ok()
}

/// The row is that of transcript 07d; the second one has a presence id.
#[test]
fn channels_are_read_as_freeswitch_writes_them() {
    let mut snapshot = Snapshot::default();
    snapshot.read_channels(
        r#"{"row_count":2,"rows":[{"uuid":"07f6f53e","direction":"inbound","name":"sofia/internal/79161234567@127.0.0.1:5101","dest":"9002","presence_id":"","callstate":"ACTIVE"},{"uuid":"b","direction":"outbound","name":"sofia/internal/101@127.0.0.1:6101","dest":"101","presence_id":"101@127.0.0.1"}]}"#,
    );
    let channels = snapshot.channels.unwrap();
    assert_eq!(channels[0], ("07f6f53e".into(), line("79161234567")));
    assert_eq!(channels[1], ("b".into(), line("101")));
}

#[test]
fn no_row_is_an_empty_table_and_an_error_is_none() {
    let mut snapshot = Snapshot::default();
    snapshot.read_channels(r#"{"row_count": 0}"#);
    snapshot.read_registrations("-ERR SQL disabled, no data available!\n");
    assert_eq!(snapshot.channels.as_deref(), Some(&[][..]));
    assert_eq!(snapshot.unreadable().collect::<Vec<_>>(), ["show registrations"]);
}

#[test]
fn agents_are_read_by_the_names_of_the_columns() {
    let mut snapshot = Snapshot::default();
    snapshot.read_agents("name|instance_id|uuid|type|contact|status|state|max_no_answer\nagent1|single_box||callback|[leg_timeout=10]user/107|user/108|Available|Waiting|3\n+OK\n");
    let agents = snapshot.agents.take().unwrap();
    assert_eq!(agents.len(), 1);
    assert_eq!(agents["agent1"].status, "Available");
    assert_eq!(agents["agent1"].state, "Waiting");
    assert_eq!(agents["agent1"].line, line("108"));
    snapshot.read_agents("-ERR callcenter_config Command not found!\n");
    assert!(snapshot.agents.is_none());
}
