//! Builds the plugins of this repository, so that `cargo build` alone gives a working binary.
//!
//! The plugins are a workspace of their own for another target, so another cargo builds them; `build/components.rs`
//! says how. It must not inherit what this one was told: flags for the host's target, clippy as the compiler, coverage.
//! Its output is shared by all profiles, because a plugin is always a release build.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::expect_used,
    reason = "a build script may start cargo, and fails by panicking"
)]

#[path = "build/components.rs"]
mod components;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Only for tests, so not in the binary.
const TEST_PLUGIN: &str = "hostile";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let checkout = here.join("../..");
    let plugins = checkout.join("plugins");
    let names = components::names(&plugins);

    watch(&checkout, &names);
    let built = components::build(&checkout, &target_folder(&out));

    let mut code = String::from("const EMBEDDED: &[Embedded] = &[\n");
    for name in &names {
        let wasm = built.join(format!("{}.wasm", name.replace('-', "_")));
        let kept = out.join(format!("{name}.wasm"));
        fs::copy(&wasm, &kept).unwrap_or_else(|error| panic!("{}: {error}", wasm.display()));
        if name == TEST_PLUGIN {
            println!("cargo::rustc-env=PORTCULLIS_HOSTILE_PLUGIN={}", kept.display());
            continue;
        }
        let folder = plugins.join(name);
        let describe = folder.join("describe.json");
        let description =
            if describe.exists() { format!("Some(include_str!({describe:?}))") } else { "None".to_owned() };
        let manifest = folder.join("plugin.toml");
        let bytes = fs::read(&kept).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
        let digest = format!("sha256:{:x}", Sha256::digest(&bytes));
        let _ = writeln!(
            code,
            "Embedded {{ manifest: include_str!({manifest:?}), component: include_bytes!({kept:?}), digest: {digest:?}, description: {description} }},"
        );
    }
    code.push_str("];\n");
    fs::write(out.join("embedded.rs"), code).expect("OUT_DIR can be written to");
}

/// Not the folder `plugins` as a whole: it may hold a `target` folder. A new plugin shows in the lock file.
fn watch(checkout: &Path, names: &[String]) {
    let mut paths: Vec<PathBuf> = [
        "plugins/Cargo.toml",
        "plugins/Cargo.lock",
        "crates/plugin-sdk/Cargo.toml",
        "crates/plugin-sdk/src",
        "crates/plugin-sdk/wit",
        "crates/plugin-host/build.rs",
        "crates/plugin-host/build",
    ]
    .iter()
    .map(|path| checkout.join(path))
    .collect();
    for name in names {
        let folder = checkout.join("plugins").join(name);
        paths.extend(
            ["Cargo.toml", "plugin.toml", "describe.json", "src"].iter().map(|file| folder.join(file)),
        );
    }
    // A path that is not there counts as changed, and everything would be built again each time.
    for path in paths.iter().filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// `<target>/plugins`, from `<target>/<profile>/build/<package>/out`.
fn target_folder(out: &Path) -> PathBuf {
    out.ancestors().nth(4).unwrap_or(out).join("plugins")
}
