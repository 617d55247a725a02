//! Our reader against freeswitch-esl-tokio 2.8 on the same bytes: the events of a call that goes
//! to an owner, then to the queue (transcripts 02a and 03a), 71 events of 6 KB, over and over.
//! From each event eight headers are read, as a session does.
//!
//! Two comparisons, for its parser is private:
//!
//! * `loopback`: a thread writes the bytes into a loopback socket; here `Link::next`, there
//!   `EslEventStream::recv`. The kernel's share is in both, which favours the slower one.
//! * `memory`: its public `parse_channel_dump` on event bodies already cut, without its framing,
//!   against all of ours: cutting, the event, eight headers.
//!
//! The ratios are printed at the end.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::cell::Cell;
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput};
use dozvon::esl::{Codec, Command, Event, Frame, Incoming, Kind, Limits, Link};
use freeswitch_esl_tokio::{
    EslClient, EslConnectOptions, EslEvent, EventOverflow, parse_channel_dump,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Decoder;

#[path = "../tests/support/raw.rs"]
mod raw;

/// What a session looks at when a leg is answered or ends.
const HEADERS: [&str; 8] = [
    "Event-Name",
    "Unique-ID",
    "Channel-Call-UUID",
    "Other-Leg-Unique-ID",
    "Application-UUID",
    "Hangup-Cause",
    "variable_originate_disposition",
    "Caller-Destination-Number",
];

fn read_ours(event: &Event) {
    for name in HEADERS {
        black_box(event.get(name));
    }
}

fn read_theirs(event: &EslEvent) {
    for name in HEADERS {
        black_box(event.header_str(name));
    }
}

/// Time and events of all samples of one benchmark.
#[derive(Default)]
struct Tally(Cell<(Duration, usize)>);

impl Tally {
    fn add(&self, time: Duration, events: usize) {
        let (total, count) = self.0.get();
        self.0.set((total + time, count + events));
    }

    /// µs an event.
    fn each(&self) -> f64 {
        let (time, count) = self.0.get();
        time.as_secs_f64() * 1e6 / count as f64
    }
}

/// Writes `bytes` `rounds` times to whoever accepts; answers the one command it gets first.
fn play(mut socket: std::net::TcpStream, bytes: &Bytes, rounds: usize) {
    let mut command = [0; 64];
    assert_ne!(socket.read(&mut command).unwrap(), 0);
    socket.write_all(b"Content-Type: command/reply\nReply-Text: +OK\n\n").unwrap();
    for _ in 0..rounds {
        socket.write_all(bytes).unwrap();
    }
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = socket.read(&mut command);
}

async fn take_ours(socket: TcpStream) -> usize {
    let (mut link, mut events) = (Link::new(socket, Limits::default()), 0);
    link.send([((), Command::connect())]).await.unwrap();
    while let Some(incoming) = link.next().await.unwrap() {
        if let Incoming::Event(event) = incoming {
            read_ours(&event);
            events += 1;
        }
    }
    events
}

async fn take_theirs(socket: TcpStream) -> usize {
    let wait = EventOverflow::BlockFor(Duration::from_secs(10));
    let options = EslConnectOptions::new().with_event_overflow(wait);
    let (client, mut stream) = EslClient::accept_outbound_stream_with_options(socket, options);
    client.connect_session().await.unwrap().check().unwrap();
    let mut events = 0;
    while let Some(event) = stream.recv().await {
        read_theirs(&event.unwrap());
        events += 1;
    }
    events
}

/// One connection that carries `rounds` times the bytes. One thread reads, another writes.
fn over_loopback<F: Future<Output = usize>>(
    bytes: &Bytes,
    rounds: usize,
    take: impl FnOnce(TcpStream) -> F,
) -> (Duration, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bytes = bytes.clone();
        let player = std::thread::spawn(move || {
            play(std::net::TcpStream::connect(address).unwrap(), &bytes, rounds);
        });
        let (socket, _) = listener.accept().await.unwrap();
        let begin = Instant::now();
        let events = take(socket).await;
        let time = begin.elapsed();
        player.join().unwrap();
        (time, events)
    })
}

fn main() {
    let mut frames: Vec<Frame> =
        ["02a", "03a"].iter().flat_map(|name| raw::frames(&raw::stream(name))).collect();
    frames.retain(|frame| frame.kind == Kind::EventPlain);
    let count = frames.len();
    let bytes: Bytes = frames.iter().flat_map(raw::wire).collect();
    let bodies: Vec<&str> =
        frames.iter().map(|frame| std::str::from_utf8(&frame.body).unwrap()).collect();
    let tallies: [Tally; 4] = Default::default();
    let [memory_ours, memory_theirs, loopback_ours, loopback_theirs] = &tallies;

    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();

    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("split only", |b| {
        b.iter_batched_ref(
            || BytesMut::from(&bytes[..]),
            |src| {
                let mut codec = Codec::default();
                while let Some(frame) = codec.decode(src).unwrap() {
                    black_box(frame);
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("dozvon: split, event, 8 headers", |b| {
        b.iter_custom(|rounds| {
            let mut time = Duration::ZERO;
            for _ in 0..rounds {
                let (mut codec, mut src) = (Codec::default(), BytesMut::from(&bytes[..]));
                let begin = Instant::now();
                while let Some(frame) = codec.decode(&mut src).unwrap() {
                    read_ours(&Event::from_frame(&frame).unwrap());
                }
                time += begin.elapsed();
            }
            memory_ours.add(time, count * rounds as usize);
            time
        });
    });
    group.bench_function("freeswitch-esl-tokio: parse_channel_dump, 8 headers", |b| {
        b.iter_custom(|rounds| {
            let begin = Instant::now();
            for _ in 0..rounds {
                for body in &bodies {
                    read_theirs(&parse_channel_dump(body).unwrap());
                }
            }
            let time = begin.elapsed();
            memory_theirs.add(time, count * rounds as usize);
            time
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("loopback");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("dozvon: Link, 8 headers", |b| {
        b.iter_custom(|rounds| {
            let (time, events) = over_loopback(&bytes, rounds as usize, take_ours);
            assert_eq!(events, count * rounds as usize);
            loopback_ours.add(time, events);
            time
        });
    });
    group.bench_function("freeswitch-esl-tokio: EslEventStream, 8 headers", |b| {
        b.iter_custom(|rounds| {
            let (time, events) = over_loopback(&bytes, rounds as usize, take_theirs);
            assert_eq!(events, count * rounds as usize);
            loopback_theirs.add(time, events);
            time
        });
    });
    group.finish();
    criterion.final_summary();

    for (what, ours, theirs) in
        [("memory", memory_ours, memory_theirs), ("loopback", loopback_ours, loopback_theirs)]
    {
        let (ours, theirs) = (ours.each(), theirs.each());
        // A filter on the command line leaves some out.
        if ours.is_finite() && theirs.is_finite() {
            println!(
                "{what}: dozvon {ours:.2} µs an event, freeswitch-esl-tokio {theirs:.2} µs, ratio {:.1}",
                theirs / ours
            );
        }
    }
}
