//! Reading the file: from its beginning, or from somewhere near its end.
//!
//! Opening a log reads its last part only, because a log grows for years and every process begins with it; the whole
//! of it is for `verify`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use crate::chain::{Chain, Key};
use crate::line::{Line, MAX_LINE, is_torn};

/// How much of the end is held against the chain when a log is opened.
pub(crate) const WINDOW: u64 = 8 << 20;

/// How far the lines go.
pub(crate) struct Walked {
    pub(crate) chain: Chain,
    /// Where the last whole line ends.
    pub(crate) whole: u64,
    /// Bytes behind it: a line whose writing was cut off, or goes on.
    pub(crate) torn: u64,
}

/// Why the lines could not be followed.
pub(crate) enum Stop {
    System(io::Error),
    /// Which line is wrong, and how.
    Wrong(u64, String),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::System(error)
    }
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    Start,
    /// At the first whole line of so many bytes at the end, which is taken as it is.
    End(u64),
}

/// Follows the lines, each held against the one before, and shows each to `see`.
pub(crate) fn walk(
    file: &mut File,
    from: Begin,
    key: Option<&Key>,
    see: &mut dyn FnMut(&Line<'_>, &Chain),
) -> Result<Walked, Stop> {
    let length = file.metadata()?.len();
    let skipped = match from {
        Begin::End(window) => length.saturating_sub(window),
        Begin::Start => 0,
    };
    file.seek(SeekFrom::Start(skipped))?;
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let (mut at, mut line, mut known) = (skipped, Vec::new(), (skipped == 0).then(Chain::default));
    if skipped > 0 {
        // The rest of a line whose beginning was not read.
        at += next(&mut reader, &mut line)? as u64;
    }
    loop {
        let read = next(&mut reader, &mut line)? as u64;
        let number = known.map_or(0, |chain| chain.lines) + 1;
        let Some(text) = line.strip_suffix(b"\n") else {
            if !line.is_empty() && !is_torn(&line, number) {
                return Err(Stop::Wrong(
                    number,
                    "the file ends with something that is no line of it".to_owned(),
                ));
            }
            return Ok(Walked { chain: known.unwrap_or_default(), whole: at, torn: read });
        };
        let found = Line::read(text).map_err(|reason| Stop::Wrong(number, reason.to_owned()))?;
        let chain = match known {
            Some(chain) => found.follows(&chain, key).map_err(|reason| Stop::Wrong(number, reason))?,
            None => Chain { lines: found.number, hash: found.hash },
        };
        see(&found, &chain);
        known = Some(chain);
        at += read;
    }
}

/// Reads up to the end of the line, or of the file, or of what a line can be.
pub(crate) fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    line.clear();
    reader.take(MAX_LINE as u64).read_until(b'\n', line)
}
