//! Headers and records to feed a store with.

use std::collections::BTreeMap;

use plan::{Artifact, Blame, Digest, Failure, FailureKind, StepPath};
use serde_json::{Value, json};

use crate::{Decision, Event, FORMAT, Header, Record, Reused, RunId, RunStatus, Timestamp, Touch};

/// The header of a run with this name, if it may be one.
///
/// # Errors
/// Where the name is not one.
pub fn header(name: &str) -> Result<Header, String> {
    Ok(Header {
        run: RunId::new(name).ok_or_else(|| format!("{name:?} is not a run's name"))?,
        format: FORMAT,
        playbook: "clean-mailbox".to_owned(),
        digest: Digest::new([7; 32]),
        text: "playbook: clean-mailbox\nsteps: []\n".to_owned(),
        actions: BTreeMap::from([("mail.delete".to_owned(), Digest::new([9; 32]))]),
        origin: None,
        files: BTreeMap::from([("templates/note.j2".to_owned(), "Done: {{ count }}\n".to_owned())]),
        source: "workflows/clean-mailbox/playbook.yaml".to_owned(),
        created: Timestamp(1_767_225_600_000),
        driver: json!({"config": "portcullis.yaml"}),
    })
}

/// One event of every kind, some in more than one shape. What was added later stands at the end: the lines before
/// it never change.
pub fn every_event() -> Vec<Event> {
    let mut events = events_of_version_1();
    events.extend(events_of_version_2());
    events
}

/// What version 1 could say.
fn events_of_version_1() -> Vec<Event> {
    let path = StepPath::root().child("clean").item(17).child("delete");
    let failure = Failure::new(FailureKind::Throttled, Blame::Server, "the server asked to wait");
    let digest = Digest::new([1; 32]).to_string();
    vec![
        Event::Started {
            input: BTreeMap::from([
                ("limit".to_owned(), json!(10)),
                ("reporter".to_owned(), json!("ann@example.org")),
            ]),
            trigger: Value::Null,
            starter: "cli:ann".to_owned(),
        },
        Event::Performing {
            op: 1,
            attempt: 1,
            path: path.clone(),
            action: "mail.delete".to_owned(),
            touches: None,
        },
        Event::AttemptFailed {
            op: 1,
            attempt: 1,
            failure: Failure { retry_after_ms: Some(1_500), ..failure.clone() }
                .with_details(json!({"code": "ErrorServerBusy"})),
            entropy: u64::MAX,
            last: false,
        },
        Event::Woken { op: 1 },
        Event::Performed {
            op: 1,
            output: json!({"deleted": 1, "ratio": 0.1}),
            kept: None,
            reused: None,
            inverse: json!({"action": "mail.move", "input": {"to": "inbox"}}),
        },
        Event::Performed { op: 2, output: Value::Null, kept: None, reused: None, inverse: Value::Null },
        Event::Asked { op: 3, path, digest: digest.clone() },
        Event::Decided {
            op: 3,
            decision: Decision::TimedOut,
            by: "ann".to_owned(),
            digest,
            in_advance: false,
        },
        Event::CancelRequested { by: "bob".to_owned() },
        Event::Ended { status: RunStatus::Failed, outputs: BTreeMap::new(), failure: Some(failure) },
        Event::Ended {
            status: RunStatus::Succeeded,
            outputs: BTreeMap::from([("deleted".to_owned(), json!(8))]),
            failure: None,
        },
        Event::Started {
            input: BTreeMap::new(),
            trigger: json!({"id": "reported", "message": {"subject": "Hello"}}),
            starter: "trigger:reported".to_owned(),
        },
        Event::Asked { op: 4, path: StepPath::from("form"), digest: Digest::new([2; 32]).to_string() },
        Event::Answered { op: 4, answer: json!({"verdict": "malicious"}), by: "ann".to_owned() },
        Event::Asked { op: 5, path: StepPath::from("late"), digest: Digest::new([3; 32]).to_string() },
        Event::Withdrawn { op: 5 },
        Event::Signalled { name: "ticket.closed".to_owned(), payload: json!({"id": 7}) },
    ]
}

/// What version 2 added.
fn events_of_version_2() -> Vec<Event> {
    let digest = Digest::new([4; 32]);
    let kept = Artifact { artifact: digest, size: 40_000, media_type: "application/json".to_owned() };
    let earlier = RunId::new("20260101-000000-00000001").map(|run| Reused { run, op: 6 });
    vec![
        Event::Performing {
            op: 6,
            attempt: 2,
            path: StepPath::from("clean/purge"),
            action: "mail.delete".to_owned(),
            touches: Some(Touch { mailbox: "ann@example.org".to_owned(), items: 3, each: Vec::new() }),
        },
        Event::AttemptFailed {
            op: 6,
            attempt: 2,
            failure: Failure::new(FailureKind::Transient, Blame::Server, "the connection was lost"),
            entropy: 0,
            last: true,
        },
        Event::Performed { op: 6, output: Value::Null, kept: Some(kept), reused: None, inverse: Value::Null },
        Event::Performed { op: 7, output: json!([]), kept: None, reused: earlier, inverse: Value::Null },
        Event::Decided {
            op: 8,
            decision: Decision::Approved,
            by: "ann (--approve=all)".to_owned(),
            digest: digest.to_string(),
            in_advance: true,
        },
        Event::Paused { by: "ann".to_owned() },
        Event::Stepped { by: "ann".to_owned() },
        Event::Continued { by: "bob".to_owned() },
        Event::Stalled { reasons: vec!["the action mail.purge is gone".to_owned()] },
        Event::Adopted {
            by: "bob".to_owned(),
            actions: BTreeMap::from([("mail.delete".to_owned(), digest)]),
        },
    ]
}

/// Numbers events from `first` on, a second apart.
pub(super) fn numbered(first: u64, events: impl IntoIterator<Item = Event>) -> Vec<Record> {
    let number = |(seq, event)| {
        let since = i64::try_from(seq).unwrap_or(i64::MAX).saturating_mul(1_000);
        Record { seq, at: Timestamp(1_767_225_600_000_i64.saturating_add(since)), event }
    };
    (first..=u64::MAX).zip(events).map(number).collect()
}

/// A record whose output is this value.
pub(super) fn performed(seq: u64, output: Value) -> Vec<Record> {
    numbered(seq, [Event::Performed { op: 1, output, kept: None, reused: None, inverse: Value::Null }])
}
