//! How a run stands, folded from its records, so that a list of runs needs no replay.
//!
//! Stores keep it beside the records. It knows only what a list shows; what a run does next is for the
//! interpreter.

use std::collections::BTreeSet;

use crate::{Event, Header, JournalError, OpId, Record, RunId, RunStatus, Summary, Timestamp};

/// A run's line in a list, kept up to date record by record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How many records there are.
    pub records: u64,
    /// When the last of them was written, or the run began.
    pub updated: Timestamp,
    /// The approvals and forms that nobody has answered yet.
    pub asked: BTreeSet<OpId>,
    /// Why nothing new begins, if so: `paused` by somebody, or `needs_upgrade`.
    pub halted: Option<RunStatus>,
    /// How the run ended, if it has.
    pub ended: Option<RunStatus>,
}

impl Standing {
    /// A run without records.
    pub fn new(created: Timestamp) -> Self {
        Standing { records: 0, updated: created, asked: BTreeSet::new(), halted: None, ended: None }
    }

    /// Takes the next records of `run` in. After an error the value is of no use: work on a clone.
    ///
    /// # Errors
    /// [`JournalError::OutOfOrder`] at the first gap or repeat, [`JournalError::Unwritable`] for a record
    /// that could not be read back.
    pub fn advance(&mut self, run: &RunId, records: &[Record]) -> Result<(), JournalError> {
        for record in records {
            if self.records.checked_add(1) != Some(record.seq) {
                return Err(JournalError::OutOfOrder {
                    run: run.clone(),
                    have: self.records,
                    got: record.seq,
                });
            }
            record.event.check_depth().map_err(|error| JournalError::Unwritable {
                run: run.clone(),
                seq: record.seq,
                reason: error.to_string(),
            })?;
            self.take(record);
        }
        Ok(())
    }

    fn take(&mut self, record: &Record) {
        self.records = record.seq;
        self.updated = record.at;
        self.halted = match &record.event {
            Event::Paused { .. } => Some(RunStatus::Paused),
            Event::Stalled { .. } => Some(RunStatus::NeedsUpgrade),
            Event::Continued { .. } | Event::Adopted { .. } | Event::Ended { .. } => None,
            // Whatever else happens shows that the version it needs is here again.
            _ => self.halted.filter(|halt| *halt == RunStatus::Paused),
        };
        match &record.event {
            Event::Asked { op, .. } => {
                self.asked.insert(*op);
            }
            Event::Decided { op, .. }
            | Event::Answered { op, .. }
            | Event::Woken { op }
            | Event::Withdrawn { op } => {
                self.asked.remove(op);
            }
            Event::Ended { status, .. } if status.is_final() => self.ended = Some(*status),
            Event::Ended { .. }
            | Event::Started { .. }
            | Event::Performing { .. }
            | Event::Performed { .. }
            | Event::AttemptFailed { .. }
            | Event::Signalled { .. }
            | Event::CancelRequested { .. }
            | Event::Paused { .. }
            | Event::Continued { .. }
            | Event::Stepped { .. }
            | Event::Stalled { .. }
            | Event::Adopted { .. } => {}
        }
    }

    /// The word for it: how the run ended, else what it waits for.
    pub fn status(&self) -> RunStatus {
        match self.ended.or(self.halted) {
            Some(status) => status,
            None if self.asked.is_empty() => RunStatus::Running,
            None => RunStatus::Waiting,
        }
    }

    /// The line of a list.
    pub fn summary(&self, header: &Header) -> Summary {
        Summary {
            run: header.run.clone(),
            playbook: header.playbook.clone(),
            origin: header.origin.clone(),
            created: header.created,
            updated: self.updated,
            status: self.status(),
            records: self.records,
        }
    }
}
