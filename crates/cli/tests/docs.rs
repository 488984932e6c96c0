//! The guide to the language says what is so: every example in it is checked as it stands there.
//!
//! An example is a whole playbook, some steps, or some keys of the file. The latter two continue the playbook that the
//! guide begins with.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the files lie that the examples name.
const BESIDE: &str = "workflows/vip-impersonation";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The blocks of YAML in a document, each with the line it begins in.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        match line.trim_end() {
            "```yaml" => {
                inside = true;
                blocks.push((number + 1, String::new()));
            }
            "```" => inside = false,
            line if inside => {
                let (_, block) = blocks.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            _ => {}
        }
    }
    blocks
}

/// The whole playbook that an example stands for.
fn whole(first: &str, example: &str) -> String {
    if example.starts_with("playbook:") {
        return example.to_owned();
    }
    if example.starts_with('-') {
        let indented: String = example.lines().map(|line| format!("  {line}\n")).collect();
        return format!("{first}{indented}");
    }
    let (before, steps) = first.split_once("steps:\n").unwrap();
    format!("{before}{example}steps:\n{steps}")
}

#[test]
fn the_examples_of_the_guide_are_right() {
    let guide = std::fs::read_to_string(root().join("docs/playbooks.md")).unwrap();
    let blocks = blocks(&guide);
    assert!(blocks.len() > 15, "only {} examples were found", blocks.len());
    let (_, first) = &blocks[0];
    let folder = tempfile::tempdir().unwrap();
    for (line, example) in &blocks {
        let place = folder.path().join(format!("line-{line}"));
        std::fs::create_dir_all(place.join("templates")).unwrap();
        for file in ["plain-name.yaml", "templates/assistant.j2"] {
            std::fs::copy(root().join(BESIDE).join(file), place.join(file)).unwrap();
        }
        std::fs::write(place.join("playbook.yaml"), whole(first, example)).unwrap();
    }
    let checked = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "the folders are named after the lines of docs/playbooks.md\n{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[test]
fn a_wrong_example_would_be_seen() {
    let first = "playbook: 1\nsteps:\n  - id: a\n";
    assert_eq!(whole(first, "- id: b\n  set: {}\n"), "playbook: 1\nsteps:\n  - id: a\n  - id: b\n    set: {}\n");
    assert_eq!(whole(first, "vars: {}\n"), "playbook: 1\nvars: {}\nsteps:\n  - id: a\n");
    assert_eq!(blocks("a\n```yaml\nb: 1\n```\n```sh\nc\n```\n"), [(3, "b: 1\n".to_owned())]);
}
