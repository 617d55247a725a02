//! The engine on a real FreeSWITCH: `dozvon serve`, the files of `freeswitch-conf/`, SIP phones. Skipped, with the
//! reason, where no FreeSWITCH is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/engine.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::time::Duration;

use engine::Engine;
use house::freeswitch::free_port;
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};

/// Clients of the sample company.
const OLGA_OF_101: &str = "79161110001";
const MILLER_OF_102: &str = "79161110002";
const ROMASHKA_OF_105: &str = "79161110007";

/// A house with an engine.
async fn company() -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = House::build(&calls.to_string()).await?;
    let engine = Engine::start(calls, house.freeswitch.control).await;
    Some((house, engine))
}

/// A house with an engine whose calls all go these steps.
async fn company_with(steps: &str) -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = House::build(&calls.to_string()).await?;
    let engine = Engine::start_steps(calls, house.freeswitch.control, steps).await;
    Some((house, engine))
}

async fn rings(house: &House, extension: usize) -> Call {
    let call = house.phone(extension).next_call(SOON).await;
    call.unwrap_or_else(|| panic!("{extension} rings"))
}

async fn talk(one: &Call, other: &Call) {
    assert!(one.is_answered(SOON).await && other.is_answered(SOON).await, "both are in a talk");
    assert_eq!(one.ended(A_WHILE).await, None, "it goes on");
    assert_eq!(other.ended(Duration::ZERO).await, None, "it goes on");
}

/// Fails unless exactly these calls ended, each with one record.
async fn outcomes(engine: &Engine, expected: &[&str]) {
    let ended = engine.ended(expected.len()).await;
    let outcomes: Vec<_> =
        ended.iter().map(|line| line["outcome"].as_str().unwrap_or("")).collect();
    assert_eq!(outcomes, expected);
}

/// `dozvon doctor` finds nothing bad here, and says what is missing once it is.
#[tokio::test]
async fn the_doctor_is_content_with_our_configuration() {
    let Some((house, engine)) = company().await else { return };
    let (content, said) = engine.doctor();
    assert!(content, "{said}");
    assert!(said.contains("dozvon_inbound"), "the dialplan hands calls over: {said}");
    house.freeswitch.api("sofia profile external killgw mobile").await;
    house.freeswitch.api("callcenter_config queue unload sales").await;
    let (content, said) = engine.doctor();
    assert!(!content, "{said}");
    let bad: Vec<_> = said.lines().filter(|line| line.starts_with("BAD")).collect();
    for missing in ["queue sales", "gateway mobile"] {
        assert!(bad.iter().any(|line| line.contains(missing)), "{missing}: {said}");
    }
}

/// A05, A04: the owner's phone rings with the client's name in Cyrillic and his number; the caller hangs up.
#[tokio::test]
async fn a05_a04_the_owner_answers_and_sees_who_calls() {
    let Some((house, engine)) = company().await else { return };
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    assert!(owner.shown_name().contains("Ольга Белова"), "{}", owner.shown_name());
    assert_eq!(owner.shown_number().trim_start_matches('+'), OLGA_OF_101);
    talk(&call, &owner).await;
    call.hang_up().await;
    assert!(owner.ended(SOON).await.expect("it ends").by_other);
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// Pitfall 23: the callee hangs up; the caller goes as well.
#[tokio::test]
async fn pitfall_23_the_owner_hangs_up() {
    let Some((house, engine)) = company().await else { return };
    house.phone(102).behave(AT_ONCE);
    let call = house.call_from(MILLER_OF_102).await;
    let owner = rings(&house, 102).await;
    talk(&call, &owner).await;
    owner.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// Pitfall 23: the owner hangs up in the very moment of the answer. The caller must not stay in silence.
#[tokio::test]
async fn pitfall_23_the_owner_hangs_up_as_he_answers() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(104).await;
    house.phone(104).behave(AT_ONCE);
    for round in 0..6 {
        let talk = Some(Duration::from_millis(6 * round as u64));
        house.phone(101).behave(Behaviour::Answer { after: Duration::ZERO, talk });
        let call = house.call_from(OLGA_OF_101).await;
        rings(&house, 101).await;
        let agent = house.phone(104);
        tokio::select! {
            end = call.ended(SOON) => assert!(end.is_some(), "round {round}: in silence"),
            agent = agent.next_call(SOON) => assert!(agent.is_some(), "round {round}: in silence"),
        }
        if call.seen().ended.is_none() {
            assert!(call.is_answered(SOON).await);
            call.hang_up().await;
        }
        house.ends_empty().await;
        // His line is known to be free again only when the events have said so.
        assert_eq!(engine.ended(round + 1).await.len(), round + 1);
    }
}

/// A05: an owner who is busy, who declines and who does not answer, each leads to the queue.
#[tokio::test]
async fn a05_an_owner_who_cannot_talk_leads_to_the_queue() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(102).await;
    house.freeswitch.api("callcenter_config agent set wrap_up_time 102 0").await;
    house.phone(102).behave(AT_ONCE);
    for owner in
        [Behaviour::Reject(486), Behaviour::Reject(603), Behaviour::Reject(480), Behaviour::Silent]
    {
        house.phone(101).behave(owner);
        let call = house.call_from(OLGA_OF_101).await;
        rings(&house, 101).await;
        let agent = rings(&house, 102).await;
        assert!(agent.shown_name().contains("Ольга Белова"), "{}", agent.shown_name());
        talk(&call, &agent).await;
        call.hang_up().await;
        house.ends_empty().await;
    }
    outcomes(&engine, &["answered"; 4]).await;
}

