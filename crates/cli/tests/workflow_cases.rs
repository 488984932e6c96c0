//! Every workflow of this repository keeps what its cases promise, and a case that does not hold says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn test(args: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("test").args(args).current_dir(folder).output().unwrap()
}

#[test]
fn the_cases_of_all_workflows_hold() {
    let output = test(&["--json"], &root());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert!(report["passed"].as_u64() >= Some(11), "{report:#}");
    assert_eq!(report["failed"], 0);
}

/// A playbook that does nothing but set, with the given cases beside it.
fn with_cases(cases: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("cases")).unwrap();
    std::fs::create_dir_all(folder.path().join("mail/alice@corp.example/Inbox")).unwrap();
    let playbook = "playbook: 1\nid: small\nname: Small\noutputs:\n  sum: { type: integer, value: \"${{ 1 + 1 }}\" }\n\
                    steps:\n  - id: nothing\n    set: { x: 1 }\n";
    std::fs::write(folder.path().join("playbook.yaml"), playbook).unwrap();
    std::fs::write(folder.path().join("cases/cases.yaml"), cases).unwrap();
    test(&["."], folder.path())
}

#[test]
fn a_case_that_does_not_hold_fails_with_the_values() {
    let output = with_cases(
        "test: 1\ncases:\n  - { name: right, expect: [\"outputs.sum == 2\"] }\n  \
         - { name: wrong, expect: [\"outputs.sum == 3\", \"run.status == 'succeeded'\"] }\n",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("passed  ./playbook.yaml: right"), "{text}");
    assert!(text.contains("FAILED  ./playbook.yaml: wrong"), "{text}");
    assert!(text.contains("expected  outputs.sum == 3") && text.contains("outputs.sum = 2"), "{text}");
    assert!(!text.contains("expected  run.status"), "{text}");
    assert!(text.ends_with("1 passed, 1 failed\n"), "{text}");
}

#[test]
fn an_answer_to_a_question_nobody_asks_fails() {
    let output = with_cases(
        "test: 1\ncases: [{ name: typo, answers: { gaet: approved }, expect: [\"outputs.sum == 2\"] }]",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("`gaet`") && text.contains("nobody was asked"), "{text}");
}

#[test]
fn a_wrong_file_is_named_with_the_reason_and_nothing_runs() {
    for (cases, part) in [
        ("test: 1\ncases: [{ name: a, expects: [] }]", "unknown field `expects`"),
        ("test: 1\ncases: [{ name: a, expect: [\"1 +\"] }]", "`1 +` is not an expression"),
        (
            "test: 1\ncases: [{ name: a, mail: elsewhere, expect: [\"true\"] }]",
            "no folder beside the playbook",
        ),
        ("test: 2\ncases: []", "test: 1"),
    ] {
        let output = with_cases(cases);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("cases.yaml") && error.contains(part), "{error}");
        assert!(output.stdout.is_empty());
    }
}
