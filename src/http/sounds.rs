//! `/recordings/…` and `/voicemail/…`: a sound, for whoever holds a signed link. Ranges, HEAD and
//! conditional requests are answered, so that a player can seek.

use std::path::{Path as File, PathBuf};
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use tracing::warn;

use super::HttpState;
use crate::recording::{LinkError, Recorder, Shelf};

/// When to ask again for a talk that goes on.
const AGAIN: HeaderValue = HeaderValue::from_static("30");
/// FreeSWITCH writes to a file at least this often while its talk goes on.
const SILENT: Duration = Duration::from_secs(60);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Signed {
    expires: String,
    signature: String,
}

/// Why there is nothing to hear.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the recording is not complete yet: it is there when the call is over")]
    NotYet,
    #[error("there is no such recording: it was never made, or has been removed")]
    Missing,
    #[error("the recording cannot be read: tell whoever looks after dozvon")]
    Unreadable,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = match self {
            Self::Link(LinkError::Forged) => (StatusCode::FORBIDDEN, "not a valid link"),
            Self::Link(LinkError::Expired) => (StatusCode::FORBIDDEN, "the link has expired"),
            Self::NotYet => (StatusCode::NOT_FOUND, "not complete yet"),
            Self::Missing => (StatusCode::NOT_FOUND, "no such recording"),
            Self::Unreadable => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable"),
        };
        let body = json!({"title": title, "status": status.as_u16(), "detail": self.to_string()});
        let kind = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut answer = (status, kind, body.to_string()).into_response();
        if matches!(self, Self::NotYet) {
            answer.headers_mut().insert(RETRY_AFTER, AGAIN);
        }
        answer
    }
}

pub(super) async fn recording(State(state): State<HttpState>, request: Request) -> Response {
    let answer = file(Shelf::Recordings, &state.recorder, request).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

pub(super) async fn message(State(state): State<HttpState>, request: Request) -> Response {
    let answer = file(Shelf::Voicemail, &state.recorder, request).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn file(shelf: Shelf, recorder: &Recorder, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    // A path that is no UTF-8, or a query that cannot be read, is none of our links.
    let path = Path::<String>::from_request_parts(&mut parts, &()).await;
    let Path(path) = path.map_err(|_| LinkError::Forged)?;
    let signed = Query::<Signed>::from_request_parts(&mut parts, &()).await;
    let Query(signed) = signed.map_err(|_| LinkError::Forged)?;
    let links = recorder.links().ok_or(Problem::Missing)?;
    let file = links.open(shelf, &path, &signed.expires, &signed.signature, Timestamp::now())?;
    if recorder.lasts(&file) {
        return Err(Problem::NotYet);
    }
    let folder = links.folder(shelf).ok_or(Problem::Missing)?;
    let inside = real(folder, &file).await?;
    if grows(&inside).await {
        return Err(Problem::NotYet);
    }
    let request = Request::from_parts(parts, body);
    let mut answer = match ServeFile::new(&inside).oneshot(request).await {
        Ok(answer) if answer.status() == StatusCode::NOT_FOUND => return Err(Problem::Unreadable),
        Ok(answer) => answer.into_response(),
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

/// The file itself, behind all symbolic links, if it is a file inside the folder.
async fn real(folder: &File, file: &File) -> Result<PathBuf, Problem> {
    let folder = tokio::fs::canonicalize(folder).await.map_err(|_| Problem::Missing)?;
    let inside = tokio::fs::canonicalize(file).await.map_err(|_| Problem::Missing)?;
    let found = tokio::fs::metadata(&inside).await.map_err(|_| Problem::Missing)?;
    if !inside.starts_with(&folder) {
        warn!(file = %file.display(), "a link leads out of the folder of recordings; nothing is served");
        return Err(Problem::Missing);
    }
    if found.is_file() { Ok(inside) } else { Err(Problem::Missing) }
}

/// Whether FreeSWITCH still writes it, though no call in hand says so: the engine was started
/// anew. The head of a WAV counts its bytes, and is 0 until the file is closed (seen on 1.10.12).
async fn grows(file: &File) -> bool {
    use tokio::io::AsyncReadExt;
    let look = async {
        let found = tokio::fs::metadata(file).await.ok()?;
        if found.modified().ok()?.elapsed().ok()? > SILENT {
            return Some(false);
        }
        let mut head = [0; 8];
        tokio::fs::File::open(file).await.ok()?.read_exact(&mut head).await.ok()?;
        let [b'R', b'I', b'F', b'F', length @ ..] = head else { return Some(false) };
        Some(u64::from(u32::from_le_bytes(length)) + 8 < found.len() || found.len() <= 44)
    };
    look.await.unwrap_or(false)
}
