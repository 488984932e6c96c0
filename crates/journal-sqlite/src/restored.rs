//! A journal that was restored from a backup, or copied: what its runs did since is not in it, so none goes on by
//! itself.
//!
//! Every run that is not over gets one more record, which says that it is paused and why. That is on the disk before
//! the mark of this folder is written: whatever happens in between, the next one who opens it does the rest. Runs
//! that were paused already stay as they are. Left out: a run whose rows are damaged, because nothing can be added
//! to it either way.

use std::path::Path;

use journal::{Event, JournalError, Query, Record, RunId, RunStatus, Timestamp};
use rusqlite::Connection;

use crate::blocks::{Block, Wanted};
use crate::mark::{self, Place};
use crate::transaction::{Batch, Job, Transaction, Trouble};
use crate::{failure, listing, stored};

/// In whose name the runs of a restored journal are paused.
pub const RESTORED: &str = "the journal, which was restored from a backup or copied";

/// What goes on by itself, or could.
const GOING_ON: [RunStatus; 3] = [RunStatus::Running, RunStatus::Waiting, RunStatus::NeedsUpgrade];

/// Pauses every run that is not over, the oldest first. Says which, and how far the journal has got by it.
pub(crate) fn pause(
    connection: &Connection,
    place: &Path,
) -> Result<(Vec<RunId>, Option<Place>), JournalError> {
    let failed = |error: rusqlite::Error| failure::io(place, "written", error);
    let runs = going_on(connection, place)?;
    if runs.is_empty() {
        return Ok((Vec::new(), None));
    }
    // However long the operator lets the disk take: the mark is about to say that this is done.
    connection.pragma_update(None, "synchronous", 2).map_err(failed)?;
    let mut transaction = Transaction::new(connection, place).map_err(failed)?;
    transaction.begin().map_err(failed)?;
    let mut paused = Vec::new();
    for (run, record) in runs {
        let batch = Batch::new(&run, vec![record])?;
        match transaction.apply(&Job::Append { run: run.clone(), batch }) {
            Ok(_) => paused.push(run),
            Err(Trouble::Refused(_)) => {}
            Err(Trouble::Broken(error)) => return Err(failed(error)),
        }
    }
    let reached = transaction.commit().map_err(failed)?;
    Ok((paused, reached))
}

/// The runs that may go on, each with the record that keeps it from doing so.
fn going_on(connection: &Connection, place: &Path) -> Result<Vec<(RunId, Record)>, JournalError> {
    let wanted = GOING_ON.map(|status| Wanted::by(&Query { status: Some(status), ..Query::default() }));
    let total = stored::total(connection, place)?;
    let now = mark::now();
    let mut found = Vec::new();
    for number in (0..=Block::number_of(total)).rev().filter(|_| total > 0) {
        let block = listing::read(connection, place, number, total)?;
        for (number, line) in block.newest_first() {
            if !wanted.iter().any(|wanted| wanted.fits(line)) {
                continue;
            }
            let Ok(Some(run)) = stored::numbered(connection, place, number) else { continue };
            // A run without records never began.
            if run.standing.records == 0 {
                continue;
            }
            let at = Timestamp(now.max(run.standing.updated.0));
            let event = Event::Paused { by: RESTORED.to_owned() };
            found.push((run.header.run, Record { seq: run.standing.records.saturating_add(1), at, event }));
        }
    }
    found.reverse();
    Ok(found)
}
