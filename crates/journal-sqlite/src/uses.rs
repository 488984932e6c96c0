//! How many runs need a text or an artifact, so that deleting the last of them frees it; and which runs were made from
//! which.
//!
//! A run counts once for each, however often it speaks of it: `uses_of` remembers for which. What is freed by
//! mistake is lost and what is kept by mistake is garbage, so something is freed only where both tables say
//! so, both are sealed, and every doubt counts as one use more.

use rusqlite::{Connection, OptionalExtension, params};

use crate::seal::{self, Seal};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A row of `texts`.
    Text,
    /// Bytes that are kept elsewhere.
    Artifact,
    /// A run that others are made from, by the SHA-256 of its name.
    Origin,
}

impl Kind {
    /// Frozen: these numbers are in files.
    fn code(self) -> i64 {
        match self {
            Kind::Text => 0,
            Kind::Artifact => 1,
            Kind::Origin => 2,
        }
    }
}

/// A run needs it; nothing happens where that is known.
pub(crate) fn note(
    connection: &Connection,
    run: i64,
    kind: Kind,
    digest: &[u8; 32],
) -> Result<(), rusqlite::Error> {
    let seal = seal::use_of(kind.code(), digest, run);
    let mut find = connection
        .prepare_cached("SELECT seal FROM uses_of WHERE kind = ?1 AND digest = ?2 AND number = ?3")?;
    let known: Option<Seal> =
        find.query_row(params![kind.code(), digest, run], |row| row.get(0)).optional()?;
    if known == Some(seal) {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO uses_of (kind, digest, number, seal) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![kind.code(), digest, run, seal])?;
    let count = match count(connection, kind, digest)? {
        Count::None => 1,
        Count::Runs(runs) => runs + 1,
        // Never comes down to nothing again.
        Count::Damaged => i64::MAX >> 1,
    };
    write(connection, kind, digest, count)
}

/// A run that needs it is deleted. Says whether no other does.
pub(crate) fn remove(
    connection: &Connection,
    run: i64,
    kind: Kind,
    digest: &[u8; 32],
) -> Result<bool, rusqlite::Error> {
    let mut delete =
        connection.prepare_cached("DELETE FROM uses_of WHERE kind = ?1 AND digest = ?2 AND number = ?3")?;
    delete.execute(params![kind.code(), digest, run])?;
    let mut others =
        connection.prepare_cached("SELECT 1 FROM uses_of WHERE kind = ?1 AND digest = ?2 LIMIT 1")?;
    let others = others.exists(params![kind.code(), digest])?;
    match count(connection, kind, digest)? {
        Count::Runs(1) if !others => {
            let mut delete = connection.prepare_cached("DELETE FROM uses WHERE kind = ?1 AND digest = ?2")?;
            delete.execute(params![kind.code(), digest])?;
            Ok(true)
        }
        Count::Runs(runs) if runs > 1 => write(connection, kind, digest, runs - 1).map(|()| false),
        Count::Runs(_) | Count::None | Count::Damaged => Ok(false),
    }
}

/// Whether any run may need it.
pub(crate) fn is_needed(
    connection: &Connection,
    kind: Kind,
    digest: &[u8; 32],
) -> Result<bool, rusqlite::Error> {
    if !matches!(count(connection, kind, digest)?, Count::None) {
        return Ok(true);
    }
    Ok(!users(connection, kind, digest)?.is_empty())
}

/// The numbers of the runs that need it.
pub(crate) fn users(
    connection: &Connection,
    kind: Kind,
    digest: &[u8; 32],
) -> Result<Vec<i64>, rusqlite::Error> {
    let mut find = connection.prepare_cached("SELECT number FROM uses_of WHERE kind = ?1 AND digest = ?2")?;
    let numbers = find.query_map(params![kind.code(), digest], |row| row.get(0))?;
    numbers.collect()
}

/// How many runs need something.
enum Count {
    Runs(i64),
    /// There is no such row.
    None,
    Damaged,
}

fn count(connection: &Connection, kind: Kind, digest: &[u8; 32]) -> Result<Count, rusqlite::Error> {
    let mut find =
        connection.prepare_cached("SELECT runs, seal FROM uses WHERE kind = ?1 AND digest = ?2")?;
    let row = find
        .query_row(params![kind.code(), digest], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Seal>(1)?)));
    Ok(match row.optional()? {
        None => Count::None,
        Some((runs, seal)) if seal == seal::uses(kind.code(), digest, runs) => Count::Runs(runs),
        Some(_) => Count::Damaged,
    })
}

fn write(connection: &Connection, kind: Kind, digest: &[u8; 32], runs: i64) -> Result<(), rusqlite::Error> {
    let mut write = connection.prepare_cached(
        "INSERT INTO uses (kind, digest, runs, seal) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (kind, digest) DO UPDATE SET runs = ?3, seal = ?4",
    )?;
    let seal = seal::uses(kind.code(), digest, runs);
    write.execute(params![kind.code(), digest, runs, seal]).map(|_| ())
}
