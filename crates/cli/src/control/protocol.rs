//! What goes over the control socket. Both sides are the same version of this program: the data folder has one owner,
//! and a process that was upgraded underneath says that it does not understand.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of this protocol.
pub(crate) const VERSION: u32 = 1;

/// The largest request, in bytes: an event with all it may bring, and what is around it.
pub(crate) const MAX_REQUEST: usize = crate::command::MAX_PAYLOAD as usize + 64 * 1024;

/// One line to the process that drives runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// [`VERSION`].
    pub(crate) portcullis: u32,
    /// Which run.
    pub(crate) run: String,
    /// In whose name. Roles are never part of a request.
    pub(crate) by: String,
    /// What is wanted.
    pub(crate) what: What,
}

/// What is wanted of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum What {
    /// An approval is given; with a digest, only if that is what is asked.
    Approve { step: String, digest: Option<String> },
    /// An approval is refused.
    Reject { step: String, digest: Option<String> },
    /// A form is filled in.
    Answer { step: String, answer: Value },
    /// An event is sent.
    Signal { event: String, payload: Value },
    /// Nothing new is to begin.
    Pause,
    /// One call is to begin.
    Step,
    /// A paused run is to go on.
    Continue,
    /// The run is to stop for good.
    Cancel,
    /// How does it stand: at once, or when it has come to rest.
    Status { wait: bool, form: Form },
}

/// How a status is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// The documented object of `--json`.
    Json,
    /// For people.
    Text,
    /// For people at a terminal.
    Colour,
}

/// One line back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// It is durable.
    Done,
    /// It was not taken, and why.
    Refused { message: String },
    /// This process does not drive that run.
    Elsewhere { process: u32, drives: String },
    /// How the run stands.
    Standing(Standing),
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Standing {
    /// The word of `portcullis runs list`.
    pub(crate) status: journal::RunStatus,
    /// The report in the form that was asked for: an object, or a text.
    pub(crate) report: Value,
    /// What to type next, for people.
    pub(crate) next: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_lines_that_people_can_write() {
        let text =
            r#"{"portcullis":1,"run":"r","by":"anna","what":{"approve":{"step":"gate","digest":null}}}"#;
        let request: Request = serde_json::from_str(text).unwrap();
        assert_eq!(request.what, What::Approve { step: "gate".to_owned(), digest: None });
        let text = r#"{"portcullis":1,"run":"r","by":"anna","what":"pause"}"#;
        assert_eq!(serde_json::from_str::<Request>(text).unwrap().what, What::Pause);
    }

    #[test]
    fn roles_cannot_be_claimed() {
        let text = r#"{"portcullis":1,"run":"r","by":"anna","roles":["lead"],"what":"pause"}"#;
        assert!(serde_json::from_str::<Request>(text).unwrap_err().to_string().contains("roles"));
    }
}
