//! Plugins built from a checkout in another folder are the ones in this build, byte by byte: a run that began under
//! one build of a version goes on under another.
//!
//! Building all plugins from nothing takes a minute of processor time, so this happens where
//! `PORTCULLIS_REBUILD_PLUGINS` is set, as `.ci/plugins` does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "test code, which starts cargo"
)]

#[path = "../build/components.rs"]
mod components;

use std::fs;
use std::path::Path;

use portcullis_plugin_host::first_party;

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap().flatten() {
        if entry.file_name() != "target" {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

#[test]
fn another_checkout_builds_the_same_components() {
    if std::env::var_os("PORTCULLIS_REBUILD_PLUGINS").is_none() {
        println!("PORTCULLIS_REBUILD_PLUGINS is not set: the plugins are not built a second time");
        return;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let elsewhere = tempfile::tempdir().unwrap();
    let checkout = elsewhere.path().join("another checkout");
    for part in ["Cargo.toml", "plugins", "crates/plugin-sdk"] {
        copy(&here.join(part), &checkout.join(part));
    }
    let built = components::build(&checkout, &elsewhere.path().join("another target"));
    for package in first_party().unwrap() {
        let name = package.manifest().short_name().to_owned();
        let again = fs::read(built.join(format!("{}.wasm", name.replace('-', "_")))).unwrap();
        assert!(
            again == package.component(),
            "{name} differs: {} bytes here, {} bytes from {}",
            package.component().len(),
            again.len(),
            checkout.display()
        );
    }
}
