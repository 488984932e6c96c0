//! Builds the components of `plugins`, the same bytes from every checkout.
//!
//! A run goes on with the component it started with, known by its digest, so two builds of one source must not differ.
//! Two things carry the folder of a checkout into a component. Cargo derives the names of symbols from where a package
//! lies, unless that is below the workspace: so everything is staged below one folder first, the SDK included. And
//! paths of source files are in messages: so the compiler maps them to fixed ones.
//!
//! Used by the build script, and by the test that compares two checkouts. It needs nothing but the standard library.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

const TARGET: &str = "wasm32-wasip2";

/// Where the SDK lies below the stage. Its own workspace has to be around it, because its manifest inherits from that.
const SDK: &str = "portcullis/crates/plugin-sdk";

/// Folders with a `plugin.toml` below `plugins`, in order.
pub(crate) fn names(plugins: &Path) -> Vec<String> {
    let folder = fs::read_dir(plugins).unwrap_or_else(|error| panic!("{}: {error}", plugins.display()));
    let mut names: Vec<String> = folder
        .flatten()
        .filter(|entry| entry.path().join("plugin.toml").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Builds all plugins of a checkout below `target` and gives the folder with the components.
pub(crate) fn build(checkout: &Path, target: &Path) -> PathBuf {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    check_target(&rustc);
    let stage = target.join("source");
    fs::create_dir_all(&stage).unwrap_or_else(|error| panic!("{}: {error}", stage.display()));
    // Builds of two profiles may come here at once.
    let lock = File::create(target.join("lock")).and_then(|lock| lock.lock().map(|()| lock));
    let _lock = lock.unwrap_or_else(|error| panic!("{}: {error}", target.join("lock").display()));
    fill(checkout, &stage);

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&stage).args(["build", "--release", "--locked", "--target", TARGET, "--target-dir"]);
    cargo.arg(target);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(meant_for_us) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", path_flags(&rustc, target, &stage));
    let output = cargo.output().unwrap_or_else(|error| panic!("cargo does not start: {error}"));
    if !output.status.success() {
        panic!(
            "the plugins of {} do not build:\n{}",
            checkout.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    target.join(TARGET).join("release")
}

/// Copies what is built to one folder. A file that is the same stays untouched, so that cargo builds nothing anew.
fn fill(checkout: &Path, stage: &Path) {
    let plugins = checkout.join("plugins");
    let manifest = plugins.join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    let staged = text
        .replace("path = \"../crates/plugin-sdk\"", &format!("path = \"{SDK}\""))
        .replace("exclude = [", "exclude = [\"portcullis\", ");
    assert!(
        staged.contains(SDK) && staged.contains("exclude = [\"portcullis\""),
        "{} has to name `../crates/plugin-sdk` as a path, and folders in `exclude = [`",
        manifest.display()
    );
    same_text(&stage.join("Cargo.toml"), staged.as_bytes());
    mirror(&plugins.join("Cargo.lock"), &stage.join("Cargo.lock"));
    for name in names(&plugins) {
        for part in ["Cargo.toml", "src"] {
            mirror(&plugins.join(&name).join(part), &stage.join(&name).join(part));
        }
    }
    mirror(&checkout.join("Cargo.toml"), &stage.join("portcullis/Cargo.toml"));
    for part in ["Cargo.toml", "src", "wit"] {
        mirror(&checkout.join("crates/plugin-sdk").join(part), &stage.join(SDK).join(part));
    }
    // A plugin that is gone: the workspace takes every folder for a member.
    for entry in fs::read_dir(stage).into_iter().flatten().flatten() {
        let known = entry.file_name() == "portcullis" || plugins.join(entry.file_name()).exists();
        if !known && entry.path().is_dir() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes `to` the same as `from`, a file or a folder.
fn mirror(from: &Path, to: &Path) {
    if from.is_file() {
        let bytes = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        return same_text(to, &bytes);
    }
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries.flatten() {
        mirror(&entry.path(), &to.join(entry.file_name()));
    }
    for entry in fs::read_dir(to).into_iter().flatten().flatten() {
        if !from.join(entry.file_name()).exists() {
            let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
        }
    }
}

fn same_text(to: &Path, bytes: &[u8]) {
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return;
    }
    let folder = to.parent().unwrap_or(to);
    let written: io::Result<()> = fs::create_dir_all(folder).and_then(|()| fs::write(to, bytes));
    written.unwrap_or_else(|error| panic!("{}: {error}", to.display()));
}

/// What the compiler shall call the folders that differ from machine to machine. The last one that fits counts.
fn path_flags(rustc: &OsString, target: &Path, stage: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE"))?;
        Some(Path::new(&home).join(".cargo"))
    });
    let sysroot = answer(rustc, &["--print", "sysroot"]);
    let version = answer(rustc, &["-vV"]);
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
    let folders = [
        home.map(|home| (home, "/cargo".to_owned())),
        // Where the sources of the standard library are installed, its paths would be those and not these.
        Some((Path::new(sysroot.trim()).join("lib/rustlib/src/rust"), format!("/rustc/{commit}"))),
        Some((target.to_owned(), "/portcullis/target".to_owned())),
        Some((stage.to_owned(), "/portcullis/plugins".to_owned())),
    ];
    let mut flags = OsString::new();
    for (folder, name) in folders.into_iter().flatten() {
        // Where a link is on the way, either name of the folder may be the one that the compiler sees.
        let real = fs::canonicalize(&folder).ok().filter(|real| *real != folder);
        for folder in real.into_iter().chain([folder]) {
            if !flags.is_empty() {
                flags.push("\x1f");
            }
            flags.push("--remap-path-prefix=");
            flags.push(folder);
            flags.push("=");
            flags.push(&name);
        }
    }
    flags
}

/// Whether a variable says how the host's own code is built; by name or by prefix.
fn meant_for_us(name: &str) -> bool {
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
            | "CARGO_ENCODED_RUSTFLAGS"
    ) || [
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
}

fn answer(rustc: &OsString, arguments: &[&str]) -> String {
    let output = Command::new(rustc).args(arguments).output();
    output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default()
}

/// Cargo's own message for a missing target is about a missing crate `core`.
fn check_target(rustc: &OsString) {
    let folder = answer(rustc, &["--print", "target-libdir", "--target", TARGET]);
    if !Path::new(folder.trim()).is_dir() {
        panic!("plugins need the Rust target {TARGET}; add it with: rustup target add {TARGET}");
    }
}
