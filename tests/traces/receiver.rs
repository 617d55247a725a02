//! A receiver of OTLP over HTTP. It reads requests with the types OpenTelemetry generates from its
//! own definitions.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

/// What it does with a request.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    Takes,
    Answers(u16),
    /// 200, and the spans are rejected.
    Rejects,
    Hangs,
    /// 200, and a text without end.
    Endless,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    does: Arc<Mutex<Does>>,
}

impl Receiver {
    pub async fn start(does: Does) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { url, got: Arc::default(), does: Arc::new(Mutex::new(does)) };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn set(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// Bodies of all requests, taken or not.
    pub fn bodies(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    pub fn headers(&self) -> HeaderMap {
        self.got.lock().unwrap().first().unwrap().0.clone()
    }

    pub fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// All spans, of all requests.
    pub fn spans(&self) -> Vec<Span> {
        let all = self.requests().into_iter().flat_map(|request| request.resource_spans);
        all.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Body) {
    receiver.got.lock().unwrap().push((headers, body));
    let does = *receiver.does.lock().unwrap();
    match does {
        Does::Takes => (StatusCode::OK, "{}".into()),
        Does::Answers(code) => (StatusCode::from_u16(code).unwrap(), "no".into()),
        Does::Rejects => (
            StatusCode::OK,
            r#"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}"#.into(),
        ),
        Does::Hangs => std::future::pending().await,
        Does::Endless => {
            let blank = || Some(Ok::<_, std::convert::Infallible>("          "));
            let text = futures_util::stream::iter(std::iter::from_fn(blank));
            (StatusCode::OK, Body::from_stream(text))
        }
    }
}

/// The value of an attribute as a text.
pub fn attribute(of: &[KeyValue], key: &str) -> Option<String> {
    let found = of.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(is) => Some(is.to_string()),
        other => Some(format!("{other:?}")),
    }
}
