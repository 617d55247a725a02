//! `/crm/NAME/SECRET/…`: what a CRM calls by itself. It has no token and signs nothing, so a
//! secret stands in the address.
//!
//! | address | what for |
//! |---|---|
//! | `…/call?userId=27&code=101&phone=7916…&externalPhone=7495…` | the button beside a number (A13, E11) |
//! | `…/status?userId=27&status=free` | an employee takes calls, or takes none (E10) |
//! | `…/activity` | the module was switched on or off |
//! | `…/hangup` | the button that ends the call a button began |
//! | `…/changes` | it tells what changed: that is looked at anew |
//!
//! Fields stand in the query, in a form or in JSON, as the CRM likes: KeyCRM's button has `caller`
//! and `destination_number`.
//!
//! `/crm/NAME/click` is the button of a page that has a token of its user (`X-Auth-Token`): its
//! address stands in the page, so there is no secret in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::info;

use super::HttpState;
use super::callbacks::{doors, refused};
use super::calls::{Wanted, ring};
use super::doors::Doors;
use super::problem::Problem;
use crate::callback::{How, Refused};
use crate::config::Secret;
use crate::core::campaign::order::{Kind, Target, View};
use crate::core::ids::{CampaignId, EmployeeId};
use crate::directory::Directory;
use crate::tokens::audit;

/// The header with the token of a CRM's page.
pub(super) const PAGE_TOKEN: &str = "x-auth-token";
/// How long a CRM may take until its list of users has what it told of one.
const AGAIN: Duration = Duration::from_secs(3);

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
) -> Result<Json<Value>, Problem> {
    let doors = doors(&state)?;
    let crm = known(doors, &address)?;
    let fields = fields(query, &body);
    let field = |name: &str| fields.get(name).map(|text| text.trim()).filter(|t| !t.is_empty());
    let (rules, _) = doors.now();
    let staff = crm.directory.staff();
    let named = field("userId").and_then(|id| staff.get(&id.into()).cloned());
    let named = named.or_else(|| staff.named(field("code").or(field("caller"))?).cloned());
    let line = field("externalPhone").and_then(|number| rules.line(number));
    let number = match (field("phone"), field("destination_number")) {
        (Some(phone), _) => phone.to_owned(),
        // A whole number, and only its plus is missing.
        (None, Some(digits)) if digits.len() > 10 && !digits.starts_with(['+', '0', '8']) => {
            format!("+{digits}")
        }
        (None, other) => other.unwrap_or_default().to_owned(),
    };
    let wanted = Wanted {
        employee: named.as_ref(),
        number: &number,
        line: line.map(|line| line.name.as_str()).or(crm.line.as_deref()),
    };
    let (order, phone) = ring(&rules, &wanted)?;
    let taken = doors.callbacks.take(order, None).await.map_err(refused)?;
    if taken.how == How::New {
        let who = named.map(|employee| employee.id.to_string()).unwrap_or_default();
        audit(&format!("crm.{}", crm.name), format_args!("call {} of {who} to {phone}", taken.id));
    }
    Ok(Json(json!({ "success": true, "call_id": taken.id })))
}

/// Ends the call a button began, by its id or by whose extension it was. A CRM that knows another
/// call than we do is no mistake: that call goes on.
pub(super) async fn hang_up(
    State(state): State<HttpState>,
    address: Address,
    Query(query): Query<Fields>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let doors = doors(&state)?;
    let crm = known(doors, &address)?;
    let fields = fields(query, &body);
    let names = ["call[call_id]", "call[id]", "call_id", "id"];
    let id = match names.iter().find_map(|name| fields.get(*name)) {
        Some(id) => Some(CampaignId::new(id.as_str())),
        None => {
            let caller = fields.get("call[caller]").or(fields.get("caller"));
            let staff = crm.directory.staff();
            match caller.and_then(|code| staff.named(code.trim())) {
                Some(employee) => pressed_by(doors, &employee.id).await?,
                None => None,
            }
        }
    };
    if let Some(id) = id {
        match doors.callbacks.cancel(&id).await {
            Ok(_) => audit(&format!("crm.{}", crm.name), format_args!("call {id} is hung up")),
            Err(Refused::Unknown | Refused::Over) => {}
            Err(other) => return Err(refused(other)),
        }
    }
    Ok(Json(json!({ "success": true })))
}

