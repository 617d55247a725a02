//! A small SIP user agent on loopback UDP: the caller and the phones of the tests.
//!
//! It offers a port in its SDP and sends no audio, which is enough for FreeSWITCH to bridge; a phone that [`Phone::hums`]
//! sends a tone in its talks, for what is recorded of them.
//! Nothing is retransmitted: loopback does not lose datagrams.

#[path = "sip_message.rs"]
mod message;
#[path = "rtp.rs"]
mod rtp;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use message::{Message, display_name, uri};
use rtp::Voice;

/// What a phone does when it is called.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Rings, answers after `after`, and hangs up `talk` later where one is given.
    Answer {
        /// How long it rings.
        after: Duration,
        /// How long it talks. `None`: until the other side hangs up.
        talk: Option<Duration>,
    },
    /// Rings for ever.
    Silent,
    /// Refuses with this code: 486 busy, 603 declined, 480 not available.
    Reject(u16),
    /// Does nothing by itself: the test acts on the [`Call`].
    Manual,
}

/// How a call ended, as this side saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The final SIP code where the call was never answered.
    pub code: Option<u16>,
    /// The Reason header of the other side's BYE, CANCEL or refusal. Empty: none was sent.
    pub reason: String,
    /// Whether the other side ended it.
    pub by_other: bool,
}

/// Everything seen of one call so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The codes received (caller) in their order, 100 included.
    pub codes: Vec<u16>,
    /// It rang: 180 or 183 received (caller) or sent (phone).
    pub ringing: bool,
    /// It was answered.
    pub answered: bool,
    /// Set once it is over.
    pub ended: Option<End>,
    /// The first lines of NOTIFY bodies: what became of a transfer.
    pub notified: Vec<String>,
}

/// One user agent on a port of its own.
#[derive(Clone)]
pub struct Phone(Arc<Inner>);

struct Inner {
    name: String,
    socket: UdpSocket,
    here: SocketAddr,
    calls: Mutex<HashMap<String, Call>>,
    behaviour: Mutex<Behaviour>,
    incoming: mpsc::UnboundedSender<Call>,
    arrived: tokio::sync::Mutex<mpsc::UnboundedReceiver<Call>>,
    registered: watch::Sender<Option<u16>>,
    voice: Mutex<Option<Arc<Voice>>>,
}

