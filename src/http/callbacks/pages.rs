//! What stands in web pages: the script for the company's own, a page that shows it working, and
//! one to try the API. Nothing in them comes from elsewhere.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// Own scripts and styles, requests to this engine, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

fn page(html: &'static str) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], html).into_response()
}

fn file(kind: &'static str, text: &'static str) -> Response {
    // A new version is to be seen soon; a page asks for the script at each visit.
    let age = HeaderValue::from_static("public, max-age=300");
    let kind = HeaderValue::from_static(kind);
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, age)], text).into_response()
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// `/callback.js`: for the company's own pages.
pub(in crate::http) async fn script() -> Response {
    file(SCRIPT, include_str!("../assets/callback.js"))
}

/// `/callback`: a form that works.
pub(in crate::http) async fn demo() -> Response {
    page(include_str!("../assets/callback.html"))
}

/// `/callback-demo.js`
pub(in crate::http) async fn demo_script() -> Response {
    file(SCRIPT, include_str!("../assets/callback-demo.js"))
}

/// `/api`: every resource, with a button to try it.
pub(in crate::http) async fn api() -> Response {
    page(include_str!("../assets/api.html"))
}

/// `/api.js`
pub(in crate::http) async fn api_script() -> Response {
    file(SCRIPT, include_str!("../assets/api.js"))
}

/// `/pages.css`
pub(in crate::http) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("../assets/pages.css"))
}
