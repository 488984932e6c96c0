//! From SQLite's errors to the journal's.

use std::error::Error;
use std::path::Path;

use journal::{JournalError, RunId};
use rusqlite::ErrorCode;

/// The file could not be read, written or opened.
pub(crate) fn io(
    place: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> JournalError {
    JournalError::Io { place: place.display().to_string(), doing, source: source.into() }
}

/// What is stored cannot be what was written.
pub(crate) fn damaged(run: &RunId, seq: u64, reason: impl Into<String>) -> JournalError {
    JournalError::Damaged { run: run.clone(), seq, reason: reason.into() }
}

/// An error while reading a run: the disk's fault, or damage at that record.
pub(crate) fn reading(place: &Path, run: &RunId, seq: u64, error: rusqlite::Error) -> JournalError {
    let of_the_system = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::PermissionDenied
        )
    );
    if of_the_system { io(place, "read", error) } else { damaged(run, seq, error.to_string()) }
}
