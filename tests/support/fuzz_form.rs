//! What has to hold for any form: the fuzz target and the property test run the same function.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use tower::ServiceExt;

/// Never a 5xx, never a panic; a refusal is a problem that says what is wrong.
pub async fn form(router: Router, kind: &[u8], body: &[u8]) {
    let Ok(kind) = axum::http::HeaderValue::from_bytes(kind) else { return };
    // Each from an address of its own, or none would be read after the first few.
    static FROM: AtomicU32 = AtomicU32::new(0);
    let from = IpAddr::V4(Ipv4Addr::from(FROM.fetch_add(1, Ordering::Relaxed)));
    let request = Request::post("/v1/callbacks")
        .header("content-type", kind)
        .extension(ConnectInfo(SocketAddr::new(from, 1)));
    let answer = router.oneshot(request.body(Body::from(body.to_vec())).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    match status.as_u16() {
        202 => {
            let taken: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert!(taken["id"].is_string() && taken["token"].is_string());
        }
        303 => assert!(headers.contains_key("location")),
        400..=499 => {
            assert_eq!(headers["content-type"], "application/problem+json");
            let problem: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(problem["status"], status.as_u16());
            assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        }
        other => panic!("{other}: {}", String::from_utf8_lossy(&text)),
    }
}
