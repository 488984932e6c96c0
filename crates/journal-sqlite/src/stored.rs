//! Reading runs back and believing nothing: every row is checked against its seal before it is used.

use std::path::Path;

use journal::Timestamp;
use journal::{Event, FORMAT, Header, JournalError, Record, RunId, RunStatus, Standing, StoredRun};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::failure::{damaged, io, reading};
use crate::listing;
use crate::seal::{self, Seal};
use crate::texts;

/// Everything about a run but its records and its text.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) number: i64,
    /// Without any text.
    pub(crate) header: Header,
    pub(crate) text: Seal,
    pub(crate) begun: Seal,
    pub(crate) standing: Standing,
    /// The link of the last record.
    pub(crate) last: Seal,
}

const COLUMNS: &str = "SELECT r.number, r.run, r.header, r.text, r.seal, h.records, h.updated, h.status, \
                       h.asked, h.last, h.seal FROM runs r LEFT JOIN heads h ON h.number = r.number";

/// Looks a run up by name; in a damaged file a run may be there and not be found by name.
pub(crate) fn find(connection: &Connection, place: &Path, run: &RunId) -> Result<Stored, JournalError> {
    let failed = |error| reading(place, run, 0, error);
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE r.run = ?1")).map_err(failed)?;
    let mut rows = statement.query([run.as_str()]).map_err(failed)?;
    if let Some(row) = rows.next().map_err(failed)? {
        let stored = check(row).map_err(|reason| damaged(run, 0, reason))?;
        if stored.header.run != *run {
            return Err(damaged(run, 0, "it is stored under another name"));
        }
        return Ok(stored);
    }
    if listing::knows(connection, place, run)? {
        return Err(damaged(run, 0, "the index of names does not know it"));
    }
    Err(JournalError::NotFound(run.clone()))
}

/// The link of a record as it is stored.
pub(crate) fn link(
    connection: &Connection,
    place: &Path,
    number: i64,
    seq: u64,
) -> Result<Option<Seal>, JournalError> {
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    let sql = "SELECT link FROM records WHERE number = ?1 AND seq = ?2";
    let link = connection.query_row(sql, [number, seq], |row| row.get(0)).optional();
    link.map_err(|error| io(place, "read", error))
}

/// The run with this number, if there is one.
pub(crate) fn numbered(
    connection: &Connection,
    place: &Path,
    number: i64,
) -> Result<Option<Stored>, JournalError> {
    let failed = |error| io(place, "read", error);
    let mut statement =
        connection.prepare_cached(&format!("{COLUMNS} WHERE r.number = ?1")).map_err(failed)?;
    let mut rows = statement.query([number]).map_err(failed)?;
    let Some(row) = rows.next().map_err(failed)? else { return Ok(None) };
    let stored = check(row).map_err(|reason| match row.get::<_, String>(1).ok().and_then(RunId::new) {
        Some(run) => damaged(&run, 0, reason),
        None => io(place, "read", format!("run number {number} is damaged: {reason}")),
    })?;
    Ok(Some(stored))
}

/// Whether there is a run of this name, by the index alone.
pub(crate) fn exists(connection: &Connection, run: &RunId) -> Result<bool, rusqlite::Error> {
    let sql = "SELECT 1 FROM runs WHERE run = ?1";
    Ok(connection.query_row(sql, [run.as_str()], |_| Ok(())).optional()?.is_some())
}

/// How many runs there are.
pub(crate) fn total(connection: &Connection, place: &Path) -> Result<i64, JournalError> {
    let sql = "SELECT runs, seal, (SELECT count(*) FROM total) FROM total";
    let (runs, stored, rows): (i64, Seal, i64) = connection
        .query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(|error| io(place, "read", error))?;
    if rows != 1 || stored != seal::total(runs) {
        return Err(io(place, "read", "the number of runs is damaged; restore the file from a backup"));
    }
    Ok(runs)
}

/// A run with all its records, read one by one.
pub(crate) fn load(connection: &Connection, place: &Path, run: &RunId) -> Result<StoredRun, JournalError> {
    let stored = find(connection, place, run)?;
    if stored.header.format > FORMAT {
        return Err(JournalError::Newer { run: run.clone(), format: stored.header.format });
    }
    let text = connection
        .query_row("SELECT text FROM texts WHERE digest = ?1", [stored.text], |row| row.get::<_, String>(0))
        .map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => damaged(run, 0, "its playbook's text is missing"),
            error => reading(place, run, 0, error),
        })?;
    if seal::text(&text) != stored.text {
        return Err(damaged(run, 0, "its playbook's text does not match its digest"));
    }
    let records = records(connection, place, &stored)?;
    let header = texts::unpack(stored.header, text).map_err(|reason| damaged(run, 0, reason))?;
    Ok(StoredRun { header, records })
}

