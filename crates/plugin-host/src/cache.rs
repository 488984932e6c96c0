//! Compiled code on disk, so that a plugin is compiled once per machine and not once per run.
//!
//! ```text
//! <cache>/native/<engine fingerprint>/ab/ab12….cwasm  and  ab12….mac
//! <state>/plugin-cache.key
//! ```
//!
//! Compiled code has no checksum of its own, and a flipped bit in it *runs*: loading a file somebody else wrote is the
//! same as running their program. So the folders must belong to us alone, and every file carries an HMAC-SHA256 under
//! a key that is kept elsewhere, over the fingerprint, the component's digest and the code. What does not verify is
//! deleted and compiled again. wasmtime's own cache is not used because it checks nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use action_api::plan::Digest;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::engine::fingerprint;

/// Bytes of all compiled files of one engine together.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// Bytes of the key: a block of SHA-256, as HMAC likes it.
const KEY: usize = 64;

/// Where compiled code is kept, and where the key to it.
#[derive(Debug, Clone)]
pub struct CacheDirs {
    /// May be deleted at any time.
    pub cache: PathBuf,
    /// Must be a folder that nobody else can write to.
    pub state: PathBuf,
}

/// Why the cache is not used. The plugin is then compiled in memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A folder that somebody else could write to.
    #[error(
        "{path} must belong to this user and be closed to others (mode 0700); plugins are compiled each time until then"
    )]
    Unsafe {
        /// The folder or file.
        path: PathBuf,
    },
    /// The disk.
    #[error("{path}: {cause}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// How a component came to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loaded {
    /// From the cache.
    Cached,
    /// Compiled, because there was nothing in the cache.
    Compiled,
    /// Compiled, because what was in the cache did not verify. It was deleted.
    Rejected,
}

/// The opened cache of one engine.
pub(crate) struct Cache {
    folder: PathBuf,
    fingerprint: String,
    key: [u8; KEY],
    most: u64,
}

impl Cache {
    /// Makes the folders and the key where they are missing, and drops what other engines left. Keeps at most `most`
    /// bytes of code.
    pub(crate) fn open(dirs: &CacheDirs, engine: &Engine, most: u64) -> Result<Self, CacheError> {
        private_folder(&dirs.cache)?;
        private_folder(&dirs.state)?;
        let native = dirs.cache.join("native");
        private_folder(&native)?;
        let fingerprint = fingerprint(engine);
        let folder = native.join(&fingerprint);
        private_folder(&folder)?;
        drop_others(&native, &fingerprint);
        let key = key(&dirs.state.join("plugin-cache.key"))?;
        Ok(Cache { folder, fingerprint, key, most })
    }

