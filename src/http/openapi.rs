//! `/openapi.json`: every resource below `/v1`, gathered where it is written.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as Describe};

/// The head of the document.
#[derive(Describe)]
#[openapi(
    info(title = "dozvon", description = "Callbacks, calls, the outbox, sales, the rules and the log. Mistakes are told as `application/problem+json` (RFC 9457)."),
    modifiers(&Tokens),
    tags(
        (name = "callbacks", description = "Web forms: a manager is called first, then the client"),
        (name = "calls", description = "The button that calls"),
        (name = "outbox", description = "What the CRM is still to be told"),
        (name = "sales", description = "Deals that were won, and the calls and forms that brought them"),
        (name = "rules", description = "The rules in force"),
        (name = "log", description = "What is logged"),
    ),
)]
pub(super) struct Head;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("made by `dozvon token new`"))
            .build();
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = super::api().merge(super::forms()).into_openapi();
    // It is made of this program's own words: a test reads it.
    document.to_pretty_json().unwrap_or_default()
});

pub(super) async fn get() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}
