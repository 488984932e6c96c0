//! A disk that fails, and one that loses what was not synced: what stands between a program and its files for a test.
//!
//! `shim.c` does the standing. A program under it is the test itself, started again with one test and an
//! environment variable that names its folder. What it says, above all what was acknowledged to it, it appends
//! to a file that never fails, so that acknowledgements have their place among the writes.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set for the program under the shim.
pub(crate) const FOLDER: &str = "PORTCULLIS_TEST_DISK_FOLDER";

/// The shim, built into a folder.
pub(crate) fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../journal-sqlite/tests/disk/shim.c");
    let library = folder.join("shim.so");
    #[expect(clippy::disallowed_methods, reason = "the shim is C")]
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .status()
        .expect("a C compiler called `cc`");
    assert!(status.success());
    library
}

/// Where a folder lies in memory, where there is such a place: thousands of files are synced.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// What a program under the shim says, into the file beside its folder.
pub(crate) struct Acks(File);

impl Acks {
    pub(crate) fn of(folder: &Path) -> Acks {
        let path = acks(folder);
        Acks(File::options().append(true).create(true).open(path).unwrap())
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.0.write_all(format!("{text}\n").as_bytes()).unwrap();
    }
}

fn acks(folder: &Path) -> PathBuf {
    folder.with_extension("acks")
}

/// One start of the program: what it said, how many of its calls could have failed.
pub(crate) struct Done {
    pub(crate) said: Vec<String>,
    pub(crate) calls: u64,
}

/// Starts this test again under the shim, in a folder made for it.
pub(crate) fn start(library: &Path, test: &str, folder: &Path, settings: &[(&str, &str)]) -> Done {
    fs::create_dir_all(folder).unwrap();
    let report = folder.with_extension("report");
    #[expect(clippy::disallowed_methods, reason = "a process under the shim is what is tested")]
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env("LD_PRELOAD", library)
        .env("SHIM_FOLDER", folder)
        .env("SHIM_REPORT", &report)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{settings:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let said = fs::read_to_string(acks(folder)).unwrap_or_default();
    let calls = fs::read_to_string(&report).unwrap().parse().unwrap();
    Done { said: said.lines().map(str::to_owned).collect(), calls }
}

/// Something that changed the disk, or was said between two changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Made(String),
    Folder(String),
    Wrote(String, usize, Vec<u8>),
    Cut(String, usize),
    Synced(String),
    Renamed(String, String),
    Removed(String),
    Said(String),
}

/// What the shim wrote down, with paths from the folder on.
pub(crate) fn trace(path: &Path, folder: &Path) -> Vec<Change> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut take = |count: usize| {
        let (first, others) = rest.split_at_checked(count)?;
        rest = others;
        Some(first)
    };
    let within = |path: &[u8]| {
        let path = String::from_utf8(path.to_vec()).unwrap();
        let inside = path.strip_prefix(folder.to_str().unwrap()).unwrap().trim_start_matches('/');
        inside.to_owned()
    };
    let mut changes = Vec::new();
    while let Some(kind) = take(1) {
        let length = u32::from_le_bytes(take(4).unwrap().try_into().unwrap()) as usize;
        let path = within(take(length).unwrap());
        let at = u64::from_le_bytes(take(8).unwrap().try_into().unwrap()) as usize;
        let length = u64::from_le_bytes(take(8).unwrap().try_into().unwrap()) as usize;
        let bytes = take(length).unwrap().to_vec();
        changes.push(match kind[0] {
            b'O' => Change::Made(path),
            b'D' => Change::Folder(path),
            b'W' => Change::Wrote(path, at, bytes),
            b'T' => Change::Cut(path, at),
            b'S' => Change::Synced(path),
            b'R' => Change::Renamed(path, within(&bytes)),
            b'U' => Change::Removed(path),
            b'A' => Change::Said(String::from_utf8(bytes).unwrap().trim_end().to_owned()),
            other => panic!("a change of kind {other}"),
        });
    }
    changes.retain(|change| !matches!(change, Change::Made(path) if path.starts_with(".acks")));
    changes
}

/// What a power cut takes away.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Loss {
    /// Nothing: the process alone was killed.
    Nothing,
    /// Everything that was not synced.
    Unsynced,
    /// All of the last write but so many bytes of it.
    Torn(usize),
    /// Any sectors of what was not synced, and the names from some moment on.
    Some(u64),
}

#[derive(Default)]
struct Inode {
    durable: Vec<u8>,
    /// Since the last sync: `Err` is a new length.
    pending: Vec<Result<(usize, Vec<u8>), usize>>,
}

/// Files as an operating system keeps them: what is on the disk, and what is not yet.
#[derive(Default)]
pub(crate) struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    /// Names that came (`Some`) or went, not on the disk yet.
    pending: Vec<(String, Option<usize>)>,
}

const A_FOLDER: usize = usize::MAX;
const SECTOR: usize = 512;