/// Callers without a usable number, and with names that look like dial strings, come to the queue like anybody.
#[tokio::test]
async fn a_strange_caller_comes_to_the_queue() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(102).await;
    house.freeswitch.api("callcenter_config agent set wrap_up_time 102 0").await;
    house.phone(102).behave(AT_ONCE);
    let forty = "7".repeat(40);
    let callers = [
        ("Anonymous", "anonymous"),
        ("Long", forty.as_str()),
        ("x']user/103@127.0.0.1,user/104@127.0.0.1", "79169990001"),
        ("{a=b}[leg_timeout=1]^^:\\\" ${hostname}", "79169990002"),
    ];
    for (name, number) in callers {
        let trunk = house.freeswitch.trunk;
        let call = house.caller.call(trunk, house::freeswitch::COMPANY, name, number).await;
        let agent = rings(&house, 102).await;
        talk(&call, &agent).await;
        call.hang_up().await;
        house.ends_empty().await;
    }
    for other in [101, 103, 104] {
        let rung = house.phone(other).next_call(Duration::ZERO).await;
        assert!(rung.is_none(), "a name has called {other}");
    }
    outcomes(&engine, &["answered"; 4]).await;
}

/// E10, E11: the owner's line has no phone, so his mobile is rung by the gateway.
#[tokio::test]
async fn e11_an_owner_without_a_phone_is_rung_on_his_mobile() {
    let Some((house, engine)) = company().await else { return };
    house.mobile.behave(AT_ONCE);
    let call = house.call_from(ROMASHKA_OF_105).await;
    let mobile = house.mobile.next_call(SOON).await.expect("the mobile rings");
    talk(&call, &mobile).await;
    call.hang_up().await;
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// The caller gives up while the owner rings.
#[tokio::test]
async fn the_caller_gives_up_while_the_owner_rings() {
    let Some((house, engine)) = company().await else { return };
    house.phone(101).behave(Behaviour::Silent);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    assert!(call.rings(SOON).await);
    call.cancel().await;
    assert_eq!(call.ended(SOON).await.expect("it ends").code, Some(487));
    assert!(owner.ended(SOON).await.expect("it stops ringing").by_other);
    assert!(house.phone(101).next_call(A_WHILE).await.is_none(), "nobody is rung for nobody");
    outcomes(&engine, &["abandoned"]).await;
    house.ends_empty().await;
}

/// Pitfalls 12 and 24: callers who give up at any moment of the first 150 ms, in which the call is handed over, the
/// owner refuses and the queue answers. No channel stays, and each call has its one record.
#[tokio::test]
async fn pitfall_24_callers_who_give_up_at_any_moment() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(104).await;
    house.phone(101).behave(Behaviour::Reject(486));
    // Otherwise his mobile is rung next, and the queue comes late.
    house.mobile.behave(Behaviour::Reject(486));
    let (batches, at_once) = (12, 5);
    for _ in 0..batches {
        let callers = (0..at_once).map(|_| async {
            let call = house.call_from(OLGA_OF_101).await;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..150))).await;
            call.cancel().await;
            // Where the answer was quicker than the CANCEL, a phone hangs up.
            if call.is_answered(Duration::from_millis(300)).await {
                call.hang_up().await;
            }
            assert!(call.ended(SOON).await.is_some(), "{:?}", call.seen());
        });
        futures_util::future::join_all(callers).await;
    }
    house.ends_empty().await;
    let handed_over = engine.lines().iter().filter(|l| l["message"] == "call arrived").count();
    assert!(handed_over > batches, "they reach the engine: {handed_over}");
    assert_eq!(engine.ended(handed_over).await.len(), handed_over);
}

