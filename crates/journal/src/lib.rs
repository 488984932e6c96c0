//! The history of a run as a public, versioned format, and the trait of a store that keeps it.
//!
//! Records are the frozen contract: a new version is a new file beside `record/v1.rs` and old ones are
//! upcast when read. [`conformance`] is the suite every store must pass. Left out: SQL, files, and any
//! decision about what to do next (that is `interpreter`).

pub mod conformance;
mod export;
mod memory;
mod record;
mod standing;
mod store;

pub use export::{ExportError, ImportError, export, import};
pub use memory::MemoryJournal;
pub use record::{
    Decision, Event, FORMAT, MAX_DEPTH, OpId, Portion, Record, RecordError, Reused, RunStatus, Timestamp,
    Touch, artifacts_of, is_recordable,
};
pub use standing::Standing;
pub use store::{Header, Journal, JournalError, Origin, OriginKind, Query, RunId, StoredRun, Summary, Work};
