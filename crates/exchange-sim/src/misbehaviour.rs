//! Misbehaviour on request: what goes wrong, at which operation, at which call.
//!
//! Faults are data, so that a test case can write them in YAML:
//! `{operation: DeleteItem, call: 2, kind: drop_after}`. Operations are those of EWS; the token endpoint counts as
//! `token`, `devicecode` and `authorize`. Where a fault says nothing else, an answer is the one that would have come.

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Misbehaviour {
    /// HTTP 503 with `Retry-After`; nothing is done.
    Throttle {
        /// How long the client is asked to wait.
        #[serde(default)]
        retry_after_seconds: u64,
    },
    /// HTTP 500 with the SOAP fault `ErrorServerBusy` and `BackOffMilliseconds`; nothing is done.
    Busy {
        /// How long the client is asked to wait.
        #[serde(default)]
        back_off_ms: u64,
    },
    /// HTTP 200 with `ErrorServerBusy` as the only response message; nothing is done.
    BusyInside {
        /// How long the client is asked to wait.
        #[serde(default)]
        back_off_ms: u64,
    },
    /// HTTP 500 with the SOAP fault `ErrorInternalServerError`; nothing is done.
    ServerError,
    /// The same fault, after everything was done: a server that breaks says nothing about what it has done.
    ServerErrorAfter,
    /// The connection closes without an answer; nothing is done.
    DropBefore,
    /// The connection closes without an answer, after everything was done.
    DropAfter,
    /// The answer comes late.
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The answer is cut off in the middle of the XML, after everything was done.
    Malformed,
    /// A proxy's log-in page comes instead; nothing is done.
    Html,
    /// HTTP 200 without a body, after everything was done.
    Empty,
    /// HTTP 429 with `Retry-After`; nothing is done.
    TooManyRequests {
        /// How long the client is asked to wait.
        #[serde(default)]
        retry_after_seconds: u64,
    },
    /// HTTP 403 with `X-EWS-Policy-Reason`: EWS is switched off, or not for this application; nothing is done.
    PolicyBlocked {
        /// What the header says.
        #[serde(default = "switched_off")]
        reason: String,
    },
    /// A redirect; nothing is done.
    Redirect {
        /// Where to.
        location: String,
        /// The HTTP status.
        #[serde(default = "found")]
        status: u16,
    },
    /// HTTP 200 with an answer that is no text at all, after everything was done.
    Garbage {
        /// How long it is.
        #[serde(default = "some")]
        bytes: usize,
    },
    /// Bytes that are no HTTP instead of an answer, after everything was done.
    NoHttp,
    /// The connection closes after so many bytes of the body, of which the head says that there are more. Everything
    /// was done.
    Truncated {
        /// How much of the body is sent.
        #[serde(default)]
        bytes: usize,
    },
    /// The server stops sending in the middle of the answer, but leaves its other ear open. Everything was done.
    HalfClose {
        /// How much of the body is sent.
        #[serde(default)]
        bytes: usize,
    },
    /// `Content-Length` says more (or, below zero, less) than there is; then the connection closes. Everything was
    /// done.
    WrongLength {
        /// How much more.
        by: i64,
    },
    /// The answer comes in small pieces with pauses between them, after everything was done.
    Trickle {
        /// How large a piece is.
        #[serde(default = "some")]
        bytes: usize,
        /// How long a pause is.
        #[serde(default)]
        pause_ms: u64,
    },
    /// The answer is compressed with gzip and followed by so many mebibytes of spaces. Everything was done.
    GzipBomb {
        /// How many.
        #[serde(default = "many")]
        mebibytes: usize,
    },
    /// The head of the answer has so many kibibytes of headers. Everything was done.
    HugeHeaders {
        /// How many.
        #[serde(default = "many")]
        kibibytes: usize,
    },
}

fn switched_off() -> String {
    String::from("EWS is disabled for this user or organization.")
}

fn found() -> u16 {
    302
}

fn some() -> usize {
    64
}

fn many() -> usize {
    256
}

/// A misbehaviour and when it happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The operation, e.g. `FindItem`; all operations if it is missing.
    #[serde(default)]
    pub operation: Option<String>,
    /// The first call it happens at, counted from 1 since the fault was set.
    #[serde(default = "one")]
    pub call: u64,
    /// At how many calls in a row it happens.
    #[serde(default = "one")]
    pub times: u64,
    /// What goes wrong.
    #[serde(flatten)]
    pub how: Misbehaviour,
}

fn one() -> u64 {
    1
}

impl Fault {
    /// A fault at the first call of an operation.
    pub fn once(operation: &str, how: Misbehaviour) -> Self {
        Fault { operation: Some(operation.to_owned()), call: 1, times: 1, how }
    }

    /// The same fault at another call, counted from 1.
    #[must_use]
    pub fn at_call(self, call: u64) -> Self {
        Fault { call, ..self }
    }

    /// The same fault at several calls in a row.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Fault { times, ..self }
    }
}

/// The faults of a server, and how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Script {
    faults: Vec<(Fault, u64)>,
}

impl Script {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Counts a call, and gives what goes wrong at it: the first fault that fits.
    pub(crate) fn next(&mut self, operation: &str) -> Option<Misbehaviour> {
        let mut chosen = None;
        for (fault, seen) in &mut self.faults {
            if fault.operation.as_deref().is_none_or(|wanted| wanted == operation) {
                *seen += 1;
                let hits = *seen >= fault.call && *seen < fault.call.saturating_add(fault.times);
                if hits && chosen.is_none() {
                    chosen = Some(fault.how.clone());
                }
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_hit_the_calls_they_name_and_no_others() {
        let mut script = Script::default();
        script.add(Fault::once("FindItem", Misbehaviour::Html).at_call(2).times(2));
        script.add(Fault { operation: None, call: 5, times: 1, how: Misbehaviour::Empty });
        let seen: Vec<_> = ["FindItem", "GetItem", "FindItem", "FindItem", "FindItem", "FindItem"]
            .map(|op| script.next(op))
            .into();
        let html = Some(Misbehaviour::Html);
        assert_eq!(seen, [None, None, html.clone(), html, Some(Misbehaviour::Empty), None]);
    }

    #[test]
    fn faults_are_written_as_a_test_case_writes_them() {
        let text = r#"{"operation": "DeleteItem", "call": 2, "kind": "throttle", "retry_after_seconds": 3}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let expected =
            Fault::once("DeleteItem", Misbehaviour::Throttle { retry_after_seconds: 3 }).at_call(2);
        assert_eq!(fault, expected);
    }
}
