//! Documents say what is so: every example in the guide to the language is checked as it stands there.
//!
//! An example is a whole playbook, some steps, or some keys of the file. The latter two continue the playbook that the
//! guide begins with. The commands in the descriptions of the shipped playbooks are run word by word.
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

/// The blocks of a language in a document, each with the line it begins in.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        match line.trim_end().strip_prefix("```") {
            Some(fence) if fence == language => {
                inside = true;
                blocks.push((number + 1, String::new()));
            }
            Some(_) => inside = false,
            None if inside => {
                let (_, block) = blocks.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            None => {}
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
    let blocks = blocks(&guide, "yaml");
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
    assert_eq!(
        whole(first, "- id: b\n  set: {}\n"),
        "playbook: 1\nsteps:\n  - id: a\n  - id: b\n    set: {}\n"
    );
    assert_eq!(whole(first, "vars: {}\n"), "playbook: 1\nvars: {}\nsteps:\n  - id: a\n");
    let text = "a\n```yaml\nb: 1\n```\n```sh\nc\n```\n";
    assert_eq!(blocks(text, "yaml"), [(3, "b: 1\n".to_owned())]);
    assert_eq!(blocks(text, "sh"), [(6, "c\n".to_owned())]);
}

/// What people copy has nothing to complain about, and the checker does not cry wolf.
#[test]
fn the_shipped_playbooks_have_no_warnings() {
    let checked = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["check", "--deny-warnings", "workflows"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(String::from_utf8_lossy(&checked.stdout).lines().count() >= 6);
}

#[test]
fn the_commands_beside_the_shipped_playbooks_work() {
    let data = tempfile::tempdir().unwrap();
    let mut done = 0;
    for workflow in std::fs::read_dir(root().join("workflows")).unwrap() {
        let workflow = workflow.unwrap().path();
        let readme = std::fs::read_to_string(workflow.join("README.md")).unwrap();
        let playbook = std::fs::read_to_string(workflow.join("playbook.yaml")).unwrap();
        for command in blocks(&readme, "sh").iter().flat_map(|(_, block)| block.lines()) {
            let words: Vec<&str> = command.split_whitespace().collect();
            assert_eq!(words[0], "portcullis", "{command}");
            let ended = Command::new(env!("CARGO_BIN_EXE_portcullis"))
                .args(&words[1..])
                .env("XDG_DATA_HOME", data.path())
                .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
                .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
                .current_dir(root())
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            // A form needs somebody to fill it in, and there is nobody here.
            let expected = if words[1] == "run" && playbook.contains("    ask:\n") { 3 } else { 0 };
            let errors = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(expected), "{command}\n{errors}");
            done += 1;
        }
    }
    assert!(done >= 18, "only {done} commands were found");
}

#[test]
fn the_actions_that_other_products_names_lead_to_exist() {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis")).args(["actions", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let known: Vec<&str> =
        listed["actions"].as_array().unwrap().iter().map(|spec| spec["name"].as_str().unwrap()).collect();
    let text = std::fs::read_to_string(root().join("docs/coming-from.md")).unwrap();
    let mut seen = 0;
    for row in text.lines().filter_map(|line| line.strip_prefix("| ")) {
        let ours = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in ours.split('`').skip(1).step_by(2).filter(|name| !name.starts_with("portcullis ")) {
            assert!(known.contains(&name), "`{name}` is no action: {row}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} actions were found");
}