/// The last call this employee began by a button, where it is not over.
async fn pressed_by(doors: &Doors, who: &EmployeeId) -> Result<Option<CampaignId>, Problem> {
    let open = doors.callbacks.list(true, 500).await.map_err(refused)?;
    let his = |view: &View| {
        let target = Target::Employee(who.clone());
        view.order.kind == Kind::Click && view.order.targets.contains(&target)
    };
    Ok(open.into_iter().find(his).map(|view| view.id))
}

/// A number beside which a button was pressed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Number {
    number: String,
}

/// The button of a page (D01, E11): its user's phones ring, then the number. The same press again
/// is the same call.
pub(super) async fn click(
    State(state): State<HttpState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Number>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let doors = doors(&state)?;
    let token = headers.get(PAGE_TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let crm = doors.crms.iter().find(|crm| crm.name == name);
    let pressed = crm.and_then(|crm| {
        let hooks = crm.directory.crm().hooks()?;
        Some((crm, hooks.pressed(token, Timestamp::now())?))
    });
    let (crm, pressed) = pressed.ok_or_else(|| {
        let what = "this CRM did not make the token of the page, or it has run out";
        Problem::new(StatusCode::UNAUTHORIZED, "who asks?", what)
    })?;
    let Json(Number { number }) = body
        .map_err(|why| Problem::new(why.status(), "the request cannot be read", why.body_text()))?;
    let (rules, _) = doors.now();
    let employee = crm.directory.staff().get(&pressed.employee).cloned();
    let line = crm.line.as_deref();
    let wanted = Wanted { employee: employee.as_ref(), number: &number, line };
    let (order, phone) = ring(&rules, &wanted)?;
    let key = Some(format!("click {name}: {}", pressed.once));
    let taken = doors.callbacks.take(order, key).await.map_err(refused)?;
    if taken.how == How::New {
        let who = &pressed.employee;
        audit(&format!("crm.{name}"), format_args!("call {} of {who} to {phone}", taken.id));
    }
    Ok(StatusCode::ACCEPTED)
}

/// What changed in the CRM is looked at anew at the next call.
pub(super) async fn changes(
    State(state): State<HttpState>,
    address: Address,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let directory = known(doors(&state)?, &address)?.directory.clone();
    let form = pairs(&body);
    if let Some(hooks) = directory.crm().hooks() {
        hooks.changes(&form);
    }
    // Whoever tells it waits two seconds at most.
    tokio::spawn(async move { directory.look_for_changes().await });
    Ok(StatusCode::OK)
}

/// Somebody takes calls, or takes none any more: the employees are asked for at once.
pub(super) async fn status(
    State(state): State<HttpState>,
    address: Address,
) -> Result<StatusCode, Problem> {
    let directory = known(doors(&state)?, &address)?.directory.clone();
    // The CRM waits for no answer of its own. What fails is logged by the refreshing.
    tokio::spawn(async move {
        let _ = directory.refresh_staff().await;
        // It may have told it before its list of users has it.
        tokio::time::sleep(AGAIN).await;
        directory.refresh_staff().await
    });
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
    query.extend(pairs(body));
    query
}

/// A form, or JSON as if it were one: `context[client_id]`.
fn pairs(body: &[u8]) -> Vec<(String, String)> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => {
            let mut pairs = Vec::new();
            object.iter().for_each(|(key, value)| flatten(key.clone(), value, &mut pairs));
            pairs
        }
        _ => form_urlencoded::parse(body).into_owned().collect(),
    }
}

fn flatten(key: String, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(inner, v)| flatten(format!("{key}[{inner}]"), v, pairs));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, v)| flatten(format!("{key}[{n}]"), v, pairs));
        }
        Value::String(text) => pairs.push((key, text.clone())),
        Value::Null => {}
        other => pairs.push((key, other.to_string())),
    }
}
