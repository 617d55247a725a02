//! The voice of a phone: a tone and keys as RTP, and where an SDP wants them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::interval;

/// 20 ms of PCMA.
const FRAME: usize = 160;
/// The payload type of keys (RFC 4733).
pub const KEYS: u8 = 101;

/// A socket that hums.
pub struct Voice {
    socket: UdpSocket,
    hertz: u32,
    ssrc: u32,
    sequence: AtomicU16,
    time: AtomicU32,
}

impl Voice {
    /// On a free port.
    pub async fn open(hertz: u32) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        Self {
            socket: socket.expect("a free UDP port on loopback"),
            hertz,
            ssrc: fastrand::u32(..),
            sequence: AtomicU16::new(fastrand::u16(..)),
            time: AtomicU32::new(0),
        }
    }

    /// Where it listens to nothing.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket has an address").port()
    }

    /// A square wave, for ever.
    pub async fn hum(&self, to: SocketAddr) {
        let mut tick = interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let time = self.time.fetch_add(FRAME as u32, Ordering::Relaxed);
            // The top bit of A-law is the sign.
            let wave =
                |n: u32| if (n * 2 * self.hertz / 8000).is_multiple_of(2) { 0xA5 } else { 0x25 };
            let sound: Vec<_> = (0..FRAME as u32).map(|n| wave((time + n) % 8000)).collect();
            self.send(to, 8, time, &sound).await;
        }
    }

    /// A key for 100 ms (RFC 4733): five packets that grow longer, and the last one three times.
    pub async fn press(&self, to: SocketAddr, key: char) {
        let event = "0123456789*#ABCD".find(key).expect("a key of a telephone") as u8;
        let time = self.time.load(Ordering::Relaxed);
        for n in 1..=7_u16 {
            let (ended, length) = if n > 5 { (0x80, 800) } else { (0, n * 160) };
            let mark = if n == 1 { 0x80 } else { 0 };
            let body = [[event, 10 | ended], length.to_be_bytes()].concat();
            self.send(to, KEYS | mark, time, &body).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn send(&self, to: SocketAddr, kind: u8, time: u32, body: &[u8]) {
        let mut packet = vec![0x80, kind];
        packet.extend(self.sequence.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend(self.ssrc.to_be_bytes());
        packet.extend(body);
        // Whoever has gone misses nothing.
        let _ = self.socket.send_to(&packet, to).await;
    }
}

/// The audio port of a session description.
pub fn address(sdp: &str) -> Option<SocketAddr> {
    let port = sdp.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let port = port.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