    /// Loads the component with this digest, compiling it if need be. Only one process compiles at a time.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        digest: &Digest,
        wasm: &[u8],
    ) -> Result<(Component, Loaded), LoadFailure> {
        let path = self.path(digest);
        if let Some(component) = self.read(engine, digest, &path) {
            return Ok((component, Loaded::Cached));
        }
        let _lock = self.lock(digest);
        // Somebody else may have compiled it while we waited.
        if let Some(component) = self.read(engine, digest, &path) {
            return Ok((component, Loaded::Cached));
        }
        let how = if path.exists() { Loaded::Rejected } else { Loaded::Compiled };
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("mac"));
        let component = Component::from_binary(engine, wasm).map_err(LoadFailure)?;
        // A full disk costs time in the next run, not this run.
        if let Ok(code) = component.serialize() {
            let _ = self.write(digest, &path, &code);
        }
        Ok((component, how))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let first = hex.get(..2).unwrap_or_default();
        self.folder.join(first).join(&hex).with_extension("cwasm")
    }

    fn read(&self, engine: &Engine, digest: &Digest, path: &Path) -> Option<Component> {
        let code = fs::read(path).ok()?;
        let mac = fs::read(path.with_extension("mac")).ok()?;
        self.mac(digest, &code).verify_slice(&mac).ok()?;
        // For `make_room`, which drops what was not used for longest.
        let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
        #[expect(
            unsafe_code,
            reason = "these very bytes were verified to be what this user's own wasmtime compiled"
        )]
        // SAFETY: `deserialize` requires bytes that `Component::serialize` produced. The MAC over exactly these
        // bytes, in memory, under a key that only this user can read, says so.
        let component = unsafe { Component::deserialize(engine, &code) };
        component.ok()
    }

    fn write(&self, digest: &Digest, path: &Path, code: &[u8]) -> io::Result<()> {
        let size = code.len() as u64;
        if size > self.most {
            // It would drop everything else and still be too much.
            return Ok(());
        }
        self.make_room(size);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        // The MAC first: code without one is never looked at.
        replace(&path.with_extension("mac"), &self.mac(digest, code).finalize().into_bytes())?;
        replace(path, code)
    }

    fn mac(&self, digest: &Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&self.key).into());
        mac.update(b"portcullis compiled plugin 1\0");
        mac.update(self.fingerprint.as_bytes());
        mac.update(b"\0");
        mac.update(digest.as_bytes());
        mac.update(code);
        mac
    }

    /// Held while compiling; released when the file is closed, also by a crash.
    fn lock(&self, digest: &Digest) -> Option<File> {
        lock(&self.folder.join(format!("{}.lock", digest.hex())))
    }

    /// Drops what was not used for longest. What a crash left half written counts too, or it would stay for ever.
    fn make_room(&self, wanted: u64) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = list(&self.folder)
            .into_iter()
            .flat_map(|folder| list(&folder))
            .filter(|path| {
                path.extension().is_some_and(|extension| extension == "cwasm" || extension == "tmp")
            })
            .filter_map(|path| {
                let about = fs::metadata(&path).ok()?;
                Some((about.modified().ok()?, about.len(), path))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total.saturating_add(wanted) <= self.most {
                return;
            }
            let _ = fs::remove_file(path.with_extension("mac"));
            let _ = fs::remove_file(path);
            total -= size;
        }
    }
}

/// The component itself does not compile.
pub(crate) struct LoadFailure(pub(crate) wasmtime::Error);

/// A file system without locks costs double work, so it is no error.
fn lock(path: &Path) -> Option<File> {
    let file = private_file().create(true).truncate(false).open(path).ok()?;
    file.lock().ok()?;
    Some(file)
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().map(|entry| entry.path()).collect()
}

