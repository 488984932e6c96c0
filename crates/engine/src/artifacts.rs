//! Where bytes are kept: a folder, or memory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use action_api::{ArtifactError, Artifacts};
use plan::{Artifact, Digest};
use sha2::{Digest as _, Sha256};

/// The largest artifact either store takes, in bytes: a mail with everything attached.
pub const MAX_ARTIFACT: u64 = 256 * 1024 * 1024;

/// Bytes as files named after their SHA-256, below a folder of our own.
#[derive(Debug)]
pub struct FolderArtifacts {
    folder: PathBuf,
    counter: AtomicU64,
}

impl FolderArtifacts {
    /// A store in this folder, which is made when the first bytes are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        FolderArtifacts { folder: folder.into(), counter: AtomicU64::new(0) }
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join(hex.get(..2).unwrap_or("00")).join(hex)
    }
}

impl Artifacts for FolderArtifacts {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        private_folder(&self.folder)?;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join(format!("part-{}-{number}", std::process::id()));
        let copied = File::create(&part).map_err(ArtifactError::Io).and_then(|mut file| {
            let (digest, size) = copy(bytes, &mut file)?;
            file.sync_all().map_err(ArtifactError::Io)?;
            Ok((digest, size))
        });
        let kept = copied.and_then(|(digest, size)| {
            let place = self.place(&digest);
            if let Some(parent) = place.parent() {
                private_folder(parent)?;
                fs::rename(&part, &place).map_err(ArtifactError::Io)?;
                // The name must be as durable as the bytes: the journal is about to speak of it.
                File::open(parent).and_then(|folder| folder.sync_all()).map_err(ArtifactError::Io)?;
            }
            Ok(Artifact { artifact: digest, size, media_type: media_type.to_owned() })
        });
        if kept.is_err() {
            // Best effort: the part file has no reader.
            let _ = fs::remove_file(&part);
        }
        kept
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        match File::open(self.place(digest)) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArtifactError::NotFound(*digest)),
            Err(error) => Err(ArtifactError::Io(error)),
        }
    }
}

fn private_folder(folder: &Path) -> Result<(), ArtifactError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(ArtifactError::Io)
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<(Digest, u64), ArtifactError> {
    let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok((Digest::new(hash.finalize().into()), size)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ArtifactError::Io(error)),
        };
        let chunk = buffer.get(..count).unwrap_or_default();
        size += chunk.len() as u64;
        if size > MAX_ARTIFACT {
            return Err(ArtifactError::TooLarge { limit: MAX_ARTIFACT });
        }
        hash.update(chunk);
        to.write_all(chunk).map_err(ArtifactError::Io)?;
    }
}

/// Bytes in memory, for tests and for runs that leave nothing behind.
#[derive(Debug, Default)]
pub struct MemoryArtifacts {
    kept: Mutex<HashMap<Digest, Arc<[u8]>>>,
}

impl MemoryArtifacts {
    /// An empty store.
    pub fn new() -> Self {
        MemoryArtifacts::default()
    }
}

impl Artifacts for MemoryArtifacts {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        let mut kept = Vec::new();
        let (digest, size) = copy(bytes, &mut kept)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, kept.into());
        Ok(Artifact { artifact: digest, size, media_type: media_type.to_owned() })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(digest) {
            Some(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            None => Err(ArtifactError::NotFound(*digest)),
        }
    }
}
