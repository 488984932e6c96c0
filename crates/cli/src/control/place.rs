//! Where the control socket is: `control.sock` in the data folder, always.
//!
//! The system takes about a hundred bytes for the name of a socket, and data folders can be deeper. Where the name is too
//! long, Linux reaches the same file through the opened folder, `/proc/self/fd/7/control.sock`; elsewhere such a folder
//! has no control socket, and says so.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "control.sock";

/// What fits into a socket's name everywhere.
const LONGEST: usize = 100;

/// A way to the socket of a data folder. The folder stays open while the way is used.
pub(super) struct Way {
    path: PathBuf,
    _folder: Option<File>,
}

impl Way {
    /// The way to the socket of this folder.
    pub(super) fn to(data: &Path) -> io::Result<Self> {
        let path = file(data);
        if path.as_os_str().len() <= LONGEST {
            return Ok(Way { path, _folder: None });
        }
        if !cfg!(target_os = "linux") {
            let said = format!("the path {} is too long for a socket", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
        }
        let folder = File::open(data)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
        Ok(Way { path: PathBuf::from(format!("/proc/self/fd/{number}/{NAME}")), _folder: Some(folder) })
    }

    /// A path that is short enough.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// The file itself.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join(NAME)
}
