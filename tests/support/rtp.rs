//! The voice of a phone: a tone as RTP, and where an SDP wants it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::interval;

/// 20 ms of PCMA.
const FRAME: usize = 160;

/// A socket that hums.
pub struct Voice {
    socket: UdpSocket,
    hertz: u32,
}

impl Voice {
    /// On a free port.
    pub async fn open(hertz: u32) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        Self { socket: socket.expect("a free UDP port on loopback"), hertz }
    }

    /// Where it listens to nothing.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket has an address").port()
    }

    /// A square wave, for ever.
    pub async fn hum(&self, to: SocketAddr) {
        let (mut sequence, mut time, ssrc) = (fastrand::u16(..), 0_u32, fastrand::u32(..));
        let mut tick = interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let mut packet = vec![0x80, 8];
            packet.extend(sequence.to_be_bytes());
            packet.extend(time.to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            // The top bit of A-law is the sign.
            let wave =
                |n: u32| if (n * 2 * self.hertz / 8000).is_multiple_of(2) { 0xA5 } else { 0x25 };
            packet.extend((0..FRAME as u32).map(|n| wave((time + n) % 8000)));
            // Whoever has gone misses nothing.
            let _ = self.socket.send_to(&packet, to).await;
            sequence = sequence.wrapping_add(1);
            time = time.wrapping_add(FRAME as u32);
        }
    }
}

/// The audio port of a session description.
pub fn address(sdp: &str) -> Option<SocketAddr> {
    let port = sdp.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let port = port.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}
