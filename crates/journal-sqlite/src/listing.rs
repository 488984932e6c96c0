//! Lists of runs, none missing: the lines of `blocks` say which there are, and each one shown is read and has to
//! agree with its line.

use std::path::Path;

use journal::{JournalError, Query, RunId, Summary};
use rusqlite::Connection;

use crate::blocks::{Block, Line, Unread, Wanted};
use crate::failure::{damaged, io};
use crate::stored;

/// The newest runs of a kind.
pub(crate) fn list(
    connection: &Connection,
    place: &Path,
    query: &Query,
) -> Result<Vec<Summary>, JournalError> {
    let newest = match &query.before {
        Some(before) => stored::find(connection, place, before)?.number - 1,
        None => stored::total(connection, place)?,
    };
    let mut summaries = Vec::new();
    if query.limit == 0 {
        return Ok(summaries);
    }
    search(connection, place, newest, &Wanted::by(query), |number, line| {
        let run = shown(connection, place, number, line)?;
        if query.fits(&run) {
            summaries.push(run);
        }
        Ok(summaries.len() < query.limit)
    })?;
    Ok(summaries)
}

/// Whether there is a run of this name, whatever the index of names says.
pub(crate) fn knows(connection: &Connection, place: &Path, run: &RunId) -> Result<bool, JournalError> {
    let mut known = false;
    let newest = stored::total(connection, place)?;
    search(connection, place, newest, &Wanted::named(run.as_str()), |number, line| {
        known |= shown(connection, place, number, line)?.run == *run;
        Ok(!known)
    })?;
    Ok(known)
}

/// Goes through the lines from number `newest` down until `each` has seen enough.
fn search(
    connection: &Connection,
    place: &Path,
    newest: i64,
    wanted: &Wanted,
    mut each: impl FnMut(i64, Line) -> Result<bool, JournalError>,
) -> Result<(), JournalError> {
    let total = stored::total(connection, place)?;
    if newest < 1 {
        return Ok(());
    }
    for number in (0..=Block::number_of(newest)).rev() {
        let block = read(connection, place, number, total)?;
        for (number, line) in block.newest_first().skip_while(|(number, _)| *number > newest) {
            if wanted.fits(line) && !each(number, line)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A row of lines.
pub(crate) fn read(
    connection: &Connection,
    place: &Path,
    number: i64,
    total: i64,
) -> Result<Block, JournalError> {
    Block::read(connection, number, total).map_err(|unread| match unread {
        Unread::Failed(error) => io(place, "read", error),
        Unread::Damaged(reason) => io(place, "read", format!("{reason}; restore the folder from a backup")),
    })
}

/// The run with this number, which has to be there and as its line says.
fn shown(connection: &Connection, place: &Path, number: i64, line: Line) -> Result<Summary, JournalError> {
    let Some(stored) = stored::numbered(connection, place, number)? else {
        let reason = format!("run number {number} is missing; restore the folder from a backup");
        return Err(io(place, "read", reason));
    };
    let run = stored.standing.summary(&stored.header);
    if stored.number != number || Line::of(&run) != line {
        return Err(damaged(&run.run, 0, "the list of runs says something else about it"));
    }
    Ok(run)
}
