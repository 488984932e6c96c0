//! From what the transport and a server say to failures of a step.

use action_api::ArtifactError;
use action_api::plan::{Blame, Failure, FailureKind};
use http::StatusCode;
use serde_json::json;
use transport::Kind;

/// An input that passes its schema and is wrong all the same.
pub(crate) fn invalid(action: &str, why: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, Blame::Playbook, format!("{action}: {why}"))
}

/// A request that got no answer, or none to its end. `changes` says whether it may have changed something.
pub(crate) fn unanswered(error: &transport::Error, changes: bool) -> Failure {
    let kind = match error.kind() {
        Kind::Refused => FailureKind::PermissionDenied,
        Kind::Setup => FailureKind::Invalid,
        Kind::LogIn if error.retry_after().is_none() => FailureKind::PermissionDenied,
        Kind::Busy => FailureKind::Throttled,
        Kind::TooLarge => FailureKind::Limit,
        _ if changes && error.may_have_left() => FailureKind::Unknown,
        _ => FailureKind::Transient,
    };
    let blame = match error.kind() {
        Kind::Refused | Kind::Setup | Kind::LogIn | Kind::Proxy => Blame::Host,
        _ => Blame::Server,
    };
    let failure = Failure::new(kind, blame, error.to_string());
    match error.retry_after() {
        Some(wait) => failure.retry_after(wait),
        None => failure,
    }
}

/// The kind of an answer that is none the step wanted.
///
/// A change that a server or a gateway broke down over may have been made; the other answers say that it was not.
pub(crate) fn kind_of(status: StatusCode, waits: bool, changes: bool) -> FailureKind {
    match status.as_u16() {
        401 | 403 | 407 | 451 => FailureKind::PermissionDenied,
        404 | 410 => FailureKind::NotFound,
        409 | 412 | 423 | 428 => FailureKind::Conflict,
        413 | 414 | 431 => FailureKind::Limit,
        429 => FailureKind::Throttled,
        503 if waits => FailureKind::Throttled,
        408 | 425 | 503 => FailureKind::Transient,
        500..=599 if changes => FailureKind::Unknown,
        500..=599 => FailureKind::Transient,
        _ => FailureKind::Invalid,
    }
}

/// An artifact that could not be read or kept.
pub(crate) fn from_artifacts(error: &ArtifactError) -> Failure {
    let kind = match error {
        ArtifactError::NotFound(_) => FailureKind::NotFound,
        ArtifactError::TooLarge { .. } => FailureKind::Limit,
        _ => FailureKind::Transient,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(kind, Blame::Host, format!("{error}{cause}"))
}

/// As a server's answer, with its status for programs.
pub(crate) fn with_status(failure: Failure, status: StatusCode) -> Failure {
    failure.with_details(json!({ "status": status.as_u16() }))
}
