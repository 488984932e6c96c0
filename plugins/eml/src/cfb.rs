//! Compound files (MS-CFB), the container of `.msg`: a small file system with chains of sectors.
//!
//! Read by our own code rather than the crate `cfb`, which is judged against in the tests: that one refuses a whole
//! file for one irregularity that Outlook does not mind, and the sector numbers of a hostile file make it allocate a
//! hundred times what the file has. Here nothing is allocated by what a file claims: tables are as long as the file
//! has sectors for, a stream is as long as the file at most, all streams together at most twice as long, and a chain
//! that runs in a circle ends where the stream's length ends it.

use std::cell::Cell;
use std::collections::HashSet;

/// The first bytes of every compound file.
pub const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Directory entries of one file; a mail with a hundred attachments has some thousand.
const ENTRIES: usize = 50_000;
/// Steps through the directory of one file.
const STEPS: usize = 1_000_000;
const LAST_REGULAR: u32 = 0xFFFF_FFFA;

/// An entry of the directory.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it holds entries, not bytes.
    pub is_storage: bool,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: usize,
}

/// A compound file that was opened.
#[derive(Debug)]
pub struct Compound<'a> {
    bytes: &'a [u8],
    sector: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    /// Sectors of the stream that holds the small streams.
    mini_stream: Vec<u32>,
    mini_cutoff: usize,
    entries: Vec<Entry>,
    /// Bytes of streams that may still be read.
    left: Cell<usize>,
    steps: Cell<usize>,
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn longs(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|four| four.try_into().ok().map(u32::from_le_bytes))
}

impl Entry {
    /// How long it says it is, never longer than the whole file.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl<'a> Compound<'a> {
    /// Opens one.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn open(bytes: &'a [u8]) -> Result<Self, &'static str> {
        if !bytes.starts_with(MAGIC) {
            return Err("it does not begin like a compound file");
        }
        let header = |at| long(bytes, at).ok_or("it ends in its header");
        let sector = match word(bytes, 30) {
            Some(9) => 512,
            Some(12) => 4096,
            _ => return Err("its sectors have no known size"),
        };
        if word(bytes, 32) != Some(6) {
            return Err("its small sectors have no known size");
        }
        let mut file = Compound {
            bytes,
            sector,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini_stream: Vec::new(),
            mini_cutoff: header(56)? as usize,
            entries: Vec::new(),
            left: Cell::new(bytes.len().saturating_mul(2)),
            steps: Cell::new(STEPS),
        };
        file.fat = file.allocation_table(header(68)?);
        let sectors = file.sectors();
        let directory = file.chain(header(48)?, sectors);
        file.directory(&directory);
        let mini_fat = file.chain(header(60)?, sectors);
        file.mini_fat = mini_fat.iter().flat_map(|id| longs(file.at(*id))).collect();
        let (start, size) = file.entries.first().map(|root| (root.start, root.size)).unwrap_or_default();
        file.mini_stream = file.chain(start, size.div_ceil(sector));
        if file.entries.is_empty() { Err("it has no directory") } else { Ok(file) }
    }

    /// How many sectors there are, the header not counted.
    fn sectors(&self) -> usize {
        (self.bytes.len() / self.sector).saturating_sub(1) + 1
    }

    /// The bytes of a sector; the last one of a file may be short.
    fn at(&self, id: u32) -> &'a [u8] {
        let start = (id as usize).saturating_add(1).saturating_mul(self.sector);
        let end = start.saturating_add(self.sector).min(self.bytes.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The table of chains. Its sectors are listed in the header and in a chain of their own.
    fn allocation_table(&self, first_more: u32) -> Vec<u32> {
        let per_sector = self.sector / 4;
        let most = self.sectors().div_ceil(per_sector);
        let mut lists: Vec<u32> = longs(self.bytes.get(76..512).unwrap_or_default()).collect();
        let mut more = first_more;
        let mut seen = 0;
        while more < LAST_REGULAR && lists.len() < most + 109 && seen <= most {
            let list = self.at(more);
            lists.extend(longs(list).take(per_sector - 1));
            more = long(list, self.sector - 4).unwrap_or(u32::MAX);
            seen += 1;
        }
        let listed = lists.into_iter().filter(|id| *id < LAST_REGULAR).take(most);
        listed.flat_map(|id| longs(self.at(id))).collect()
    }

    /// The sectors of a chain, not more than `most`.
    fn chain(&self, start: u32, most: usize) -> Vec<u32> {
        let most = most.min(self.sectors());
        let mut chain = Vec::new();
        let mut next = start;
        while next < LAST_REGULAR && chain.len() < most {
            chain.push(next);
            next = self.fat.get(next as usize).copied().unwrap_or(u32::MAX);
        }
        chain
    }

    fn directory(&mut self, sectors: &[u32]) {
        let mut seen = HashSet::new();
        for id in sectors {
            // A directory that runs in a circle would repeat itself.
            if !seen.insert(*id) || self.entries.len() >= ENTRIES {
                break;
            }
            let entries: Vec<Entry> =
                self.at(*id).chunks_exact(128).filter_map(|raw| self.entry(raw)).collect();
            self.entries.extend(entries);
        }
    }

    fn entry(&self, raw: &[u8]) -> Option<Entry> {
        let length = usize::from(word(raw, 64)?).saturating_sub(2).min(62);
        let units = raw.get(..length)?.chunks_exact(2).filter_map(|two| word(two, 0));
        let name =
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        let size = (long(raw, 120)? as usize).min(self.bytes.len());
        Some(Entry {
            name,
            is_storage: matches!(raw.get(66), Some(1 | 5)),
            left: long(raw, 68)?,
            right: long(raw, 72)?,
            child: long(raw, 76)?,
            start: long(raw, 116)?,
            size,
        })
    }

    /// An entry by its number. The root is number 0.
    pub fn get(&self, id: u32) -> Option<&Entry> {
        self.entries.get(id as usize)
    }

    /// What lies in a storage, in no order that means anything.
    pub fn children(&self, storage: u32) -> Vec<(u32, &Entry)> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![self.get(storage).map_or(u32::MAX, |entry| entry.child)];
        while let Some(id) = open.pop() {
            let Some(entry) = self.get(id) else { continue };
            let Some(steps) = self.steps.get().checked_sub(1) else { break };
            self.steps.set(steps);
            if seen.insert(id) {
                found.push((id, entry));
                open.extend([entry.left, entry.right]);
            }
        }
        found
    }

    /// The bytes of a stream, as far as they are there.
    ///
    /// # Errors
    /// The streams read so far are longer than the file can honestly hold.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>, &'static str> {
        let left = self.left.get().checked_sub(entry.size).ok_or("its streams overlap")?;
        self.left.set(left);
        let mut bytes = Vec::new();
        if entry.size < self.mini_cutoff {
            let (mut next, per_sector) = (entry.start, self.sector / 64);
            while next < LAST_REGULAR && bytes.len() < entry.size {
                let (row, column) = (next as usize / per_sector, next as usize % per_sector);
                let Some(sector) = self.mini_stream.get(row) else { break };
                let small = self.at(*sector).get(column * 64..).unwrap_or_default();
                if small.is_empty() {
                    break;
                }
                bytes.extend_from_slice(small.get(..64).unwrap_or(small));
                next = self.mini_fat.get(next as usize).copied().unwrap_or(u32::MAX);
            }
        } else {
            for id in self.chain(entry.start, entry.size.div_ceil(self.sector)) {
                bytes.extend_from_slice(self.at(id));
            }
        }
        bytes.truncate(entry.size);
        Ok(bytes)
    }
}
