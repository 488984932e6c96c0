//! How an action fails.

use std::fmt;

use serde_json::Value;

/// Why an action did not succeed. Codes are words of the playbook language (`retry: on:` and `on_error` use them).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// One of the codes that the constructors below give.
    pub code: &'static str,
    /// A sentence for a person: what happened, where, what to do next.
    pub message: String,
    /// Anything a program may want to look at; `null` if nothing.
    pub details: Value,
}

impl Failure {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Failure { code, message: message.into(), details: Value::Null }
    }

    /// The input cannot be worked with; trying again cannot help.
    pub fn invalid(message: impl Into<String>) -> Self {
        Failure::new("invalid", message)
    }

    /// The input is larger, deeper or more work than this action accepts.
    pub fn limit(message: impl Into<String>) -> Self {
        Failure::new("limit", message)
    }

    /// The thing named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Failure::new("not_found", message)
    }

    /// Somebody changed the thing in between.
    pub fn conflict(message: impl Into<String>) -> Self {
        Failure::new("conflict", message)
    }

    /// A right is missing.
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Failure::new("permission_denied", message)
    }

    /// The other side asked to wait.
    pub fn throttled(message: impl Into<String>) -> Self {
        Failure::new("throttled", message)
    }

    /// May work when tried again.
    pub fn transient(message: impl Into<String>) -> Self {
        Failure::new("transient", message)
    }

    /// The other side did not answer in time.
    pub fn timeout(message: impl Into<String>) -> Self {
        Failure::new("timeout", message)
    }

    /// Adds details for programs.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// For `?` on readers and writers of artifacts, whose errors carry a `Failure` inside.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.downcast::<Failure>() {
            Ok(failure) => failure,
            Err(error) => Failure::invalid(error.to_string()),
        }
    }
}

impl From<Failure> for std::io::Error {
    fn from(failure: Failure) -> Self {
        std::io::Error::other(failure)
    }
}
