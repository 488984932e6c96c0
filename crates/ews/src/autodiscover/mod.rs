//! Autodiscover: from a mail address to where its EWS is.
//!
//! Three faces are asked, the one with the most to say first: SOAP (`GetUserSettings`), POX, and the JSON of
//! Exchange Online. Where they are asked, and in which order, is `order.rs`; who gets to see a log-in is `trust.rs`.
//! Left out: the service connection points of Active Directory, which need a domain member, and SRV records, which
//! need a resolver of our own.

mod cache;
mod json;
mod order;
mod pox;
mod search;
mod settings;
mod soap;
mod trust;

pub use search::Autodiscover;
pub use settings::{AlternateMailbox, Attempt, AutodiscoverConfig, AutodiscoverMethod, Discovered};
