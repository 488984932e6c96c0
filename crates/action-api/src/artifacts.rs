//! Where bytes are kept that do not belong into a step's output.

use std::io::Read;

use plan::{Artifact, Digest};

/// A store of bytes under their SHA-256. The name of a file is never a path in it.
///
/// Synchronous, because the work is reading and writing local files or memory; a store over a network
/// would hide its waiting behind its own thread.
pub trait Artifacts: Send + Sync {
    /// Keeps everything `bytes` yields. Storing the same bytes twice keeps one copy.
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError>;

    /// Reads kept bytes back.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError>;

    /// Forgets bytes that no run speaks of any more, and says how many there were.
    ///
    /// Nothing is forgotten, and nothing said, where there are none or where a run may still be about to speak of
    /// them because they were put here a moment ago; what stays without need is harmless. A store that keeps
    /// everything for ever has nothing to do.
    fn remove(&self, digest: &Digest) -> Result<Option<u64>, ArtifactError> {
        let _ = digest;
        Ok(None)
    }
}

/// Why bytes could not be kept or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The store holds no such bytes.
    #[error("no artifact {0} is kept here; it may have been pruned")]
    NotFound(Digest),
    /// More bytes than the store takes.
    #[error("an artifact may have at most {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The disk, or the reader, failed.
    #[error("could not read or write an artifact")]
    Io(#[source] std::io::Error),
}
