//! The tables, and opening a file that may hold them, others, or rubbish.
//!
//! A run is three things: what never changes (`runs`), how it stands (`heads`, small because every append
//! rewrites it) and its `records`. Texts of playbooks are stored once however many runs have them. A run's
//! number counts from 1 and is never used again; `blocks` has a line for each, so that a list can tell that
//! one is missing. `uses` and `uses_of` count who needs a text or an artifact.

use std::path::Path;

use journal::{JournalError, artifacts_of};
use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_READONLY_ROLLBACK;
use rusqlite::{Connection, OpenFlags};

use crate::blocks::{Block, Line};
use crate::mark::{self, Place};
use crate::uses::Kind;
use crate::{Durability, failure, listing, seal, stored, uses};

/// `PCJL`: tells `file` and us whose database it is.
const APPLICATION: i32 = 0x5043_4a4c;
/// The version of the tables.
const VERSION: i32 = 2;

const TABLES: [&str; 8] = [
    "CREATE TABLE texts (digest BLOB NOT NULL PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE runs (number INTEGER NOT NULL PRIMARY KEY, run TEXT NOT NULL UNIQUE, header TEXT NOT NULL, \
     text BLOB NOT NULL, seal BLOB NOT NULL)",
    "CREATE TABLE heads (number INTEGER NOT NULL PRIMARY KEY, records INTEGER NOT NULL, \
     updated INTEGER NOT NULL, status TEXT NOT NULL, asked TEXT NOT NULL, last BLOB NOT NULL, \
     seal BLOB NOT NULL)",
    "CREATE TABLE records (number INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, \
     event TEXT NOT NULL, link BLOB NOT NULL, PRIMARY KEY (number, seq)) WITHOUT ROWID",
    "CREATE TABLE total (runs INTEGER NOT NULL, seal BLOB NOT NULL)",
    "CREATE TABLE blocks (block INTEGER NOT NULL PRIMARY KEY, lines BLOB NOT NULL, seal BLOB NOT NULL)",
    "CREATE TABLE uses (kind INTEGER NOT NULL, digest BLOB NOT NULL, runs INTEGER NOT NULL, seal BLOB NOT NULL, \
     PRIMARY KEY (kind, digest)) WITHOUT ROWID",
    "CREATE TABLE uses_of (kind INTEGER NOT NULL, digest BLOB NOT NULL, number INTEGER NOT NULL, \
     seal BLOB NOT NULL, PRIMARY KEY (kind, digest, number)) WITHOUT ROWID",
];
/// How many of the tables version 1 had, the first ones.
const TABLES_OF_VERSION_1: usize = 5;

/// The writer's connection: makes the tables in an empty file, refuses any other file, and one that has not got as
/// far as `mark`. Says too whether the tables were of an earlier version.
pub(crate) fn open_writer(
    place: &Path,
    durability: Durability,
    mark: Place,
) -> Result<(Connection, bool), JournalError> {
    let opened = |error: rusqlite::Error| failure::io(place, "opened", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place, flags).map_err(opened)?;
    prepare(&connection).map_err(opened)?;
    // Whoever closes a file last copies the log into it and removes the log; what is refused is left alone.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(opened)?;
    // Whose file it is, and whether all of it is there, comes before anything is changed in it.
    let found = whose(&connection).map_err(opened)?.map_err(|reason| failure::io(place, "opened", reason))?;
    match found {
        Found::Nothing if mark != Place::Nowhere => return Err(mark::missing(place, mark)),
        Found::Nothing => {}
        Found::Earlier | Found::Ours => mark::check(&connection, place, mark)?,
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(opened)?;
    set_durability(&connection, durability).map_err(|reason| failure::io(place, "opened", reason))?;
    match found {
        Found::Nothing => make_tables(&connection).map_err(|error| failure::io(place, "written", error))?,
        Found::Earlier => upgrade(&connection, place)?,
        Found::Ours => {}
    }
    Ok((connection, matches!(found, Found::Earlier)))
}

/// The reader's connection, to a file that the writer's has accepted.
pub(crate) fn open_reader(place: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

/// A connection that only reads, beside whatever process may be writing.
pub(crate) fn open_alone(place: &Path, mark: Place) -> Result<Connection, JournalError> {
    let opened = |error: rusqlite::Error| failure::io(place, "opened", error);
    let looked = match look(place) {
        Err(error) if was_cut_off(&error) => roll_back(place).and_then(|()| look(place)),
        looked => looked,
    };
    let (connection, found) = looked.map_err(opened)?;
    let found = found.map_err(|reason| failure::io(place, "opened", reason))?;
    match found {
        Found::Ours => mark::check(&connection, place, mark).map(|()| connection),
        Found::Nothing if mark != Place::Nowhere => Err(mark::missing(place, mark)),
        Found::Nothing => Err(JournalError::Empty(place.display().to_string())),
        Found::Earlier => Err(failure::io(
            place,
            "opened",
            "its tables are of an earlier version, which is brought up to date when a run is started or resumed",
        )),
    }
}

fn look(place: &Path) -> Result<(Connection, Result<Found, String>), rusqlite::Error> {
    let connection = open_reader(place)?;
    let found = whose(&connection)?;
    Ok((connection, found))
}

/// Whether somebody was killed while the file was changed without the log. That is so only before there are tables:
/// the first page, which says that there is a log from then on, is written so.
fn was_cut_off(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_READONLY_ROLLBACK)
}

/// Takes back what was cut off, which a connection that only reads must not. SQLite does it at the first look, alone, and
/// only while nobody is at work; no history is in it.
fn roll_back(place: &Path) -> Result<(), rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(place, flags)?;
    prepare(&connection)?;
    table_texts(&connection).map(drop)
}

