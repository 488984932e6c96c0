//! Records of the current version. Versions before it would be upcast here.

mod v1;

pub use v1::{Decision, Event, OpId, Record, RunStatus, Timestamp};

/// The version that is written into every run's header.
pub const FORMAT: u32 = 1;
