//! Artifacts on a disk that fails at every call, and on one that loses what was not synced: what was acknowledged is
//! there, and what is there is whole.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

#[path = "../../journal-sqlite/tests/disk/mod.rs"]
mod disk;

use std::fs;
use std::io::Read;
use std::path::Path;

use action_api::{ArtifactError, Artifacts};
use disk::{Acks, Change, FOLDER};
use plan::Digest;
use portcullis_engine::FolderArtifacts;
use sha2::{Digest as _, Sha256};

/// What is put, one after the other.
fn contents() -> [Vec<u8>; 4] {
    // The last lies where the first does.
    [b"mail".to_vec(), vec![b'x'; 200_000], b"another".to_vec(), b"mail".to_vec()]
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// The process under the shim.
fn put_some(folder: &Path) {
    let mut acks = Acks::of(folder);
    let store = FolderArtifacts::new(folder.join("deep/artifacts"));
    for (number, bytes) in contents().iter().enumerate() {
        match store.put("message/rfc822", &mut bytes.as_slice()) {
            Ok(artifact) => {
                assert_eq!(artifact.artifact, digest(bytes));
                acks.say(&format!("ack {number}"));
            }
            Err(ArtifactError::Io(error)) => acks.say(&format!("error: {error}")),
            Err(error) => acks.say(&format!("error without a file: {error}")),
        }
    }
}

/// Everything acknowledged can be read, and no file lies under a name that is not its content's.
fn check(what: &str, folder: &Path, said: &[&str]) {
    let place = folder.join("deep/artifacts");
    let store = FolderArtifacts::new(&place);
    for (number, bytes) in contents().iter().enumerate() {
        if said.contains(&format!("ack {number}").as_str()) {
            let mut read = Vec::new();
            let kept = store.open(&digest(bytes)).unwrap_or_else(|error| panic!("{what}: {number}: {error}"));
            kept.take(1 << 20).read_to_end(&mut read).unwrap();
            assert!(read == *bytes, "{what}: {number} has other bytes");
        }
    }
    let Ok(folders) = fs::read_dir(&place) else { return };
    for folder in folders.map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap();
            assert_eq!(name, digest(&fs::read(file.path()).unwrap()).hex(), "{what}");
        }
    }
}

#[test]
fn every_call_fails() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return put_some(Path::new(&folder));
    }
    let place = disk::scratch();
    let library = disk::build(place.path());
    let errors =
        [("EIO", 1), ("EIO", 1_000_000), ("ENOSPC", 1), ("EINTR", 1), ("EMFILE", 1), ("SHORT", 1_000_000)];
    for (error, times) in errors {
        let mut nth = 1;
        loop {
            let folder = place.path().join(format!("{error}-{times}-{nth}"));
            let fault = format!("{nth} {error} {times}");
            let done = disk::start(&library, "every_call_fails", &folder, &[("SHIM_FAIL", &fault)]);
            let said: Vec<&str> = done.said.iter().map(String::as_str).collect();
            for line in said.iter().filter(|line| line.starts_with("error")) {
                assert!(line.contains(folder.to_str().unwrap()), "{fault}: {line}");
            }
            check(&fault, &folder, &said);
            fs::remove_dir_all(&folder).unwrap();
            if done.calls < nth {
                assert_eq!(said.len(), contents().len(), "{said:?}");
                assert!(said.iter().all(|line| line.starts_with("ack")), "{said:?}");
                break;
            }
            nth += 1;
        }
        println!("{error}, {times} times: {nth} processes");
    }
}

#[test]
fn power_is_cut_after_every_change() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return put_some(Path::new(&folder));
    }
    let place = disk::scratch();
    let library = disk::build(place.path());
    let (folder, trace) = (place.path().join("data"), place.path().join("trace"));
    let settings = [("SHIM_TRACE", trace.to_str().unwrap())];
    let done = disk::start(&library, "power_is_cut_after_every_change", &folder, &settings);
    assert_eq!(done.said.len(), contents().len(), "{:?}", done.said);
    let changes = disk::trace(&trace, &folder);
    let copy = place.path().join("copy");
    let cases = disk::every_power_cut(&changes, &copy, 8, |what, _, before| {
        let said: Vec<&str> = before
            .iter()
            .filter_map(|change| match change {
                Change::Said(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        check(what, &copy, &said);
    });
    println!("{} changes, {cases} power cuts", changes.len());
    assert!(changes.len() > 20 && cases > 100);
}
