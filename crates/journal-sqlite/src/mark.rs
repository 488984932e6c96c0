//! `journal.mark`: what was acknowledged last, beside the database.
//!
//! SQLite reads its write-ahead log up to the first frame that does not fit and forgets the rest: right after a
//! power cut, where the rest was never acknowledged, and silently wrong where a bit of the middle has
//! flipped, or where an older database was put in the newer one's place. So after every commit, and before
//! anybody is told, the place of its last record is written here, and a journal that has not got that far is
//! refused when it is opened.
//!
//! Two slots are written in turns, each within one sector and under a checksum, so that one of them is always whole;
//! nothing is synced, because a mark that is older than the journal is no harm. It must only never be newer:
//! with [`Durability::Each`] the log is on the disk before the mark is written, with an interval it is not,
//! and then the slot holds the last synced place too, and the other one counts only until the machine
//! starts anew.
//!
//! A slot also says which file it was written to, and when. A database without a mark, or with one that was copied
//! here, is taken as it is, because that is how a backup is restored; `restored` sees to it that nothing goes on by
//! itself then. What is put back with every time and every file's number as it was (a snapshot of a disk, or a copy
//! over the files that are there which keeps their times) cannot be told from what was always there.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use journal::JournalError;
use rusqlite::Connection;

use crate::blocks::Block;
use crate::seal::{self, Seal};
use crate::{Durability, failure, folder, listing, stored};

const MAGIC: &[u8; 8] = b"PCJMARK2";
/// Slots before there was a [`Home`].
const EARLIER: &[u8; 8] = b"PCJMARK1";
/// Bytes that the checksum covers, and with it.
const CONTENT: usize = 144;
const SLOT: usize = CONTENT + 32;
const EARLIER_CONTENT: usize = 128;
/// Where the second slot begins: in another page.
const SECOND: u64 = 4_096;

/// How far a journal has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing was written yet.
    Nowhere,
    /// So many records of the run with this number, the last with this link.
    Written { number: i64, records: u64, link: Seal },
    /// The run with this number was deleted.
    Deleted { number: i64 },
}

/// How much later than its newest slot says a mark may have been changed, in milliseconds: after a power cut the disk
/// can have the time of a write and not yet the bytes.
const LATER: i64 = 120_000;

/// The file that a slot was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home {
    /// Its number in the file system; 0 where there is none.
    inode: u64,
    /// When, in milliseconds since 1970.
    at: i64,
}

impl Home {
    /// Nobody knows.
    const NOWHERE: Home = Home { inode: 0, at: 0 };

    fn of(file: &File) -> io::Result<Home> {
        Ok(Home { inode: of_system(&file.metadata()?).inode, at: now() })
    }
}

/// What the system says about a file: its number, and when its content last changed. When its rights or its owner did
/// is not asked, because some set them anew at every start of a service.
#[cfg(unix)]
fn of_system(file: &fs::Metadata) -> Home {
    use std::os::unix::fs::MetadataExt;
    let changed = file.mtime().saturating_mul(1_000).saturating_add(file.mtime_nsec() / 1_000_000);
    Home { inode: file.ino(), at: changed }
}

#[cfg(not(unix))]
fn of_system(_: &fs::Metadata) -> Home {
    Home::NOWHERE
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// What one slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The larger number is the newer slot.
    turn: u64,
    latest: Place,
    /// What a power cut must have left.
    synced: Place,
    /// Until which start of the machine `latest` counts; nothing where it always does.
    boot: Option<[u8; 16]>,
    home: Home,
}

impl Slot {
    const EMPTY: Slot =
        Slot { turn: 0, latest: Place::Nowhere, synced: Place::Nowhere, boot: None, home: Home::NOWHERE };

