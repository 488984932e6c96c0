//! The thread that reads, on a connection of its own: long histories never hold up the writer.

use std::path::Path;
use std::sync::mpsc::Receiver;

use journal::{JournalError, Query, RunId, StoredRun, Summary};
use plan::Digest;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::uses::{self, Kind};
use crate::{failure, listing, schema, stored};

/// A question to the reader, and where the answer goes.
pub(crate) enum Question {
    /// A whole run.
    Load(RunId, oneshot::Sender<Result<StoredRun, JournalError>>),
    /// The newest runs of a kind.
    List(Query, oneshot::Sender<Result<Vec<Summary>, JournalError>>),
    /// Which of these artifacts no run speaks of.
    Unneeded(Vec<Digest>, oneshot::Sender<Result<Vec<Digest>, JournalError>>),
}

/// Answers until nobody can ask any more. Opens a connection at the first question if it was given none.
///
/// An answer that nobody waits for any more is thrown away.
pub(crate) fn read(place: &Path, mut connection: Option<Connection>, questions: &Receiver<Question>) {
    for question in questions {
        match question {
            Question::Load(run, answer) => {
                let _ = answer.send(snapshot(&mut connection, place, |open| stored::load(open, place, &run)));
            }
            Question::List(query, answer) => {
                let _ =
                    answer.send(snapshot(&mut connection, place, |open| listing::list(open, place, &query)));
            }
            Question::Unneeded(artifacts, answer) => {
                let _ =
                    answer.send(snapshot(&mut connection, place, |open| unneeded(open, place, artifacts)));
            }
        }
    }
}

/// Those that nobody needs.
fn unneeded(
    connection: &Connection,
    place: &Path,
    mut artifacts: Vec<Digest>,
) -> Result<Vec<Digest>, JournalError> {
    let mut failed = Ok(());
    artifacts.retain(|artifact| match uses::is_needed(connection, Kind::Artifact, artifact.as_bytes()) {
        Ok(needed) => !needed,
        Err(error) => {
            failed = Err(failure::io(place, "read", error));
            false
        }
    });
    failed.map(|()| artifacts)
}

/// Runs several statements over one state of the file.
fn snapshot<T>(
    connection: &mut Option<Connection>,
    place: &Path,
    work: impl FnOnce(&Connection) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    let failed = |error: rusqlite::Error| failure::io(place, "read", error);
    let open = match connection.take() {
        Some(open) => open,
        None => schema::open_reader(place).map_err(failed)?,
    };
    open.execute_batch("BEGIN").map_err(failed)?;
    let answer = work(&open);
    // A connection whose transaction cannot be ended is not used again.
    open.execute_batch("COMMIT").map_err(failed)?;
    *connection = Some(open);
    answer
}
