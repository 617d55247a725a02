//! One test a transcript: what the telephones did in it.

use std::time::Duration;

use dozvon::sim::{Agent, Builder, Caller, Queue, Script};

use crate::compare::differences;
use crate::player::{Scene, play};
use crate::timeline::Timeline;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn answers(after: u64) -> Script {
    Script::answers(ms(after))
}

/// Says nothing, then refuses.
fn refuses(after: u64, status: u16) -> Script {
    Script::refuses_after(ms(after), status).rings_after(None)
}

fn hangs_up(after: u64) -> Caller {
    Caller::stays().hangs_up_after(ms(after))
}

/// The queue with one agent at 107.
fn sales(b: Builder) -> Builder {
    b.agent(Agent::new("agent1", "107")).queue("sales", Queue::new(&["agent1"]))
}

/// The extension that bridges to 104 in the dialplan.
fn xml(b: Builder) -> Builder {
    b.extension("8104", &[("bridge", "user/104@127.0.0.1")])
}

async fn conforms(name: &str, scene: Scene) {
    let timeline = Timeline::read(name);
    let played = play(name, &timeline, &scene).await;
    let differences = differences(name, &timeline, &played);
    assert!(differences.is_empty(), "{name} differs:\n{differences}");
}

macro_rules! scenes {
    ($($test:ident $name:literal $furnish:expr, $caller:expr, [$($elsewhere:expr),*];)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $test() {
            conforms($name, Scene { furnish: $furnish, caller: $caller, elsewhere: &[$($elsewhere),*] }).await;
        })*
    };
}

