//! How large a run may become: published, and held before anything is written.
//!
//! A run that comes near a limit is cancelled, so that its `finally` runs and its end is written down within the
//! limit. Only a run that has not ended in what was left for that stops where it is.

use journal::{Event as Happened, Record};
use serde_json::Value;

use crate::driver::Driver;
use crate::kept::size_up_to;
use crate::{EngineError, MAX_ARTIFACT, MAX_INLINE, MAX_OUTPUT};

/// The limits of one run. A single result has [`RunLimits::OUTPUT`] as its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Records of its history.
    pub records: u64,
    /// Bytes of JSON of all values that came into it: inputs, results, answers, events.
    pub bytes: u64,
    /// Bytes of JSON of its inputs and of what its trigger brings, together.
    pub started: usize,
}

impl RunLimits {
    /// Bytes of JSON that one result may have.
    pub const OUTPUT: usize = MAX_OUTPUT;
    /// Bytes of JSON up to which a result stands in its record.
    pub const INLINE: usize = MAX_INLINE;
    /// Bytes of one artifact.
    pub const ARTIFACT: u64 = MAX_ARTIFACT;
}

impl Default for RunLimits {
    /// Room for half a million calls.
    fn default() -> Self {
        RunLimits { records: 2_000_000, bytes: 1 << 30, started: 32 << 20 }
    }
}

/// How large a run is, and whether it was told to end because of that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    records: u64,
    bytes: u64,
    told: bool,
}

impl Spent {
    /// Of a history that is there already.
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut spent = Spent::default();
        spent.add(records);
        spent
    }

    /// Whether one of them is large enough for a result to be kept outside.
    fn add(&mut self, records: &[Record]) -> bool {
        self.records = self.records.saturating_add(records.len() as u64);
        let mut large = false;
        for record in records {
            let bytes = size(&record.event);
            self.bytes = self.bytes.saturating_add(bytes);
            large |= bytes > MAX_INLINE as u64;
        }
        large
    }

    /// What is used up, with something left for the end: a twentieth.
    fn near(&self, limits: &RunLimits) -> Option<String> {
        let left = |limit: u64, least: u64| limit - (limit / 20).max(least).min(limit / 2);
        if self.records >= left(limits.records, 64) {
            return Some(format!("its history has {} of at most {} records", self.records, limits.records));
        }
        (self.bytes >= left(limits.bytes, 1 << 20))
            .then(|| format!("its history has {} of at most {} bytes", self.bytes, limits.bytes))
    }
}

/// Bytes of the values that an event brings.
fn size(event: &Happened) -> u64 {
    let json = |value: &Value| size_up_to(value, usize::MAX).unwrap_or(usize::MAX) as u64;
    match event {
        Happened::Started { input, trigger, .. } => input.values().chain([trigger]).map(json).sum(),
        Happened::Performed { output, inverse, kept, .. } => {
            json(output) + json(inverse) + kept.as_ref().map_or(0, |kept| kept.size)
        }
        Happened::AttemptFailed { failure, .. } => json(&failure.details),
        Happened::Answered { answer: value, .. } | Happened::Signalled { payload: value, .. } => json(value),
        Happened::Ended { outputs, .. } => outputs.values().map(json).sum(),
        _ => 0,
    }
}

/// Whether a run may begin with this.
///
/// # Errors
/// [`EngineError::TooLarge`].
pub(crate) fn check_started(limits: &RunLimits, started: &Happened) -> Result<(), EngineError> {
    let (bytes, limit) = (size(started), limits.started as u64);
    if bytes > limit { Err(EngineError::TooLarge { bytes, limit }) } else { Ok(()) }
}

impl Driver {
    /// Counts records that are about to be written, and says whether one of them is large.
    ///
    /// # Errors
    /// [`EngineError::TooLong`] instead of writing more than the limit.
    pub(crate) fn count(&mut self, records: &[Record]) -> Result<bool, EngineError> {
        let limits = self.inner.run_limits;
        let large = self.spent.add(records);
        let over = self.spent.records > limits.records || self.spent.bytes > limits.bytes;
        if over { Err(EngineError::TooLong { run: self.run.clone(), limits }) } else { Ok(large) }
    }

    /// Cancels a run that comes near a limit, once.
    pub(crate) fn stays_within_limits(&mut self) -> Result<(), EngineError> {
        if self.spent.told || self.machine.end().is_some() {
            return Ok(());
        }
        match self.spent.near(&self.inner.run_limits) {
            None => Ok(()),
            Some(how) => {
                self.spent.told = true;
                self.cancel(format!("the engine: {how}; split the work over several runs"))
            }
        }
    }
}
