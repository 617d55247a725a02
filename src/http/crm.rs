//! `/crm/NAME/SECRET/…`: what a CRM calls by itself. It has no token and signs nothing, so a
//! secret stands in the address.
//!
//! | address | what for |
//! |---|---|
//! | `…/call?userId=27&code=101&phone=7916…&externalPhone=7495…` | the button beside a number (A13, E11) |
//! | `…/status?userId=27&status=free` | an employee takes calls, or takes none (E10) |
//! | `…/activity` | the module was switched on or off |
//!
//! Fields stand in the query or in a form, as the CRM likes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use sha2::{Digest, Sha256};
use tracing::info;

use super::HttpState;
use super::callbacks::{doors, refused};
use super::calls::{Wanted, ring};
use super::doors::Doors;
use super::problem::Problem;
use crate::callback::How;
use crate::config::Secret;
use crate::directory::Directory;
use crate::tokens::audit;

/// A CRM that may call.
pub struct Caller {
    /// Its name in the configuration.
    pub name: String,
    /// What stands in its addresses.
    pub secret: Secret,
    /// The line that its buttons call on where they name none; `None`: the one of `[outbound]`.
    pub line: Option<String>,
    /// Who works there.
    pub directory: Arc<Directory>,
}

type Fields = HashMap<String, String>;
type Address = Path<(String, String)>;

/// The button: the employee's phones ring, then the number's.
pub(super) async fn call(
    State(state): State<HttpState>,
    address: Address,
    Query(query): Query<Fields>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let doors = doors(&state)?;
    let crm = known(doors, &address)?;
    let fields = fields(query, &body);
    let field = |name: &str| fields.get(name).map(|text| text.trim()).filter(|t| !t.is_empty());
    let (rules, _) = doors.now();
    let staff = crm.directory.staff();
    let named = field("userId").and_then(|id| staff.get(&id.into()).cloned());
    let named = named.or_else(|| staff.named(field("code")?).cloned());
    let line = field("externalPhone").and_then(|number| rules.line(number));
    let wanted = Wanted {
        employee: named.as_ref(),
        number: field("phone").unwrap_or_default(),
        line: line.map(|line| line.name.as_str()).or(crm.line.as_deref()),
    };
    let (order, phone) = ring(&rules, &wanted)?;
    let taken = doors.callbacks.take(order, None).await.map_err(refused)?;
    if taken.how == How::New {
        let who = named.map(|employee| employee.id.to_string()).unwrap_or_default();
        audit(&format!("crm.{}", crm.name), format_args!("call {} of {who} to {phone}", taken.id));
    }
    Ok(StatusCode::OK)
}

/// Somebody takes calls, or takes none any more: the employees are asked for at once.
pub(super) async fn status(
    State(state): State<HttpState>,
    address: Address,
) -> Result<StatusCode, Problem> {
    let directory = known(doors(&state)?, &address)?.directory.clone();
    // The CRM waits for no answer of its own. What fails is logged by the refreshing.
    tokio::spawn(async move { directory.refresh_staff().await });
    Ok(StatusCode::OK)
}

/// The module was switched on or off.
pub(super) async fn activity(
    State(state): State<HttpState>,
    address: Address,
    Query(query): Query<Fields>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let crm = known(doors(&state)?, &address)?;
    let fields = fields(query, &body);
    let off = fields.get("activity").is_some_and(|text| text.contains("\"active\":false"));
    info!(crm = crm.name, on = !off, "the CRM switched its telephony module");
    Ok(StatusCode::OK)
}

/// Whether the address is one of ours. A wrong secret looks like a wrong name.
fn known<'d>(doors: &'d Doors, Path((name, secret)): &Address) -> Result<&'d Caller, Problem> {
    // Hashes, so that the time it takes says nothing of the secret.
    let same = |crm: &&Caller| {
        crm.name == *name
            && Sha256::digest(crm.secret.reveal().as_bytes()) == Sha256::digest(secret.as_bytes())
    };
    doors.crms.iter().find(same).ok_or_else(|| {
        let what = "no CRM has this address: `dozvon crm install` tells the CRM the right one";
        Problem::new(StatusCode::NOT_FOUND, "no such CRM", what)
    })
}

fn fields(mut query: Fields, body: &[u8]) -> Fields {
    query.extend(form_urlencoded::parse(body).into_owned());
    query
}
