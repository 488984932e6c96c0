//! The trait of a store, and what it stores beside the records.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use plan::{Digest, StepPath};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::nests_within;
use crate::{FORMAT, MAX_DEPTH, Record, RunStatus, Timestamp};

/// A boxed future, so that stores can be trait objects.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Names a run. Sorts by time of start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Takes a name given by the driver: letters, digits and `-`, at most 64.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        fits.then_some(RunId(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What never changes about a run. A run is pinned to the text it started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The run.
    pub run: RunId,
    /// Version of the record format, see [`crate::FORMAT`].
    pub format: u32,
    /// The playbook's id.
    pub playbook: String,
    /// SHA-256 of the playbook's text.
    pub digest: Digest,
    /// The playbook's text.
    pub text: String,
    /// Every other file the playbook was made of (sub-playbooks, templates), by the path from its own folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// The digest of every action the playbook calls, by name: the run goes on with these or not at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub actions: BTreeMap<String, Digest>,
    /// The run this one was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where the text came from; for messages only.
    pub source: String,
    /// When the run began.
    pub created: Timestamp,
    /// What the driver wants to find again, e.g. which configuration it used. Never a secret.
    pub driver: Value,
}

/// The run another one was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// For what.
    pub kind: OriginKind,
    /// The earlier run.
    pub run: RunId,
    /// For a rerun: from this place on nothing is taken over from the earlier run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StepPath>,
}

/// Why a run was made from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// It takes the effects of the other back.
    Undo,
    /// It does again what the other did not get done.
    Rerun,
}

impl Header {
    /// Whether a store of this version may write a run with this header.
    ///
    /// # Errors
    /// [`JournalError::Newer`] for a format this version does not know, [`JournalError::Unwritable`] where
    /// `driver` is nested too deep to be read back.
    pub fn check_writable(&self) -> Result<(), JournalError> {
        if self.format > FORMAT {
            return Err(JournalError::Newer { run: self.run.clone(), format: self.format });
        }
        if !nests_within(&self.driver, MAX_DEPTH) {
            return Err(JournalError::Unwritable {
                run: self.run.clone(),
                seq: 0,
                reason: format!("the driver's data is nested deeper than {} levels", MAX_DEPTH),
            });
        }
        Ok(())
    }
}

/// One line of a list of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run.
    pub run: RunId,
    /// The playbook's id.
    pub playbook: String,
    /// The run it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When it began.
    pub created: Timestamp,
    /// When its last record was written.
    pub updated: Timestamp,
    /// How it stands, from its last records: `waiting` after `asked` without an answer.
    pub status: RunStatus,
    /// How many records it has.
    pub records: u64,
}

/// Which runs a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// At most so many; 0 for none.
    pub limit: usize,
    /// Only runs that stand like this.
    pub status: Option<RunStatus>,
    /// Only runs of this playbook.
    pub playbook: Option<String>,
    /// Only runs made from this one.
    pub origin: Option<RunId>,
    /// Only runs that began before this one, for the next page. It has to be there: the end of a list and a page
    /// after a run that was deleted meanwhile must not look alike.
    pub before: Option<RunId>,
}

impl Query {
    /// The newest runs, whatever they are.
    pub fn newest(limit: usize) -> Self {
        Query { limit, ..Query::default() }
    }

    /// Whether a run belongs in the list, but for `limit` and `before`.
    pub fn fits(&self, run: &Summary) -> bool {
        self.status.is_none_or(|status| status == run.status)
            && self.playbook.as_ref().is_none_or(|playbook| *playbook == run.playbook)
            && self
                .origin
                .as_ref()
                .is_none_or(|of| run.origin.as_ref().is_some_and(|origin| origin.run == *of))
    }
}

/// A run as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// What never changes.
    pub header: Header,
    /// Every acknowledged record, in order.
    pub records: Vec<Record>,
}

