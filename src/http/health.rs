//! `/healthz`: the process lives and answers. Never more than that, or a supervisor would kill an
//! engine whose CRM is down.

pub(super) async fn get() -> &'static str {
    "ok\n"
}
