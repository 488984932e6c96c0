//! Room at the end of the write-ahead log, made before it is needed.
//!
//! A commit that makes the log longer has to sync the file's new length with its bytes, which takes the disk about as
//! long again; a commit into bytes that are there does not. So zeros are written behind the end, many commits' worth at
//! once, and reach the disk with the next sync. SQLite reads a log up to the first frame whose checksum is wrong, and
//! zeros have none: they mean nothing, after a crash as well. Once the log has its full length SQLite begins again at
//! its start, and nothing more is made here. Left out: room for a log that is still short, since most runs have a few
//! steps and end with it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

/// A log of less is left as it is: about ten commits.
const SHORT: u64 = 128 << 10;
/// How much room is made at once: about twenty commits.
const ROOM: usize = 256 << 10;

/// The log, and how far room was made.
pub(crate) struct Ahead {
    log: File,
    end: u64,
    most: u64,
}

impl Ahead {
    /// For a log that is begun again once it has `most` bytes.
    pub(crate) fn new(log: &Path, most: u64) -> io::Result<Self> {
        let log = OpenOptions::new().read(true).write(true).open(log)?;
        Ok(Ahead { log, end: SHORT, most })
    }

    /// The log itself.
    pub(crate) fn log(&self) -> &File {
        &self.log
    }

    /// Makes room if the last commit has used up what there was. To be called by the thread that commits, because
    /// nobody else may write behind the end meanwhile.
    pub(crate) fn reserve(&mut self) -> io::Result<()> {
        let length = self.log.metadata()?.len();
        if length <= self.end || length >= self.most {
            return Ok(());
        }
        let made = self.log.seek(SeekFrom::Start(length)).and_then(|_| self.log.write_all(&[0; ROOM]));
        match made {
            // Whether there is room for the next commit, that commit will see.
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                self.end = self.most;
            }
            made => {
                made?;
                self.end = length + ROOM as u64;
            }
        }
        Ok(())
    }
}
