//! From the answers of ports to those of steps: failures above all, and what a probe found.

use action_api::plan::{Blame, Failure, FailureKind};
use action_api::{ArtifactError, Inverse, Outcome, Probe};
use exchange::ErrorKind;
use serde::Serialize;
use serde_json::json;

/// The failure of a step whose request Exchange did not carry out. The kinds map by name, so that `retry` and
/// `catch` see what the port saw.
pub(crate) fn from_exchange(error: exchange::Error) -> Failure {
    let failure = Failure::new(kind_of(&error), Blame::Server, error.message);
    let failure = match error.retry_after {
        Some(wait) => failure.retry_after(wait),
        None => failure,
    };
    match error.code {
        Some(code) => failure.with_details(json!({ "code": code })),
        None => failure,
    }
}

/// The kind a playbook sees for a failure of a port.
pub(crate) fn kind_of(error: &exchange::Error) -> FailureKind {
    match error.kind {
        ErrorKind::Transient => FailureKind::Transient,
        ErrorKind::Throttled => FailureKind::Throttled,
        ErrorKind::NotFound => FailureKind::NotFound,
        ErrorKind::PermissionDenied => FailureKind::PermissionDenied,
        ErrorKind::Invalid => FailureKind::Invalid,
        ErrorKind::Conflict => FailureKind::Conflict,
        ErrorKind::Limit => FailureKind::Limit,
        // `Unknown`, and whatever the ports learn to say later: nobody may claim that nothing happened.
        _ => FailureKind::Unknown,
    }
}

/// The failure of a step whose artifact could not be kept.
pub(crate) fn from_artifacts(error: &ArtifactError) -> Failure {
    let kind = match error {
        ArtifactError::NotFound(_) => FailureKind::NotFound,
        ArtifactError::TooLarge { .. } => FailureKind::Limit,
        _ => FailureKind::Transient,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(kind, Blame::Host, format!("{error}{cause}"))
}

/// The failure of an input that passes its schema and is wrong all the same.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Invalid, Blame::Playbook, message)
}

/// The failure of a step whose bytes are more than it takes.
pub(crate) fn too_large(what: &str, most: u64) -> Failure {
    Failure::new(
        FailureKind::Limit,
        Blame::Playbook,
        format!("{what} is larger than `max_size`, {most} bytes"),
    )
}

/// What a probe answers when it found the effect, with the output `run` would have given.
pub(crate) fn done(output: &impl Serialize) -> Result<Probe, Failure> {
    serde_json::to_value(output).map(|output| Probe::Done(Outcome::from(output))).map_err(|error| {
        Failure::new(FailureKind::Invalid, Blame::Host, format!("the output of a probe is not JSON: {error}"))
    })
}

/// The port, or the failure that names it.
pub(crate) fn need<'a, P: ?Sized>(
    port: &'a Option<std::sync::Arc<P>>,
    action: &str,
    name: &str,
) -> Result<&'a P, Failure> {
    port.as_deref().ok_or_else(|| {
        Failure::new(
            FailureKind::PermissionDenied,
            Blame::Host,
            format!(
                "{action} needs the port `{name}`, and the connection of this step does not have it: its wire or its \
                 rights do not allow it; `portcullis connection show` lists the ports of every connection"
            ),
        )
        .with_details(json!({ "missing_port": name }))
    })
}

/// What went wrong with some of the items a step was about.
///
/// A step that was asked to change ten mails and changed nine has not succeeded. Its failure takes the kind
/// that is most worth trying again, because the other nine do no harm in a repeat.
pub(crate) fn some_items(
    what: &str,
    asked: usize,
    failed: Vec<(String, exchange::Error)>,
) -> Option<Failure> {
    let (_, first) = failed.iter().min_by_key(|(_, error)| worth_of_retry(error.kind))?.clone();
    let wait = failed.iter().filter_map(|(_, error)| error.retry_after).max();
    let kind = kind_of(&first);
    let list: Vec<_> = failed
        .iter()
        .map(|(id, error)| json!({ "item_id": id, "kind": kind_of(error).as_str(), "code": error.code }))
        .collect();
    let message = format!("{} of {asked} messages could not be {what}: {}", failed.len(), first.message);
    let failure = Failure::new(kind, Blame::Server, message)
        .with_details(json!({ "failed": list, "partly": failed.len() < asked }));
    Some(match wait {
        Some(wait) => failure.retry_after(wait),
        None => failure,
    })
}

/// The failure of a step that changed some items all the same, with the call that takes those back. Under the name
/// `inverse` an undo finds it.
pub(crate) fn with_inverse(mut failure: Failure, inverse: Option<Inverse>) -> Failure {
    let inverse = inverse.and_then(|inverse| serde_json::to_value(inverse).ok());
    if let (Some(inverse), Some(details)) = (inverse, failure.details.as_object_mut()) {
        details.insert("inverse".to_owned(), inverse);
    }
    failure
}

fn worth_of_retry(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Throttled => 0,
        ErrorKind::Transient => 1,
        ErrorKind::Unknown => 2,
        ErrorKind::Conflict => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchange::Error;

    use super::*;

    #[test]
    fn every_kind_keeps_its_name() {
        let kinds = [
            (ErrorKind::Transient, "transient"),
            (ErrorKind::Throttled, "throttled"),
            (ErrorKind::NotFound, "not_found"),
            (ErrorKind::PermissionDenied, "permission_denied"),
            (ErrorKind::Invalid, "invalid"),
            (ErrorKind::Conflict, "conflict"),
            (ErrorKind::Limit, "limit"),
            (ErrorKind::Unknown, "unknown"),
        ];
        for (kind, name) in kinds {
            assert_eq!(from_exchange(Error::new(kind, "x")).kind.as_str(), name);
        }
    }

    #[test]
    fn what_the_server_said_is_kept() {
        let error = Error::new(ErrorKind::Throttled, "busy")
            .with_code("ErrorServerBusy")
            .with_retry_after(Some(Duration::from_secs(3)));
        let failure = from_exchange(error);
        assert_eq!(failure.retry_after_ms, Some(3000));
        assert_eq!(failure.details, json!({ "code": "ErrorServerBusy" }));
        assert_eq!(failure.blame, Blame::Server);
    }

    #[test]
    fn one_throttled_item_makes_the_step_worth_trying_again() {
        let failed = vec![
            ("a".to_owned(), Error::new(ErrorKind::PermissionDenied, "no right")),
            (
                "b".to_owned(),
                Error::new(ErrorKind::Throttled, "busy").with_retry_after(Some(Duration::from_secs(1))),
            ),
        ];
        let failure = some_items("deleted", 5, failed).unwrap();
        assert_eq!(failure.kind, FailureKind::Throttled);
        assert_eq!(failure.retry_after_ms, Some(1000));
        assert_eq!(failure.message, "2 of 5 messages could not be deleted: busy");
        assert_eq!(some_items("deleted", 5, Vec::new()), None);
    }
}
