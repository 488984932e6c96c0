//! The channel and the thread of the group commit. Under the scheduler of `tests/models.rs` this module is another one,
//! with the same names.

pub(crate) use std::sync::mpsc;
pub(crate) use std::thread::JoinHandle;
