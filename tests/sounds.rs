//! Links to recordings over HTTP: who holds one may listen, and hears nothing else.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dozvon::http::{HttpState, Readiness, serve};
use dozvon::metrics::Metrics;
use dozvon::recording::{Recorder, RecordingConfig};
use jiff::Timestamp;
use reqwest::{Method, Response};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// An engine's HTTP over a folder of recordings.
struct Shop {
    folder: TempDir,
    recorder: Arc<Recorder>,
    _end: tokio_util::sync::DropGuard,
}

impl Shop {
    async fn open() -> Self {
        Self::open_with(Duration::from_secs(3600)).await
    }

    async fn open_with(expires: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("rec")).unwrap();
        std::fs::create_dir_all(folder.path().join("vm")).unwrap();
        let config = RecordingConfig {
            folder: Some(folder.path().join("rec")),
            voicemail: Some(folder.path().join("vm")),
            expires,
            ..RecordingConfig::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let recorder = Arc::new(Recorder::new(&config, &url, &folder.path().join("dozvon.key")));
        let state = HttpState {
            sales: None,
            metrics: Arc::new(Metrics::new().unwrap()),
            readiness: Arc::new(Readiness::default),
            store: None,
            rules: None,
            doors: None,
            loopback: true,
            recorder: recorder.clone(),
        };
        let end = CancellationToken::new();
        tokio::spawn(serve(listener, state, end.clone()));
        Self { folder, recorder, _end: end.drop_guard() }
    }

    /// A complete WAV, and its link.
    fn sells(&self, name: &str) -> (String, Vec<u8>) {
        let wav = wav(400, 400);
        (self.holds(name, &wav), wav)
    }

    /// Any file, and its link.
    fn holds(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.link(name)
    }

    fn link(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        self.recorder.link(path.to_str().unwrap(), Timestamp::now()).unwrap()
    }
}