/// A store of run histories.
///
/// Obligations: when the future of `create` or `append` is ready with `Ok`, everything in it survives a
/// crash of the process and (durability `each`) of the machine; records of one call become visible together
/// or not at all; `append` refuses a gap or a repeat in `seq`; after a failed write nothing is acknowledged
/// any more, but for [`JournalError::NoRoom`]. `conformance` tests all of it.
pub trait Journal: Send + Sync {
    /// Begins a run, together with its first records. One that is made from another is refused where that other is not
    /// there (any more).
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()>;

    /// Adds records to a run.
    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()>;

    /// Reads a run back.
    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun>;

    /// The newest runs first: the order in which this store began them, whatever the clock in their headers says.
    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>>;

    /// Forgets a run that is over, and says which artifacts no other run speaks of. Whoever removes them does so after
    /// this, so that a crash in between leaves bytes that nobody needs and never a run whose bytes are gone.
    ///
    /// Refused while a run that was made from it, directly or over others, is not over: that one still reads it.
    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>>;

    /// Which of these artifacts no run speaks of, as far as the store is sure; so that what a crash left behind can be
    /// found. A store that does not count them is sure of none.
    fn unneeded<'a>(&'a self, artifacts: &'a [Digest]) -> Work<'a, Vec<Digest>> {
        let _ = artifacts;
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Why a history could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// There is no such run.
    #[error("there is no run {0}; `portcullis runs list` shows those there are")]
    NotFound(RunId),
    /// A store that is only looked at, and that nobody has written to yet.
    #[error("no run was ever written to {0}")]
    Empty(String),
    /// A run of that name exists already.
    #[error("a run {0} exists already")]
    Exists(RunId),
    /// A run that is not over is not deleted.
    #[error("run {0} is not over; cancel it first")]
    NotOver(RunId),
    /// A run that is made from another is begun while that one is there, or not at all.
    #[error("run {run} cannot be made from run {origin}, which is not there any more; nothing was begun")]
    OriginGone {
        /// The run that was to begin.
        run: RunId,
        /// The one it was to be made from.
        origin: RunId,
    },
    /// A run that is read by another, which is not over, is not deleted.
    #[error(
        "run {run} is still needed by run {by}, which was made from it and is not over; let that one end first"
    )]
    Needed {
        /// The run.
        run: RunId,
        /// The one that needs it.
        by: RunId,
    },
    /// Records out of order: somebody else wrote, or a bug.
    #[error("run {run} has {have} records, so the next is number {}, not {got}", have + 1)]
    OutOfOrder {
        /// The run.
        run: RunId,
        /// How many it has.
        have: u64,
        /// The number that was offered.
        got: u64,
    },
    /// Something that could not be read back: refused before it is written.
    #[error("record {seq} of run {run} cannot be written: {reason}")]
    Unwritable {
        /// The run.
        run: RunId,
        /// Which record; 0 is the header.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The stored history cannot be read.
    #[error("the history of run {run} is damaged at record {seq}: {reason}")]
    Damaged {
        /// The run.
        run: RunId,
        /// Which record; 0 is the header.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a newer version.
    #[error("run {run} was written in journal format {format}; this version reads up to {}", crate::FORMAT)]
    Newer {
        /// The run.
        run: RunId,
        /// Its format.
        format: u32,
    },
    /// Another process uses the same data folder.
    #[error("{place} is in use by another process; stop it, or use another data folder")]
    Locked {
        /// The data folder.
        place: String,
    },
    /// There is no room on the disk. Nothing of this call was written, and the store goes on: the same call can be
    /// made again once there is room.
    #[error("there is no room for the journal at {place}; nothing was written, make room and it goes on")]
    NoRoom {
        /// The file.
        place: String,
        /// What was to be written, so that nobody needs a copy of it for this.
        back: Vec<Record>,
    },
    /// The disk failed. Nothing is acknowledged after this.
    #[error("the journal at {place} could not be {doing}")]
    Io {
        /// The file.
        place: String,
        /// `read`, `written`, `opened`.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
