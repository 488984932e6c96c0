//! `portcullis.lock`: finding it, and the plugins it names.
//!
//! It is looked for upwards from the current folder, as `portcullis.yaml` is; a plugin's folder is a path from there.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use plugin_host::{LOCK_FILE, Lock};

use crate::exit::Wrong;

/// A lock file, and the folder its paths begin at.
pub(crate) struct LockFile {
    folder: PathBuf,
    pub(crate) lock: Lock,
}

impl LockFile {
    /// The one in force, or an empty one for the current folder.
    pub(crate) fn find() -> Result<Self> {
        let here = std::env::current_dir().context("could not find out the current folder")?;
        let Some(place) = here.ancestors().map(|folder| folder.join(LOCK_FILE)).find(|place| place.is_file())
        else {
            return Ok(LockFile { folder: here, lock: Lock::default() });
        };
        let text =
            std::fs::read_to_string(&place).with_context(|| format!("could not read {}", place.display()))?;
        let lock = Lock::parse(&text).map_err(|error| Wrong(format!("{}: {error}", place.display())))?;
        let folder = place.parent().unwrap_or(Path::new("")).to_owned();
        Ok(LockFile { folder, lock })
    }

    /// The folder its paths begin at.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it is.
    pub(crate) fn place(&self) -> PathBuf {
        self.folder.join(LOCK_FILE)
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self) -> Result<()> {
        let place = self.place();
        let failed = || format!("could not write {}", place.display());
        let text = self.lock.to_text()?;
        let beside = place.with_extension("lock.new");
        let mut file = std::fs::File::create(&beside).with_context(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(failed)?;
        std::fs::rename(&beside, &place).with_context(failed)
    }
}
