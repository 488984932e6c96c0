//! Reading files with a limit: whatever is larger was not meant for us.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The bytes of a file, at most `limit` of them: enough to see that it is too large, and no more.
pub(crate) fn at_most(file: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
