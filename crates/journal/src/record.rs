//! Records of the current version. Records of versions before it are upcast when they are read.
//!
//! The text form is one line of JSON, the same in every store, in exports and in bug reports;
//! `tests/golden` holds a line of each kind of each version for ever.

mod v1;
mod v2;

use std::collections::BTreeSet;

use plan::Digest;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use v2::{Decision, Event, OpId, Portion, Record, Reused, RunStatus, Timestamp, Touch};

/// The version that is written into every run's header.
pub const FORMAT: u32 = 2;

/// How deep a value inside a record may be nested. JSON parsers stop at 128 levels, and what could be
/// written but not read back would be a lost run.
pub const MAX_DEPTH: u32 = 100;

/// A record whose event is not read yet: how, its format says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    seq: u64,
    at: Timestamp,
    #[serde(borrow)]
    event: &'a RawValue,
}

/// A text that is not a record, or a record that has no text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// A value is nested deeper than [`MAX_DEPTH`].
    #[error("a value is nested deeper than {MAX_DEPTH} levels; put it into an artifact instead")]
    TooDeep,
    /// Not JSON, or not the JSON of a record.
    #[error("not a record of format {FORMAT}: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Record {
    /// The record as one line of JSON, without the line's end.
    ///
    /// # Errors
    /// [`RecordError::TooDeep`] for what [`Record::from_json`] could not read back.
    pub fn to_json(&self) -> Result<String, RecordError> {
        self.event.check_depth()?;
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`Record::to_json`] of this version or, with an older `format`, of an earlier one wrote. Unknown
    /// fields are errors: they come from a newer version.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] with the column.
    pub fn from_json(format: u32, text: &str) -> Result<Self, RecordError> {
        let Entry { seq, at, event } = serde_json::from_str(text)?;
        Ok(Record { seq, at, event: Event::from_json(format, event.get())? })
    }
}

impl Event {
    /// The event as one line of JSON, for stores that keep number and time in columns of their own.
    ///
    /// # Errors
    /// [`RecordError::TooDeep`] for what [`Event::from_json`] could not read back.
    pub fn to_json(&self) -> Result<String, RecordError> {
        self.check_depth()?;
        Ok(serde_json::to_string(self)?)
    }

    /// Reads what [`Event::to_json`] of this version or, with an older `format`, of an earlier one wrote. A run of an
    /// older format that goes on has records of this version after its old ones, so what the old format does not know
    /// may be one of these.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] with the column.
    pub fn from_json(format: u32, text: &str) -> Result<Self, RecordError> {
        match format {
            1 => match serde_json::from_str::<v1::Event>(text) {
                Ok(event) => Ok(event.into()),
                Err(old) => serde_json::from_str(text).map_err(|_| old.into()),
            },
            _ => Ok(serde_json::from_str(text)?),
        }
    }

    /// Whether every value inside can be read back.
    pub(crate) fn check_depth(&self) -> Result<(), RecordError> {
        let fits = |value: &Value| nests_within(value, MAX_DEPTH);
        let all_fit = match self {
            Event::Started { input, trigger, .. } => input.values().all(fits) && fits(trigger),
            Event::Answered { answer: value, .. } | Event::Signalled { payload: value, .. } => fits(value),
            Event::Performed { output, inverse, .. } => fits(output) && fits(inverse),
            Event::AttemptFailed { failure, .. } => fits(&failure.details),
            Event::Ended { outputs, failure, .. } => {
                outputs.values().all(fits) && failure.iter().all(|failure| fits(&failure.details))
            }
            Event::Performing { .. }
            | Event::Woken { .. }
            | Event::Asked { .. }
            | Event::Withdrawn { .. }
            | Event::Decided { .. }
            | Event::CancelRequested { .. }
            | Event::Paused { .. }
            | Event::Continued { .. }
            | Event::Stepped { .. }
            | Event::Stalled { .. }
            | Event::Adopted { .. } => true,
        };
        if all_fit { Ok(()) } else { Err(RecordError::TooDeep) }
    }
}

/// Whether a value can be part of a record: nested no deeper than [`MAX_DEPTH`].
pub fn is_recordable(value: &Value) -> bool {
    nests_within(value, MAX_DEPTH)
}

/// Whether arrays and objects are nested at most `levels` deep. Looks no deeper than that.
pub(crate) fn nests_within(value: &Value, levels: u32) -> bool {
    match value {
        Value::Array(items) => {
            levels.checked_sub(1).is_some_and(|rest| items.iter().all(|item| nests_within(item, rest)))
        }
        Value::Object(fields) => {
            levels.checked_sub(1).is_some_and(|rest| fields.values().all(|field| nests_within(field, rest)))
        }
        _ => true,
    }
}

/// Every artifact that records speak of: in values at any depth, and as results that are kept outside.
pub fn artifacts_of(records: &[Record]) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::Started { input, trigger, .. } => {
                input.values().chain([trigger]).for_each(|value| gather(value, &mut found));
            }
            Event::Answered { answer: value, .. } | Event::Signalled { payload: value, .. } => {
                gather(value, &mut found);
            }
            Event::Performed { output, inverse, kept, .. } => {
                gather(output, &mut found);
                gather(inverse, &mut found);
                found.extend(kept.as_ref().map(|kept| kept.artifact));
            }
            Event::AttemptFailed { failure, .. } => gather(&failure.details, &mut found),
            Event::Ended { outputs, .. } => outputs.values().for_each(|value| gather(value, &mut found)),
            _ => {}
        }
    }
    found
}

/// Any text that is the digest of an artifact under that name, whatever else is beside it: kept too long is
/// better than lost.
fn gather(value: &Value, found: &mut BTreeSet<Digest>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
        Value::Object(fields) => {
            let handle = fields.get("artifact").and_then(Value::as_str).map(str::parse::<Digest>);
            found.extend(handle.and_then(Result::ok));
            fields.values().for_each(|field| gather(field, found));
        }
        _ => {}
    }
}
