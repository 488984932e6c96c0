//! The data folder: who may read it, and that only one process uses it.
//!
//! The lock is the system's, on an open file, so it ends with the process however that ends, and a lock file
//! left behind means nothing. On Unix the folder itself is locked as well: a lock file that somebody deletes
//! while it is held would otherwise let a second process in.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal::JournalError;

use crate::failure;

const DATABASE: &str = "journal.db";
const LOCK: &str = "journal.lock";
const MARK: &str = "journal.mark";
/// How often a lock is asked for.
const TRIES: u32 = 12;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_millis(25);

/// A data folder that this process has for itself until the value is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    database: PathBuf,
    _locks: Vec<File>,
}

impl Folder {
    /// Makes the folder if there is none, for its owner alone, and locks it.
    pub(crate) fn claim(folder: &Path) -> Result<Folder, JournalError> {
        make(folder).map_err(|error| failure::io(folder, "opened", error))?;
        if let Some(system) = network(folder) {
            let reason = format!(
                "it lies on a network file system ({system}), where neither locks nor the write-ahead log can be \
                 relied on; use a folder on a local disk"
            );
            return Err(failure::io(folder, "opened", reason));
        }
        let lock = folder.join(LOCK);
        let file = private(&lock).map_err(|error| failure::io(&lock, "opened", error))?;
        let mut locks = vec![file];
        if cfg!(unix) {
            locks.push(File::open(folder).map_err(|error| failure::io(folder, "opened", error))?);
        }
        for (index, file) in locks.iter().enumerate() {
            match patiently(file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Locked { place: folder.display().to_string() });
                }
                // Some file systems lock files but not folders; the file is what counts.
                Err(TryLockError::Error(_)) if index > 0 => {}
                Err(TryLockError::Error(error)) => return Err(failure::io(&lock, "locked", error)),
            }
        }
        let database = database(folder);
        // Before SQLite opens it: closing a file ends the locks that SQLite holds on it in this process.
        private(&database).map_err(|error| failure::io(&database, "opened", error))?;
        Ok(Folder { database, _locks: locks })
    }

    /// The database file. SQLite gives the files that it puts beside it the same permissions.
    pub(crate) fn database(&self) -> &Path {
        &self.database
    }

    /// Makes the names of new files durable.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        match self.database.parent() {
            Some(folder) => sync(folder).map_err(|error| failure::io(folder, "written", error)),
            None => Ok(()),
        }
    }
}

/// Tries for a moment: whoever held the lock may be on its way out, and a child process that is just being
/// started holds every lock of its parent until it is another program.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            other => return other,
        }
    }
    file.try_lock()
}

/// File systems whose files another machine may change.
const NETWORKS: [&str; 13] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "afs",
    "ceph",
    "lustre",
    "ocfs2",
    "gfs2",
    "fuse.sshfs",
    "fuse.glusterfs",
    "fuse.s3fs",
];

/// The network file system that a folder lies on, where the system tells.
fn network(folder: &Path) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let system = mounted(&mounts, &folder.canonicalize().ok()?)?;
    NETWORKS.contains(&system).then(|| system.to_owned())
}

/// The kind of file system that a path lies on, from the lines of `mountinfo`: the deepest mount, of two at one place
/// the later.
fn mounted<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let mut found: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let (place, system) = line.split_once(" - ")?;
        // Blanks in names are written as octal numbers.
        let point = place.split(' ').nth(4)?.replace("\\040", " ");
        let depth = Path::new(&point).components().count();
        if path.starts_with(&point) && found.is_none_or(|(deepest, _)| depth >= deepest) {
            found = system.split(' ').next().map(|system| (depth, system));
        }
    }
    found.map(|(_, system)| system)
}

/// Elsewhere a folder cannot be opened, and its names are durable by themselves.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The database in a data folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// The mark beside a database.
pub(crate) fn mark(database: &Path) -> PathBuf {
    database.with_file_name(MARK)
}

/// SQLite's write-ahead log beside a database.
pub(crate) fn log(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// A folder that was there keeps its permissions: it may be anything, and the files in it are private anyway.
fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    match folder.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// Opens or makes a file that only its owner may read.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = file.metadata()?.permissions().mode();
        if found & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_counts() {
        let mounts = "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
                      30 22 0:30 / /srv/data rw shared:2 - nfs4 filer:/export rw,vers=4.2\n\
                      31 30 0:31 / /srv/data/my\\040disk rw - xfs /dev/sdb1 rw\n\
                      32 22 0:32 / /mnt rw - ext4 /dev/sdc1 rw\n\
                      33 22 0:33 / /mnt rw - cifs //host/share rw\n";
        let on = |path: &str| mounted(mounts, Path::new(path)).unwrap();
        assert_eq!(on("/var/lib"), "ext4");
        assert_eq!(on("/srv/database"), "ext4");
        assert_eq!(on("/srv/data/journal"), "nfs4");
        assert_eq!(on("/srv/data/my disk/journal"), "xfs");
        assert_eq!(on("/mnt/journal"), "cifs");
        assert_eq!(mounted("", Path::new("/")), None);
    }

    #[test]
    fn a_local_folder_is_not_on_a_network() {
        assert_eq!(network(&std::env::temp_dir()), None);
    }
}
