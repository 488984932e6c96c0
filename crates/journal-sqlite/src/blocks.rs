//! A line of nine bytes for every run there ever was, hundreds of them to a row, each row under a seal.
//!
//! Lists and look-ups go by these lines, because SQLite's own indexes have no checksum: a flipped bit in one
//! could hide a run without a trace. A line says how the run stands and holds a few bits of the digests of
//! its name, its playbook and the run it was made from, enough to pass over nearly every run that is not
//! asked for; the run itself is then read and has to agree. The line of a deleted run is empty, so a run
//! that is missing and one that was deleted are told apart, and a row of deleted runs alone takes no room.

use journal::{RunStatus, Summary};
use rusqlite::{Connection, OptionalExtension, params};

use crate::seal::{self, Seal};

/// Lines in a row: it fits into one page of the file.
const LINES: i64 = 384;
/// Bytes of a line: how it stands, its playbook, its origin, its name.
const BYTES: usize = 9;

/// What is known of a run without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Nothing once the run was deleted.
    status: u8,
    playbook: u16,
    origin: u16,
    name: u32,
}

impl Line {
    const GONE: Line = Line { status: 0, playbook: 0, origin: 0, name: 0 };

    /// The line of a run.
    pub(crate) fn of(run: &Summary) -> Self {
        Line {
            status: code(run.status),
            playbook: tag(&run.playbook),
            origin: run.origin.as_ref().map_or(0, |origin| tag(origin.run.as_str())),
            name: name(run.run.as_str()),
        }
    }

    /// Whether the run was deleted.
    pub(crate) fn is_gone(self) -> bool {
        self == Line::GONE
    }

    /// The line once the run stands otherwise.
    pub(crate) fn with(self, status: RunStatus) -> Self {
        Line { status: code(status), ..self }
    }

    fn bytes(self) -> [u8; BYTES] {
        let ([p, q], [o, r], [a, b, c, d]) =
            (self.playbook.to_le_bytes(), self.origin.to_le_bytes(), self.name.to_le_bytes());
        [self.status, p, q, o, r, a, b, c, d]
    }

    fn read(bytes: &[u8]) -> Self {
        let [status, p, q, o, r, a, b, c, d] = bytes.try_into().unwrap_or([0; BYTES]);
        Line {
            status,
            playbook: u16::from_le_bytes([p, q]),
            origin: u16::from_le_bytes([o, r]),
            name: u32::from_le_bytes([a, b, c, d]),
        }
    }
}

/// What a line must have to be worth reading its run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    status: Option<u8>,
    playbook: Option<u16>,
    origin: Option<u16>,
    name: Option<u32>,
}

impl Wanted {
    /// What the query asks for.
    pub(crate) fn by(query: &journal::Query) -> Self {
        Wanted {
            status: query.status.map(code),
            playbook: query.playbook.as_deref().map(tag),
            origin: query.origin.as_ref().map(|run| tag(run.as_str())),
            name: None,
        }
    }

    /// A run of this name.
    pub(crate) fn named(run: &str) -> Self {
        Wanted { name: Some(name(run)), ..Wanted::default() }
    }

    /// Whether the run may be one of those.
    pub(crate) fn fits(&self, line: Line) -> bool {
        !line.is_gone()
            && self.status.is_none_or(|wanted| wanted == line.status)
            && self.playbook.is_none_or(|wanted| wanted == line.playbook)
            && self.origin.is_none_or(|wanted| wanted == line.origin)
            && self.name.is_none_or(|wanted| wanted == line.name)
    }
}

/// Frozen: these numbers are in files.
fn code(status: RunStatus) -> u8 {
    match status {
        RunStatus::Running => 1,
        RunStatus::Waiting => 2,
        RunStatus::Succeeded => 3,
        RunStatus::Failed => 4,
        RunStatus::Cancelled => 5,
        RunStatus::Unknown => 6,
        RunStatus::Paused => 7,
        RunStatus::NeedsUpgrade => 8,
    }
}

fn name(text: &str) -> u32 {
    let [a, b, c, d, ..] = seal::text(text);
    u32::from_le_bytes([a, b, c, d])
}

