//! Who may. A token with the scope of a resource opens it.
//!
//! The outbox, sales, the rules and the log need none as long as there is no token at all, the listener is
//! loopback, and no proxy stands before it: then whoever asks is on this machine.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use tokio::time::timeout;

use super::HttpState;
use super::problem::Problem;
use crate::outbox::writer::opened;
use crate::tokens::{Scope, TokenError, Tokens};

/// A store in good health opens in milliseconds.
const OPENS_WITHIN: Duration = Duration::from_secs(2);

/// Whoever was let in: the name of his token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who(pub String);

/// Somebody with a token for `calls`.
pub(super) struct MayCall(pub Who);
/// Somebody with a token for `callbacks`.
pub(super) struct MaySeeCallbacks(#[allow(dead_code, reason = "he only looks")] pub Who);
/// Somebody who may look at and change the outbox.
pub(super) struct MayOutbox(pub Who);
/// Somebody who may look at sales and have CRMs asked for them.
pub(super) struct MaySell(pub Who);
/// Somebody who may look at and reload the rules.
pub(super) struct MayRules(pub Who);
/// Somebody who may look at and change what is logged.
pub(super) struct MayLog(pub Who);

macro_rules! guard {
    ($name:ident, $scope:expr, $open:expr) => {
        impl FromRequestParts<HttpState> for $name {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &HttpState,
            ) -> Result<Self, Problem> {
                enter(&parts.headers, state, $scope, $open).await.map(Self)
            }
        }
    };
}

guard!(MayCall, Scope::Calls, false);
guard!(MaySeeCallbacks, Scope::Callbacks, false);
guard!(MayOutbox, Scope::Outbox, true);
guard!(MaySell, Scope::Sales, true);
guard!(MayRules, Scope::Rules, true);
guard!(MayLog, Scope::Log, true);

/// `open`: the resource needs no token on a machine where there is none.
async fn enter(
    headers: &HeaderMap,
    state: &HttpState,
    scope: Scope,
    open: bool,
) -> Result<Who, Problem> {
    let local = open && state.loopback && !headers.contains_key("x-forwarded-for");
    let Some(token) = bearer(headers) else {
        return match local && !any(state).await? {
            true => Ok(Who("this machine".to_owned())),
            false => Err(nobody("this needs a token")),
        };
    };
    let Some(tokens) = tokens(state).await? else { return Err(nobody("no token is known here")) };
    match tokens.whose(token).await.map_err(broken)? {
        None => Err(nobody("this token is not known, or was revoked")),
        Some(found) if found.scopes.contains(&scope) => Ok(Who(found.name)),
        Some(found) => {
            let what = format!("token `{}` is not good for `{scope}`", found.name);
            let help = format!("make another: dozvon token new NAME --scope {scope}");
            let problem = Problem::new(StatusCode::FORBIDDEN, "not with this token", what);
            Err(problem.help(Some(help)))
        }
    }
}

/// Whether the request brings a token good for this scope. A request without one is no mistake.
pub(super) async fn holds(
    headers: &HeaderMap,
    state: &HttpState,
    scope: Scope,
) -> Result<Option<Who>, Problem> {
    match bearer(headers) {
        None => Ok(None),
        Some(_) => enter(headers, state, scope, false).await.map(Some),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (kind, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

async fn any(state: &HttpState) -> Result<bool, Problem> {
    match tokens(state).await? {
        Some(tokens) => tokens.any().await.map_err(broken),
        None => Ok(false),
    }
}

/// `None`: this process has no store, so nobody could have made a token. A store that is being
/// opened, as in the first moments of an engine, is waited for.
async fn tokens(state: &HttpState) -> Result<Option<Tokens>, Problem> {
    let Some(store) = &state.store else { return Ok(None) };
    match timeout(OPENS_WITHIN, opened(store.clone())).await {
        Ok(Some(store)) => Ok(Some(Tokens::new(store))),
        _ => {
            let what = "tokens stand in the store, and it is not open";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store is not open", what)
                .help(Some("see the engine's log; it tries again by itself")))
        }
    }
}

fn broken(error: TokenError) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store failed", error)
}

fn nobody(what: &str) -> Problem {
    let help = "dozvon token new NAME --scope …, and send it as `Authorization: Bearer dzt_…`";
    Problem::new(StatusCode::UNAUTHORIZED, "who asks?", what).help(Some(help))
}