impl Phone {
    /// Opens a phone on a free port of 127.0.0.1. `name` is its user part.
    pub async fn open(name: &str) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let socket = socket.expect("a free UDP port on loopback");
        let here = socket.local_addr().expect("a bound socket has an address");
        let (incoming, arrived) = mpsc::unbounded_channel();
        let phone = Self(Arc::new(Inner {
            name: name.to_owned(),
            socket,
            here,
            calls: Mutex::default(),
            behaviour: Mutex::new(Behaviour::Manual),
            incoming,
            arrived: tokio::sync::Mutex::new(arrived),
            registered: watch::channel(None).0,
            voice: Mutex::default(),
        }));
        // Ends with the test's runtime.
        tokio::spawn(phone.clone().read());
        phone
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.here
    }

    /// Changes what it does with the next call.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().expect("no test panics inside") = behaviour;
    }

    /// From now on it sends a tone of this many hertz in every talk.
    pub async fn hums(&self, hertz: u32) {
        let voice = Arc::new(Voice::open(hertz).await);
        *self.0.voice.lock().expect("no test panics inside") = Some(voice);
    }

    /// The next call that came in, or `None` if none does within `wait`.
    pub async fn next_call(&self, wait: Duration) -> Option<Call> {
        let mut arrived = self.0.arrived.lock().await;
        timeout(wait, arrived.recv()).await.ok().flatten()
    }

    /// Sends a REGISTER without a password and waits for its final answer. The profile must accept that.
    pub async fn register(&self, server: SocketAddr, domain: &str, seconds: u32) -> u16 {
        let (name, here) = (&self.0.name, self.0.here);
        let mut answer = self.0.registered.subscribe();
        let tag = token();
        let request = format!(
            "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{tag};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@{domain}>;tag={tag}\r\nTo: <sip:{name}@{domain}>\r\nCall-ID: register-{tag}\r\n\
             CSeq: 1 REGISTER\r\nContact: <sip:{name}@{here}>;expires={seconds}\r\nExpires: {seconds}\r\nContent-Length: 0\r\n\r\n"
        );
        self.send(&request, server).await;
        let code = timeout(Duration::from_secs(5), answer.wait_for(Option::is_some)).await;
        let code = code.expect("an answer to REGISTER").expect("phone is open");
        code.expect("waited for it")
    }

    /// Calls `number` at `server`. `name` and `from` are shown to the other side.
    pub async fn call(&self, server: SocketAddr, number: &str, name: &str, from: &str) -> Call {
        let target = format!("sip:{number}@{server}");
        let call = Call(Arc::new(Dialog {
            phone: self.clone(),
            id: token(),
            server,
            branch: token(),
            tag: token(),
            invite: None,
            sequence: AtomicU32::new(1),
            sides: Mutex::new(Sides {
                local: String::new(),
                remote: format!("<{target}>"),
                contact: target,
            }),
            hears: Mutex::default(),
            seen: watch::channel(Seen::default()).0,
        }));
        call.sides().local = format!("\"{name}\" <sip:{from}@{}>;tag={}", self.0.here, call.0.tag);
        self.0.keep(&call);
        let branch = call.0.branch.clone();
        call.request("INVITE", 1, &branch, "", &self.sdp()).await;
        call
    }

    fn sdp(&self) -> String {
        // Without a voice no audio is sent; port 9 is "discard".
        let port = self.voice().map_or(9, |voice| voice.port());
        let keys = rtp::KEYS;
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 {keys}\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:{keys} telephone-event/8000\r\n"
        )
    }

    fn voice(&self) -> Option<Arc<Voice>> {
        self.0.voice.lock().expect("no test panics inside").clone()
    }

    async fn send(&self, text: &str, to: SocketAddr) {
        let sent = self.0.socket.send_to(text.as_bytes(), to).await;
        sent.expect("loopback takes a datagram");
    }

    async fn read(self) {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = self.0.socket.recv_from(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if let Some(message) = Message::parse(&text) {
                self.on_message(message, from).await;
            }
        }
    }

    async fn on_message(&self, message: Message, from: SocketAddr) {
        let known = self.0.find(message.header("Call-ID"));
        if let Some(code) = message.code() {
            match known {
                Some(call) => call.on_response(code, &message).await,
                None if message.header("CSeq").ends_with("REGISTER") => {
                    self.0.registered.send_replace(Some(code));
                }
                None => {}
            }
            return;
        }
        match (message.method(), known) {
            ("INVITE", None) => self.on_invite(message, from).await,
            (_, Some(call)) => call.on_request(message, from).await,
            ("ACK", None) => {}
            ("OPTIONS" | "NOTIFY", None) => self.send(&message.answer(200, "", "", ""), from).await,
            (_, None) => self.send(&message.answer(481, "", "", ""), from).await,
        }
    }

    async fn on_invite(&self, invite: Message, from: SocketAddr) {
        let tag = token();
        let call = Call(Arc::new(Dialog {
            phone: self.clone(),
            id: invite.header("Call-ID").to_owned(),
            server: from,
            branch: String::new(),
            sequence: AtomicU32::new(1),
            sides: Mutex::new(Sides {
                local: format!("{};tag={tag}", invite.header("To")),
                remote: invite.header("From").to_owned(),
                contact: uri(invite.header("Contact")).to_owned(),
            }),
            tag,
            invite: Some(invite),
            hears: Mutex::default(),
            seen: watch::channel(Seen::default()).0,
        }));
        self.0.keep(&call);
        call.reply(100, "").await;
        // The test may have no interest in it.
        let _ = self.0.incoming.send(call.clone());
        let behaviour = *self.0.behaviour.lock().expect("no test panics inside");
        tokio::spawn(async move { call.act(behaviour).await });
    }
}

impl Inner {
    fn keep(&self, call: &Call) {
        let mut calls = self.calls.lock().expect("no test panics inside");
        calls.insert(call.0.id.clone(), call.clone());
    }

    fn find(&self, id: &str) -> Option<Call> {
        let calls = self.calls.lock().expect("no test panics inside");
        calls.get(id).cloned()
    }
}

/// One call of a phone, in either direction.
#[derive(Clone)]
pub struct Call(Arc<Dialog>);

struct Dialog {
    phone: Phone,
    id: String,
    server: SocketAddr,
    /// Branch of the own INVITE: a CANCEL must repeat it.
    branch: String,
    tag: String,
    /// The INVITE that came in; `None` where this side called.
    invite: Option<Message>,
    sequence: AtomicU32,
    sides: Mutex<Sides>,
    /// Where the other side wants sound.
    hears: Mutex<Option<SocketAddr>>,
    seen: watch::Sender<Seen>,
}

struct Sides {
    local: String,
    remote: String,
    contact: String,
}

impl Call {
    /// The caller's name as this phone displays it.
    pub fn shown_name(&self) -> String {
        self.0.invite.as_ref().map(|i| display_name(i.header("From"))).unwrap_or_default()
    }

