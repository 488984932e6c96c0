//! The plugin `ioc-extract`: finds indicators of compromise.
//!
//! `ioc-extract.extract` takes text and HTML and gives URLs, IP addresses, domains, mail addresses, hashes, telephone
//! numbers and bitcoin addresses. It runs in the sandbox because its input is written by an attacker.
//!
//! Everything is one pass over the input or a bounded look around a place, without regular expressions: those would
//! have to be compiled again in every fresh instance, and would cost more than the search itself. `refang` takes
//! disguises off, `html` finds links and visible text, `scan` searches text, `link` and `host` bring what is found
//! into one spelling, `collect` keeps each thing once.
//!
//! Left out: resolving names, following links, scoring. Those are steps of a playbook.

pub mod bitcoin;
pub mod collect;
pub mod entities;
pub mod extract;
pub mod host;
pub mod html;
pub mod input;
pub mod link;
pub mod mapped;
pub mod output;
pub mod refang;
pub mod scan;

mod action;
mod phones;

pub use action::{Extract, IocExtract};
pub use extract::extract;
pub use input::Input;
pub use output::Output;

plugin_sdk::export!(IocExtract);