    fn bytes(&self) -> [u8; SLOT] {
        let mut bytes = Vec::with_capacity(SLOT);
        bytes.extend(MAGIC);
        bytes.extend(self.turn.to_le_bytes());
        bytes.extend(self.boot.unwrap_or_default());
        for place in [self.latest, self.synced] {
            let (number, records, link) = match place {
                Place::Nowhere => (0, 0, [0; 32]),
                Place::Written { number, records, link } => (number, records, link),
                Place::Deleted { number } => (number, u64::MAX, [0; 32]),
            };
            bytes.extend(number.to_le_bytes());
            bytes.extend(records.to_le_bytes());
            bytes.extend(link);
        }
        bytes.extend(self.home.inode.to_le_bytes());
        bytes.extend(self.home.at.to_le_bytes());
        bytes.extend(seal::mark(&bytes));
        bytes.try_into().unwrap_or([0; SLOT])
    }

    /// The slot, if it is whole.
    fn read(bytes: &[u8]) -> Option<Slot> {
        let length = if bytes.starts_with(EARLIER) { EARLIER_CONTENT } else { CONTENT };
        let (content, rest) = bytes.split_at_checked(length)?;
        if rest.first_chunk::<32>() != Some(&seal::mark(content)) {
            return None;
        }
        let mut rest = content.strip_prefix(MAGIC).or_else(|| content.strip_prefix(EARLIER))?;
        let turn = u64::from_le_bytes(take(&mut rest)?);
        let boot: [u8; 16] = take(&mut rest)?;
        let mut place = || {
            let number = i64::from_le_bytes(take(&mut rest)?);
            let records = u64::from_le_bytes(take(&mut rest)?);
            let link = take(&mut rest)?;
            Some(match (number, records) {
                (0, _) => Place::Nowhere,
                (_, u64::MAX) => Place::Deleted { number },
                _ => Place::Written { number, records, link },
            })
        };
        let (latest, synced) = (place()?, place()?);
        let home = match length {
            CONTENT => {
                Home { inode: u64::from_le_bytes(take(&mut rest)?), at: i64::from_le_bytes(take(&mut rest)?) }
            }
            _ => Home::NOWHERE,
        };
        Some(Slot { turn, latest, synced, boot: (boot != [0; 16]).then_some(boot), home })
    }

    /// How far the journal must have got, whatever has happened since.
    pub(crate) fn binding(&self) -> Place {
        if self.boot.is_none() || self.boot == boot() { self.latest } else { self.synced }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>()?;
    *rest = others;
    Some(*first)
}

/// Which start of the machine this is, where the system says so.
fn boot() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digest = seal::text(text.trim());
    digest.first_chunk::<16>().copied()
}

/// A mark as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Its newest slot.
    pub(crate) slot: Slot,
    /// Whether the file is the one that the slot was written to, and nobody has written to it since.
    pub(crate) at_home: bool,
}

/// The newest slot of a mark; nothing where there is no mark.
///
/// # Errors
/// There is a mark, and neither slot of it can be read.
pub(crate) fn read(path: &Path) -> Result<Option<Found>, JournalError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.read_to_end(&mut bytes)?;
        file.metadata()
    });
    let system = match read {
        Ok(file) => of_system(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure::io(path, "read", error)),
    };
    let second = usize::try_from(SECOND).unwrap_or(usize::MAX);
    let slots = [Some(bytes.as_slice()), bytes.get(second..)];
    let newest = slots.into_iter().flatten().filter_map(Slot::read).max_by_key(|slot| slot.turn);
    let Some(slot) = newest else {
        let reason = "it is damaged, so nobody knows whether the journal beside it is whole; look after the disk, \
                      then restore the whole folder from a backup, or remove this file to go on with what is there";
        return Err(failure::io(path, "opened", reason));
    };
    let Home { inode, at } = slot.home;
    let at_home = inode == 0 || (inode == system.inode && system.at.saturating_sub(at) <= LATER);
    Ok(Some(Found { slot, at_home }))
}

/// Whether a journal has got as far as its mark says.
pub(crate) fn check(connection: &Connection, place: &Path, mark: Place) -> Result<(), JournalError> {
    let there = match mark {
        Place::Nowhere => true,
        Place::Deleted { number } => is_gone(connection, place, number)?,
        Place::Written { number, records, link } => {
            // Deleted by a commit whose mark was never written.
            is_gone(connection, place, number)? || reaches(connection, place, number, records, &link)?
        }
    };
    if there { Ok(()) } else { Err(missing(place, mark)) }
}

