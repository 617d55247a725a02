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

use super::problem::Problem;
use crate::directory::config::human_duration;
use crate::telemetry::{self, Level, Levels};

type Answer = Result<Json<Level>, Problem>;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    level: String,
    #[serde(default, rename = "for")]
    time: Time,
}

#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Time(#[serde(deserialize_with = "time")] Option<Duration>);

fn time<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
    human_duration::positive::deserialize(d).map(Some)
}

pub(super) async fn show() -> Answer {
    Ok(Json(levels()?.get()))
}

pub(super) async fn set(body: Bytes) -> Answer {
    let example = r#"write {"level": "info,dozvon::switch=debug", "for": "10m"}"#;
    let asked: Asked = serde_json::from_slice(&body).map_err(|why| {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "the request cannot be read", why);
        problem.help(Some(example))
    })?;
    levels()?.set(&asked.level, asked.time.0).map(Json).map_err(|why| {
        let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "this is no level");
        Problem::new(status, title, why).help(Some(example))
    })
}

pub(super) async fn reset() -> Answer {
    Ok(Json(levels()?.reset()))
}

fn levels() -> Result<&'static Levels, Problem> {
    telemetry::levels()
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no log", "this process writes no log"))
}
