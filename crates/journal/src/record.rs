//! Records of the current version. Versions before it would be upcast here.
//!
//! The text form is one line of JSON, the same in every store, in exports and in bug reports;
//! `tests/golden/v1.jsonl` holds a line of each kind for ever.

mod v1;

use serde_json::Value;

pub use v1::{Decision, Event, OpId, Record, RunStatus, Timestamp};

/// The version that is written into every run's header.
pub const FORMAT: u32 = 1;

/// How deep a value inside a record may be nested. JSON parsers stop at 128 levels, and what could be
/// written but not read back would be a lost run.
pub const MAX_DEPTH: u32 = 100;

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

    /// Reads what [`Record::to_json`] wrote. Unknown fields are errors: they come from a newer version.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] with the column.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        Ok(serde_json::from_str(text)?)
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

    /// Reads what [`Event::to_json`] wrote.
    ///
    /// # Errors
    /// [`RecordError::Malformed`] with the column.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        Ok(serde_json::from_str(text)?)
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
            | Event::CancelRequested { .. } => true,
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
