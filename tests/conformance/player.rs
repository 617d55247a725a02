//! Plays the controller's part of a timeline against the simulator, in virtual time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::esl::{Codec, Event, Kind, Limits};
use dozvon::sim::{Builder, CallReport, CallSpec, Connector, FreeSwitch, Io};
use futures_util::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::codec::FramedRead;

use crate::timeline::{KEYS, Line, Seen, Timeline, What};

/// What came in on one connection.
#[derive(Debug, Default)]
pub struct Heard {
    pub replies: Vec<String>,
    pub events: Vec<(Seen, Option<Event>)>,
    pub closed: bool,
}

type Shared = Arc<Mutex<Heard>>;

/// What the telephones of a transcript do, and what was done from elsewhere.
pub struct Scene {
    pub furnish: fn(Builder) -> Builder,
    pub caller: fn(CallSpec) -> CallSpec,
    /// Api commands from another connection, at their time; `A` and so on are put in.
    pub elsewhere: &'static [(f64, &'static str)],
}

/// Everything that was heard, by connection.
pub struct Played {
    pub heard: HashMap<String, Heard>,
    pub report: CallReport,
}

/// Plays it.
pub async fn play(timeline: &Timeline, scene: &Scene) -> Played {
    let begin = Instant::now();
    let (opened, mut incoming) = mpsc::unbounded_channel::<DuplexStream>();
    let connector = Connector::Custom(Arc::new(move |_: &str| {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let sent = opened.send(theirs).is_ok();
        Box::pin(async move {
            let ours: Box<dyn Io> = Box::new(ours);
            if sent { Ok(ours) } else { Err(std::io::ErrorKind::ConnectionRefused.into()) }
        })
    }));
    let builder = FreeSwitch::builder()
        .connector(connector)
        .socket_resume(false)
        .begins_at(timeline.began)
        .file("/srv/freeswitch/sounds/hello.wav", Duration::from_millis(1500))
        .file("/srv/freeswitch/sounds/long.wav", Duration::from_secs(20));
    let fs = (scene.furnish)(builder).start().await.unwrap();
    let mut tasks = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for line in &timeline.lines {
        if !line.conn.is_empty() && !names.contains(&line.conn) {
            names.push(line.conn.clone());
        }
    }
    let mut heard = HashMap::new();
    for name in names.iter().filter(|n| !n.starts_with("out")) {
        let all: Shared = Arc::default();
        heard.insert(name.clone(), all.clone());
        tasks.push(tokio::spawn(controller(script(timeline, name), fs.control_pipe(), all, begin)));
    }
    for (at, line) in scene.elsewhere {
        tasks.push(tokio::spawn(elsewhere(fs.clone(), begin, *at, (*line).to_owned())));
    }
    let uuid = timeline.letters["A"].clone();
    let spec = CallSpec::new("79161234567", "100").name("Test Caller").uuid(&uuid);
    let call = fs.call((scene.caller)(spec));
    for name in names.iter().filter(|n| n.starts_with("out")) {
        let all: Shared = Arc::default();
        heard.insert(name.clone(), all.clone());
        let pipe = timeout(Duration::from_secs(60), incoming.recv()).await;
        let pipe = pipe.unwrap_or_else(|_| panic!("connection {name} was never opened")).unwrap();
        tasks.push(tokio::spawn(controller(script(timeline, name), pipe, all, begin)));
    }
    let report =
        timeout(Duration::from_secs(300), call.report()).await.expect("the call never ended");
    for task in tasks {
        timeout(Duration::from_secs(120), task).await.expect("a connection never ended").unwrap();
    }
    let heard = heard
        .into_iter()
        .map(|(name, all)| (name, std::mem::take(&mut *all.lock().unwrap())))
        .collect();
    Played { heard, report }
}

fn script(timeline: &Timeline, name: &str) -> Vec<Line> {
    timeline.lines.iter().filter(|l| l.conn == name).cloned().collect()
}

