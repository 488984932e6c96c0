//! One attempt of a call: time limit, size limit, and what to do when nobody knows how it ended.

use std::sync::Arc;

use action_api::{Context, Inverse, Invocation, Outcome};
use interpreter::Perform;
use journal::RunId;
use plan::{Blame, Failure, FailureKind, OnUnknown, Repeat};
use serde_json::Value;

use crate::builder::Inner;
use crate::doubt::{Found, Unseen, look};
use crate::secrets::{Handle, fill};

/// The largest output a step may have, in bytes of JSON. Larger results belong into artifacts.
pub const MAX_OUTPUT: usize = 1024 * 1024;

/// Carries one attempt out.
pub(crate) async fn attempt(
    inner: Arc<Inner>,
    run: RunId,
    secrets: Arc<[Handle]>,
    mut call: Box<Perform>,
) -> Result<Outcome, Failure> {
    let schema = inner.action(&call.action).map(|(spec, _)| &spec.input);
    let used = schema.map(|schema| fill(&mut call.input, schema, &secrets, inner.secrets.as_ref()));
    let end = carried_out(&inner, &run, &call).await;
    let end = used.unwrap_or_default().hide(end);
    match (end, call.on_unknown) {
        (Err(failure), OnUnknown::Fail) if failure.kind == FailureKind::Unknown => {
            // Whoever runs it again has to know that it may have happened.
            let details = serde_json::json!({ "outcome": "unknown" });
            Err(Failure { kind: FailureKind::Failed, details, ..failure })
        }
        (end, _) => end,
    }
}

async fn carried_out(inner: &Inner, run: &RunId, call: &Perform) -> Result<Outcome, Failure> {
    let Some((_, source)) = inner.action(&call.action) else {
        return Err(Failure::new(
            FailureKind::Invalid,
            Blame::Host,
            format!("step {}: no action is called {}", call.path, call.action),
        ));
    };
    let invocation = Invocation {
        action: call.action.clone(),
        input: call.input.clone(),
        connection: call.connection.clone(),
        context: Context {
            run: run.as_str().to_owned(),
            path: call.path.clone(),
            attempt: if call.in_doubt { call.attempt + 1 } else { call.attempt },
            retried: call.retried.clone(),
            key: call.key.clone().unwrap_or_else(|| format!("{run}/{}", call.path)),
            timeout: call.timeout,
            artifacts: Arc::clone(&inner.artifacts),
        },
    };
    let repeat = match call.on_unknown {
        OnUnknown::Retry => Repeat::Natural,
        OnUnknown::Verify | OnUnknown::Ask | OnUnknown::Fail => call.repeat,
    };
    if call.in_doubt {
        match repeat {
            Repeat::Natural | Repeat::Keyed => {}
            Repeat::Never => {
                return Err(unknown(call, "it was begun before a crash and may not be repeated"));
            }
            Repeat::Verify => match look(source.as_ref(), &invocation, Unseen::NotDone).await {
                Ok(Found::Done(outcome)) => return limit(call, outcome),
                Ok(Found::NotDone) => {}
                Ok(Found::Unknown) => return Err(unknown(call, "it was begun before a crash")),
                Err(failure) => return Err(unknown(call, &failure.message)),
            },
        }
    }
    let failure = match tokio::time::timeout(call.timeout, source.invoke(invocation.clone())).await {
        Ok(Ok(outcome)) => return limit(call, outcome),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(
            FailureKind::Timeout,
            Blame::Server,
            format!("{} took longer than its limit of {:?}", call.action, call.timeout),
        ),
    };
    let in_the_dark = matches!(failure.kind, FailureKind::Unknown | FailureKind::Timeout);
    // What was begun before a crash was repeated without asking; that the repeat did not get through says nothing about
    // the first.
    let silent = in_the_dark || matches!(failure.kind, FailureKind::Transient | FailureKind::Throttled);
    let harmless = matches!(repeat, Repeat::Natural | Repeat::Keyed);
    // And a change that ran out of time may have been made, whether or not it is harmless to repeat.
    let untold = (call.in_doubt && silent) || failure.kind == FailureKind::Timeout;
    if untold && harmless && call.effect.changes() {
        return Err(Failure { kind: FailureKind::Unknown, ..failure });
    }
    match repeat {
        Repeat::Verify if in_the_dark => {
            // An action that says `unknown` knows that a request for the effect left. Ours that ran out of time
            // may have been at its very beginning.
            let unseen = if failure.kind == FailureKind::Unknown { Unseen::Unknown } else { Unseen::NotDone };
            match look(source.as_ref(), &invocation, unseen).await {
                Ok(Found::Done(outcome)) => limit(call, outcome),
                Ok(Found::NotDone) => Err(Failure { kind: FailureKind::Transient, ..failure }),
                Ok(Found::Unknown) => Err(unknown(call, &failure.message)),
                Err(second) => Err(unknown(call, &format!("{}; then {}", failure.message, second.message))),
            }
        }
        Repeat::Never if in_the_dark => Err(unknown(call, &failure.message)),
        _ => Err(failure),
    }
}

fn unknown(call: &Perform, why: &str) -> Failure {
    Failure::new(
        FailureKind::Unknown,
        Blame::Server,
        format!(
            "nobody knows whether {} took effect at {}: {why}; look before repeating it",
            call.action, call.path
        ),
    )
}

fn limit(call: &Perform, outcome: Outcome) -> Result<Outcome, Failure> {
    let inverse = outcome.inverse.as_ref().map(|inverse| &inverse.input);
    match std::iter::once(&outcome.output).chain(inverse).find_map(oversized) {
        None => Ok(outcome),
        Some(how) => Err(Failure::new(
            FailureKind::Limit,
            Blame::Host,
            format!(
                "{} at {} answered with something {how}; ask for less, or for an artifact",
                call.action, call.path
            ),
        )),
    }
}

/// Why a value cannot go into the journal.
pub(crate) fn oversized(value: &Value) -> Option<String> {
    let mut counter = Counter(0);
    if !journal::is_recordable(value) {
        return Some(format!("nested deeper than {} levels", journal::MAX_DEPTH));
    }
    let fits = serde_json::to_writer(&mut counter, value).is_ok() && counter.0 <= MAX_OUTPUT;
    (!fits).then(|| format!("of more than {MAX_OUTPUT} bytes"))
}

/// Counts what would be written.
struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The inverse as the journal keeps it.
pub(crate) fn inverse_value(inverse: Option<Inverse>) -> Value {
    inverse.and_then(|inverse| serde_json::to_value(inverse).ok()).unwrap_or_default()
}
