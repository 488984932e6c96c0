//! A plugin from elsewhere, as its user meets it: add, list, check, run, and every way in which it is refused.
//!
//! The plugin is a real component: one of those in the binary under another name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const NAME: &str = "ioc-foreign";
const MANIFEST: &str = "manifest = 1\nname = \"ioc-foreign\"\nversion = \"0.1.0\"\ninterface = \"portcullis:plugin@1.0\"\n\
                        component = \"plugin.wasm\"\n\n[limits]\nmemory = \"128MiB\"\ncpu = \"5s\"\nwall = \"15s\"\n";
const PLAYBOOK: &str = r#"playbook: 1
id: foreign
plugins: { ioc-foreign: { version: "0.1" } }
inputs:
  text: { type: string, maxLength: 1000 }
outputs:
  found: { type: integer, value: "${{ size(steps.find.output.urls) }}" }
steps:
  - id: find
    uses: ioc-foreign.extract
    with: { text: "${{ inputs.text }}" }
"#;

/// A component under a name that no other plugin here has: both names are equally long.
fn component() -> Vec<u8> {
    let packages = plugin_host::first_party().unwrap();
    let package = packages.iter().find(|package| package.manifest().short_name() == "ioc-extract").unwrap();
    let mut bytes = package.component().to_vec();
    let (old, new) = (b"ioc-extract", NAME.as_bytes());
    let places: Vec<usize> =
        bytes.windows(old.len()).enumerate().filter(|(_, part)| *part == old).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + new.len()].copy_from_slice(new);
    }
    bytes
}

fn portcullis(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).args(args).current_dir(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    let (out, err) = (output.stdout.clone(), output.stderr.clone());
    String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap()
}

/// A folder with a plugin that is not added yet, and a playbook that calls it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("vendor/ioc")).unwrap();
    fs::write(folder.path().join("vendor/ioc/plugin.toml"), MANIFEST).unwrap();
    fs::write(folder.path().join("vendor/ioc/plugin.wasm"), component()).unwrap();
    fs::write(folder.path().join("playbook.yaml"), PLAYBOOK).unwrap();
    folder
}

fn added() -> TempDir {
    let folder = folder();
    let added = portcullis(folder.path(), &["plugin", "add", "vendor/ioc"]);
    assert_eq!(added.status.code(), Some(0), "{}", text(&added));
    folder
}

#[test]
fn what_was_added_can_be_called() {
    let folder = folder();
    let unknown = portcullis(folder.path(), &["check", "playbook.yaml"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown).contains("P0901") && !text(&unknown).contains("P0307"), "{}", text(&unknown));

    let added = portcullis(folder.path(), &["plugin", "add", "vendor/ioc"]);
    assert_eq!(added.status.code(), Some(0), "{}", text(&added));
    assert!(text(&added).contains("ioc-foreign.extract"), "{}", text(&added));
    assert!(text(&added).contains("plugins: { ioc-foreign: { version: \"0.1.0\" } }"), "{}", text(&added));
    let lock = fs::read_to_string(folder.path().join("portcullis.lock")).unwrap();
    assert!(lock.contains("source = \"vendor/ioc\""), "{lock}");
    assert!(text(&portcullis(folder.path(), &["plugin", "add", "vendor/ioc"])).contains("already locked"));
    assert_eq!(fs::read_to_string(folder.path().join("portcullis.lock")).unwrap(), lock);

    let checked = portcullis(folder.path(), &["check", "playbook.yaml"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    // Its types are checked as those of any action.
    let wrong = PLAYBOOK.replace("urls)", "urlz)");
    fs::write(folder.path().join("wrong.yaml"), wrong).unwrap();
    assert!(text(&portcullis(folder.path(), &["check", "wrong.yaml"])).contains("`urls`"));

    let run =
        ["run", "playbook.yaml", "--json", "-i", "text=see http://one.example/ and http://two.example/"];
    let ran = portcullis(folder.path(), &run);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["status"], "succeeded");
    assert!(report["outputs"]["found"].as_u64().unwrap() >= 2, "{report}");

    let list: Value =
        serde_json::from_slice(&portcullis(folder.path(), &["plugin", "list", "--json"]).stdout).unwrap();
    let standing = |name: &str| {
        let all = list["plugins"].as_array().unwrap();
        all.iter().find(|plugin| plugin["name"] == name).unwrap()["standing"].clone()
    };
    assert_eq!((standing("eml"), standing(NAME)), ("embedded".into(), "locked".into()));
}

#[test]
fn a_plugin_that_is_not_the_locked_one_is_not_run() {
    let folder = added();
    let place = folder.path().join("vendor/ioc/plugin.wasm");
    let mut bytes = fs::read(&place).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&place, &bytes).unwrap();
    for args in [["check", "playbook.yaml"].as_slice(), &["run", "playbook.yaml", "-i", "text=x"]] {
        let output = portcullis(folder.path(), args);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("P0902"), "{}", text(&output));
    }
    let list = portcullis(folder.path(), &["plugin", "list"]);
    assert_eq!(list.status.code(), Some(1));
    assert!(text(&list).contains("vendor/ioc/plugin.wasm has changed"), "{}", text(&list));
    // The others go on.
    assert_eq!(portcullis(folder.path(), &["check", "--help"]).status.code(), Some(0));
}

#[test]
fn an_action_that_is_not_declared_is_not_called() {
    let folder = added();
    let undeclared = PLAYBOOK.replace("plugins: { ioc-foreign: { version: \"0.1\" } }\n", "");
    fs::write(folder.path().join("playbook.yaml"), undeclared).unwrap();
    let output = portcullis(folder.path(), &["check", "playbook.yaml"]);
    assert!(text(&output).contains("P0905"), "{}", text(&output));
}

#[test]
fn what_cannot_be_trusted_is_not_added() {
    let folder = folder();
    let manifest = folder.path().join("vendor/ioc/plugin.toml");
    let cases = [
        (format!("{MANIFEST}[capability]\nenv = [\"HOME\"]\n"), "asks for env"),
        (MANIFEST.replace("ioc-foreign", "eml"), "comes with this program"),
        (MANIFEST.replace("ioc-foreign", "someone-else"), "calls itself"),
        (MANIFEST.replace("plugin@1.0", "plugin@9.0"), "portcullis:plugin@1.0"),
        (MANIFEST.replace("plugin.wasm", "other.wasm"), "other.wasm"),
    ];
    for (changed, expected) in cases {
        fs::write(&manifest, changed).unwrap();
        let output = portcullis(folder.path(), &["plugin", "add", "vendor/ioc"]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(expected), "{expected}: {}", text(&output));
        assert!(!folder.path().join("portcullis.lock").exists());
    }
    fs::write(&manifest, MANIFEST).unwrap();
    fs::write(folder.path().join("vendor/ioc/plugin.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let output = portcullis(folder.path(), &["plugin", "add", "vendor/ioc"]);
    assert!(text(&output).contains("not a component"), "{}", text(&output));
}
