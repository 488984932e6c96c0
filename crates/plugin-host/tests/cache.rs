//! Compiled code is machine code: what does not verify is never run.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_plugin_host::{CacheDirs, Loaded, Manifest, Package, Plugin, PluginHost};
use support::MANIFEST;
use support::wat::{ANSWER, Wat};

/// A small component, because compiling the hostile plugin again and again takes a debug build minutes. Its one action
/// answers `{}`.
fn small() -> Vec<u8> {
    Wat { invoke: ANSWER, ..Wat::default() }.bytes()
}

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Place {
            root: tempfile::Builder::new()
                .prefix("plugin-cache")
                .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
                .unwrap(),
        }
    }

    fn dirs(&self) -> CacheDirs {
        CacheDirs { cache: self.root.path().join("cache"), state: self.root.path().join("state") }
    }

    /// A new host each time, as after a restart.
    async fn load(&self) -> (Plugin, Loaded, Option<String>) {
        let host = PluginHost::builder().cache(self.dirs()).build().unwrap();
        let package = Package::new(Manifest::parse(MANIFEST).unwrap(), small());
        let plugin = host.load(package).await.unwrap();
        let loaded = plugin.prepare().await.unwrap();
        assert_eq!(plugin.invoke("act", "{}", "{}", None).await.unwrap(), "{}");
        (plugin, loaded, host.cache_problem())
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.dirs().cache, extension, &mut found);
        found
    }
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|is| is == extension) {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn compiled_once_then_loaded() {
    let place = Place::new();
    assert_eq!(place.load().await.1, Loaded::Compiled);
    assert_eq!(place.load().await.1, Loaded::Cached);
    assert_eq!((place.files("cwasm").len(), place.files("mac").len(), place.files("tmp").len()), (1, 1, 0));
}

#[tokio::test]
async fn every_damage_is_found_and_repaired() {
    let place = Place::new();
    place.load().await;
    let code = place.files("cwasm").remove(0);
    let mac = place.files("mac").remove(0);
    let (good_code, good_mac) = (fs::read(&code).unwrap(), fs::read(&mac).unwrap());
    let mut damages: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for position in [0, 100, good_code.len() / 2, good_code.len() - 1] {
        let mut bad = good_code.clone();
        bad[position] ^= 1;
        damages.push((code.clone(), bad));
    }
    damages.push((code.clone(), good_code[..good_code.len() - 1].to_vec()));
    damages.push((code.clone(), Vec::new()));
    for position in [0, 31] {
        let mut bad = good_mac.clone();
        bad[position] ^= 0x80;
        damages.push((mac.clone(), bad));
    }
    damages.push((mac.clone(), good_mac[..16].to_vec()));
    damages.push((mac.clone(), Vec::new()));
    for (path, bad) in damages {
        fs::write(&path, &bad).unwrap();
        assert_eq!(place.load().await.1, Loaded::Rejected, "{}", path.display());
        assert_eq!(place.load().await.1, Loaded::Cached, "it was not repaired");
    }
}

#[tokio::test]
async fn code_of_another_component_or_key_is_refused() {
    let place = Place::new();
    place.load().await;
    let code = place.files("cwasm").remove(0);
    // The code of another machine's cache, complete with its MAC.
    let other = Place::new();
    other.load().await;
    fs::copy(other.files("cwasm").remove(0), &code).unwrap();
    fs::copy(other.files("mac").remove(0), code.with_extension("mac")).unwrap();
    assert_eq!(place.load().await.1, Loaded::Rejected);
    // A lost key.
    fs::remove_file(place.dirs().state.join("plugin-cache.key")).unwrap();
    assert_eq!(place.load().await.1, Loaded::Rejected);
    assert_eq!(place.load().await.1, Loaded::Cached);
    // A key cut short.
    fs::write(place.dirs().state.join("plugin-cache.key"), b"short").unwrap();
    assert_eq!(place.load().await.1, Loaded::Rejected);
    assert_eq!(place.load().await.1, Loaded::Cached);
}

#[tokio::test]
async fn what_other_engines_left_is_dropped() {
    let place = Place::new();
    place.load().await;
    let old = place.dirs().cache.join("native/1.0.0-of-another-engine");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("x.cwasm"), b"old").unwrap();
    place.load().await;
    assert!(!old.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn folders_and_keys_that_others_could_write_are_not_used() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let place = Place::new();
    let (_, _, problem) = place.load().await;
    assert_eq!(problem, None);
    let CacheDirs { cache, state } = place.dirs();
    let key = state.join("plugin-cache.key");
    for (path, good, bad) in [
        (&cache, 0o700, 0o777),
        (&cache.join("native"), 0o700, 0o750),
        (&state, 0o700, 0o770),
        (&key, 0o600, 0o644),
    ] {
        mode(path, bad);
        let (_, loaded, problem) = place.load().await;
        assert_eq!(loaded, Loaded::Compiled, "{}", path.display());
        assert!(problem.unwrap().contains("0700"), "{}", path.display());
        mode(path, good);
        assert_eq!(place.load().await.1, Loaded::Cached);
    }
    // A link in place of our folder.
    let aside = place.root.path().join("aside");
    fs::rename(&cache, &aside).unwrap();
    symlink(&aside, &cache).unwrap();
    assert!(place.load().await.2.is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn everything_in_it_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.load().await;
    let mut paths = vec![place.dirs().cache, place.dirs().state, place.dirs().state.join("plugin-cache.key")];
    paths.extend(place.files("cwasm"));
    paths.extend(place.files("mac"));
    for path in paths {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_at_once_compile_once() {
    // Separate hosts stand for separate processes: they share nothing but the folders.
    let place = std::sync::Arc::new(Place::new());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let place = std::sync::Arc::clone(&place);
            tokio::spawn(async move { place.load().await.1 })
        })
        .collect();
    let mut compiled = 0;
    for task in tasks {
        compiled += usize::from(task.await.unwrap() == Loaded::Compiled);
    }
    assert_eq!(compiled, 1);
}
