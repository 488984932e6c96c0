//! The files beside a playbook: sub-playbooks and templates, read from its folder.
//!
//! A playbook can be somebody else's text, so what it names is held inside a fence: the folder of the playbook
//! and its siblings (`../block-sender/playbook.yaml`), never an absolute path, never further up, and a symbolic
//! link only to a place inside the same fence. Left out: caching (the checker reads each file once) and writing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands beside one playbook.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: PathBuf,
}

impl Folder {
    /// The surroundings of the playbook in this file.
    pub(crate) fn of(playbook: &Path) -> Self {
        let folder = playbook.parent().filter(|folder| !folder.as_os_str().is_empty());
        Folder { folder: folder.unwrap_or(Path::new(".")).to_owned() }
    }

    /// Where symbolic links may lead: the folder above, without links itself.
    fn fence(&self) -> Result<PathBuf, String> {
        let folder = self
            .folder
            .canonicalize()
            .map_err(|error| format!("could not open the folder {}: {error}", self.folder.display()))?;
        Ok(folder.parent().map_or_else(|| folder.clone(), Path::to_path_buf))
    }
}

impl playbook::Files for Folder {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        let parts = parts(path)?;
        let file = parts.iter().fold(self.folder.clone(), |file, part| file.join(part));
        let real = file.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("there is no file {path} (looked for {})", file.display())
            }
            _ => format!("could not open {path}: {error}"),
        })?;
        if !real.starts_with(self.fence()?) {
            return Err(format!("{path} is a link that leads away from the folder above the playbook's"));
        }
        // A pipe or a device would block or never end.
        if !real.is_file() {
            return Err(format!("{path} is not a file"));
        }
        let bytes = crate::read::at_most(&real, playbook::MAX_BYTES as u64 + 1)
            .map_err(|error| format!("could not read {path}: {error}"))?;
        if bytes.len() > playbook::MAX_BYTES {
            return Err(format!("{path} is larger than 1 MiB"));
        }
        String::from_utf8(bytes).map(Arc::from).map_err(|error| {
            format!("{path} is not UTF-8 text (byte {})", error.utf8_error().valid_up_to() + 1)
        })
    }
}

/// The parts of a path that stays near: `..` at most once and in front.
fn parts(path: &str) -> Result<Vec<&str>, String> {
    if path.starts_with('/') || path.contains(['\\', ':', '\0']) {
        return Err(format!(
            "{} is not a path from the playbook's folder, with `/` between its parts",
            path.escape_debug()
        ));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let up = parts.iter().take_while(|part| **part == "..").count();
    if up > 1 {
        return Err(format!("{path} leads out: a playbook reaches its own folder and those beside it"));
    }
    if parts.iter().skip(up).any(|part| matches!(*part, "" | "." | "..")) || parts.len() == up {
        return Err(format!("{path} is not a plain path: `..` only in front, no `.` and no empty part"));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook::Files as _;

    fn world() -> (tempfile::TempDir, Folder) {
        let world = tempfile::tempdir().unwrap();
        let all = world.path().join("all");
        std::fs::create_dir_all(all.join("one/parts")).unwrap();
        std::fs::create_dir_all(all.join("two")).unwrap();
        std::fs::write(all.join("one/parts/a.txt"), "a").unwrap();
        std::fs::write(all.join("two/playbook.yaml"), "b").unwrap();
        std::fs::write(world.path().join("outside.txt"), "no").unwrap();
        let folder = Folder::of(&all.join("one/playbook.yaml"));
        (world, folder)
    }

    #[test]
    fn files_inside_and_beside_are_read() {
        let (_world, folder) = world();
        assert_eq!(folder.read("parts/a.txt").as_deref(), Ok("a"));
        assert_eq!(folder.read("../two/playbook.yaml").as_deref(), Ok("b"));
    }

    #[test]
    fn paths_that_lead_away_are_refused() {
        let (world, folder) = world();
        let absolute = world.path().join("outside.txt").display().to_string();
        for path in [
            absolute.as_str(),
            "../../outside.txt",
            "parts/../../../outside.txt",
            "../one/../../outside.txt",
            "..",
            "",
            ".",
            "./a",
            "a//b",
            "C:/x",
            "a\\b",
        ] {
            let said = folder.read(path).unwrap_err();
            assert!(said.contains("path") || said.contains("leads out"), "{path}: {said}");
        }
    }

    #[test]
    fn what_is_no_text_file_is_refused() {
        let (world, folder) = world();
        let one = world.path().join("all/one");
        std::fs::write(one.join("large"), vec![b'x'; playbook::MAX_BYTES + 1]).unwrap();
        std::fs::write(one.join("latin1"), b"caf\xe9").unwrap();
        assert!(folder.read("large").unwrap_err().contains("larger than 1 MiB"));
        assert!(folder.read("latin1").unwrap_err().contains("(byte 4)"));
        assert!(folder.read("parts").unwrap_err().contains("not a file"));
        assert!(folder.read("none").unwrap_err().contains("there is no file none"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_only_inside() {
        let (world, folder) = world();
        let one = world.path().join("all/one");
        std::os::unix::fs::symlink("../two/playbook.yaml", one.join("near")).unwrap();
        std::os::unix::fs::symlink(world.path().join("outside.txt"), one.join("far")).unwrap();
        assert_eq!(folder.read("near").as_deref(), Ok("b"));
        assert!(folder.read("far").unwrap_err().contains("leads away"));
    }
}