/// What a database that has nothing, or not enough, is refused with.
pub(crate) fn missing(place: &Path, mark: Place) -> JournalError {
    let what = match mark {
        Place::Nowhere => "something".to_owned(),
        Place::Written { number, records, .. } => format!("record {records} of run number {number}"),
        Place::Deleted { number } => format!("the deletion of run number {number}"),
    };
    let reason = format!(
        "records that were acknowledged are missing, the last of them {what}: either the disk lost them, or an older \
         database was put here; restore the whole folder from a backup, or remove journal.mark to go on without \
         them, and then effects of what is missing may take place again"
    );
    failure::io(place, "opened", reason)
}

fn is_gone(connection: &Connection, place: &Path, number: i64) -> Result<bool, JournalError> {
    let total = stored::total(connection, place)?;
    if number > total {
        return Ok(false);
    }
    let block = listing::read(connection, place, Block::number_of(number), total)?;
    Ok(block.line(number).is_some_and(|line| line.is_gone()))
}

fn reaches(
    connection: &Connection,
    place: &Path,
    number: i64,
    records: u64,
    link: &Seal,
) -> Result<bool, JournalError> {
    let Some(stored) = stored::numbered(connection, place, number)? else { return Ok(false) };
    Ok(match records.cmp(&stored.standing.records) {
        std::cmp::Ordering::Greater => false,
        std::cmp::Ordering::Equal => stored.last == *link,
        std::cmp::Ordering::Less if records == 0 => stored.begun == *link,
        std::cmp::Ordering::Less => stored::link(connection, place, number, records)?.as_ref() == Some(link),
    })
}

/// The mark that the writer keeps.
#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
    slot: Slot,
}

impl Mark {
    /// Goes on with the mark that was read, or makes one.
    pub(crate) fn open(path: &Path, slot: Option<Slot>, durability: Durability) -> io::Result<Mark> {
        let mut found = slot.unwrap_or(Slot::EMPTY);
        if slot.is_none() {
            // Under another name first: a mark that is there has a whole slot.
            let part = path.with_extension("mark.part");
            let mut file = folder::private(&part)?;
            found.home = Home::of(&file)?;
            file.set_len(0)?;
            file.write_all(&found.bytes())?;
            file.set_len(SECOND + SLOT as u64)?;
            file.sync_all()?;
            fs::rename(&part, path)?;
        }
        let boot = match durability {
            Durability::Each => None,
            // Where nobody knows when the machine started, what is not synced counts for nothing.
            Durability::Interval(_) => Some(boot().unwrap_or([0xff; 16])),
        };
        // What the mark found demands was just seen to be there, but another power cut may still take it away.
        let synced = match found.boot {
            None => found.latest,
            Some(_) => found.synced,
        };
        let file = folder::private(path)?;
        let home = Home::of(&file)?;
        Ok(Mark { file, slot: Slot { synced, boot, home, ..found } })
    }

    /// This folder is where the journal goes on from now on, however it came here. `latest` is on the disk, and so is
    /// the mark once this has returned.
    pub(crate) fn settle(&mut self, latest: Option<Place>) -> io::Result<()> {
        if let Some(reached) = latest {
            (self.slot.latest, self.slot.synced) = (reached, reached);
        }
        self.advance(self.slot.latest)?;
        self.file.sync_all()
    }

    /// A commit was made that ended here.
    pub(crate) fn advance(&mut self, latest: Place) -> io::Result<()> {
        self.slot.turn += 1;
        self.slot.latest = latest;
        self.slot.home.at = now();
        if self.slot.boot.is_none() {
            self.slot.synced = latest;
        }
        let at = if self.slot.turn.is_multiple_of(2) { 0 } else { SECOND };
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(&self.slot.bytes())
    }

    /// The disk has everything that was marked.
    pub(crate) fn synced(&mut self) {
        self.slot.synced = self.slot.latest;
    }
}
