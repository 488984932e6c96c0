//! `portcullis graph` over every shipped playbook, in every format.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn graph(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).arg("graph").args(args).output().unwrap()
}

fn drawn(args: &[&str]) -> String {
    let ended = graph(args);
    assert!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

fn playbooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("playbook.yaml"));
    let mut found: Vec<PathBuf> = found.filter(|file| file.exists()).collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// The ids of a playbook's steps, as its text has them.
fn ids(file: &Path) -> BTreeSet<String> {
    // Ids of the playbook and of its triggers are no steps.
    let text = std::fs::read_to_string(file).unwrap();
    let steps = text.split_once("\nsteps:").unwrap().1;
    let id = |line: &str| {
        let line = line.trim().trim_start_matches("- ").trim_start_matches("{ ");
        let name: String =
            line.strip_prefix("id: ")?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        Some(name)
    };
    steps.lines().filter_map(id).collect()
}

#[test]
fn every_step_of_every_playbook_stands_once_in_its_picture() {
    for file in playbooks() {
        let name = file.display().to_string();
        let svg = drawn(&[&name, "--format", "svg"]);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let steps: Vec<&str> =
            document.descendants().filter_map(|node| node.attribute("data-step")).collect();
        let once: BTreeSet<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        assert_eq!(once.len(), steps.len(), "{name}");
        // Steps without an id of their own have one that begins with `_`.
        let named: BTreeSet<String> = once.iter().filter(|step| !step.starts_with('_')).cloned().collect();
        assert_eq!(named, ids(&file), "{name}");
        assert!(document.descendants().all(|node| !node.has_tag_name("script")), "{name}");
        for node in document.descendants().filter(|node| node.attribute("data-step").is_some()) {
            assert!(node.children().any(|child| child.has_tag_name("title")), "{name}");
        }
        let text = drawn(&[&name]);
        let (mermaid, dot) = (drawn(&[&name, "--format", "mermaid"]), drawn(&[&name, "--format", "dot"]));
        assert!(mermaid.starts_with("flowchart TD\n") && dot.starts_with("digraph "), "{name}");
        for step in &named {
            assert!(text.lines().any(|line| line.contains(&format!("─ {step}"))), "{step}: {text}");
        }
    }
}

#[test]
fn the_ending_of_a_file_says_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = playbooks().remove(0).display().to_string();
    for (file, begin) in [("a.svg", "<svg "), ("a.mmd", "flowchart "), ("a.gv", "digraph "), ("a.txt", "")] {
        let file = folder.path().join(file);
        assert!(drawn(&[&playbook, "--output", file.to_str().unwrap()]).is_empty());
        let content = std::fs::read_to_string(&file).unwrap();
        assert!(content.starts_with(begin) && !content.is_empty(), "{content}");
        assert!(!content.contains('\u{1b}'), "{content}");
    }
    let nowhere = graph(&[&playbook, "--output", "/nowhere/at/all.svg"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert_eq!(graph(&["nowhere.yaml"]).status.code(), Some(2));
}
