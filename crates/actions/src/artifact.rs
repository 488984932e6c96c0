//! From a port that writes to a store that reads, with bounded memory.
//!
//! A port pushes bytes as they arrive, a store pulls them; between the two stands a spool that keeps the first
//! part in memory and the rest in a file without a name. The writing blocks for as long as a local disk does.

use std::io::{self, Seek, Write};

use action_api::Artifacts;
use action_api::plan::{Artifact, Failure};
pub(crate) use action_api::{artifact_or_null_schema as optional_schema, artifact_schema as schema};
use tempfile::SpooledTempFile;

use crate::failure;

/// Kept in memory; most mails are smaller.
const IN_MEMORY: usize = 1024 * 1024;

/// Takes at most so many bytes from a port and hands them to a store.
pub(crate) struct Spool {
    bytes: SpooledTempFile,
    left: u64,
    overflowed: bool,
}

impl Spool {
    /// A spool that refuses more than `most` bytes.
    pub(crate) fn new(most: u64) -> Self {
        Spool { bytes: SpooledTempFile::new(IN_MEMORY), left: most, overflowed: false }
    }

    /// Whether a write was refused because there were too many bytes.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Keeps what was written.
    pub(crate) fn keep(mut self, artifacts: &dyn Artifacts, media_type: &str) -> Result<Artifact, Failure> {
        let kept = match self.bytes.rewind() {
            Ok(()) => artifacts.put(media_type, &mut self.bytes),
            Err(error) => Err(action_api::ArtifactError::Io(error)),
        };
        kept.map_err(|error| failure::from_artifacts(&error))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > self.left {
            self.overflowed = true;
            return Err(io::Error::other("more bytes than were asked for"));
        }
        let written = self.bytes.write(bytes)?;
        self.left = self.left.saturating_sub(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_refuses_the_rest() {
        let mut spool = Spool::new(5);
        assert!(spool.write_all(b"12345").is_ok());
        assert!(!spool.overflowed());
        assert!(spool.write_all(b"6").is_err());
        assert!(spool.overflowed());
    }
}
