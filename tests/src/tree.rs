//! Every file that people write, and where the repository is.
//!
//! The tree on disk is read, not the version control, so that a new file is judged before it is committed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Folders that hold nothing a person wrote.
const FOREIGN: [&str; 6] = ["target", ".git", "node_modules", "corpus", "artifacts", "__pycache__"];

/// A text file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root, with `/` between the parts.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl File {
    /// The part behind the last dot of the name, or nothing.
    pub fn ending(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, ending)| ending)
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Every text file below the root, in order of path. Files that are not UTF-8 are left out.
///
/// # Errors
/// Where a folder or file cannot be read.
pub fn files() -> io::Result<Vec<File>> {
    let mut found = Vec::new();
    collect(&root(), "", &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !FOREIGN.contains(&name.as_str()) {
            collect(&entry.path(), &format!("{path}/"), found)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            found.push(File { path, text });
        }
    }
    Ok(())
}