    /// The caller's number as this phone displays it.
    pub fn shown_number(&self) -> String {
        let from = self.0.invite.as_ref().map(|i| i.header("From")).unwrap_or_default();
        let user = uri(from).trim_start_matches("sip:");
        user.split('@').next().unwrap_or_default().to_owned()
    }

    /// A header of the INVITE that came in; empty where there is none.
    pub fn invite_header(&self, name: &str) -> &str {
        self.0.invite.as_ref().map(|i| i.header(name)).unwrap_or_default()
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.0.seen.borrow().clone()
    }

    /// Waits until it rings. False: not within `wait`.
    pub async fn rings(&self, wait: Duration) -> bool {
        self.until(wait, |seen| seen.ringing).await
    }

    /// Waits until it is answered. False: not within `wait`.
    pub async fn is_answered(&self, wait: Duration) -> bool {
        self.until(wait, |seen| seen.answered).await
    }

    /// Waits until it is over. `None`: not within `wait`.
    pub async fn ended(&self, wait: Duration) -> Option<End> {
        self.until(wait, |seen| seen.ended.is_some()).await;
        self.seen().ended
    }

    /// Waits until the other side has told this of a transfer, such as `SIP/2.0 200 OK`.
    pub async fn notified(&self, wait: Duration, of: &str) -> bool {
        self.until(wait, |seen| seen.notified.iter().any(|line| line.contains(of))).await
    }

    async fn until(&self, wait: Duration, done: impl FnMut(&Seen) -> bool) -> bool {
        let mut seen = self.0.seen.subscribe();
        matches!(timeout(wait, seen.wait_for(done)).await, Ok(Ok(_)))
    }

    /// 180 Ringing.
    pub async fn ring(&self) {
        self.reply(180, "").await;
        self.note(|seen| seen.ringing = true);
    }

    /// 183 Session Progress with media: a tone or an announcement of the network's.
    pub async fn early_media(&self) {
        let sdp = self.0.phone.sdp();
        self.reply(183, &sdp).await;
        self.note(|seen| seen.ringing = true);
    }

    /// 200 OK.
    pub async fn answer(&self) {
        let sdp = self.0.phone.sdp();
        self.reply(200, &sdp).await;
        self.note(|seen| seen.answered = true);
        if let Some(invite) = &self.0.invite {
            self.speak(&invite.body);
        }
    }

    /// Refuses it.
    pub async fn reject(&self, code: u16) {
        self.reply(code, "").await;
        self.over(Some(code), "", false);
    }

    /// BYE.
    pub async fn hang_up(&self) {
        self.ask("BYE", "").await;
        self.over(None, "", false);
    }

    /// CANCEL. The end is known when 487 has come.
    pub async fn cancel(&self) {
        let branch = self.0.branch.clone();
        self.request("CANCEL", 1, &branch, "", "").await;
    }

    /// Blind transfer: sends the other side to `number`.
    pub async fn transfer(&self, number: &str) {
        let to = format!("Refer-To: <sip:{number}@{}>\r\n", self.0.server);
        self.ask("REFER", &to).await;
    }

    /// Attended transfer: joins the other side of this call with the other side of `consultation`.
    pub async fn transfer_to(&self, consultation: &Call) {
        let theirs = {
            let sides = consultation.sides();
            sides.remote.split("tag=").nth(1).unwrap_or_default().to_owned()
        };
        let ours = &consultation.0.tag;
        let target = consultation.sides().contact.clone();
        let id = &consultation.0.id;
        // to-tag is the tag of whoever gets the Replaces, so the far side's.
        let to = format!(
            "Refer-To: <{target}?Replaces={id}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}>\r\n"
        );
        self.ask("REFER", &to).await;
    }

    /// Presses a key in a talk, by RFC 4733. Of a phone that hums.
    pub async fn press(&self, key: char) {
        let to = *self.0.hears.lock().expect("no test panics inside");
        let (voice, to) = self.0.phone.voice().zip(to).expect("it hums, and talks");
        voice.press(to, key).await;
    }

    /// Presses a key in a talk, by SIP INFO.
    pub async fn press_by_info(&self, key: char) {
        let sequence = self.0.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let kind = "Content-Type: application/dtmf-relay\r\n";
        let body = format!("Signal={key}\r\nDuration=160\r\n");
        self.request("INFO", sequence, &token(), kind, &body).await;
    }

