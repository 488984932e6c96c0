//! Version 1 of the record format, for reading alone. Frozen: what it cannot read is damage.

use std::collections::BTreeMap;

use plan::{Failure, StepPath};
use serde::Deserialize;
use serde_json::Value;

use super::v2;
use super::v2::{Decision, OpId, RunStatus};

/// What happened; the meaning of each kind and field is the same as in the current version.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    Started {
        input: BTreeMap<String, Value>,
        #[serde(default)]
        trigger: Value,
        starter: String,
    },
    Performing {
        op: OpId,
        attempt: u32,
        path: StepPath,
        action: String,
    },
    Performed {
        op: OpId,
        output: Value,
        #[serde(default)]
        inverse: Value,
    },
    AttemptFailed {
        op: OpId,
        attempt: u32,
        failure: Failure,
        entropy: u64,
    },
    Woken {
        op: OpId,
    },
    Asked {
        op: OpId,
        path: StepPath,
        digest: String,
    },
    Withdrawn {
        op: OpId,
    },
    Answered {
        op: OpId,
        answer: Value,
        by: String,
    },
    Signalled {
        name: String,
        payload: Value,
    },
    Decided {
        op: OpId,
        decision: Decision,
        by: String,
        digest: String,
    },
    CancelRequested {
        by: String,
    },
    Ended {
        status: RunStatus,
        #[serde(default)]
        outputs: BTreeMap<String, Value>,
        #[serde(default)]
        failure: Option<Failure>,
    },
}

impl From<Event> for v2::Event {
    fn from(event: Event) -> Self {
        match event {
            Event::Performing { op, attempt, path, action } => {
                v2::Event::Performing { op, attempt, path, action, touches: None }
            }
            Event::Performed { op, output, inverse } => {
                v2::Event::Performed { op, output, kept: None, reused: None, inverse }
            }
            Event::AttemptFailed { op, attempt, failure, entropy } => {
                v2::Event::AttemptFailed { op, attempt, failure, entropy, last: false }
            }
            Event::Started { input, trigger, starter } => v2::Event::Started { input, trigger, starter },
            Event::Woken { op } => v2::Event::Woken { op },
            Event::Asked { op, path, digest } => v2::Event::Asked { op, path, digest },
            Event::Withdrawn { op } => v2::Event::Withdrawn { op },
            Event::Answered { op, answer, by } => v2::Event::Answered { op, answer, by },
            Event::Signalled { name, payload } => v2::Event::Signalled { name, payload },
            Event::Decided { op, decision, by, digest } => {
                v2::Event::Decided { op, decision, by, digest, in_advance: false }
            }
            Event::CancelRequested { by } => v2::Event::CancelRequested { by },
            Event::Ended { status, outputs, failure } => v2::Event::Ended { status, outputs, failure },
        }
    }
}
