//! The plugin `eml`: reads a mail.
//!
//! `eml.parse` takes the bytes of a mail and gives its headers, addresses, bodies, attachments and the mails attached
//! to it. It runs in the sandbox because a mail is written by an attacker: what breaks a reader must break one step
//! and not the process.
//!
//! The reader is our own rather than a library, for three reasons: it keeps order, duplicates and anomalies, which
//! are the evidence; it has no recursion, so depth cannot exhaust a stack; and its limits stop it while it reads
//! instead of after. `structure` finds the parts in one pass, `parse` makes the output from them, everything else is
//! about one kind of header or encoding. `containers` opens what wraps a mail or its files: TNEF, signed S/MIME, and
//! `.msg`, whose properties `outlook` makes a mail of. Archives, uuencoded files and what is encrypted are listed as
//! they stand.

pub mod address;
pub mod anomaly;
pub mod cfb;
pub mod charset;
pub mod cms;
pub mod core_fields;
pub mod date;
pub mod fields;
pub mod limits;
pub mod lzfu;
pub mod mapi;
pub mod media;
pub mod msg;
pub mod output;
pub mod parse;
pub mod rtf;
pub mod structure;
pub mod tnef;
pub mod trace;
pub mod transfer;
pub mod words;

mod action;
mod attachments;
mod containers;
mod outlook;

pub use action::{Eml, Input, Parse};
pub use output::Output;
pub use parse::parse;

plugin_sdk::export!(Eml);