pub(crate) fn records(
    connection: &Connection,
    place: &Path,
    stored: &Stored,
) -> Result<Vec<Record>, JournalError> {
    let run = &stored.header.run;
    let sql = "SELECT seq, at, event, link FROM records WHERE number = ?1 ORDER BY seq";
    let mut statement = connection.prepare(sql).map_err(|error| reading(place, run, 1, error))?;
    let mut rows = statement.query([stored.number]).map_err(|error| reading(place, run, 1, error))?;
    let mut records = Vec::new();
    let (mut seq, mut last) = (0, stored.begun);
    let mut standing = Standing::new(stored.header.created);
    loop {
        let next = seq + 1;
        let Some(row) = rows.next().map_err(|error| reading(place, run, next, error))? else { break };
        let record = record(row, stored.header.format, next, &mut last)
            .map_err(|reason| damaged(run, next, reason))?;
        standing.advance(run, std::slice::from_ref(&record))?;
        records.push(record);
        seq = next;
    }
    if standing.records < stored.standing.records {
        return Err(damaged(run, seq + 1, format!("{} records were written", stored.standing.records)));
    }
    if standing != stored.standing || last != stored.last {
        return Err(damaged(run, seq, "it is not the last one that was written"));
    }
    Ok(records)
}

fn record(row: &Row<'_>, format: u32, seq: u64, last: &mut Seal) -> Result<Record, String> {
    let failed = |error: rusqlite::Error| error.to_string();
    let found: i64 = row.get(0).map_err(failed)?;
    if u64::try_from(found) != Ok(seq) {
        return Err(format!("record {found} is in its place"));
    }
    let at: i64 = row.get(1).map_err(failed)?;
    let event = row.get_ref(2).map_err(failed)?;
    let event = event.as_str().map_err(|error| error.to_string())?;
    *last = seal::link(last, seq, at, event);
    if row.get::<_, Seal>(3).map_err(failed)? != *last {
        return Err("its checksum does not fit".to_owned());
    }
    let event = Event::from_json(format, event).map_err(|error| error.to_string())?;
    Ok(Record { seq, at: Timestamp(at), event })
}

/// A row of [`COLUMNS`], if it is what was written.
fn check(row: &Row<'_>) -> Result<Stored, String> {
    let failed = |error: rusqlite::Error| error.to_string();
    let number: i64 = row.get(0).map_err(failed)?;
    let run: String = row.get(1).map_err(failed)?;
    let json: String = row.get(2).map_err(failed)?;
    let text: Seal = row.get(3).map_err(failed)?;
    let begun = seal::beginning(number, &run, &json, &text);
    if row.get::<_, Seal>(4).map_err(failed)? != begun {
        return Err("the checksum of its header does not fit".to_owned());
    }
    let records: i64 = row.get(5).map_err(failed)?;
    let records = u64::try_from(records).map_err(|error| error.to_string())?;
    let updated: i64 = row.get(6).map_err(failed)?;
    let status: String = row.get(7).map_err(failed)?;
    let asked: String = row.get(8).map_err(failed)?;
    let last: Seal = row.get(9).map_err(failed)?;
    if row.get::<_, Seal>(10).map_err(failed)? != seal::head(&begun, records, updated, &status, &asked, &last)
    {
        return Err("the checksum of its state does not fit".to_owned());
    }
    let header: Header = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    if header.run.as_str() != run {
        return Err("its header names another run".to_owned());
    }
    let status: RunStatus = serde_json::from_value(status.into()).map_err(|error| error.to_string())?;
    let standing = Standing {
        halted: Some(status).filter(|status| matches!(status, RunStatus::Paused | RunStatus::NeedsUpgrade)),
        records,
        updated: Timestamp(updated),
        asked: serde_json::from_str(&asked).map_err(|error| error.to_string())?,
        ended: status.is_final().then_some(status),
    };
    Ok(Stored { number, header, text, begun, standing, last })
}
