//! The driver alone, in virtual time: the store is a map, FreeSWITCH a script.

mod counts;
mod house;
mod play;

use std::time::Duration;

use crate::core::campaign::order::{Ending, Stage};

use house::{House, order};
use play::Phone;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a14_a16_the_owner_is_rung_then_the_client_and_both_talk() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(3)));
    house.hands.phone("+79161110001", Phone::answers(secs(4)).talks(secs(30)));
    let id = house.begin(order("+79161110001")).await;
    assert_eq!(house.over(&id).await.stage, Stage::Over(Ending::Talked));
    assert_eq!(house.hands.dialled(), ["0 s 101 ring", "4 s +79161110001 ring"]);
    assert_eq!(house.cases(), ["callback_requested", "ringing", "answered", "ended"]);
    assert_eq!(house.hands.up(), 0);
}

#[tokio::test(start_paused = true)]
async fn a18_all_busy_then_again_every_30_s_until_one_is_free() {
    let house = House::new().await;
    for line in ["101", "102", "103"] {
        house.hands.phone(line, Phone::busy());
    }
    house.hands.phone("+79161110001", Phone::answers(secs(1)).talks(secs(5)));
    let id = house.begin(order("+79161110001")).await;
    tokio::time::sleep(secs(70)).await;
    house.hands.phone("102", Phone::answers(secs(2)));
    assert_eq!(house.over(&id).await.stage, Stage::Over(Ending::Talked));
    let dialled = house.hands.dialled();
    assert_eq!(dialled[..3], ["0 s 101 ring", "0 s 102 ring", "0 s 103 ring"], "{dialled:?}");
    assert!(dialled.contains(&"30 s 101 ring".to_owned()), "{dialled:?}");
    assert!(dialled.contains(&"90 s 102 ring".to_owned()), "{dialled:?}");
}

#[tokio::test(start_paused = true)]
async fn a17_nobody_picks_up_and_the_crm_learns_that_it_failed() {
    let house = House::new().await;
    let id = house.begin(order("+79161110001")).await;
    assert_eq!(house.over(&id).await.stage, Stage::Over(Ending::NoManager));
    assert_eq!(house.cases().last().map(String::as_str), Some("callback_failed"));
    assert!(house.hands.dialled().iter().all(|line| !line.contains('+')), "no client is dialled");
    assert_eq!(house.hands.up(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_employee_rung_for_one_callback_is_not_rung_for_another() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(5)));
    house.hands.phone("+79161110001", Phone::answers(secs(1)).talks(secs(20)));
    house.hands.phone("+79161110002", Phone::answers(secs(1)).talks(secs(20)));
    let first = house.begin(house::only("101", "+79161110001")).await;
    let second = house.begin(house::only("101", "+79161110002")).await;
    house.over(&first).await;
    assert_eq!(house.over(&second).await.stage, Stage::Over(Ending::Talked));
    let rung: Vec<_> = house.hands.dialled().into_iter().filter(|d| d.contains(" 101 ")).collect();
    assert_eq!(rung, ["0 s 101 ring", "30 s 101 ring"]);
}

/// Killed before it was dialled, somebody would be called twice.
#[tokio::test(start_paused = true)]
async fn nobody_is_dialled_before_that_is_written_down() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(1)));
    house.disk_hangs(true);
    let id = house.begin(order("+79161110001")).await;
    tokio::time::sleep(secs(20)).await;
    assert_eq!(house.hands.dialled(), Vec::<String>::new());
    house.disk_hangs(false);
    tokio::time::sleep(secs(1)).await;
    assert_eq!(house.hands.dialled(), ["20 s 101 ring"]);
    house.over(&id).await;
}

#[tokio::test(start_paused = true)]
async fn people_on_the_line_are_led_on_without_the_store_but_nobody_new_is_dialled() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(2)));
    house.hands.phone("+79161110001", Phone::answers(secs(4)).talks(secs(30)));
    let id = house.begin(order("+79161110001")).await;
    // Manager and client are dialled, the client rings.
    tokio::time::sleep(secs(4)).await;
    assert_eq!(house.hands.dialled().len(), 2);
    house.disk_hangs(true);
    tokio::time::sleep(secs(6)).await;
    assert_eq!(house.hands.talks(), 1, "they are put through");
    house.disk_hangs(false);
    assert_eq!(house.over(&id).await.stage, Stage::Over(Ending::Talked));
    assert_eq!(house.cases(), ["callback_requested", "ringing", "answered", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_dial_that_waited_for_the_disk_until_it_was_cancelled_is_never_made() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(2)));
    house.disk_hangs(true);
    let id = house.begin(order("+79161110001")).await;
    tokio::time::sleep(secs(120)).await;
    house.disk_hangs(false);
    tokio::time::sleep(secs(1)).await;
    // The campaign looked for its leg meanwhile, and went on without it.
    let dialled = house.hands.dialled();
    assert!(dialled.len() <= 1, "{dialled:?}");
    house.over(&id).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_begins_no_try_and_leaves_when_nobody_is_on_the_line() {
    let house = House::new().await;
    house.hands.phone("101", Phone::answers(secs(2)));
    house.hands.phone("+79161110001", Phone::answers(secs(2)).talks(secs(40)));
    house.begin(order("+79161110001")).await;
    house.begin(house::only("104", "+79161110002")).await;
    tokio::time::sleep(secs(10)).await;
    house.reins.drain.cancel();
    tokio::time::sleep(secs(20)).await;
    assert!(!house.is_gone(), "they talk");
    tokio::time::sleep(secs(40)).await;
    assert!(house.is_gone());
    let for_104 = house.hands.dialled().iter().filter(|line| line.contains(" 104 ")).count();
    assert_eq!(for_104, 1, "no second try of the other one");
}

/// The numbers a manager is promised: 10,000 campaigns wait, and each try begins in time.
#[tokio::test(start_paused = true)]
async fn ten_thousand_wait_and_each_try_begins_in_time() {
    let house = House::new().await;
    house.hands.phone("101", Phone::busy());
    for n in 0..10_000_u32 {
        let mut order = house::only("101", &format!("+7916{n:07}"));
        order.policy.delay = Duration::from_millis(u64::from(n) * 3);
        house.begin(order).await;
    }
    tokio::time::sleep(secs(31)).await;
    let mut late = house.lateness();
    assert_eq!(late.len(), 10_000);
    late.sort();
    assert!(late[9_900] <= Duration::from_millis(100), "{:?}", late[9_900]);
}