/// Never 0, which stands for none.
fn tag(text: &str) -> u16 {
    let [a, b, ..] = seal::text(text);
    u16::from_le_bytes([a, b]).max(1)
}

/// A row of lines.
#[derive(Debug)]
pub(crate) struct Block {
    number: i64,
    bytes: Vec<u8>,
}

/// Why a row cannot be had.
pub(crate) enum Unread {
    /// It is not what was written.
    Damaged(String),
    /// It could not be read.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Unread::Failed(error)
    }
}

impl Block {
    /// The row in which a run's line stands; runs count from 1.
    pub(crate) fn number_of(run: i64) -> i64 {
        run.saturating_sub(1).div_euclid(LINES)
    }

    /// Reads a row of a file with `total` runs, checked.
    pub(crate) fn read(connection: &Connection, number: i64, total: i64) -> Result<Self, Unread> {
        let mut statement = connection.prepare_cached("SELECT lines, seal FROM blocks WHERE block = ?1")?;
        let row =
            statement.query_row([number], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Seal>(1)?)));
        let damaged = |what: &str| {
            let (first, last) = (number * LINES + 1, ((number + 1) * LINES).min(total));
            Unread::Damaged(format!("{what} that tells of the runs number {first} to {last}"))
        };
        let Some((bytes, sealed)) = row.optional()? else {
            return Err(damaged("nothing is left of the row"));
        };
        let lines = usize::try_from(total.saturating_sub(number * LINES).min(LINES)).unwrap_or_default();
        let whole = bytes.is_empty() || bytes.len() == lines * BYTES;
        if lines == 0 || !whole || sealed != seal::block(number, &bytes) {
            return Err(damaged("the checksum does not fit in the row"));
        }
        let bytes = if bytes.is_empty() { vec![0; lines * BYTES] } else { bytes };
        Ok(Block { number, bytes })
    }

    /// A row without lines, for the run that begins it.
    pub(crate) fn fresh(run: i64) -> Self {
        Block { number: Block::number_of(run), bytes: Vec::new() }
    }

    /// Whether the line of this run begins a row.
    pub(crate) fn begins_with(run: i64) -> bool {
        (run - 1).rem_euclid(LINES) == 0
    }

    /// The lines with their runs' numbers, newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (i64, Line)> + '_ {
        let first = self.number * LINES + 1;
        let lines = (first..).zip(self.bytes.chunks_exact(BYTES)).collect::<Vec<_>>();
        lines.into_iter().rev().map(|(number, bytes)| (number, Line::read(bytes)))
    }

    /// The line of a run.
    pub(crate) fn line(&self, run: i64) -> Option<Line> {
        self.bytes.get(self.place(run)..)?.get(..BYTES).map(Line::read)
    }

    fn place(&self, run: i64) -> usize {
        usize::try_from(run - 1 - self.number * LINES).map_or(usize::MAX / 2, |line| line * BYTES)
    }

    /// Puts a run's line in its place, or after the last.
    pub(crate) fn set(&mut self, run: i64, line: Line) {
        let place = self.place(run);
        if place == self.bytes.len() {
            self.bytes.extend(line.bytes());
        } else if let Some(old) = self.bytes.get_mut(place..).and_then(|rest| rest.get_mut(..BYTES)) {
            old.copy_from_slice(&line.bytes());
        }
    }

    /// Empties a run's line.
    pub(crate) fn forget(&mut self, run: i64) {
        self.set(run, Line::GONE);
    }

    /// Writes the row.
    pub(crate) fn write(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        let gone = self.bytes.iter().all(|byte| *byte == 0);
        let bytes: &[u8] = if gone { &[] } else { &self.bytes };
        let mut statement = connection.prepare_cached(
            "INSERT INTO blocks (block, lines, seal) VALUES (?1, ?2, ?3) \
             ON CONFLICT (block) DO UPDATE SET lines = ?2, seal = ?3",
        )?;
        statement.execute(params![self.number, bytes, seal::block(self.number, bytes)]).map(|_| ())
    }
}