impl Disk {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Made(path) => {
                self.inodes.push(Inode::default());
                self.name(path, Some(self.inodes.len() - 1));
            }
            Change::Folder(path) => self.name(path, Some(A_FOLDER)),
            Change::Wrote(path, at, bytes) => {
                let inode = self.inode(path);
                inode.pending.push(Ok((*at, bytes.clone())));
            }
            Change::Cut(path, length) => self.inode(path).pending.push(Err(*length)),
            Change::Synced(path) if path.is_empty() || self.names.get(path) == Some(&A_FOLDER) => {
                let inside = |name: &str| {
                    let parent = Path::new(name).parent().unwrap().to_str().unwrap();
                    parent == path
                };
                let (now, later) =
                    std::mem::take(&mut self.pending).into_iter().partition(|(name, _)| inside(name));
                self.pending = later;
                let now: Vec<(String, Option<usize>)> = now;
                now.into_iter().for_each(|(name, inode)| put(&mut self.durable, name, inode));
            }
            Change::Synced(path) => {
                let inode = self.inode(path);
                for change in std::mem::take(&mut inode.pending) {
                    write(&mut inode.durable, &change);
                }
            }
            Change::Renamed(from, to) => {
                let inode = self.names.get(from).copied();
                self.name(from, None);
                self.name(to, inode);
            }
            Change::Removed(path) => self.name(path, None),
            Change::Said(_) => {}
        }
    }

    fn name(&mut self, path: &str, inode: Option<usize>) {
        put(&mut self.names, path.to_owned(), inode);
        self.pending.push((path.to_owned(), inode));
    }

    fn inode(&mut self, path: &str) -> &mut Inode {
        let index = self.names[path];
        &mut self.inodes[index]
    }

    /// Makes the folder what it is when the machine comes back.
    pub(crate) fn restore(&self, folder: &Path, last: &Change, loss: Loss) {
        let mut dice = match loss {
            Loss::Some(seed) => seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            _ => 0,
        };
        let mut names = match loss {
            Loss::Nothing | Loss::Torn(_) => self.names.clone(),
            Loss::Unsynced | Loss::Some(_) => self.durable.clone(),
        };
        if let Loss::Some(_) = loss {
            let kept = roll(&mut dice) as usize % (self.pending.len() + 1);
            for (name, inode) in &self.pending[..kept] {
                put(&mut names, name.clone(), *inode);
            }
        }
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        for (name, inode) in &names {
            let lost =
                |above: &Path| !above.as_os_str().is_empty() && !names.contains_key(above.to_str().unwrap());
            if Path::new(name).ancestors().skip(1).any(lost) {
                continue;
            }
            match *inode {
                A_FOLDER => fs::create_dir_all(folder.join(name)).unwrap(),
                inode => {
                    fs::write(folder.join(name), self.content(inode, name, last, loss, &mut dice)).unwrap()
                }
            }
        }
    }

    fn content(&self, inode: usize, name: &str, last: &Change, loss: Loss, dice: &mut u64) -> Vec<u8> {
        let Inode { durable, pending } = &self.inodes[inode];
        let mut content = durable.clone();
        match loss {
            Loss::Unsynced => {}
            Loss::Nothing => pending.iter().for_each(|change| write(&mut content, change)),
            Loss::Torn(bytes) => {
                let torn = matches!(last, Change::Wrote(path, ..) if path == name);
                let whole = pending.len() - usize::from(torn && !pending.is_empty());
                pending[..whole].iter().for_each(|change| write(&mut content, change));
                if let Some(Ok((at, written))) = pending.get(whole) {
                    write(&mut content, &Ok((*at, written[..bytes.min(written.len())].to_vec())));
                }
            }
            Loss::Some(_) => {
                for change in pending {
                    match change {
                        Ok((at, bytes)) => {
                            for (index, sector) in bytes.chunks(SECTOR).enumerate() {
                                if roll(dice).is_multiple_of(2) {
                                    write(&mut content, &Ok((at + index * SECTOR, sector.to_vec())));
                                }
                            }
                        }
                        cut if roll(dice).is_multiple_of(2) => write(&mut content, cut),
                        Err(_) => {}
                    }
                }
            }
        }
        content
    }
}

fn put(names: &mut BTreeMap<String, usize>, name: String, inode: Option<usize>) {
    match inode {
        Some(inode) => drop(names.insert(name, inode)),
        None => drop(names.remove(&name)),
    }
}

fn write(content: &mut Vec<u8>, change: &Result<(usize, Vec<u8>), usize>) {
    match change {
        Ok((at, bytes)) => {
            if content.len() < at + bytes.len() {
                content.resize(at + bytes.len(), 0);
            }
            content[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Err(length) => content.resize(*length, 0),
    }
}

fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *dice >> 33
}

/// Calls `each` with everything a power cut after each change may have left in `folder`.
///
/// `seeds` is how many different ways of losing a part are tried at each point.
pub(crate) fn every_power_cut(
    changes: &[Change],
    folder: &Path,
    seeds: u64,
    mut each: impl FnMut(&str, Loss, &[Change]),
) -> u64 {
    let mut disk = Disk::default();
    let mut cases = 0;
    for (index, change) in changes.iter().enumerate() {
        disk.apply(change);
        if matches!(change, Change::Said(_)) {
            continue;
        }
        let mut losses = vec![Loss::Nothing, Loss::Unsynced];
        if let Change::Wrote(_, _, bytes) = change {
            let ends = [SECTOR, 4_096, bytes.len().saturating_sub(1) / SECTOR * SECTOR];
            losses.extend(ends.into_iter().filter(|end| *end < bytes.len()).map(Loss::Torn));
        }
        losses.extend((0..seeds).map(|seed| Loss::Some(seed + index as u64 * seeds)));
        for loss in losses {
            disk.restore(folder, change, loss);
            let before = &changes[..=index];
            let what = format!("{change:?}");
            let what = what.get(..60).unwrap_or(&what);
            each(&format!("after change {index} ({what}), {loss:?} lost"), loss, before);
            cases += 1;
        }
    }
    cases
}
