//! `portcullis.lock`: which plugins from elsewhere there are, down to the bytes.
//!
//! A plugin is added once: looked at, described in a sandbox with nothing granted, and written down here with the
//! digests of its files. From then on a run uses exactly these bytes and this description, or refuses. The file is
//! TOML, sorted by name, so that a change of it can be reviewed like any other.
//!
//! Left out: where plugins can be fetched from. The source is a folder, as a path from the lock file's own folder.

use std::path::Path;

use action_api::plan::Digest;
use action_api::{PluginFacts, PluginStanding};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::LoadError;
use crate::manifest::{ManifestError, is_name_part};
use crate::package::Package;

/// The name of the file.
pub const LOCK_FILE: &str = "portcullis.lock";
/// The format that this version reads and writes.
const FORMAT: u32 = 1;
/// The largest lock file that is read.
const MOST_BYTES: usize = 4 << 20;

/// Every plugin from elsewhere that may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    plugins: Vec<Locked>,
}

/// One locked plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// What stands before the dot of its actions.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Its folder, from the folder of the lock file.
    pub source: String,
    /// SHA-256 of its component.
    pub component: Digest,
    /// SHA-256 of its `plugin.toml`.
    pub manifest: Digest,
    /// What it answered when it was asked to describe itself, as JSON.
    pub description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lock: u32,
    #[serde(default, rename = "plugin", skip_serializing_if = "Vec::is_empty")]
    plugins: Vec<Locked>,
}

impl Lock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Says what is wrong; a file of a later format is not guessed at.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let damaged = |why: String| LoadError::Lock(why);
        if text.len() > MOST_BYTES {
            return Err(damaged(format!("it has more than {} MiB", MOST_BYTES >> 20)));
        }
        let file: File =
            toml::from_str(text).map_err(|error| damaged(error.to_string().trim_end().to_owned()))?;
        if file.lock != FORMAT {
            return Err(damaged(format!("it has format {}, this version reads {FORMAT}", file.lock)));
        }
        let mut lock = Lock::default();
        for plugin in file.plugins {
            if !is_name_part(&plugin.name) {
                return Err(damaged(format!("`{}` is no name of a plugin", plugin.name.escape_debug())));
            }
            if lock.get(&plugin.name).is_some() {
                return Err(damaged(format!("`{}` stands twice", plugin.name)));
            }
            lock.put(plugin);
        }
        Ok(lock)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// A plugin holds what TOML cannot write.
    pub fn to_text(&self) -> Result<String, LoadError> {
        let file = File { lock: FORMAT, plugins: self.plugins.clone() };
        let text = toml::to_string(&file).map_err(|error| LoadError::Lock(error.to_string()))?;
        Ok(format!(
            "# Which plugins may be called, down to the bytes. Written by `portcullis plugin add`.\n{text}"
        ))
    }

    /// Every plugin, by name.
    pub fn plugins(&self) -> &[Locked] {
        &self.plugins
    }

    /// The plugin of this name.
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Adds a plugin, in place of the one of the same name.
    pub fn put(&mut self, plugin: Locked) {
        self.plugins.retain(|other| other.name != plugin.name);
        let at = self.plugins.partition_point(|other| other.name < plugin.name);
        self.plugins.insert(at, plugin);
    }
}

impl Locked {
    /// What is to be written down of a plugin that was looked at and described itself.
    pub fn of(package: &Package, source: &str, description: &str) -> Self {
        Locked {
            name: package.manifest().short_name().to_owned(),
            version: package.manifest().version.clone(),
            source: source.to_owned(),
            component: digest(package.component()),
            manifest: digest(package.manifest_text().as_bytes()),
            description: description.to_owned(),
        }
    }

