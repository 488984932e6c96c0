//! How the other side failed, in words an action can turn into a step's failure.

use std::time::Duration;

/// What kind of trouble it is. The names are those of the playbook language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// May work when tried again: connection lost before the request was sent, server error.
    Transient,
    /// The server asked to wait.
    Throttled,
    /// No such item, folder or mailbox.
    NotFound,
    /// The account lacks a right, or the log-in was refused.
    PermissionDenied,
    /// The request or the answer is wrong; trying again cannot help.
    Invalid,
    /// Somebody changed the item in between.
    Conflict,
    /// A limit on size or count was reached.
    Limit,
    /// The request left, and no answer came: nobody knows whether it took effect.
    Unknown,
}

/// A failure of Exchange, or on the way to it. Never holds a secret or the content of a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of trouble it is.
    pub kind: ErrorKind,
    /// A sentence: what happened, at which mailbox or element, what to do next.
    pub message: String,
    /// The server's own code, e.g. `ErrorItemNotFound`.
    pub code: Option<String>,
    /// How long the server asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error with nothing but its kind and sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), code: None, retry_after: None }
    }

    /// Adds the server's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds how long the server asked us to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}
