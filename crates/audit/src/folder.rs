//! The file itself: private, durable by name, and written by one process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::LogError;

/// How often the lock is asked for, and the pause between: its holder may be on the way out.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(25);

/// Opens the file for appending, makes it if there is none, and locks it. The lock ends with the process.
pub(crate) fn claim(place: &Path) -> Result<File, LogError> {
    let opened = |error| LogError::io(place, "opened", error);
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(folder).map_err(opened)?;
    let is_new = !place.exists();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(place).map_err(opened)?;
    for left in (0..TRIES).rev() {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if left > 0 => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(LogError::Locked(place.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(opened(error)),
        }
    }
    if is_new {
        file.sync_all().and_then(|()| sync(folder)).map_err(opened)?;
    }
    Ok(file)
}

fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the names in a folder durable. Elsewhere a folder cannot be opened, and they are by themselves.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Replaces a file whole: whoever reads it sees the old or the new text.
pub(crate) fn replace(place: &Path, text: &str) -> io::Result<()> {
    let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(".new");
    let beside = folder.join(beside);
    let mut file = File::create(&beside)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, place)?;
    sync(folder)
}
