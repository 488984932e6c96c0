//! Where bytes are kept: a folder, or memory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use action_api::{ArtifactError, Artifacts};
use plan::{Artifact, Digest};
use sha2::{Digest as _, Sha256};

use crate::recent::Recent;

/// The largest artifact either store takes, in bytes: a mail with everything attached.
pub const MAX_ARTIFACT: u64 = 256 * 1024 * 1024;

/// How long bytes count as just put: longer than any call takes to have its answer journaled.
const MOMENT: Duration = Duration::from_secs(24 * 60 * 60);
/// How old a part has to be to have no writer any more.
const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// How the name of a file begins that is not whole yet.
const PART: &str = "part-";

/// Bytes as files named after their SHA-256, below a folder of our own.
///
/// What is kept has reached the disk, with its name, before anybody is told: the journal is about to speak of it.
#[derive(Debug)]
pub struct FolderArtifacts {
    folder: PathBuf,
    /// How the parts of this store are called, and how many there were.
    parts: String,
    counter: AtomicU64,
    recent: Recent,
}

impl FolderArtifacts {
    /// A store in this folder, which is made when the first bytes are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let begun = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        FolderArtifacts {
            folder: folder.into(),
            parts: format!("{PART}{}-{begun}-", std::process::id()),
            counter: AtomicU64::new(0),
            recent: Recent::new(MOMENT),
        }
    }

    /// Removes what processes that ended badly left half written, and says how many bytes that was. Whoever has the
    /// data folder for himself calls this now and then, at best when it is opened.
    ///
    /// # Errors
    /// The folder cannot be read, or a file cannot be removed.
    pub fn sweep(&self) -> Result<u64, ArtifactError> {
        let mut freed = 0;
        for path in entries(&self.folder)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if !name.starts_with(PART) || name.starts_with(&self.parts) {
                continue;
            }
            let file = fs::metadata(&path).map_err(|error| at(&path, error))?;
            // A clock that was put back makes a part look younger than it is: it goes next time.
            let age = file.modified().map(|written| written.elapsed().unwrap_or_default());
            if age.is_ok_and(|age| age >= ABANDONED) {
                fs::remove_file(&path).map_err(|error| at(&path, error))?;
                freed += file.len();
            }
        }
        Ok(freed)
    }

    fn place(&self, digest: &Digest) -> (PathBuf, PathBuf) {
        let hex = digest.hex();
        let folder = self.folder.join(hex.get(..2).unwrap_or("00"));
        let place = folder.join(hex);
        (folder, place)
    }

    /// Every artifact that was here before this process could put it here, a moment ago or longer: those that a crash
    /// may have left without a run that speaks of them.
    pub(crate) fn settled(&self) -> Result<Vec<Digest>, ArtifactError> {
        let mut found = Vec::new();
        for shelf in entries(&self.folder)? {
            if !shelf.is_dir() {
                continue;
            }
            for path in entries(&shelf)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Ok(digest) = format!("sha256:{name}").parse::<Digest>() else { continue };
                let put = fs::metadata(&path).and_then(|file| file.modified());
                // Gone meanwhile, or of a time that is still to come: it is looked at the next time.
                let age = put.map(|put| put.elapsed().unwrap_or_default()).unwrap_or_default();
                if age >= MOMENT {
                    found.push(digest);
                }
            }
        }
        Ok(found)
    }

    /// Gives a part that is whole and on the disk its name.
    fn settle(&self, part: &Path, digest: &Digest) -> Result<(), ArtifactError> {
        let (folder, place) = self.place(digest);
        private_folder(&folder)?;
        self.recent.put(*digest, || fs::rename(part, &place).map_err(|error| at(&place, error)))?;
        sync(&folder)
    }
}

impl Artifacts for FolderArtifacts {
    fn put(&self, media_type: &str, bytes: &mut dyn Read) -> Result<Artifact, ArtifactError> {
        private_folder(&self.folder)?;
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let part = self.folder.join(format!("{}{number}", self.parts));
        let copied = File::create(&part).map_err(|error| at(&part, error)).and_then(|mut file| {
            let (digest, size) = copy(bytes, &mut file, &part)?;
            file.sync_all().map_err(|error| at(&part, error))?;
            Ok((digest, size))
        });
        let kept = copied.and_then(|(digest, size)| {
            self.settle(&part, &digest)?;
            Ok(Artifact { artifact: digest, size, media_type: media_type.to_owned() })
        });
        if kept.is_err() {
            // Best effort: the part file has no reader.
            let _ = fs::remove_file(&part);
        }
        kept
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, ArtifactError> {
        let (_, place) = self.place(digest);
        match File::open(&place) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArtifactError::NotFound(*digest)),
            Err(error) => Err(at(&place, error)),
        }
    }

    fn remove(&self, digest: &Digest) -> Result<Option<u64>, ArtifactError> {
        let (_, place) = self.place(digest);
        let remove = || fs::metadata(&place).and_then(|file| fs::remove_file(&place).map(|()| file.len()));
        match self.recent.unless_put(digest, remove) {
            None => Ok(None),
            Some(Ok(size)) => Ok(Some(size)),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Some(Err(error)) => Err(at(&place, error)),
        }
    }
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error: io::Error| at(folder, error)),
    }
}

/// The system's errors do not say which file they are about.
fn at(path: &Path, error: io::Error) -> ArtifactError {
    ArtifactError::Io(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Makes a folder and every one above it, for their owner alone, and their names durable.
fn private_folder(folder: &Path) -> Result<(), ArtifactError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        private_folder(above)?;
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| at(folder, error))?;
    sync(above.unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable. Elsewhere a folder cannot be opened, and its names are durable by themselves.
fn sync(folder: &Path) -> Result<(), ArtifactError> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, error))
}

/// `place` is for messages.
fn copy(from: &mut dyn Read, to: &mut dyn Write, place: &Path) -> Result<(Digest, u64), ArtifactError> {
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
        to.write_all(chunk).map_err(|error| at(place, error))?;
    }
}

/// Bytes in memory until it is dropped, for tests and for runs that leave nothing behind.
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
        let (digest, size) = copy(bytes, &mut kept, Path::new("memory"))?;
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
