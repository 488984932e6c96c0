//! The built-in actions that speak HTTP: `http.get`, `http.request`, `notify.webhook`, `notify.slack`, `notify.teams`.
//!
//! They need no Exchange, and the mail actions need no HTTP, so the two are two crates. A playbook says what is asked
//! and what is told; where it goes, as whom, through which proxy and how much may come back says the connection
//! ([`Web`]), and nothing in an input changes that. The one HTTP stack is `transport`; what is here on top of it is the
//! address below a base ([`Base`]), what becomes of an answer, and the formats of the services.
//!
//! Left out on purpose: reading configuration and secrets, cookies, forms, and following redirects to elsewhere.

mod answer;
mod base;
mod builtin;
mod call;
mod catalogue;
mod chat;
mod expect;
mod failure;
mod fields;
mod hidden;
mod sign;
mod web;

pub use base::{BadBase, Base};
pub use catalogue::web;
pub use web::{Kind, Settings, Web};
