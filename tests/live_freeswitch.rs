//! Scenarios on a real FreeSWITCH with the files of `freeswitch-conf/`. Skipped, with the reason, where none is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use house::freeswitch::{Control, free_port};
use house::sip::Behaviour;
use house::{A_WHILE, AT_ONCE, House, SOON};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The test as engine: takes one call over and does nothing by itself.
struct Engine(TcpListener);

impl Engine {
    async fn open() -> (Self, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        (Self(listener), address)
    }

    /// The next call FreeSWITCH hands over: its connection and its channel data.
    async fn take(&self) -> (Control, String) {
        let (stream, _) = self.0.accept().await.expect("FreeSWITCH connects");
        let mut control = Control::from(stream);
        let data = control.send("connect").await.expect("channel data");
        (control, data)
    }
}

/// Runs an application on the call, after those sent before it.
async fn run(control: &mut Control, application: &str, argument: &str) {
    let command = format!(
        "sendmsg\ncall-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {argument}\nevent-lock: true"
    );
    let reply = control.send(&command).await.expect("FreeSWITCH answers");
    assert!(reply.contains("+OK"), "{reply}");
}

#[tokio::test]
async fn our_configuration_loads_without_a_warning() {
    let Some(house) = House::build("127.0.0.1:9").await else {
        return;
    };
    let queues = house.freeswitch.api("callcenter_config queue list").await;
    assert!(queues.contains("\nsales|"), "{queues}");
    let tiers = house.freeswitch.api("callcenter_config tier list").await;
    assert_eq!(tiers.matches("sales|10").count(), 4, "{tiers}");
    let name = house.freeswitch.api("user_data 103@127.0.0.1 var effective_caller_id_name").await;
    assert_eq!(name.trim(), "Вера Орлова");
    let status = house.freeswitch.api("sofia status gateway mobile").await;
    assert!(status.contains("NOREG"), "{status}");
    house.freeswitch.api("reloadxml").await;
    let ours = ["dozvon", "callcenter", "event_socket", "fifo", "dialplan", "XML", "acl"];
    let complaints = house.freeswitch.complaints();
    let about_ours: Vec<_> =
        complaints.iter().filter(|line| ours.iter().any(|word| line.contains(word))).collect();
    assert!(about_ours.is_empty(), "{about_ours:#?}");
}

/// No engine listens: the plain queue takes the call.
#[tokio::test]
async fn no_engine_so_the_plain_queue_takes_the_call() {
    let nobody = free_port().await.to_string();
    let Some(house) = House::build(&nobody).await else {
        return;
    };
    house.only_agent(102).await;
    house.phone(102).behave(AT_ONCE);
    let call = house.call_in().await;
    let agent = house.phone(102).next_call(SOON).await.expect("the agent rings");
    assert!(call.is_answered(SOON).await);
    assert!(agent.is_answered(SOON).await);
    call.hang_up().await;
    assert!(agent.ended(SOON).await.expect("it ends").by_other);
    house.ends_empty().await;
}

/// Two engines: the first is not there, the second gets the call, and sees what the dialplan says of it.
#[tokio::test]
async fn the_second_engine_takes_over_when_the_first_is_gone() {
    let (engine, address) = Engine::open().await;
    let gone = free_port().await;
    let Some(house) = House::build(&format!("{gone}|{address}")).await else {
        return;
    };
    let call = house.call_in().await;
    let (mut control, data) = engine.take().await;
    for line in [
        "Socket-Mode: async",
        "Control: full",
        "variable_dozvon_direction: inbound",
        "variable_socket_resume: true",
        "variable_hangup_after_bridge: true",
        "variable_force_transfer_context: dozvon",
        "Caller-Destination-Number: 74951234567",
    ] {
        assert!(data.contains(line), "{line} is missing in\n{data}");
    }
    assert!(data.contains("dozvon_record_path"), "{data}");
    let id = data.lines().find_map(|line| line.strip_prefix("Unique-ID: ")).expect("an id");
    let look = house.freeswitch.api(&format!("uuid_dump {id}")).await;
    assert!(look.starts_with("Event-Name: CHANNEL_DATA\n"), "values without brackets: {look}");
    run(&mut control, "hangup", "USER_BUSY").await;
    assert_eq!(call.ended(SOON).await.expect("it ends").code, Some(486));
    house.ends_empty().await;
}