/// FreeSWITCH is gone and comes back: the engine says so, links again, and takes calls.
#[tokio::test]
async fn freeswitch_is_gone_and_back() {
    let Some((mut house, engine)) = company().await else { return };
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    house.freeswitch.kill();
    engine.says("control link to FreeSWITCH is down").await;
    outcomes(&engine, &["answered"]).await;
    house.freeswitch.start_again().await;
    house.register().await;
    engine.count("control link to FreeSWITCH is up", 2).await;
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    call.hang_up().await;
    outcomes(&engine, &["answered", "answered"]).await;
    house.ends_empty().await;
}

/// Two calls from one number at once stay two.
#[tokio::test]
async fn two_calls_from_one_number_stay_two() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(103).await;
    house.phone(101).behave(AT_ONCE);
    house.phone(103).behave(AT_ONCE);
    let first = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    assert!(owner.is_answered(SOON).await);
    // The owner talks: the second call goes past him.
    house.phone(101).behave(Behaviour::Reject(486));
    let second = house.call_from(OLGA_OF_101).await;
    let agent = rings(&house, 103).await;
    talk(&first, &owner).await;
    talk(&second, &agent).await;
    first.hang_up().await;
    assert_eq!(second.ended(A_WHILE).await, None, "the other talk goes on");
    second.hang_up().await;
    outcomes(&engine, &["answered", "answered"]).await;
    house.ends_empty().await;
}