fn drop_others(native: &Path, ours: &str) {
    for folder in list(native) {
        if folder.file_name().is_some_and(|name| name != ours) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Nobody else's name, even where locks do not work.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut file = private_file().create_new(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// Reads the key, or makes one. Two processes that start at once must not make two, hence the lock.
fn key(path: &Path) -> Result<[u8; KEY], CacheError> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let _lock = lock(&path.with_extension("lock"));
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let failed = |cause| CacheError::Io { path: path.to_owned(), cause };
    let mut key = [0; KEY];
    getrandom::fill(&mut key).map_err(|error| failed(io::Error::other(error)))?;
    replace(path, &key).map_err(failed)?;
    Ok(key)
}

/// Nothing if there is none, or if a crash cut it short: all that costs is compiling again.
fn read_key(path: &Path) -> Result<Option<[u8; KEY]>, CacheError> {
    let failed = |cause| CacheError::Io { path: path.to_owned(), cause };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !is_private(&file.metadata().map_err(failed)?) {
        return Err(CacheError::Unsafe { path: path.to_owned() });
    }
    let mut key = [0; KEY];
    Ok(file.read_exact(&mut key).is_ok().then_some(key))
}

fn private_folder(path: &Path) -> Result<(), CacheError> {
    let failed = |cause| CacheError::Io { path: path.to_owned(), cause };
    make_folder(path).map_err(failed)?;
    // `symlink_metadata`: a link in place of our folder is somebody else's idea.
    let about = fs::symlink_metadata(path).map_err(failed)?;
    if about.is_dir() && is_private(&about) {
        Ok(())
    } else {
        Err(CacheError::Unsafe { path: path.to_owned() })
    }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(unix)]
fn is_private(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0
}

// Elsewhere a user's own folders are closed to others by what they inherit.
#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(not(unix))]
fn is_private(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Components whose code has the same size.
    fn component(number: u8) -> (Digest, Vec<u8>) {
        let text = format!("(component (core module (func (export \"f\") (result i32) i32.const {number})))");
        (Digest::new([number; 32]), wat::parse_str(text).unwrap())
    }

    struct Place {
        root: tempfile::TempDir,
        engine: Engine,
    }

    impl Place {
        fn new() -> Self {
            Place { root: tempfile::tempdir().unwrap(), engine: crate::engine::start().unwrap() }
        }

        fn cache(&self, most: u64) -> Cache {
            let dirs =
                CacheDirs { cache: self.root.path().join("cache"), state: self.root.path().join("state") };
            Cache::open(&dirs, &self.engine, most).unwrap()
        }

        fn load(&self, cache: &Cache, number: u8) -> Loaded {
            let (digest, wasm) = component(number);
            cache.load(&self.engine, &digest, &wasm).map_err(|failure| failure.0).unwrap().1
        }

        /// Bytes of code of one component.
        fn size(&self) -> u64 {
            let (_, wasm) = component(0);
            Component::from_binary(&self.engine, &wasm).unwrap().serialize().unwrap().len() as u64
        }
    }

    /// Makes a file as if it was last used so long ago.
    fn age(path: &Path, seconds: u64) {
        let then = SystemTime::now() - Duration::from_secs(seconds);
        File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
    }

    fn kept(cache: &Cache) -> Vec<u8> {
        (0..9).filter(|&number| cache.path(&component(number).0).exists()).collect()
    }

    fn macs(cache: &Cache) -> usize {
        let files = list(&cache.folder).into_iter().flat_map(|folder| list(&folder));
        files.filter(|path| path.extension().is_some_and(|extension| extension == "mac")).count()
    }

    #[test]
    fn what_was_not_used_for_longest_is_dropped() {
        let place = Place::new();
        let cache = place.cache(place.size() * 3);
        for number in [1, 2, 3] {
            assert_eq!(place.load(&cache, number), Loaded::Compiled);
            age(&cache.path(&component(number).0), 1000 - u64::from(number));
        }
        assert_eq!(kept(&cache), [1, 2, 3]);
        // The oldest is used, so the second oldest has to go.
        assert_eq!(place.load(&cache, 1), Loaded::Cached);
        assert_eq!(place.load(&cache, 4), Loaded::Compiled);
        assert_eq!((kept(&cache), macs(&cache)), (vec![1, 3, 4], 3));
        assert_eq!(place.load(&cache, 2), Loaded::Compiled);
        assert_eq!((kept(&cache), macs(&cache)), (vec![1, 2, 4], 3));
        // A smaller cap on the same folder holds from the next file on.
        assert_eq!(place.load(&place.cache(place.size()), 5), Loaded::Compiled);
        assert_eq!((kept(&cache), macs(&cache)), (vec![5], 1));
    }

    #[test]
    fn one_that_is_larger_than_the_cap_drops_no_other() {
        let place = Place::new();
        let cache = place.cache(place.size());
        place.load(&cache, 1);
        let tight = place.cache(place.size() - 1);
        for _ in 0..2 {
            assert_eq!(place.load(&tight, 2), Loaded::Compiled);
        }
        assert_eq!(kept(&cache), [1]);
    }

    #[test]
    fn what_a_crash_left_is_dropped_too() {
        let place = Place::new();
        let cache = place.cache(place.size() * 2);
        place.load(&cache, 1);
        let left = cache.path(&component(1).0).with_extension("1-0.tmp");
        fs::write(&left, vec![0; usize::try_from(place.size()).unwrap()]).unwrap();
        age(&left, 1000);
        place.load(&cache, 2);
        assert_eq!((kept(&cache), left.exists()), (vec![1, 2], false));
    }
}