/// Pitfall 12: the engine dies before it has the call. It must not stay parked in silence.
#[tokio::test]
async fn an_engine_that_dies_at_connect_leaves_the_call_to_the_queue() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.only_agent(101).await;
    house.phone(101).behave(AT_ONCE);
    for connects in [false, true] {
        let call = house.call_in().await;
        if connects {
            drop(engine.take().await);
        } else {
            drop(engine.0.accept().await.expect("FreeSWITCH connects"));
        }
        assert!(call.is_answered(SOON).await, "connects: {connects}");
        assert!(house.phone(101).next_call(SOON).await.is_some());
        call.hang_up().await;
        house.ends_empty().await;
        // The agent's rest after a call.
        house.freeswitch.api("callcenter_config agent set wrap_up_time 101 0").await;
    }
}

/// The engine dies while the owner rings: he goes on ringing, and may answer.
#[tokio::test]
async fn an_engine_that_dies_while_the_owner_rings_disturbs_nothing() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    let call = house.call_in().await;
    let (mut control, _) = engine.take().await;
    run(&mut control, "set", "socket_resume=false").await;
    run(&mut control, "bridge", "user/101@127.0.0.1").await;
    let owner = house.phone(101).next_call(SOON).await.expect("the owner rings");
    owner.ring().await;
    assert!(call.rings(SOON).await);
    drop(control);
    assert_eq!(owner.ended(A_WHILE).await, None, "he still rings");
    owner.answer().await;
    assert!(call.is_answered(SOON).await);
    // The caller hears 200 a moment before the two are bridged; it is the talk that must last.
    assert_eq!(call.ended(A_WHILE).await, None, "they talk");
    owner.hang_up().await;
    assert!(call.ended(SOON).await.expect("the caller is not queued").by_other);
    house.ends_empty().await;
}

/// The engine dies while the owner rings, and he does not answer: the plain queue.
#[tokio::test]
async fn an_engine_that_dies_while_a_silent_owner_rings_leaves_the_call_to_the_queue() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.only_agent(102).await;
    house.phone(102).behave(AT_ONCE);
    let call = house.call_in().await;
    let (mut control, _) = engine.take().await;
    run(&mut control, "set", "socket_resume=false").await;
    run(&mut control, "bridge", "[leg_timeout=2]user/101@127.0.0.1").await;
    let owner = house.phone(101).next_call(SOON).await.expect("the owner rings");
    owner.ring().await;
    drop(control);
    let agent = house.phone(102).next_call(SOON).await.expect("the agent rings");
    assert!(call.is_answered(SOON).await);
    assert!(owner.ended(SOON).await.expect("he rang in vain").by_other);
    agent.ended(A_WHILE).await;
    call.hang_up().await;
    house.ends_empty().await;
}

/// The engine dies in a talk: the talk goes on, and its end is the end of the call.
#[tokio::test]
async fn an_engine_that_dies_in_a_talk_does_not_cut_it() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.phone(101).behave(AT_ONCE);
    for caller_ends in [true, false] {
        let call = house.call_in().await;
        let (mut control, _) = engine.take().await;
        run(&mut control, "set", "socket_resume=false").await;
        run(&mut control, "bridge", "user/101@127.0.0.1").await;
        let owner = house.phone(101).next_call(SOON).await.expect("the owner rings");
        assert!(call.is_answered(SOON).await);
        drop(control);
        assert_eq!(call.ended(A_WHILE).await, None, "the talk goes on");
        assert_eq!(owner.ended(Duration::ZERO).await, None, "the talk goes on");
        let (one, other) = if caller_ends { (&call, &owner) } else { (&owner, &call) };
        one.hang_up().await;
        assert!(other.ended(SOON).await.expect("both end").by_other);
        house.ends_empty().await;
    }
}

/// The engine dies while the caller waits in the queue: he keeps his place.
#[tokio::test]
async fn an_engine_that_dies_while_the_caller_waits_leaves_him_in_the_queue() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.only_agent(101).await;
    let call = house.call_in().await;
    let (mut control, _) = engine.take().await;
    run(&mut control, "set", "socket_resume=false").await;
    run(&mut control, "answer", "").await;
    run(&mut control, "callcenter", "sales").await;
    let agent = house.phone(101).next_call(SOON).await.expect("the agent rings");
    agent.ring().await;
    drop(control);
    assert_eq!(agent.ended(A_WHILE).await, None, "he still rings");
    agent.answer().await;
    assert_eq!(agent.ended(A_WHILE).await, None, "they talk");
    agent.hang_up().await;
    assert!(call.ended(SOON).await.expect("the caller is not queued again").by_other);
    house.ends_empty().await;
}

