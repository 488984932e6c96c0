//! Bytes that a crash left behind: of a run that was deleted when its artifacts were not yet, or of a call whose answer
//! was never written down.
//!
//! Every name in the store is asked about at the journal. What was put there by this process, or by anybody in the
//! last day, is left alone, because a run may be about to speak of it; so is everything of which the journal is not
//! sure. Left out: doing so by itself. It reads the whole folder, so whoever prunes does it.

use action_api::Artifacts;
use journal::Journal;

use crate::{EngineError, FolderArtifacts};

/// How many artifacts are asked about at a time.
const AT_A_TIME: usize = 1_000;

/// What was found and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orphans {
    /// How many artifacts.
    pub artifacts: usize,
    /// How many bytes they had.
    pub bytes: u64,
}

impl FolderArtifacts {
    /// Removes artifacts that no run speaks of. The journal has to be the one, and the only one, whose runs keep their
    /// artifacts here.
    ///
    /// # Errors
    /// The journal cannot be read, or a file cannot be removed.
    pub async fn collect(&self, journal: &dyn Journal) -> Result<Orphans, EngineError> {
        let mut found = Orphans::default();
        for some in self.settled().map_err(EngineError::Artifacts)?.chunks(AT_A_TIME) {
            for digest in journal.unneeded(some).await? {
                if let Some(bytes) = self.remove(&digest).map_err(EngineError::Artifacts)? {
                    found.artifacts += 1;
                    found.bytes += bytes;
                }
            }
        }
        Ok(found)
    }
}