    /// Opens the locked files below the lock file's folder and compares them with what was locked.
    ///
    /// # Errors
    /// The plugin cannot be called, and why.
    pub fn open(&self, base: &Path) -> Result<Package, PluginFacts> {
        let refuse =
            |standing| Err(PluginFacts { name: self.name.clone(), version: self.version.clone(), standing });
        let package = match Package::open(&base.join(&self.source)) {
            Ok(package) => package,
            Err(error @ LoadError::File { .. }) => {
                return refuse(PluginStanding::Changed { what: error.to_string() });
            }
            Err(LoadError::Manifest(error @ ManifestError::Value { key: "interface", .. })) => {
                return refuse(PluginStanding::Unusable { what: error.to_string() });
            }
            // A manifest that cannot be read is not the one that was.
            Err(error) => return refuse(PluginStanding::Changed { what: error.to_string() }),
        };
        let rights = &package.manifest().rights;
        if !rights.is_empty() {
            return refuse(PluginStanding::Rights { asks: rights.clone() });
        }
        let files = [
            (digest(package.component()), self.component, package.manifest().component.as_str()),
            (digest(package.manifest_text().as_bytes()), self.manifest, "plugin.toml"),
        ];
        for (found, locked, file) in files {
            if found != locked {
                let what = format!("{}/{file} has changed since it was locked", self.source);
                return refuse(PluginStanding::Changed { what });
            }
        }
        Ok(package.described(self.description.clone()))
    }
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "manifest = 1\nname = \"acme/scan\"\nversion = \"1.2.0\"\ninterface = \"portcullis:plugin@1.0\"\ncomponent = \"scan.wasm\"\n";

    fn folder(manifest: &str, component: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scan")).unwrap();
        std::fs::write(folder.path().join("scan/plugin.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("scan/scan.wasm"), component).unwrap();
        folder
    }

    fn locked(folder: &Path) -> Locked {
        let package = Package::open(&folder.join("scan")).unwrap();
        Locked::of(&package, "scan", "{\"odd\": \"'''\\\"\\n\"}")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let place = folder(MANIFEST, b"\0asm");
        let mut lock = Lock::default();
        lock.put(locked(place.path()));
        lock.put(Locked { name: "a".to_owned(), ..locked(place.path()) });
        lock.put(locked(place.path()));
        assert_eq!(lock.plugins().len(), 2);
        assert_eq!(Lock::parse(&lock.to_text().unwrap()).unwrap(), lock);
    }

    #[test]
    fn a_changed_file_is_not_opened() {
        let place = folder(MANIFEST, b"\0asm");
        let locked = locked(place.path());
        assert!(locked.open(place.path()).is_ok());
        let standing = |manifest: &str, component: &[u8]| {
            locked.open(folder(manifest, component).path()).unwrap_err().standing
        };
        let changed = |standing| matches!(standing, PluginStanding::Changed { .. });
        assert!(changed(standing(MANIFEST, b"\0asn")));
        assert!(changed(standing(&MANIFEST.replace("1.2.0", "1.2.1"), b"\0asm")));
        assert!(changed(standing("nonsense", b"\0asm")));
        assert!(changed(locked.open(&place.path().join("nowhere")).unwrap_err().standing));
        let asks = format!("{MANIFEST}[capability]\nenv = [\"HOME\"]\n");
        assert_eq!(standing(&asks, b"\0asm"), PluginStanding::Rights { asks: vec!["env".to_owned()] });
        let old = MANIFEST.replace("plugin@1.0", "plugin@2.0");
        assert!(matches!(standing(&old, b"\0asm"), PluginStanding::Unusable { .. }));
    }

    #[test]
    fn damaged_lock_files_are_refused() {
        let place = folder(MANIFEST, b"\0asm");
        let mut lock = Lock::default();
        lock.put(locked(place.path()));
        let text = lock.to_text().unwrap();
        let twice = format!("{text}{}", text.split_once("\n\n").map_or("", |(_, plugin)| plugin));
        for bad in [
            "lock = 2",
            "",
            "lock = 1\nother = 1",
            &twice,
            &text.replace("\"scan\"", "\"../x\""),
            &text.replace("sha256:", "sha1:"),
        ] {
            assert!(matches!(Lock::parse(bad), Err(LoadError::Lock(_))), "{bad}");
        }
    }
}