/// An employee's phone transfers the client blindly: the engine gets the same call a second time, in our context.
#[tokio::test]
async fn a_blind_transfer_comes_back_to_the_engine() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.phone(101).behave(AT_ONCE);
    house.phone(103).behave(AT_ONCE);
    let call = house.call_in().await;
    let (mut first, before) = engine.take().await;
    run(&mut first, "set", "socket_resume=false").await;
    run(&mut first, "bridge", "user/101@127.0.0.1").await;
    let owner = house.phone(101).next_call(SOON).await.expect("the owner rings");
    assert!(call.is_answered(SOON).await);
    owner.transfer("103").await;
    let (mut second, after) = engine.take().await;
    let id = |data: &str| {
        let line = data.lines().find(|line| line.starts_with("Unique-ID: "));
        line.map(str::to_owned).expect("an id")
    };
    assert_eq!(id(&before), id(&after));
    for line in [
        "Caller-Destination-Number: 103",
        "Caller-Context: dozvon",
        "variable_dozvon_direction: inbound",
        "variable_hangup_after_bridge: true",
    ] {
        assert!(after.contains(line), "{line} is missing in\n{after}");
    }
    run(&mut second, "set", "socket_resume=false").await;
    run(&mut second, "bridge", "user/103@127.0.0.1").await;
    let colleague = house.phone(103).next_call(SOON).await.expect("the colleague rings");
    assert!(colleague.is_answered(SOON).await);
    assert!(owner.ended(SOON).await.expect("he is out of it").by_other);
    assert_eq!(call.ended(A_WHILE).await, None, "the client talks on");
    call.hang_up().await;
    assert!(colleague.ended(SOON).await.is_some());
    drop((first, second));
    house.ends_empty().await;
}

/// An employee dials out. No engine: the gateway, with the company's number as the caller.
#[tokio::test]
async fn an_employee_dials_out_without_an_engine() {
    let nobody: SocketAddr = free_port().await;
    let Some(house) = House::build(&nobody.to_string()).await else {
        return;
    };
    house.mobile.behave(AT_ONCE);
    let phone = house.phone(101);
    let call = phone.call(house.freeswitch.phones, "79167654321", "Anna", "101").await;
    let client = house.mobile.next_call(SOON).await.expect("the client rings");
    assert!(call.is_answered(SOON).await);
    assert!(client.is_answered(SOON).await);
    call.hang_up().await;
    assert!(client.ended(SOON).await.is_some());
    house.mobile.behave(Behaviour::Reject(486));
    let call = phone.call(house.freeswitch.phones, "79167654321", "Anna", "101").await;
    assert_eq!(
        call.ended(SOON).await.expect("it ends").code,
        Some(486),
        "the employee is told why"
    );
    house.ends_empty().await;
}

/// What is sent behind a queue is run when the queue is over, and not before: so the engine learns of an end it was not
/// told of.
#[tokio::test]
async fn a_mark_behind_a_queue_is_run_when_the_queue_is_over() {
    let (engine, address) = Engine::open().await;
    let Some(house) = House::build(&address).await else {
        return;
    };
    house.only_agent(0).await;
    for (queue, argument) in [("callcenter", "sales"), ("fifo", "nobody@127.0.0.1 in")] {
        let call = house.call_in().await;
        let (mut control, data) = engine.take().await;
        let id = data.lines().find_map(|line| line.strip_prefix("Unique-ID: ")).expect("an id");
        run(&mut control, "multiset", "^^|cc_exit_keys=D|fifo_caller_exit_key=D").await;
        run(&mut control, "answer", "").await;
        run(&mut control, queue, argument).await;
        assert!(call.is_answered(SOON).await);
        let mark = format!("uuid_getvar {id} dozvon_mark");
        for _ in 0..3 {
            sleep(Duration::from_millis(500)).await;
            run(&mut control, "set", "dozvon_mark=true").await;
        }
        sleep(A_WHILE).await;
        assert_eq!(house.freeswitch.api(&mark).await, "_undef_", "{queue} goes on");
        assert_eq!(call.ended(Duration::ZERO).await, None, "{queue} goes on");
        house.freeswitch.api(&format!("uuid_recv_dtmf {id} D")).await;
        sleep(A_WHILE).await;
        run(&mut control, "set", "dozvon_mark=true").await;
        sleep(Duration::from_millis(500)).await;
        assert_eq!(house.freeswitch.api(&mark).await, "true", "{queue} is over");
        call.hang_up().await;
        drop(control);
        house.ends_empty().await;
    }
}
