//! Bytes in a folder: whole or not there, removed only when nobody may be about to speak of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use action_api::{ArtifactError, Artifacts};
use plan::Digest;
use portcullis_engine::FolderArtifacts;

fn put(store: &FolderArtifacts, bytes: &str) -> Digest {
    store.put("text/plain", &mut bytes.as_bytes()).unwrap().artifact
}

fn read(store: &FolderArtifacts, digest: &Digest) -> String {
    let mut text = String::new();
    store.open(digest).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
        }
    }
    files
}

#[test]
fn the_same_bytes_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderArtifacts::new(folder.path().join("deep/artifacts"));
    let (one, other) = (put(&store, "mail"), put(&store, "mail"));
    assert_eq!(one, other);
    assert_eq!(read(&store, &one), "mail");
    assert_eq!(files(folder.path()), [one.hex()]);
}

#[test]
fn what_was_put_a_moment_ago_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderArtifacts::new(folder.path());
    let digest = put(&store, "mail");
    assert_eq!(store.remove(&digest).unwrap(), None, "a run may be about to speak of it");
    assert_eq!(read(&store, &digest), "mail");
    // Whoever opens the folder next has put nothing there yet.
    let next = FolderArtifacts::new(folder.path());
    assert_eq!(next.remove(&digest).unwrap(), Some(4));
    assert_eq!(next.remove(&digest).unwrap(), None);
    assert!(matches!(next.open(&digest), Err(ArtifactError::NotFound(_))));
    assert_eq!(put(&next, "mail"), digest);
    assert_eq!(next.remove(&digest).unwrap(), None, "and now it has");
    assert_eq!(read(&next, &digest), "mail");
}

#[test]
fn what_others_left_half_written_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = FolderArtifacts::new(folder.path());
    assert_eq!(FolderArtifacts::new(folder.path().join("nowhere")).sweep().unwrap(), 0);
    let kept = put(&store, "mail");
    let left = |name: &str, hours: u64| {
        let file = folder.path().join(name);
        fs::write(&file, "half").unwrap();
        let then = SystemTime::now() - Duration::from_secs(hours * 3_600);
        File::options().write(true).open(&file).unwrap().set_modified(then).unwrap();
    };
    left("part-1-2-3", 2);
    left("part-9-0", 30);
    left("part-4-5-6", 0);
    left("another", 30);
    assert_eq!(store.sweep().unwrap(), 8);
    let mut names = files(folder.path());
    names.sort();
    let mut wanted = ["another".to_owned(), kept.hex(), "part-4-5-6".to_owned()];
    wanted.sort();
    assert_eq!(names, wanted);
}

#[test]
fn a_reader_that_fails_leaves_nothing() {
    struct Fails(u32);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => Ok(buffer.len()),
                _ => Err(io::Error::other("the line went dead")),
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = FolderArtifacts::new(folder.path());
    assert!(store.put("text/plain", &mut Fails(0)).is_err());
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

#[test]
fn a_failure_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let store = FolderArtifacts::new(file.join("artifacts"));
    let Err(ArtifactError::Io(error)) = store.put("text/plain", &mut "mail".as_bytes()) else { panic!() };
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}
