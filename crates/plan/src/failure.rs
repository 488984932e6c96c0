//! The one failure that crosses the action boundary: it can be journaled, and says who is to blame.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How an action failed; `retry` and `catch` speak of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// May work when tried again: connection lost, server error.
    Transient,
    /// The server asked to wait.
    Throttled,
    /// The thing named does not exist.
    NotFound,
    /// The account lacks a right.
    PermissionDenied,
    /// The input, or the answer of the other side, is wrong; trying again cannot help.
    Invalid,
    /// Somebody changed the thing in between.
    Conflict,
    /// The step's time limit was reached.
    Timeout,
    /// A limit on size, depth, work or count was reached.
    Limit,
    /// The run was cancelled.
    Cancelled,
    /// Nobody knows whether the effect took place; a person must look.
    Unknown,
    /// A `fail` step of the playbook.
    Failed,
}

impl FailureKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [FailureKind; 11] = [
        FailureKind::Transient,
        FailureKind::Throttled,
        FailureKind::NotFound,
        FailureKind::PermissionDenied,
        FailureKind::Invalid,
        FailureKind::Conflict,
        FailureKind::Timeout,
        FailureKind::Limit,
        FailureKind::Cancelled,
        FailureKind::Unknown,
        FailureKind::Failed,
    ];

    /// The word used in playbooks, documents and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Transient => "transient",
            FailureKind::Throttled => "throttled",
            FailureKind::NotFound => "not_found",
            FailureKind::PermissionDenied => "permission_denied",
            FailureKind::Invalid => "invalid",
            FailureKind::Conflict => "conflict",
            FailureKind::Timeout => "timeout",
            FailureKind::Limit => "limit",
            FailureKind::Cancelled => "cancelled",
            FailureKind::Unknown => "unknown",
            FailureKind::Failed => "failed",
        }
    }

    /// The kind with this name, if there is one.
    pub fn from_name(name: &str) -> Option<FailureKind> {
        FailureKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who has to act so that it does not happen again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The playbook: a wrong input, an expression that failed.
    Playbook,
    /// The other side: Exchange, a service.
    Server,
    /// A plugin: it trapped, or broke its own schema.
    Plugin,
    /// Portcullis itself, its disk or its configuration.
    Host,
}

/// Why a step did not succeed. Comes back from the journal after a crash, so it is plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What `retry` and `catch` look at.
    pub kind: FailureKind,
    /// A sentence for a person: what happened, where, what to do next. Never holds a secret.
    pub message: String,
    /// Who has to act.
    pub blame: Blame,
    /// How long the server asked us to wait, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Anything a program may want to look at, e.g. the server's own error code.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Failure {
    /// A failure with nothing but its kind, blame and sentence.
    pub fn new(kind: FailureKind, blame: Blame, message: impl Into<String>) -> Self {
        Failure { kind, blame, message: message.into(), retry_after_ms: None, details: Value::Null }
    }

    /// Adds what the server asked for.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
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
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}
