//! Records in words, for `runs show` and `runs logs`. Nothing from outside passes without being made visible.

use journal::{Event as Happened, Origin, OriginKind, Record};
use serde_json::{Value, json};

use crate::output::line;

/// One record on one line.
pub(super) fn describe(record: &Record) -> String {
    match &record.event {
        Happened::Started { starter, input, trigger } => {
            let brought =
                if trigger.is_null() { String::new() } else { format!(", from {}", short(trigger)) };
            format!("started by {} with {}{brought}", line(starter), short(&json!(input)))
        }
        Happened::Performing { op, attempt, path, action, .. } => {
            format!("#{op} {path} calls {}{}", line(action), again(*attempt))
        }
        Happened::Performed { op, output, kept, reused, .. } => {
            let what = match kept {
                Some(kept) => format!("with {} bytes, kept as {}", kept.size, kept.artifact),
                None => short(output),
            };
            match reused {
                Some(reused) => format!("#{op} is answered from run {}, #{}: {what}", reused.run, reused.op),
                None => format!("#{op} answered {what}"),
            }
        }
        Happened::AttemptFailed { op, failure, last, .. } => {
            let last = if *last { " (no further attempt is granted)" } else { "" };
            format!("#{op} failed: {}{last}", line(&failure.to_string()))
        }
        Happened::Withdrawn { op } => format!("#{op} is not asked any more"),
        Happened::Answered { op, answer, by } => {
            format!("#{op} filled in by {}: {}", line(by), short(answer))
        }
        Happened::Signalled { name, payload } => format!("event {}: {}", line(name), short(payload)),
        Happened::Woken { op } => format!("#{op} goes on after its wait"),
        Happened::Asked { op, path, digest } => format!("#{op} {path} asks a person, about {digest:.12}…"),
        Happened::Decided { op, decision, by, .. } => format!("#{op} {} by {}", decision.as_str(), line(by)),
        Happened::Paused { by } => format!("paused by {}", line(by)),
        Happened::Continued { by } => format!("goes on, says {}", line(by)),
        Happened::Stepped { by } => format!("one more call, says {}", line(by)),
        Happened::Stalled { reasons } => format!("cannot go on: {}", line(&reasons.join("; "))),
        Happened::Adopted { by, .. } => format!("goes on with the actions of today, says {}", line(by)),
        Happened::CancelRequested { by } => format!("cancelled by {}", line(by)),
        Happened::Ended { status, failure, .. } => match failure {
            None => format!("ended: {}", status.as_str()),
            Some(failure) => format!("ended: {}: {}", status.as_str(), line(&failure.to_string())),
        },
    }
}

/// The attempt, where it is not the first.
pub(super) fn again(attempt: u32) -> String {
    if attempt > 1 { format!(", attempt {attempt}") } else { String::new() }
}

/// Where a run comes from.
pub(super) fn origin(origin: &Origin) -> String {
    match origin.kind {
        OriginKind::Undo => format!("takes back {}", origin.run),
        OriginKind::Rerun => format!("does {} again", origin.run),
    }
}

/// A value, cut after a hundred characters.
pub(super) fn short(value: &Value) -> String {
    let text = line(&value.to_string());
    let cut: String = text.chars().take(100).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