/// Transcript 09b: the owner passes the client on by his phone. One call, one record.
#[tokio::test]
async fn a_blind_transfer_is_one_call_with_one_record() {
    let Some((house, engine)) = company().await else { return };
    for extension in [101, 103] {
        house.phone(extension).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    owner.transfer("103").await;
    let colleague = rings(&house, 103).await;
    assert!(owner.ended(SOON).await.is_some());
    talk(&call, &colleague).await;
    colleague.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    outcomes(&engine, &["answered"]).await;
    engine.says("another speaker").await;
    house.ends_empty().await;
}

/// Transcript 09c: a blind transfer to the group's number, which the dialplan leads to the queue by itself.
#[tokio::test]
async fn a_blind_transfer_to_the_group_is_one_call_with_one_record() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(103).await;
    for extension in [101, 103] {
        house.phone(extension).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    owner.transfer("600").await;
    let agent = rings(&house, 103).await;
    talk(&call, &agent).await;
    call.hang_up().await;
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// The client waits in that queue, alone: the engine must not take him for one left in silence.
#[tokio::test]
async fn a_client_passed_on_to_a_slow_group_is_not_cut() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(103).await;
    house.phone(101).behave(AT_ONCE);
    house.phone(103).behave(Behaviour::Answer { after: Duration::from_secs(4), talk: None });
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    owner.transfer("600").await;
    let agent = rings(&house, 103).await;
    talk(&call, &agent).await;
    engine.says("another speaker").await;
    call.hang_up().await;
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// A transfer to a colleague who is busy: the client is not lost.
#[tokio::test]
async fn a_blind_transfer_to_a_busy_colleague_goes_on() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(104).await;
    house.phone(101).behave(AT_ONCE);
    house.phone(104).behave(AT_ONCE);
    house.phone(103).behave(Behaviour::Reject(486));
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    house.phone(101).behave(Behaviour::Reject(486));
    owner.transfer("103").await;
    rings(&house, 103).await;
    let agent = rings(&house, 104).await;
    talk(&call, &agent).await;
    call.hang_up().await;
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// Transcript 09e: the owner asks a colleague first, then joins him with the client.
#[tokio::test]
async fn an_attended_transfer_is_one_call_with_one_record() {
    let Some((house, engine)) = company().await else { return };
    for extension in [101, 103] {
        house.phone(extension).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    let inside = house.freeswitch.phones;
    let question = house.phone(101).call(inside, "103", "Anna", "101").await;
    let colleague = rings(&house, 103).await;
    talk(&question, &colleague).await;
    owner.transfer_to(&question).await;
    assert!(owner.ended(SOON).await.is_some());
    talk(&call, &colleague).await;
    call.hang_up().await;
    assert!(colleague.ended(SOON).await.is_some());
    // The client's call, and the internal one.
    let ended = engine.ended(2).await;
    assert_eq!(ended.len(), 2, "{ended:#?}");
    let clients: Vec<_> = ended.iter().filter(|line| line["direction"] == "inbound").collect();
    assert_eq!(clients.len(), 1, "{ended:#?}");
    assert_eq!(clients[0]["outcome"], "answered");
    house.ends_empty().await;
}

/// Transcript 09g: somebody sends the owner elsewhere. The caller is alone then, and must not stay in silence.
#[tokio::test]
async fn a_caller_whose_owner_is_sent_elsewhere_is_not_left_in_silence() {
    let Some((house, engine)) = company().await else { return };
    for extension in [101, 103] {
        house.phone(extension).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    let arrived = engine.says("call arrived").await;
    let id = arrived["span"]["id"].as_str().expect("an id");
    house.freeswitch.api(&format!("uuid_transfer {id} -bleg 103 XML default")).await;
    let colleague = rings(&house, 103).await;
    assert!(call.ended(SOON).await.expect("not in silence").by_other);
    owner.hang_up().await;
    assert!(colleague.ended(SOON).await.is_some());
    house.ends_empty().await;
}

/// E09: `kill -9` while the owner rings. He goes on ringing, and may answer.
#[tokio::test]
async fn e09_the_engine_dies_while_the_owner_rings() {
    let Some((house, mut engine)) = company().await else { return };
    house.phone(101).behave(Behaviour::Silent);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    engine.kill();
    assert_eq!(owner.ended(Duration::from_millis(500)).await, None, "it rings on");
    owner.answer().await;
    talk(&call, &owner).await;
    owner.hang_up().await;
    assert!(call.ended(SOON).await.expect("the caller is not queued").by_other);
    house.ends_empty().await;
}

/// E09: `kill -9` while an owner rings who does not answer. The dialplan's queue takes the call.
#[tokio::test]
async fn e09_the_engine_dies_while_a_silent_owner_rings() {
    let Some((house, mut engine)) = company().await else { return };
    house.only_agent(102).await;
    house.phone(101).behave(Behaviour::Silent);
    house.phone(102).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    rings(&house, 101).await;
    engine.kill();
    let agent = rings(&house, 102).await;
    talk(&call, &agent).await;
    call.hang_up().await;
    house.ends_empty().await;
}

/// E09: `kill -9` while the caller waits. He keeps his place, and talks to the agent.
#[tokio::test]
async fn e09_the_engine_dies_while_the_caller_waits() {
    let Some((house, mut engine)) = company().await else { return };
    house.only_agent(102).await;
    house.phone(101).behave(Behaviour::Reject(486));
    house.phone(102).behave(Behaviour::Silent);
    let call = house.call_from(OLGA_OF_101).await;
    let agent = rings(&house, 102).await;
    engine.kill();
    assert_eq!(agent.ended(A_WHILE).await, None, "it rings on");
    agent.answer().await;
    talk(&call, &agent).await;
    agent.hang_up().await;
    assert!(call.ended(SOON).await.expect("the caller is not queued again").by_other);
    house.ends_empty().await;
}

/// E09: `kill -9` in a talk with the owner, with an agent of the queue, and after a transfer.
#[tokio::test]
async fn e09_the_engine_dies_in_a_talk() {
    let Some((house, mut engine)) = company().await else { return };
    house.only_agent(104).await;
    for extension in [101, 103, 104] {
        house.phone(extension).behave(AT_ONCE);
    }
    house.phone(102).behave(Behaviour::Reject(486));
    let first = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    assert!(owner.is_answered(SOON).await);
    let second = house.call_from(MILLER_OF_102).await;
    let agent = rings(&house, 104).await;
    assert!(agent.is_answered(SOON).await);
    let third = house.call_from("79161110003").await;
    let transferred = rings(&house, 103).await;
    talk(&third, &transferred).await;
    house.phone(101).behave(AT_ONCE);
    transferred.transfer("101").await;
    let colleague = rings(&house, 101).await;
    talk(&third, &colleague).await;
    engine.kill();
    talk(&first, &owner).await;
    talk(&second, &agent).await;
    talk(&third, &colleague).await;
    for (one, other) in [(owner, first), (agent, second), (colleague, third)] {
        one.hang_up().await;
        assert!(other.ended(SOON).await.expect("the caller is not queued").by_other);
    }
    house.ends_empty().await;
}

/// E02: employees call each other, and out. Both go by the engine, and neither is a client's call.
#[tokio::test]
async fn e02_employees_call_each_other_and_out() {
    let Some((house, engine)) = company().await else { return };
    house.phone(102).behave(AT_ONCE);
    house.mobile.behave(AT_ONCE);
    let inside = house.freeswitch.phones;
    let call = house.phone(101).call(inside, "102", "Anna", "101").await;
    let colleague = rings(&house, 102).await;
    talk(&call, &colleague).await;
    call.hang_up().await;
    engine.ended(1).await;
    let call = house.phone(101).call(inside, "79167654321", "Anna", "101").await;
    let client = house.mobile.next_call(SOON).await.expect("the client rings");
    talk(&call, &client).await;
    client.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    let ended = engine.ended(2).await;
    let directions: Vec<_> =
        ended.iter().map(|line| line["direction"].as_str().unwrap_or("")).collect();
    assert_eq!(directions, ["internal", "outbound"]);
    house.ends_empty().await;
}

/// A queue that is left after a time, of either kind, leads to the next step.
#[tokio::test]
async fn a_queue_is_left_after_its_time() {
    for queue in [r#"do = "queue", queue = "sales""#, r#"do = "fifo", queue = "support@127.0.0.1""#]
    {
        let steps = format!(
            r#"{{ {queue}, wait = "2s" }}, {{ do = "employee", employee = "102", ring = "5s" }}"#
        );
        let Some((house, engine)) = company_with(&steps).await else { return };
        for phone in 101..=104 {
            house.phone(phone).behave(Behaviour::Silent);
        }
        house.only_agent(101).await;
        let call = house.call_from(OLGA_OF_101).await;
        assert!(call.is_answered(SOON).await);
        house.phone(102).behave(AT_ONCE);
        let employee = rings(&house, 102).await;
        talk(&call, &employee).await;
        call.hang_up().await;
        outcomes(&engine, &["answered"]).await;
        house.ends_empty().await;
    }
}

/// mod_fifo: an agent takes the call; the end of the talk is the end of the call, and its one record.
#[tokio::test]
async fn an_agent_of_mod_fifo_answers() {
    let steps = r#"{ do = "fifo", queue = "support@127.0.0.1", wait = "30s" }"#;
    let Some((house, engine)) = company_with(steps).await else { return };
    house.phone(103).behave(AT_ONCE);
    house.phone(104).behave(Behaviour::Reject(486));
    let call = house.call_from(OLGA_OF_101).await;
    let agent = rings(&house, 103).await;
    talk(&call, &agent).await;
    agent.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    outcomes(&engine, &["answered"]).await;
    house.ends_empty().await;
}

/// An announcement, then a chosen end: the caller sees its code.
#[tokio::test]
async fn an_announcement_then_a_chosen_end() {
    let steps = r#"{ do = "announce", file = "silence_stream://500" }, { do = "hangup", cause = "USER_BUSY" }"#;
    let Some((house, engine)) = company_with(steps).await else { return };
    let call = house.call_from(OLGA_OF_101).await;
    let end = call.ended(SOON).await.expect("it ends");
    assert!(end.by_other && end.reason.contains("cause=17"), "{end:?}");
    engine.ended(1).await;
    house.ends_empty().await;
}

/// A hang-up before any answer is a refusal with the cause's code.
#[tokio::test]
async fn a_refusal_has_its_code() {
    let Some((house, engine)) = company_with(r#"{ do = "hangup", cause = "CALL_REJECTED" }"#).await
    else {
        return;
    };
    let call = house.call_from(OLGA_OF_101).await;
    assert_eq!(call.ended(SOON).await.expect("it ends").code, Some(603));
    assert_eq!(engine.ended(1).await.len(), 1);
    house.ends_empty().await;
}

/// Nobody answers: the mailbox does.
#[tokio::test]
async fn the_mailbox_answers_where_nobody_does() {
    let steps = r#"{ do = "employee", employee = "102", ring = "2s" }, { do = "voicemail", mailbox = "101" }"#;
    let Some((house, engine)) = company_with(steps).await else { return };
    house.phone(102).behave(Behaviour::Reject(486));
    let call = house.call_from(OLGA_OF_101).await;
    rings(&house, 102).await;
    assert!(call.is_answered(SOON).await, "the mailbox answers");
    call.hang_up().await;
    let ended = engine.ended(1).await;
    let steps = ended[0]["steps"].as_str().unwrap_or("");
    assert!(steps.starts_with("employee busy, voicemail"), "{}", ended[0]);
    house.ends_empty().await;
}