    /// Sends the tone to where this description says, until the call is over.
    fn speak(&self, sdp: &str) {
        let Some((voice, to)) = self.0.phone.voice().zip(rtp::address(sdp)) else { return };
        *self.0.hears.lock().expect("no test panics inside") = Some(to);
        let mut seen = self.0.seen.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = voice.hum(to) => {}
                _ = seen.wait_for(|seen| seen.ended.is_some()) => {}
            }
        });
    }

    async fn act(&self, behaviour: Behaviour) {
        match behaviour {
            Behaviour::Manual => {}
            Behaviour::Silent => self.ring().await,
            Behaviour::Reject(code) => self.reject(code).await,
            Behaviour::Answer { after, talk } => {
                self.ring().await;
                if self.ended(after).await.is_some() {
                    return;
                }
                self.answer().await;
                if let Some(talk) = talk {
                    sleep(talk).await;
                    if self.seen().ended.is_none() {
                        self.hang_up().await;
                    }
                }
            }
        }
    }

    async fn on_response(&self, code: u16, message: &Message) {
        let Some((sequence, "INVITE")) = message.header("CSeq").split_once(' ') else {
            return;
        };
        self.note(|seen| {
            seen.codes.push(code);
            seen.ringing |= code == 180 || code == 183;
        });
        if code > 100 && message.header("To").contains("tag=") {
            self.sides().remote = message.header("To").to_owned();
        }
        if code < 200 {
            return;
        }
        let sequence = sequence.parse().unwrap_or(1);
        if code < 300 {
            self.sides().contact = uri(message.header("Contact")).to_owned();
            self.request("ACK", sequence, &token(), "", "").await;
            self.note(|seen| seen.answered = true);
            self.speak(&message.body);
        } else {
            // The ACK of a refusal belongs to the INVITE's own transaction.
            let branch = self.0.branch.clone();
            self.request("ACK", sequence, &branch, "", "").await;
            self.over(Some(code), message.header("Reason"), true);
        }
    }

    async fn on_request(&self, message: Message, from: SocketAddr) {
        let phone = &self.0.phone;
        let (code, body) = match message.method() {
            "ACK" => return,
            // A repeated first INVITE has no tag in To; a re-INVITE has one.
            "INVITE" if !message.header("To").contains("tag=") => return,
            "INVITE" | "UPDATE" => (200, phone.sdp()),
            _ => (200, String::new()),
        };
        let contact = format!("Contact: <sip:{}@{}>\r\n", phone.0.name, phone.0.here);
        phone.send(&message.answer(code, "", &contact, &body), from).await;
        match message.method() {
            "BYE" => self.over(None, message.header("Reason"), true),
            "CANCEL" => {
                self.reply(487, "").await;
                self.over(None, message.header("Reason"), true);
            }
            "NOTIFY" => {
                let line = message.body.lines().next().unwrap_or_default().to_owned();
                self.note(|seen| seen.notified.push(line));
            }
            _ => {}
        }
    }

    async fn reply(&self, code: u16, body: &str) {
        let Some(invite) = &self.0.invite else { return };
        let phone = &self.0.phone;
        let contact = format!("Contact: <sip:{}@{}>\r\n", phone.0.name, phone.0.here);
        let tag = if code > 100 { self.0.tag.as_str() } else { "" };
        phone.send(&invite.answer(code, tag, &contact, body), self.0.server).await;
    }

    async fn ask(&self, method: &str, extra: &str) {
        let sequence = self.0.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        self.request(method, sequence, &token(), extra, "").await;
    }

    async fn request(&self, method: &str, sequence: u32, branch: &str, extra: &str, body: &str) {
        let phone = &self.0.phone;
        let (name, here) = (&phone.0.name, phone.0.here);
        let text = {
            let sides = self.sides();
            let (contact, local, remote) = (&sides.contact, &sides.local, &sides.remote);
            let kind = match body.is_empty() || extra.contains("Content-Type") {
                true => "",
                false => "Content-Type: application/sdp\r\n",
            };
            format!(
                "{method} {contact} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n\
                 From: {local}\r\nTo: {remote}\r\nCall-ID: {}\r\nCSeq: {sequence} {method}\r\nContact: <sip:{name}@{here}>\r\n\
                 {extra}{kind}Content-Length: {}\r\n\r\n{body}",
                self.0.id,
                body.len()
            )
        };
        phone.send(&text, self.0.server).await;
    }

    fn sides(&self) -> std::sync::MutexGuard<'_, Sides> {
        self.0.sides.lock().expect("no test panics inside")
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        self.0.seen.send_modify(change);
    }

    fn over(&self, code: Option<u16>, reason: &str, by_other: bool) {
        let end = End { code, reason: reason.to_owned(), by_other };
        self.note(|seen| {
            seen.ended.get_or_insert(end);
        });
    }
}

fn token() -> String {
    format!("{:016x}", fastrand::u64(..))
}
