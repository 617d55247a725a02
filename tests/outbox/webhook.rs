//! Webhooks: signed, once or with one key, and in nobody's way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::core::case::Event;
use dozvon::outbox::entry::State;
use dozvon::outbox::sign;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::house::{ANNA, House, act, note, until};

/// Takes requests and answers each with the next of these statuses, then with 200.
async fn receiver(statuses: Vec<u16>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?token=t", listener.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let taken = seen.clone();
    tokio::spawn(async move {
        let mut statuses = statuses.into_iter();
        while let Ok((mut peer, _)) = listener.accept().await {
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            while !text.ends_with('}') {
                match peer.read(&mut buffer).await {
                    Ok(read) if read > 0 => {
                        text.push_str(&String::from_utf8_lossy(&buffer[..read]))
                    }
                    _ => break,
                }
            }
            taken.lock().unwrap().push(text);
            let status = statuses.next().unwrap_or(200);
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = peer.write_all(answer.as_bytes()).await;
        }
    });
    (url, seen)
}

fn header(request: &str, name: &str) -> String {
    let line = request.lines().find(|l| l.to_lowercase().starts_with(&name.to_lowercase()));
    line.unwrap().split_once(": ").unwrap().1.to_owned()
}

fn house(url: String) -> House {
    let mut house = House::new(move |_| {
        let hook = act(serde_json::json!({"do": "webhook", "url": url, "body": "{\"a\":1}"}));
        vec![note("before"), hook, note("after")]
    });
    house.webhook = serde_json::from_value(serde_json::json!({"secret": "hush"})).unwrap();
    house
}

#[test]
fn a_webhook_is_signed_and_tried_again_with_the_same_key() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    let (url, seen) = rt.block_on(receiver(vec![503, 500]));
    let house = house(url);
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Done, 2);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    for request in seen.iter() {
        assert_eq!(header(request, "Dozvon-Delivery"), "c/1/2");
        let timestamp = header(request, "Dozvon-Timestamp");
        let expected = format!("v1={}", sign("hush", &timestamp, "{\"a\":1}"));
        assert_eq!(header(request, "Dozvon-Signature"), expected);
    }
}

#[test]
fn a_receiver_that_is_down_holds_up_neither_the_crm_nor_the_client() {
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let house = house(format!("http://{port}/"));
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.occurs("c", 2, Event::Recorded, ANNA);
    life.reach(State::Done, 2);
    assert_eq!(house.crm.count("note"), 4);
    until("the webhook waits", || {
        life.list(&[State::Waiting])
            .iter()
            .any(|line| line.last_error.as_deref().is_some_and(|e| e.contains("cannot be reached")))
    });
}

#[test]
fn what_the_receiver_refuses_is_parked_and_the_log_holds_no_token() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    let (url, _) = rt.block_on(receiver(vec![404]));
    let house = house(url);
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    let error = life.list(&[State::Parked])[0].last_error.clone().unwrap();
    assert!(error.contains("answered 404") && !error.contains("token"), "{error}");
}

#[test]
fn without_a_secret_nothing_is_sent() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    let (url, seen) = rt.block_on(receiver(vec![]));
    let mut house = house(url);
    house.webhook = Default::default();
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    std::thread::sleep(Duration::from_millis(20));
    assert!(seen.lock().unwrap().is_empty());
}
