//! The audit log: who did what, in a file that cannot be changed without being found out.
//!
//! `audit.jsonl` in the data folder holds one JSON object a line. Each line carries a SHA-256 over itself and the
//! hash of the line before, so nothing in the middle can be changed, taken out, put in or moved. A chain alone does
//! not show that its end was cut, or that all of it was computed anew: for that the *head* (how many lines, and the
//! last hash) also goes to a second place, which whoever can write the log should not be able to write, and each line
//! can carry a keyed MAC. Lines are synced before they are acknowledged; runs that write at the same time share one
//! sync. After a failed write nothing is acknowledged any more until the log is opened again. Left out: sending the
//! head over a network (a folder that is mounted, or a tool that watches the file, does that), rotation, encryption.

mod chain;
mod error;
mod folder;
mod head;
mod line;
mod log;
mod medium;
mod tail;
mod verify;
mod writer;

pub use chain::{Key, MIN_KEY};
pub use error::LogError;
pub use log::{AuditLog, FILE, Options};
pub use medium::Medium;
pub use verify::{Found, HeadFound, Macs, Report, read, verify, write_head};
