//! `/v1/log`: what is logged.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/log` | `level`, `configured`, and `until` where it goes back by itself |
//! | `PUT /v1/log` with `{"level": "info,dozvon::switch=debug", "for": "10m"}` | the same once it holds; `for` may be left out; 422 where the level is none |
//! | `DELETE /v1/log` | the same, as configured again |

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Deserialize;

use super::bad;
use super::guard::MayLog;
use super::problem::Problem;
use crate::directory::config::human_duration;
use crate::telemetry::{self, Level, Levels, Wanted};
use crate::tokens::audit;

const EXAMPLE: &str = r#"write {"level": "info,dozvon::switch=debug", "for": "10m"}"#;

type Answer = Result<Json<Level>, Problem>;

/// What is to be logged.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// A level, or one for each module: as `log.level` of the configuration.
    #[schema(example = "info,dozvon::switch=debug")]
    level: String,
    /// After this time the configured level holds again. Left out: until it is changed, or the
    /// engine starts anew.
    #[serde(default, rename = "for")]
    #[schema(value_type = Option<String>, example = "10m")]
    time: Time,
}

#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Time(#[serde(deserialize_with = "time")] Option<Duration>);

fn time<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    human_duration::positive::deserialize(d).map(Some)
}

/// What is logged now.
#[utoipa::path(
    get, path = "/v1/log", tag = "log", operation_id = "log",
    responses(
        (status = 200, description = "the level, and when it goes back by itself", body = Level),
        (status = 404, description = "this process writes no log", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["log"])),
)]
pub(super) async fn show(_may: MayLog) -> Answer {
    Ok(Json(levels()?.get()))
}

/// Logs by another level from now on, for a time if one is given.
#[utoipa::path(
    put, path = "/v1/log", tag = "log", operation_id = "set_log",
    request_body = Asked,
    responses(
        (status = 200, description = "it holds", body = Level),
        (status = 404, description = "this process writes no log", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "this is no level", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["log"])),
)]
pub(super) async fn set(MayLog(who): MayLog, body: Bytes) -> Answer {
    let asked: Asked =
        serde_json::from_slice(&body).map_err(|why| bad(why.to_string()).help(Some(EXAMPLE)))?;
    let wanted = Wanted::read(&asked.level, asked.time.0).map_err(|why| {
        let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "this is no level");
        Problem::new(status, title, why).help(Some(EXAMPLE))
    })?;
    let levels = levels()?;
    // Before it holds: the new level may be silent.
    audit(&who.0, format_args!("what is logged is {wanted} from now on"));
    Ok(Json(levels.set(wanted)))
}

/// Logs as the configuration says.
#[utoipa::path(
    delete, path = "/v1/log", tag = "log", operation_id = "reset_log",
    responses(
        (status = 200, description = "the configured level holds", body = Level),
        (status = 404, description = "this process writes no log", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["log"])),
)]
pub(super) async fn reset(MayLog(who): MayLog) -> Answer {
    let levels = levels()?;
    audit(&who.0, "what is logged is as configured from now on");
    Ok(Json(levels.reset()))
}

fn levels() -> Result<&'static Levels, Problem> {
    telemetry::levels()
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no log", "this process writes no log"))
}
