//! E01: deals that were won go back to the call or form that brought them: from the call to the
//! mark, before the same amoCRM as the adapter's own tests; and what people and programs see of it.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../amocrm/account.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod account;
mod by_hand;
#[path = "../support/crm_outbox.rs"]
mod crm_outbox;
mod house;
mod nights;
#[path = "../amocrm/office.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod office;
#[path = "../amocrm/request.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod request;
#[path = "../amocrm/server.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod server;
#[path = "../amocrm/shape.rs"]
mod shape;
mod source;
