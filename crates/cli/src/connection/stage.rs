//! What a test of a connection found: one step after another, the first failure last.

use std::time::Duration;

use serde_json::{Value, json};

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Configuration,
    Autodiscover,
    Dns,
    Tcp,
    Proxy,
    Tls,
    Http,
    Token,
    LogIn,
    Mailbox,
    Impersonation,
}

/// How it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Well, and what it was.
    Passed(String),
    /// It does not apply, and why.
    Skipped(String),
    /// Not well: why, and what to do.
    Failed { reason: String, remedy: String },
}

/// One step of a test.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) stage: Stage,
    pub(crate) found: Found,
    pub(crate) took: Duration,
}

impl Stage {
    /// In JSON.
    fn key(self) -> &'static str {
        match self {
            Stage::Configuration => "configuration",
            Stage::Autodiscover => "autodiscover",
            Stage::Dns => "dns",
            Stage::Tcp => "tcp",
            Stage::Proxy => "proxy",
            Stage::Tls => "tls",
            Stage::Http => "http",
            Stage::Token => "token",
            Stage::LogIn => "log_in",
            Stage::Mailbox => "mailbox",
            Stage::Impersonation => "impersonation",
        }
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Dns => "DNS",
            Stage::Tcp => "TCP",
            Stage::Tls => "TLS",
            Stage::Http => "HTTP",
            Stage::LogIn => "log-in",
            other => other.key(),
        }
    }
}

impl Found {
    /// Not well.
    pub(crate) fn failed(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Found::Failed { reason: reason.into(), remedy: remedy.into() }
    }

    /// Whether it is the end of the test.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self, Found::Failed { .. })
    }
}

/// The report as one JSON object. Fields are only ever added.
pub(crate) fn to_json(connection: &str, steps: &[Step]) -> Value {
    let step = |Step { stage, found, took }: &Step| {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let stage = stage.key();
        match found {
            Found::Passed(detail) => {
                json!({ "stage": stage, "result": "passed", "milliseconds": milliseconds, "detail": detail })
            }
            Found::Skipped(detail) => {
                json!({ "stage": stage, "result": "skipped", "milliseconds": milliseconds, "detail": detail })
            }
            Found::Failed { reason, remedy } => json!({
                "stage": stage, "result": "failed", "milliseconds": milliseconds, "reason": reason, "remedy": remedy,
            }),
        }
    };
    let ok = !steps.iter().any(|step| step.found.is_failed());
    json!({ "connection": connection, "ok": ok, "stages": steps.iter().map(step).collect::<Vec<_>>() })
}