async fn elsewhere(fs: FreeSwitch, begin: Instant, at: f64, line: String) {
    sleep_until(begin + Duration::from_secs_f64(at)).await;
    let mut pipe = fs.control_pipe();
    let text = format!("auth ClueCon\n\napi {line}\n\n");
    pipe.write_all(text.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
}

/// Sends the commands of one connection, each when what came before it has come.
async fn controller(script: Vec<Line>, pipe: DuplexStream, all: Shared, begin: Instant) {
    let (read, mut write) = tokio::io::split(pipe);
    let reader = tokio::spawn(listen(read, all.clone()));
    let (mut replies, mut events, mut before) = (0, 0, 0.0);
    for line in &script {
        match &line.what {
            What::Reply(_) => replies += 1,
            What::Event(seen) if counts(seen) => events += 1,
            What::Sent(command) => {
                // Events that are missing are found by the comparison; here they only cost time.
                for _ in 0..500 {
                    if has_come(&all, replies, events) {
                        break;
                    }
                    sleep(Duration::from_millis(10)).await;
                }
                if line.at - before > 0.25 {
                    sleep_until(begin + Duration::from_secs_f64(line.at)).await;
                }
                if write.write_all(command.as_bytes()).await.is_err() {
                    break;
                }
            }
            _ => {}
        }
        before = line.at;
    }
    // The remaining events, and the end of the connection.
    let _ = timeout(Duration::from_secs(15), reader).await;
}

fn has_come(all: &Shared, replies: usize, events: usize) -> bool {
    let heard = all.lock().unwrap();
    let here = heard.events.iter().filter(|(s, _)| counts(s)).count();
    heard.replies.len() >= replies && here >= events
}

/// Notices come early or late (FACTS.md, end of the call); PARK may be missed.
fn counts(seen: &Seen) -> bool {
    !seen.name.starts_with("notice") && seen.name != "CHANNEL_PARK"
}

async fn listen(read: ReadHalf<DuplexStream>, all: Shared) {
    let mut frames = FramedRead::new(read, Codec::new(Limits::default()));
    while let Some(Ok(frame)) = frames.next().await {
        let mut all = all.lock().unwrap();
        match frame.kind {
            Kind::EventPlain | Kind::EventJson => {
                let event = Event::from_frame(&frame).unwrap();
                all.events.push((seen(&event), Some(event)));
            }
            Kind::CommandReply => {
                let reply = match frame.headers.raw("Event-Name") {
                    Some(name) => name.to_owned(),
                    None => frame.headers.raw("Reply-Text").unwrap_or_default().to_owned(),
                };
                all.replies.push(reply);
            }
            Kind::ApiResponse => {
                let body = String::from_utf8_lossy(&frame.body).replace('\n', "\\n");
                all.replies.push(format!("api/response   body=b'{body}'"));
            }
            Kind::DisconnectNotice => {
                let kind = frame.headers.raw("Content-Disposition").unwrap_or_default();
                let name = format!("notice {kind}");
                all.events.push((Seen { name, ..Seen::default() }, None));
            }
            _ => {}
        }
    }
    all.lock().unwrap().closed = true;
}

/// An event in the form timelines have.
fn seen(event: &Event) -> Seen {
    let name = match event.subclass() {
        Some(subclass) => format!("{} {subclass}", event.name()),
        None => event.name().to_owned(),
    };
    let with_variables =
        matches!(event.name(), "CHANNEL_EXECUTE_COMPLETE" | "CHANNEL_HANGUP_COMPLETE");
    let mut headers = HashMap::new();
    for key in KEYS {
        let value = match *key {
            "Bridge-A-UUID" => event.get("Bridge-A-Unique-ID"),
            "Bridge-B-UUID" => event.get("Bridge-B-Unique-ID"),
            "Other-Leg-UUID" => event.get("Other-Leg-Unique-ID"),
            "Channel-State" => event.get("Channel-State"),
            key => match key.strip_prefix("v_") {
                Some(variable) if with_variables => event.variable(variable),
                Some(_) => None,
                None => event.get(key),
            },
        };
        if let Some(value) = value {
            headers.insert(*key, value.into_owned());
        }
    }
    Seen { name, leg: event.get("Unique-ID").map(|u| u.into_owned()), headers }
}
