//! Notices when a playbook, its cases, mails or templates have changed.
//!
//! By looking at times and lengths of files a few times a second: that works on every file system, shared folders
//! and containers included, where notifications do not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(300);
/// What cases are made of. Anything else in the folders, such as a report that is written there, changes nothing.
const KINDS: [&str; 6] = ["yaml", "yml", "j2", "eml", "json", "jsonl"];
/// The most files that are looked at below one playbook.
const MOST: usize = 20_000;

type Marks = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// What the files around some playbooks looked like.
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    marks: Marks,
}

impl Watched {
    /// Looks at everything in the folders of these playbooks, and at those files beside them.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let marks = marks(&paths);
        Watched { paths, marks }
    }

    /// Ready when something has changed and then rested for a moment: an editor writes more than once.
    pub(crate) async fn changed(&mut self) -> Vec<PathBuf> {
        let mut changed: Vec<PathBuf> = Vec::new();
        loop {
            tokio::time::sleep(EVERY).await;
            let marks = marks(&self.paths);
            let fresh = differences(&self.marks, &marks);
            self.marks = marks;
            if fresh.is_empty() && !changed.is_empty() {
                return changed;
            }
            changed.extend(fresh);
        }
    }
}

fn differences(before: &Marks, after: &Marks) -> Vec<PathBuf> {
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let new = after.iter().filter(|(path, mark)| before.get(*path) != Some(mark)).map(|(path, _)| path);
    gone.chain(new).cloned().collect()
}

fn marks(paths: &[PathBuf]) -> Marks {
    let mut marks = Marks::new();
    for path in paths {
        look(path, &mut marks);
    }
    marks
}

fn look(path: &Path, marks: &mut Marks) {
    if marks.len() >= MOST {
        return;
    }
    let Ok(meta) = std::fs::metadata(path) else { return };
    if !meta.is_dir() {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if KINDS.contains(&kind) {
            marks.insert(path.to_owned(), (meta.modified().ok(), meta.len()));
        }
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        // A link to a folder above would lead around in a circle.
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            look(&entry.path(), marks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_new_a_gone_or_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("same.yaml"), "a").unwrap();
        std::fs::write(file("longer.j2"), "a").unwrap();
        std::fs::write(file("gone.eml"), "a").unwrap();
        let paths = [folder.path().to_owned()];
        let before = marks(&paths);
        assert_eq!(differences(&before, &marks(&paths)), Vec::<PathBuf>::new());
        std::fs::write(file("longer.j2"), "ab").unwrap();
        std::fs::write(file("new.jsonl"), "a").unwrap();
        std::fs::write(file("report.xml"), "a").unwrap();
        std::fs::remove_file(file("gone.eml")).unwrap();
        let mut changed = differences(&before, &marks(&paths));
        changed.sort();
        assert_eq!(changed, [file("gone.eml"), file("longer.j2"), file("new.jsonl")]);
    }
}
