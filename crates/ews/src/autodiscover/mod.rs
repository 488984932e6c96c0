//! Autodiscover: from a mail address to where its EWS is.
//!
//! Three faces are asked, the one with the most to say first: SOAP (`GetUserSettings`), POX, and the JSON of
//! Exchange Online. Where they are asked, and in which order, is `order.rs`; who gets to see a log-in is `trust.rs`.
//! Where nobody answers, the records of the domain are asked where its service is, if there is somebody to look them up
//! (`records.rs`). Left out: the service connection points of Active Directory, which need a domain member.

mod cache;
mod json;
mod order;
mod pox;
mod records;
mod search;
mod settings;
mod soap;
mod trust;

pub use records::ServiceRecords;
pub use search::Autodiscover;
pub use settings::{AlternateMailbox, Attempt, AutodiscoverConfig, AutodiscoverMethod, Discovered};