scenes! {
    t01_inbound_playback_caller_hangup "01"
        |b| b, |c| c.caller(hangs_up(2038)), [];
    t02a_bridge_answered_caller_hangs_up "02a"
        |b| b.phone("101", answers(505)), |c| c.caller(hangs_up(3622)), [];
    t02b_bridge_answered_callee_hangs_up_filter "02b"
        |b| b.phone("101", answers(520).hangs_up_after(ms(2000))), |c| c, [];
    t02c_bridge_simultaneous_two_owners "02c"
        |b| b.phone("102", Script::silent()).phone("101", answers(1040).hangs_up_after(ms(2000))), |c| c, [];
    t02d_park_after_bridge "02d"
        |b| b.phone("101", answers(1030).hangs_up_after(ms(1000))), |c| c, [];
    t03a_owner_no_answer_then_callcenter "03a"
        |b| sales(b).phone("102", Script::silent()).phone("107", answers(510)), |c| c.caller(hangs_up(5359)), [];
    t03b_timeouts_call_timeout_originate_timeout_sequence "03b"
        |b| b.phone("102", Script::silent()).phone("101", answers(320).hangs_up_after(ms(1500))), |c| c, [];
    t03c_no_answer_without_continue_on_fail "03c"
        |b| b.phone("102", Script::silent()), |c| c, [];
    t03d_owner_no_answer_then_fifo "03d"
        |b| b.phone("102", Script::silent()).phone("104", answers(520)).fifo("support@127.0.0.1", &["104"]), |c| c.caller(hangs_up(4736)), [];
    t03e_owner_silent_100_only "03e"
        |b| b.phone("102", Script::trying_only()), |c| c, [];
    t03f_owner_183_early_media "03f"
        |b| b.phone("102", Script::early_media()), |c| c, [];
    t04a_bridge_failures "04a"
        |b| b.phone("103", refuses(310, 486)).phone("105", refuses(310, 603)).phone("104", refuses(310, 480)).phone("108", refuses(310, 404)).phone("109", Script::unregistered()).phone("107", Script::refuses_after(ms(1010), 486)).phone("106", refuses(310, 503)), |c| c, [];
    t04b_busy_without_continue_on_fail "04b"
        |b| b.phone("103", refuses(310, 486)), |c| c, [];
    t04c_continue_on_fail_list "04c"
        |b| b.phone("103", refuses(310, 486)).phone("105", refuses(310, 603)), |c| c, [];
    t04d_registered_user "04d"
        |b| b.phone("110", answers(320).hangs_up_after(ms(1000))), |c| c, [];
    t05a_caller_cancels_while_owner_rings "05a"
        |b| b.phone("102", Script::silent()), |c| c.caller(hangs_up(2067)), [];
    t05b_answered_caller_byes_while_owner_rings "05b"
        |b| b.phone("102", Script::silent()), |c| c.caller(hangs_up(2053)), [];
    t05c_caller_hangs_up_in_callcenter_queue "05c"
        |b| b.agent(Agent::new("agent1", "107").status("Logged Out")).queue("sales", Queue::new(&["agent1"])), |c| c.caller(hangs_up(3052)), [];
    t05d_caller_hangs_up_in_fifo "05d"
        |b| b.fifo("parking@127.0.0.1", &[]), |c| c.caller(hangs_up(3050)), [];
    t05e_caller_cancels_before_anything "05e"
        |b| b, |c| c.caller(hangs_up(1054)), [];
    t05f_we_hang_up_during_playback "05f"
        |b| b, |c| c, [];
    t08a_callcenter_answered "08a"
        |b| sales(b).phone("107", answers(520)), |c| c.caller(hangs_up(2681)), [];
    t08b_callcenter_abandoned "08b"
        |b| sales(b).phone("107", Script::silent()), |c| c.caller(hangs_up(3061)), [];
    t08c_callcenter_first_agent_no_answer_second_answers "08c"
        |b| b.agent(Agent::new("agent2", "108").leg_timeout(3)).agent(Agent::new("agent1", "107")).queue("sales", Queue::new(&["agent2", "agent1"])).phone("108", Script::silent()).phone("107", answers(530).hangs_up_after(ms(1500))), |c| c, [];
    t08d_callcenter_timeout "08d"
        |b| b.queue("short", Queue::new(&[]).max_wait_no_agent(ms(2000))), |c| c, [];
    t08e_callcenter_agent_rejects "08e"
        |b| sales(b).phone("107", refuses(220, 486)), |c| c.caller(hangs_up(5067)), [];
    t09a_dtmf_hold "09a"
        |b| b.phone("101", answers(310).holds(ms(4050), ms(1100)).hangs_up_after(ms(5906))), |c| c.caller(Caller::stays().presses(ms(698), '1').presses(ms(858), '2').presses(ms(1701), '#').presses(ms(2848), '5').holds(ms(3952), ms(1265))), [];
    t09b_blind_refer_by_owner_to_socket_ext "09b"
        |b| b.phone("101", answers(310).transfers(ms(1000), "200")).phone("104", answers(520)), |c| c.caller(hangs_up(4440)), [];
    t09c_blind_refer_by_owner_to_xml_ext "09c"
        |b| xml(b).phone("101", answers(310).transfers(ms(1000), "8104")).phone("104", answers(520)), |c| c.caller(hangs_up(4393)), [];
    t09d_blind_refer_by_caller "09d"
        |b| xml(b).phone("101", answers(310).hangs_up_after(ms(4000))).phone("104", answers(510)), |c| c.caller(Caller::stays().transfers(ms(990), "8104")), [];
    t09e_attended_refer_by_owner "09e"
        |b| xml(b).phone("101", answers(320).transfers_attended(ms(1180), "8104", ms(1850))).phone("104", answers(510)), |c| c.caller(hangs_up(6949)), [];
    t09f_uuid_transfer_a_leg "09f"
        |b| b.phone("101", answers(320)).phone("104", answers(510)), |c| c.caller(hangs_up(4408)), [(1.405, "uuid_transfer cc7c7cec-37a3-418d-805e-05a8889e7fba 200 XML public")];
    t09g_uuid_transfer_bleg "09g"
        |b| xml(b).phone("101", answers(320).hangs_up_after(ms(4004))).phone("104", answers(510)), |c| c.caller(hangs_up(4405)), [(1.401, "uuid_transfer ba227d9b-881a-4047-8852-14faa4fa5312 -bleg 8104 XML public")];
    t09h_uuid_transfer_both "09h"
        |b| b.extension("9002", &[("answer", ""), ("park", "")]).phone("101", answers(310).hangs_up_after(ms(2505))), |c| c.caller(hangs_up(2901)), [(1.397, "uuid_transfer e0118466-805f-4b5a-8a42-a084696ba004 -both 9002 XML public")];
    t09i_att_xfer_application "09i"
        |b| b.phone("101", answers(310).hangs_up_after(ms(3040))).phone("104", answers(520)), |c| c.caller(hangs_up(4921)), [];
    t09j_uuid_transfer_park_inline "09j"
        |b| b.phone("101", answers(320)), |c| c.caller(hangs_up(2920)), [(1.415, "uuid_transfer ec4e012b-54fb-4138-a50c-635809742b4b park inline")];
    t10a_record "10a"
        |b| b, |c| c.caller(Caller::stays().presses(ms(3060), '#')), [];
    t10c_record_session_bad_path_default "10c"
        |b| b, |c| c, [];
}
