//! A FreeSWITCH that is gone, stuck, closed to us, or none at all.

use std::time::Duration;

use dozvon::core::ids::Extension;
use dozvon::core::staff::Presence;
use dozvon::switch::control::{LinkState, News, NodeConfig, Nodes};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::peer::{House, Peer};

const HEARTBEAT: Duration = Duration::from_secs(20);

fn why(house: &House) -> String {
    match house.state() {
        LinkState::Down(why) => why,
        other => panic!("{other:?}"),
    }
}

/// FreeSWITCH is restarted 50 times, each time away for up to two minutes: it is always found
/// again, at the latest after the longest pause.
#[tokio::test(start_paused = true)]
async fn pitfall_6_fifty_restarts_and_the_link_is_always_made_anew() {
    let mut house = House::new(3);
    let mut random = fastrand::Rng::with_seed(6);
    let mut news = house.nodes.news();
    for restart in 0..50 {
        let (from, mut freeswitch) = (Instant::now(), JoinSet::new());
        loop {
            tokio::select! {
                socket = house.raw() => drop(freeswitch.spawn(Peer::new(socket).serve())),
                piece = news.next() => if matches!(piece, News::Up(_)) { break },
            }
        }
        assert!(from.elapsed() <= Duration::from_secs(30), "{restart}: {:?}", from.elapsed());
        house.refuse(true);
        freeswitch.shutdown().await;
        tokio::time::sleep(Duration::from_secs(random.u64(1..120))).await;
        assert!(why(&house).contains("is FreeSWITCH running"), "{}", why(&house));
        house.refuse(false);
    }
    let text = house.metrics.render();
    assert!(text.contains("dozvon_esl_reconnects_total{node=\"fs1\"} 50"), "{text}");
}

/// A SIGSTOPped FreeSWITCH: the connection is open, but nothing comes.
#[tokio::test(start_paused = true)]
async fn pitfall_25_a_half_open_link_is_noticed_within_two_heartbeats() {
    let mut house = House::new(1);
    let mut news = house.nodes.news();
    let mut peer = house.events().await;
    house.settle().await;
    for _ in 0..5 {
        tokio::time::sleep(HEARTBEAT - Duration::from_millis(10)).await;
        peer.event("Event-Name: HEARTBEAT\n").await;
    }
    // The second look, ten seconds after the link came up.
    peer.tables(r#"{"row_count": 0}"#).await;
    let stopped = Instant::now();
    while !matches!(news.next().await, News::Down(_)) {}
    assert!(stopped.elapsed() <= HEARTBEAT * 2, "{:?}", stopped.elapsed());
    assert!(why(&house).contains("nothing came for 40 s"), "{}", why(&house));
    assert_eq!(house.nodes.presence().busy(&Extension::parse("101").unwrap()), None);
    let mut again = house.events().await;
    house.settle().await;
    assert_eq!(house.state(), LinkState::Up);
    again.ok("+OK").await;
}

/// A quiet FreeSWITCH whose heartbeat is set to a minute answers the probe: it is not half-open.
#[tokio::test(start_paused = true)]
async fn pitfall_25_a_quiet_freeswitch_that_answers_is_left_alone() {
    let mut house = House::new(1);
    let mut peer = house.events().await;
    let until = Instant::now() + Duration::from_secs(600);
    while Instant::now() < until {
        match peer.command().await.as_str() {
            "api show channels as json" | "api show registrations as json" => {
                peer.body(r#"{"row_count": 0}"#).await;
            }
            "api uuid_exists 0" => peer.body("false").await,
            _ => peer.body("-ERR no\n").await,
        }
    }
    assert_eq!(house.state(), LinkState::Up);
    let text = house.metrics.render();
    let mut reconnects = text.lines().filter(|l| l.starts_with("dozvon_esl_reconnects_total{"));
    assert!(reconnects.all(|line| line.ends_with(" 0")), "{text}");
    assert!(text.contains("dozvon_esl_heartbeat_age_seconds{node=\"fs1\"} 6"), "{text}");
}

/// Transcript 07e, byte for byte.
#[tokio::test(start_paused = true)]
async fn an_access_list_that_refuses_us_is_named_with_what_to_do() {
    let mut house = House::new(1);
    let mut peer = Peer::new(house.raw().await);
    peer.write(b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n\
        Content-Type: text/disconnect-notice\nContent-Length: 67\n\nDisconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n").await;
    drop(peer);
    house.settle().await;
    assert!(why(&house).contains("apply-inbound-acl"), "{}", why(&house));
    // It is tried again, slowly, and goes on by itself once the list is right.
    let from = Instant::now();
    house.events().await;
    assert!(from.elapsed() >= Duration::from_secs(14), "{:?}", from.elapsed());
    house.settle().await;
}

/// Transcript 06a: the reply to a wrong password, the notice, the end.
#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_named_with_what_to_do() {
    let mut house = House::new(1);
    let mut peer = Peer::new(house.raw().await);
    peer.write(b"Content-Type: auth/request\n\n").await;
    peer.command().await;
    peer.ok("-ERR invalid").await;
    peer.write(b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\nDisconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n").await;
    drop(peer);
    house.settle().await;
    assert!(why(&house).contains("password was refused"), "{}", why(&house));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_event_socket_are_named() {
    for stranger in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x15, 3, 1, 0, 2, 2, 0x46, b'\n'],
    ] {
        let mut house = House::new(1);
        house.raw().await.write_all(stranger).await.unwrap();
        house.settle().await;
        assert!(why(&house).contains("does not speak Event Socket"), "{}", why(&house));
    }
}

/// Something that takes connections and says nothing.
#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_given_up() {
    let mut house = House::new(1);
    let silent = house.raw().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(why(&house).contains("no Event Socket greeting"), "{}", why(&house));
    drop(silent);
}

/// Pitfall 1: at the end of the stream the task waits for its next try, and at the cancellation
/// it ends.
#[tokio::test(start_paused = true)]
async fn pitfall_1_the_end_of_the_stream_makes_no_spin_and_the_end_of_the_engine_no_wait() {
    let mut house = House::new(2);
    let peer = house.events().await;
    house.settle().await;
    house.refuse(true);
    drop(peer);
    tokio::time::sleep(Duration::from_secs(1)).await;
    house.cancel.cancel();
    let from = Instant::now();
    house.nodes.stopped().await;
    assert_eq!(from.elapsed(), Duration::ZERO);
}

/// The same over TCP, with nobody listening and then with somebody.
#[tokio::test]
async fn over_tcp_a_node_is_reached() {
    use tokio::io::AsyncReadExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut config = NodeConfig::new("fs1".into(), address, "ClueCon");
    config.links = 1;
    let metrics = std::sync::Arc::new(dozvon::metrics::Metrics::new().unwrap());
    let cancel = tokio_util::sync::CancellationToken::new();
    let nodes = Nodes::start(vec![config], metrics, cancel.clone());
    let (mut socket, _) = listener.accept().await.unwrap();
    socket.write_all(b"Content-Type: auth/request\n\n").await.unwrap();
    let mut sent = [0; 14];
    let read = timeout(Duration::from_secs(10), socket.read_exact(&mut sent));
    read.await.unwrap().unwrap();
    assert_eq!(&sent, b"auth ClueCon\n\n");
    cancel.cancel();
    nodes.stopped().await;
}
