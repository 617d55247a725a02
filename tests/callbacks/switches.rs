//! What is asked of FreeSWITCH before a leg is dialled: which node has room, who serves a queue.

use std::time::Duration;

use dozvon::config::Node;
use dozvon::core::campaign::order::{Ending, Order, Stage, Target};
use dozvon::core::staff::Presence as _;
use dozvon::sim::{FreeSwitch, Script};

use crate::house::{House, Life, NEW, OLGA, only, secs, tries, until};

/// A second FreeSWITCH of the same company.
fn second(house: &mut House) -> FreeSwitch {
    let switch = FreeSwitch::builder()
        .speed(20.0)
        .tick(Duration::ZERO)
        .control("127.0.0.1:0")
        .phone("102", Script::answers(secs(2)))
        .phone("103", Script::answers(secs(2)))
        .gateway("mobile")
        .phone(NEW, Script::answers(secs(2)))
        .recordings(house.folder())
        .start();
    let switch = house.block_on(switch).unwrap();
    let address = switch.control_address().unwrap().to_string();
    house.config.node.push(Node { name: "second".into(), address, ..Node::default() });
    switch
}

#[test]
fn the_node_with_room_is_chosen_and_both_sides_of_a_talk_are_on_it() {
    let mut house = House::new();
    let other = second(&mut house);
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)));
    let life = house.start();
    let first = life.begin(only("101", OLGA));
    life.stage(&first, Stage::Connected);
    assert_eq!((house.switch.channels(), other.channels()), (2, 0));
    let second = life.begin(only("102", NEW));
    life.stage(&second, Stage::Connected);
    assert_eq!((house.switch.channels(), other.channels()), (2, 2), "there is more room");
    for id in [&first, &second] {
        let view = life.view(id);
        assert_eq!(tries(&view).len(), 2, "{view:?}");
    }
}

#[test]
fn a_node_that_is_down_is_not_chosen_and_the_other_one_does() {
    let mut house = House::new();
    let other = second(&mut house);
    house.phone("101", Script::answers(secs(2)));
    house.phone("103", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)));
    house.phone(NEW, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let first = life.begin(only("101", OLGA));
    life.stage(&first, Stage::Connected);
    other.stop_control();
    let up = || {
        let states = life.app.as_ref().unwrap().nodes.states();
        states.iter().filter(|(_, state)| *state == dozvon::switch::control::LinkState::Up).count()
    };
    until("the second node is known to be gone", || up() == 1);
    let second = life.begin(only("103", NEW));
    life.over(&second, Ending::Talked);
    assert_eq!(other.channels(), 0);
}

fn knows_agents(life: &Life) {
    let presence = life.app.as_ref().unwrap().nodes.presence();
    until("the agents are known", || presence.queue(&"sales".into()).is_some());
}

/// The free agents of a queue: who talks is not rung, the others one after another.
#[test]
fn a15_a_queue_is_a_target_and_its_free_agents_are_rung() {
    let house = House::new();
    house.phone("103", Script::answers(secs(2)));
    house.phone(NEW, Script::answers(secs(2)).hangs_up_after(secs(10)));
    house.phone(OLGA, Script::answers(secs(2)));
    house.phone("101", Script::answers(secs(2)));
    house.switch.set_agent_status("102", "On Break");
    let life = house.start();
    knows_agents(&life);
    let talks = life.begin(only("101", OLGA));
    life.stage(&talks, Stage::Connected);
    let presence = life.app.as_ref().unwrap().nodes.presence();
    let line = dozvon::core::ids::Extension::parse("101").unwrap();
    until("101 is known to talk", || presence.busy(&line) == Some(true));
    let order = Order { targets: vec![Target::Queue("sales".into())], ..only("101", NEW) };
    let id = life.begin(order);
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["103 answered", "client answered"], "101 talks, 102 has a break");
}