/// What a file turned out to be.
enum Found {
    Nothing,
    Earlier,
    Ours,
}

/// Tells an empty file and one of ours from any other, which is refused.
fn whose(connection: &Connection) -> Result<Result<Found, String>, rusqlite::Error> {
    let tables = table_texts(connection)?;
    let (application, version) = (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
    if application == 0 && version == 0 && tables.is_empty() {
        return Ok(Ok(Found::Nothing));
    }
    Ok(accept(application, version, &tables))
}

fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; \
         PRAGMA temp_store = MEMORY; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; \
         PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864;",
    )
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn table_texts(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")?;
    let texts = statement.query_map((), |row| row.get(0))?;
    texts.collect()
}

/// Whether these are our tables to the letter; a damaged definition must not be worked with.
fn accept(application: i32, version: i32, tables: &[String]) -> Result<Found, String> {
    if application != APPLICATION {
        return Err("it is a database of another program; use another data folder".to_owned());
    }
    if version > VERSION {
        return Err(format!(
            "its tables have version {version} and this program knows up to {VERSION}; use the newer program"
        ));
    }
    match version {
        VERSION if tables == TABLES => Ok(Found::Ours),
        1 if tables.iter().eq(TABLES.iter().take(TABLES_OF_VERSION_1)) => Ok(Found::Earlier),
        _ => Err("its tables are damaged; restore the file from a backup".to_owned()),
    }
}

/// SQLite answers a setting it cannot follow with the one it kept, so each is read back.
pub(crate) fn set_durability(connection: &Connection, durability: Durability) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0)).map_err(text)?;
    if mode != "wal" {
        return Err(format!("this file system gives no write-ahead log, only {mode:?}; use a local disk"));
    }
    let level = match durability {
        Durability::Each => 2,
        Durability::Interval(_) => 1,
    };
    connection.pragma_update(None, "synchronous", level).map_err(text)?;
    // The writer does it itself, after it has answered, and looks at the result.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(text)?;
    let kept = pragma(connection, "synchronous").map_err(text)?;
    if kept != level {
        return Err(format!("SQLite kept synchronous at {kept} where {level} is needed"));
    }
    Ok(())
}

fn make_tables(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for table in TABLES {
        connection.execute_batch(table)?;
    }
    connection.execute("INSERT INTO total (runs, seal) VALUES (0, ?1)", [seal::total(0)])?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")
}

/// Brings the tables of version 1 up to date: adds what later versions look things up by.
fn upgrade(connection: &Connection, place: &Path) -> Result<(), JournalError> {
    let failed = |error: rusqlite::Error| failure::io(place, "written", error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    for table in TABLES.iter().skip(TABLES_OF_VERSION_1) {
        connection.execute_batch(table).map_err(failed)?;
    }
    let total = stored::total(connection, place)?;
    for number in 1..=total {
        let Some(run) = stored::numbered(connection, place, number)? else {
            return Err(failure::io(
                place,
                "read",
                format!("run number {number} is missing; restore a backup"),
            ));
        };
        let mut block = match Block::begins_with(number) {
            true => Block::fresh(number),
            false => listing::read(connection, place, Block::number_of(number), number - 1)?,
        };
        block.set(number, Line::of(&run.standing.summary(&run.header)));
        block.write(connection).map_err(failed)?;
        uses::note(connection, number, Kind::Text, &run.text).map_err(failed)?;
        for artifact in artifacts_of(&stored::records(connection, place, &run)?) {
            uses::note(connection, number, Kind::Artifact, artifact.as_bytes()).map_err(failed)?;
        }
    }
    connection.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    connection.execute_batch("COMMIT").map_err(failed)
}
