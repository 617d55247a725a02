//! Dozvon brings a call to the person who owns the deal. A line a module:
//!
//! | module | what it does |
//! |---|---|
//! | `core` | pure: phone, calendar, facts, route, call, campaign, trace |
//! | `rules` | rule files: parse with places, check; the sets: judge, tests beside them |
//! | `esl` | the Event Socket: codec, lazy events, commands, link |
//! | `switch` | FreeSWITCH: outbound listener, session driver, control link, presence |
//! | `directory` | who is calling: deadline, breaker, cache |
//! | `crm` | the trait `Crm` and the built-in CRM |
//! | `callback` | callbacks: what web forms and buttons ask for, kept and led to the end |
//! | `outbox` | journal and outbox: what occurred is written down, and the CRM learns of it once |
//! | `reload` | the rules in force, and how others take their place |
//! | `sales` | deals that were won, marked at the call or form that brought them |
//! | `recording` | recordings of talks and the links to them |
//! | `store` | SQLite |
//! | `http` | metrics, health, sounds; web forms, buttons, the outbox and the rules over HTTP |
//! | `traces` | one trace a call, sent by OTLP |
//! | `sim` | a simulated FreeSWITCH |
//! | `config`, `metrics`, `telemetry`, `tokens` | one concern each |
//! | `app` | builds the parts and joins their tasks |
//! | `cli` | a file per verb |

#![warn(missing_docs)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod callback;
pub mod cli;
pub mod config;
pub mod core;
pub mod crm;
pub mod demo;
pub mod directory;
pub mod esl;
pub mod http;
pub mod metrics;
pub mod outbox;
pub mod recording;
pub mod reload;
pub mod rules;
pub mod sales;
pub mod sim;
pub mod store;
pub mod switch;
pub mod telemetry;
pub mod tokens;
pub mod traces;
