//! Why the log could not be opened, read or written.

use std::io;
use std::path::Path;

use engine::audit::AuditError;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The system refused.
    #[error("the audit log {place} could not be {doing}")]
    Io {
        /// The file.
        place: String,
        /// `opened`, `read`, `written`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file does not hold what was written to it.
    #[error(
        "the audit log {place} is damaged at line {line}: {reason}. Nothing is added to it; look at it with \
         `portcullis audit verify`, keep it, and move it and its head away to begin a new one"
    )]
    Damaged {
        /// The file.
        place: String,
        /// The first line that is wrong, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The log and its head in the second place do not belong together.
    #[error("the audit log {place} and its head {head} do not fit: {reason}")]
    Head {
        /// The file.
        place: String,
        /// The second place.
        head: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The log was begun with a key and there is none, or the other way round.
    #[error("the audit log {place} {reason}")]
    Key {
        /// The file.
        place: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Another process writes it.
    #[error("the audit log {0} is written by another process; stop it, or use another data folder")]
    Locked(String),
    /// An earlier write failed.
    #[error("the audit log {place} failed before ({reason}); nothing is written until it is opened again")]
    Failed {
        /// The file.
        place: String,
        /// What failed.
        reason: String,
    },
}

impl LogError {
    pub(crate) fn io(place: &Path, doing: &'static str, source: io::Error) -> Self {
        LogError::Io { place: place.display().to_string(), doing, source }
    }

    pub(crate) fn damaged(place: &Path, line: u64, reason: impl Into<String>) -> Self {
        LogError::Damaged { place: place.display().to_string(), line, reason: reason.into() }
    }
}

impl From<LogError> for AuditError {
    fn from(error: LogError) -> Self {
        let message = error.to_string();
        match error {
            LogError::Io { source, .. } => AuditError::new(message).because(source),
            _ => AuditError::new(message),
        }
    }
}
