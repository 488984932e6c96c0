//! Builds the plugins of this repository, so that `cargo build` alone gives a working binary.
//!
//! The plugins are a workspace of their own for another target, so another cargo builds them. It must not inherit what
//! this one was told: flags for the host's target, clippy as the compiler, coverage. Its output is shared by all
//! profiles, because a plugin is always a release build.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::expect_used,
    reason = "a build script may start cargo, and fails by panicking"
)]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

const TARGET: &str = "wasm32-wasip2";

/// Only for tests, so not in the binary.
const TEST_PLUGIN: &str = "hostile";

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let plugins = here.join("../../plugins");
    let sdk = here.join("../plugin-sdk");
    let names = plugin_names(&plugins);

    watch(&plugins, &sdk, &names);
    let built = build(&plugins, &target_folder(&out));

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

fn plugin_names(plugins: &Path) -> Vec<String> {
    let folder = fs::read_dir(plugins).unwrap_or_else(|error| panic!("{}: {error}", plugins.display()));
    let mut names: Vec<String> = folder
        .flatten()
        .filter(|entry| entry.path().join("plugin.toml").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Not the folder `plugins` as a whole: it may hold a `target` folder. A new plugin shows in the lock file.
fn watch(plugins: &Path, sdk: &Path, names: &[String]) {
    let mut paths: Vec<PathBuf> =
        ["Cargo.toml", "Cargo.lock", ".cargo"].iter().map(|name| plugins.join(name)).collect();
    paths.extend(["Cargo.toml", "src", "wit"].iter().map(|name| sdk.join(name)));
    for name in names {
        paths.extend(
            ["Cargo.toml", "plugin.toml", "describe.json", "src"]
                .iter()
                .map(|file| plugins.join(name).join(file)),
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

fn build(plugins: &Path, target: &Path) -> PathBuf {
    check_target();
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.current_dir(plugins).args(["build", "--release", "--target", TARGET, "--target-dir"]).arg(target);
    if plugins.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    // What was meant for the host's build, by name or by prefix.
    let meant_for_us = |name: &str| {
        matches!(
            name,
            "RUSTFLAGS"
                | "RUSTC_WORKSPACE_WRAPPER"
                | "CLIPPY_ARGS"
                | "CLIPPY_CONF_DIR"
                | "TARGET"
                | "HOST"
                | "PROFILE"
                | "OPT_LEVEL"
                | "DEBUG"
                | "OUT_DIR"
                | "NUM_JOBS"
        ) || name == "CARGO_ENCODED_RUSTFLAGS"
            || [
                "CARGO_PKG_",
                "CARGO_CFG_",
                "CARGO_FEATURE_",
                "CARGO_BUILD_",
                "CARGO_TARGET_",
                "CARGO_PROFILE_",
                "CARGO_MANIFEST_",
                "DEP_",
                "LLVM_PROFILE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(meant_for_us) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap_or_else(|error| panic!("cargo does not start: {error}"));
    if !output.status.success() {
        panic!(
            "the plugins in {} do not build:\n{}",
            plugins.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    target.join(TARGET).join("release")
}

/// Cargo's own message for a missing target is about a missing crate `core`.
fn check_target() {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if !Path::new(folder.trim()).is_dir() {
        panic!("plugins need the Rust target {TARGET}; add it with: rustup target add {TARGET}");
    }
}
