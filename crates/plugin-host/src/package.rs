//! A plugin before it is loaded: manifest, component, and the description if it is known already.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use action_api::plan::Digest;
use sha2::{Digest as _, Sha256};

use crate::error::LoadError;
use crate::limits;
use crate::manifest::Manifest;

/// A plugin's files.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) manifest: Manifest,
    manifest_text: String,
    pub(crate) component: Cow<'static, [u8]>,
    /// Of the component, if it is known.
    digest: Option<Digest>,
    pub(crate) description: Option<Cow<'static, str>>,
}

impl Package {
    /// From a manifest and the component's bytes.
    pub fn new(manifest: Manifest, component: impl Into<Cow<'static, [u8]>>) -> Self {
        Package {
            manifest,
            manifest_text: String::new(),
            component: component.into(),
            digest: None,
            description: None,
        }
    }

    /// With the answer that the plugin's `describe` is known to give, so that it need not be asked: the sandbox is
    /// then not started before an action is called.
    #[must_use]
    pub fn described(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With the digest that the component is known to have: computing it costs milliseconds at every start.
    pub(crate) fn digested(mut self, digest: Option<Digest>) -> Self {
        self.digest = digest;
        self
    }

    /// Whether it comes with Portcullis: its digest and description were written down when it was built.
    pub(crate) fn is_built_in(&self) -> bool {
        self.digest.is_some()
    }

    /// SHA-256 of the component.
    pub(crate) fn digest(&self) -> Digest {
        self.digest.unwrap_or_else(|| Digest::new(Sha256::digest(&self.component).into()))
    }

    /// From a folder with `plugin.toml` and the component it names.
    ///
    /// # Errors
    /// A file is missing, too large, or the manifest is wrong.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let manifest = read(&folder.join("plugin.toml"), 64 << 10)?;
        let text = String::from_utf8_lossy(&manifest).into_owned();
        let manifest = Manifest::parse(&text)?;
        let component = read(&folder.join(&manifest.component), limits::COMPONENT)?;
        Ok(Package { manifest_text: text, ..Package::new(manifest, component) })
    }

    /// The text of its `plugin.toml`, if it was read from one.
    pub fn manifest_text(&self) -> &str {
        &self.manifest_text
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The component's bytes.
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// What `describe` is known to answer.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

/// Never more than one byte over the limit, whatever the file's length claims to be.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, LoadError> {
    let failed = |error: std::io::Error| LoadError::File {
        path: path.display().to_string(),
        cause: error.to_string(),
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(LoadError::TooLarge { size: usize::try_from(size).unwrap_or(usize::MAX), limit });
    }
    Ok(bytes)
}
