//! The plugin `eml`: reads a mail.
//!
//! `eml.parse` takes the bytes of a mail and gives its headers, addresses, bodies, attachments and the mails attached
//! to it. It runs in the sandbox because a mail is written by an attacker: what breaks a reader must break one step
//! and not the process.
//!
//! The reader is our own rather than a library, for three reasons: it keeps order, duplicates and anomalies, which
//! are the evidence; it has no recursion, so depth cannot exhaust a stack; and its limits stop it while it reads
//! instead of after. `structure` finds the parts in one pass, `parse` makes the output from them, everything else is
//! about one kind of header or encoding. Nothing in here is opened that is not a mail: archives, TNEF, S/MIME and
//! uuencoded files are listed as they stand.

pub mod address;
pub mod anomaly;
pub mod charset;
pub mod core_fields;
pub mod date;
pub mod fields;
pub mod limits;
pub mod media;
pub mod output;
pub mod parse;
pub mod structure;
pub mod trace;
pub mod transfer;
pub mod words;

mod action;

pub use action::{Eml, Input, Parse};
pub use output::Output;
pub use parse::parse;

plugin_sdk::export!(Eml);
