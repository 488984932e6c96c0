//! The plugins that come with Portcullis, built by this crate's build script and kept inside the binary.

use crate::error::LoadError;
use crate::manifest::Manifest;
use crate::package::Package;

/// One plugin of `plugins/`: the texts of `plugin.toml` and `describe.json`, and the component.
struct Embedded {
    manifest: &'static str,
    component: &'static [u8],
    digest: &'static str,
    description: Option<&'static str>,
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The plugins that come with Portcullis. Cheap: nothing is compiled or started.
///
/// # Errors
/// A manifest in this repository is wrong.
pub fn first_party() -> Result<Vec<Package>, LoadError> {
    let package = |plugin: &Embedded| {
        let package = Package::new(Manifest::parse(plugin.manifest)?, plugin.component)
            .digested(plugin.digest.parse().ok());
        Ok(match plugin.description {
            Some(description) => package.described(description),
            None => package,
        })
    };
    EMBEDDED.iter().map(package).collect()
}
