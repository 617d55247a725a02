//! HTTP clients: one TLS library for all of them.

use std::sync::Once;

use reqwest::ClientBuilder;

/// The beginning of every HTTP client of this program. It must be made here: a client needs to be
/// told which cryptography TLS uses.
pub fn client() -> ClientBuilder {
    static TLS: Once = Once::new();
    // Somebody may have set one before: any will do.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().user_agent(concat!("dozvon/", env!("CARGO_PKG_VERSION")))
}
