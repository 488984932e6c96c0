//! The locks of everything that is also run under a scheduler that tries its interleavings (`tests/models.rs`): there,
//! this module is another one, with locks of the same names.

pub(crate) use std::sync::{Mutex, MutexGuard};