/// A WAV whose head counts so many bytes, and which has so many.
fn wav(counted: u32, there: usize) -> Vec<u8> {
    let mut wav = b"RIFF".to_vec();
    wav.extend((counted + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data");
    wav.extend(counted.to_le_bytes());
    wav.extend((0..there).map(|n| n as u8));
    wav
}

async fn get(link: &str) -> Response {
    dozvon::http::client().build().unwrap().get(link).send().await.unwrap()
}

async fn with(link: &str, method: Method, header: &str, value: &str) -> Response {
    dozvon::http::client()
        .build()
        .unwrap()
        .request(method, link)
        .header(header, value)
        .send()
        .await
        .unwrap()
}

fn header<'r>(answer: &'r Response, name: &str) -> &'r str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The status and the title of a problem.
async fn problem(answer: Response) -> (u16, String) {
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(body["status"], status);
    assert!(!body["detail"].as_str().unwrap().is_empty());
    (status, body["title"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a12_whoever_holds_a_link_hears_the_talk() {
    let shop = Shop::open().await;
    for name in ["rec/2026-11-20/a-1.wav", "rec/Записи für it's 100% ?#&+;.wav", "vm/101/msg.wav"]
    {
        let (link, wav) = shop.sells(name);
        let answer = get(&link).await;
        assert_eq!(answer.status().as_u16(), 200, "{link}");
        assert!(["audio/wav", "audio/x-wav"].contains(&header(&answer, "content-type")));
        assert_eq!(header(&answer, "accept-ranges"), "bytes");
        assert!(header(&answer, "cache-control").contains("private"));
        assert!(header(&answer, "content-security-policy").contains("media-src 'self'"));
        assert_eq!(answer.bytes().await.unwrap(), wav);
    }
}

/// A player seeks, and asks again whether anything has changed.
#[tokio::test]
async fn parts_heads_and_unchanged_files() {
    let shop = Shop::open().await;
    let (link, wav) = shop.sells("rec/a.wav");
    let part = with(&link, Method::GET, "range", "bytes=100-199").await;
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(header(&part, "content-range"), format!("bytes 100-199/{}", wav.len()));
    assert_eq!(part.bytes().await.unwrap(), wav[100..200]);
    let behind = with(&link, Method::GET, "range", "bytes=9999-").await;
    assert_eq!(behind.status().as_u16(), 416);
    let head = dozvon::http::client().build().unwrap().head(&link).send().await.unwrap();
    assert_eq!(head.status().as_u16(), 200);
    assert_eq!(header(&head, "content-length"), wav.len().to_string());
    let (tag, date) = (header(&head, "etag"), header(&head, "last-modified"));
    assert!(!tag.is_empty() && !date.is_empty());
    for (name, value) in [("if-none-match", tag), ("if-modified-since", date)] {
        assert_eq!(with(&link, Method::GET, name, value).await.status().as_u16(), 304, "{name}");
    }
    assert_eq!(with(&link, Method::POST, "x", "y").await.status().as_u16(), 405);
}

#[tokio::test]
async fn a_changed_link_opens_nothing() {
    let shop = Shop::open().await;
    let (link, _) = shop.sells("rec/a.wav");
    shop.sells("rec/b.wav");
    let (address, query) = link.split_once('?').unwrap();
    let (root, _) = link.split_once("/recordings/").unwrap();
    for changed in [
        address.to_owned(),
        format!("{root}/recordings/b.wav?{query}"),
        format!("{root}/voicemail/a.wav?{query}"),
        format!("{root}/recordings/x/../a.wav/?{query}"),
        format!("{root}/recordings/..%2Fdozvon.key?{query}"),
        format!("{root}/recordings/%2Fetc%2Fpasswd?{query}"),
        format!("{root}/recordings/%FF.wav?{query}"),
        format!("{root}/recordings/a%00.wav?{query}"),
        link.replace("expires=", "expires=1"),
        link.replace("expires=", "expires=-"),
        format!("{link}00"),
        format!("{link}&expires=99999999999"),
        link.replace("signature=", "signature=%00"),
        format!("{address}?expires=99999999999&signature="),
    ] {
        let (status, title) = problem(get(&changed).await).await;
        assert_eq!((status, title.as_str()), (403, "not a valid link"), "{changed}");
    }
    assert_eq!(get(&link).await.status().as_u16(), 200);
}

#[tokio::test]
async fn an_expired_link_says_so() {
    let shop = Shop::open_with(Duration::from_nanos(1)).await;
    let (link, _) = shop.sells("rec/a.wav");
    // Expiry is counted in whole seconds.
    let expired = async {
        while get(&link).await.status().as_u16() == 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        problem(get(&link).await).await
    };
    let said = tokio::time::timeout(Duration::from_secs(10), expired).await.unwrap();
    assert_eq!(said, (403, "the link has expired".to_owned()));
}

/// The call's own engine knows that it lasts; another one sees it by the head of the file.
#[tokio::test]
async fn a_talk_that_goes_on_is_asked_for_again_later() {
    let shop = Shop::open().await;
    let (link, _) = shop.sells("rec/a.wav");
    let file = shop.folder.path().join("rec/a.wav");
    let lasting = shop.recorder.begin(file.to_str().unwrap());
    let answer = get(&link).await;
    assert_eq!(header(&answer, "retry-after"), "30");
    assert_eq!(problem(answer).await, (404, "not complete yet".to_owned()));
    drop(lasting);
    assert_eq!(get(&link).await.status().as_u16(), 200);

    let grows = shop.holds("rec/b.wav", &wav(0, 4000));
    assert_eq!(problem(get(&grows).await).await.1, "not complete yet");
    // A FreeSWITCH that died left it so: what there is can be heard.
    let old = SystemTime::now() - Duration::from_secs(120);
    let file = std::fs::File::options().write(true).open(shop.folder.path().join("rec/b.wav"));
    file.unwrap().set_modified(old).unwrap();
    assert_eq!(get(&grows).await.status().as_u16(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_not_promised() {
    let shop = Shop::open().await;
    let never = get(&shop.link("rec/never.wav")).await;
    assert_eq!(header(&never, "retry-after"), "");
    assert_eq!(problem(never).await, (404, "no such recording".to_owned()));
    let (deleted, _) = shop.sells("rec/a.wav");
    std::fs::remove_file(shop.folder.path().join("rec/a.wav")).unwrap();
    assert_eq!(problem(get(&deleted).await).await.0, 404);
    std::fs::create_dir(shop.folder.path().join("rec/folder.wav")).unwrap();
    assert_eq!(problem(get(&shop.link("rec/folder.wav")).await).await.0, 404);
}

/// A symbolic link inside the folder is the company's own affair; one that leads out opens nothing.
#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    let shop = Shop::open().await;
    let (_, wav) = shop.sells("rec/a.wav");
    shop.holds("vm/secret.wav", &wav);
    let rec = shop.folder.path().join("rec");
    symlink(rec.join("a.wav"), rec.join("inside.wav")).unwrap();
    symlink(shop.folder.path().join("dozvon.key"), rec.join("outside.wav")).unwrap();
    symlink(shop.folder.path().join("vm"), rec.join("messages")).unwrap();
    assert_eq!(get(&shop.link("rec/inside.wav")).await.status().as_u16(), 200);
    for name in ["rec/outside.wav", "rec/messages/secret.wav"] {
        assert_eq!(problem(get(&shop.link(name)).await).await.0, 404, "{name}");
    }
}

#[tokio::test]
async fn an_engine_without_a_folder_makes_no_link_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("dozvon.key");
    let recorder = Recorder::new(&RecordingConfig::default(), "http://x", &key);
    assert_eq!(recorder.link("/rec/a.wav", Timestamp::now()), None);
    assert!(!Path::new(&key).exists());
}
