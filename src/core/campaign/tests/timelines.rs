//! Timelines, each named for the row it shows. What was decided stands in `snapshots/`.

use super::script::play;

macro_rules! timelines {
    ($($name:ident: $script:literal;)*) => {$(
        #[test]
        fn $name() {
            let script = $script;
            let lines: Vec<&str> = script.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
            let given = lines.iter().take_while(|l| !l.starts_with('+'));
            let given: Vec<&str> = given.copied().collect();
            let given = if given.is_empty() { "a form".to_owned() } else { given.join("; ") };
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(stringify!($name), format!("given: {given}\n{}", play(script)));
            });
        }
    )*};
}

timelines! {
    a16_a_manager_answers_then_the_client: "
        recorded
        +2s anna rings
        +1s boris answers
        +5s client rings
        +4s client answers
        +60s client hangs up";
    a14_the_owner_is_looked_up_first: "
        client of boris
        target owner
        target sales together
        +3s boris answers
        +4s client answers
        +10s boris hangs up";
    a14_a_slow_crm_holds_nothing_up: "
        crm silent
        target owner
        target sales in turn
        +7s anna answers
        +4s client answers
        +10s client hangs up";
    a15_the_owner_is_silent_then_the_group: "
        client of boris
        target owner
        target sales together
        +30s vera answers
        +4s client answers";
    a15_the_group_in_turn: "
        target sales in turn
        +5s anna rejects
        +20s boris is busy
        +5s vera answers
        +4s client answers";
    a15_who_was_idle_longest_comes_first: "
        target sales longest idle
        idle anna 60s
        idle boris 600s
        idle vera 300s
        +5s boris rejects
        +5s vera answers
        +4s client answers";
    a15_agents_of_a_queue: "
        target queue support
        +5s agent rejects
        +5s vera answers
        +4s client answers";
    a15_an_unlisted_agent_answers: "
        target queue support
        +5s agent answers
        +4s client answers
        +9s client hangs up";
    a15_the_owner_on_leave_has_a_deputy: "
        client of gleb
        target owner
        +5s anna answers
        +4s client answers";
    a17_nobody_at_all: "
        policy give_up 60s
        +1s nothing";
    a17_nobody_works_there: "
        target gleb
        busy anna
        policy give_up 60s
        +1s nothing";
    a18_all_busy_then_one_is_free: "
        busy anna
        busy boris
        busy vera
        +45s free boris
        +20s boris answers
        +4s client answers";
    a18_ten_minutes_and_no_longer: "
        busy anna
        busy boris
        busy vera
        +1s nothing";
    a18_who_rejects_is_not_rung_at_once: "
        +2s anna rejects
        +60s boris answers
        +4s client answers";
    a18_the_only_one_is_rung_again_though_he_rejected: "
        target boris
        +2s boris rejects
        +35s boris answers
        +4s client answers";
    a18_closed_hours_do_not_count: "
        hours 09:00-12:05
        busy anna
        busy boris
        busy vera
        +1s nothing";
    a18_a_form_at_night_waits_for_the_morning: "
        hours 09:00-11:00
        +75605s anna answers
        +4s client answers";
    a18_the_law_of_the_clients_zone: "
        legal 10:00-18:00 Asia/Vladivostok
        +54003s anna answers
        +4s client answers";
    a18_no_node_has_room: "
        no node
        +40s a node has room
        +25s anna answers
        +4s client answers";
    a18_who_is_engaged_elsewhere_is_not_rung: "
        engaged anna
        busy boris
        +3s vera answers
        +4s client answers";
    a18_a_wanted_time: "
        wanted +3600s
        +3603s anna answers
        +4s client answers";
    a19_the_name_and_the_comment_are_shown: "
        client of boris
        target boris
        +3s boris answers
        +4s client answers";
    a20_a_second_form_joins: "
        busy anna
        busy boris
        busy vera
        +10s another form: Только после обеда
        +5s free anna
        +20s anna answers
        +4s client answers";
    a20_a_form_that_joins_wants_it_now: "
        wanted +3600s
        +600s another form: Сейчас
        +3s anna answers
        +4s client answers";
    e11_an_unregistered_line_is_passed_over: "
        unregistered anna
        target anna
        +3s anna answers
        +4s client answers";
    e11_the_line_is_silent_then_the_mobile: "
        target anna
        +25s anna answers
        +4s client answers";
    a13_a_button: "
        kind click
        target anna
        client of boris
        +3s anna answers
        +2s client rings
        +4s client answers
        +30s anna hangs up";
    e11_a_button_rings_the_numbers_in_order: "
        kind click
        target anna
        +25s anna answers
        +4s client answers";
    d01_a_button_nobody_picks_up_for: "
        kind click
        target boris
        +5s boris rejects";
    a13_a_button_and_the_client_is_busy: "
        kind click
        target anna
        +3s anna answers
        +4s client is busy";
    a13_a_button_cancelled_in_the_talk: "
        kind click
        target anna
        +3s anna answers
        +4s client answers
        +9s cancel";
    a13_a_button_minds_no_hours: "
        kind click
        hours 09:00-11:00
        target boris
        +3s boris answers
        +4s client answers";
    d01_a_button_killed_before_its_first_dial: "
        kind click
        target anna
        crm silent
        +4s the engine dies next
        +6s anna answers
        +4s client answers
        +9s client hangs up";
    d01_a_button_of_before_an_outage: "
        kind click
        target anna
        +1s an outage of 300s";
    e13_a_form_that_wants_no_call: "
        no target
        +1s nothing";
    two_pick_up_at_once_and_one_wins: "
        +3s anna answers
        +0s boris answers
        +4s client answers";
    a_prompt_is_heard_first: "
        policy prompt tone
        +3s anna answers
        +6s client answers";
    a_key_has_to_be_pressed: "
        policy key 1
        policy prompt tone
        +3s anna answers
        +2s boris answers
        +1s boris presses
        +4s client answers";
    a_mailbox_counts_as_no_answer: "
        policy key 1
        policy prompt tone
        target boris
        target vera
        +3s boris answers
        +25s vera answers
        +2s vera presses
        +4s client answers";
    the_client_is_busy: "
        +3s anna answers
        +4s client is busy";
    the_client_is_silent_and_is_tried_again: "
        policy client_tries 2
        +3s anna answers
        +4s client rejects
        +65s boris answers
        +4s client answers";
    the_client_is_never_reached: "
        policy client_tries 2
        +3s anna answers
        +120s boris answers
        +60s nothing";
    the_manager_leaves_while_the_client_rings: "
        +3s anna answers
        +4s anna hangs up
        +35s boris answers
        +4s client answers";
    the_manager_leaves_as_the_client_answers: "
        +3s anna answers
        +4s client answers
        +0s anna hangs up
        +2s boris answers
        +30s client hangs up";
    the_client_answers_and_meets_nobody: "
        target boris
        +3s boris answers
        +4s client answers
        +0s boris hangs up
        +1s boris rejects
        +5s boris rejects";
    the_client_waits_and_gives_up: "
        +3s anna answers
        +4s client answers
        +0s anna hangs up
        +5s client hangs up";
    the_client_picks_up_in_the_moment_he_is_hung_up: "
        +3s anna answers
        +4s anna hangs up
        +0s client answers
        +2s boris answers
        +4s client answers";
    the_client_calls_in_by_himself: "
        busy anna
        +3s the client calls in";
    the_client_calls_in_while_a_manager_waits: "
        +3s anna answers
        +4s the client calls in";
    cancelled_while_phones_ring: "
        +3s cancel";
    cancelled_before_the_first_try: "
        wanted +3600s
        +60s cancel";
    a_talk_is_not_cancelled: "
        +3s anna answers
        +4s client answers
        +9s cancel
        +20s client hangs up";
    a_client_who_is_passed_on_goes_on_talking: "
        +3s anna answers
        +4s client answers
        +20s anna passes him on
        +60s client hangs up";
    a_missed_call_is_returned: "
        kind missed
        policy delay 60s
        +63s anna answers
        +4s client answers";
    a_missed_call_nobody_returns_is_missed_once: "
        kind missed
        policy give_up 30s
        +1s nothing";
    a_form_joins_a_missed_call: "
        kind missed
        policy delay 300s
        +60s another form: Перезвоните
        +3s anna answers
        +4s client answers";
    a_restart_while_the_client_rings: "
        +3s anna answers
        +2s events are lost
        +2s client answers
        +1s the engine restarts
        +20s client hangs up";
    a_restart_while_managers_ring: "
        +3s events are lost
        +1s anna answers
        +1s the engine restarts
        +4s client answers";
    a_restart_after_the_talk_has_ended_unheard: "
        +3s anna answers
        +4s client answers
        +9s events are lost
        +1s client hangs up
        +30s the engine restarts";
    killed_before_the_client_was_dialled: "
        +3s the engine dies next
        +0s anna answers
        +9s client answers";
    killed_before_the_bridge: "
        +3s anna answers
        +4s the engine dies next
        +0s client answers
        +30s client hangs up";
    a_link_breaks_while_the_client_rings: "
        +3s anna answers
        +2s the link breaks
        +5s client answers
        +60s the link is back
        +9s client hangs up";
    a_node_is_lost_for_good_while_the_client_rings: "
        +3s anna answers
        +2s the link breaks
        +1s nothing";
    a_node_is_lost_while_managers_ring: "
        target boris
        target vera
        +3s the link breaks
        +30s the link is back
        +3s vera answers
        +4s client answers";
    an_answer_nobody_heard_of: "
        target boris
        +3s events are lost
        +2s boris answers
        +1s events come again
        +26s client answers";
}
