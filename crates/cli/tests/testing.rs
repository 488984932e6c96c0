//! `portcullis test` as people and build servers use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PLAYBOOK: &str = r#"playbook: 1
id: tidy
name: Tidy
connections:
  mail: { kind: exchange }
policy:
  max_effects: { mail.delete: 100 }
inputs:
  box: { type: string, format: email, default: alice@corp.example }
outputs:
  found: { type: integer, value: "${{ size(steps.look.output.messages) }}" }
steps:
  - id: look
    uses: mail.search
    with: { mailbox: "${{ inputs.box }}", folder: inbox, query: { subject: "Offer: grüße" }, limit: 10 }
    retry: { attempts: 3, initial: 10m, max: 1h }
  - id: clean
    if: ${{ size(steps.look.output.messages) > 0 }}
    uses: mail.delete
    retry: { attempts: 3, initial: 10m, max: 1h }
    accept_untrusted: the ids are those of the mailbox itself
    with:
      mailbox: ${{ inputs.box }}
      item_ids: ${{ steps.look.output.messages.map(m, m.item_id) }}
      mode: soft
"#;

const CASES: &str = r#"test: 1
defaults:
  mailboxes:
    alice@corp.example:
      Inbox:
        - { from: eve@evil.test, subject: "Offer: grüße", text: "Buy now", message_id: 1@evil.test }
        - { from: bob@corp.example, subject: Lunch, text: At noon? }
cases:
  - name: the offer goes and the rest stays
    expect:
      - outputs.found == 1 && ledger.deleted == 1
      - mailbox("alice@corp.example").folders["Inbox"].map(m, m.subject) == ["Lunch"]
      - mailbox("alice@corp.example").messages.exists(m, m.subject.startsWith("Offer") && m.folder != "Inbox")
  - name: a server that is busy is asked again
    stubs: { mail.delete: [{ error: { kind: throttled, retry_after: 2h } }, { real: true }] }
    expect:
      - calls("mail.delete").map(c, c.attempt) == [1, 2] && ledger.deleted == 1
"#;

fn folder(cases: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("tidy/cases")).unwrap();
    std::fs::write(folder.path().join("tidy/playbook.yaml"), PLAYBOOK).unwrap();
    std::fs::write(folder.path().join("tidy/cases/cases.yaml"), cases).unwrap();
    folder
}

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("test").args(args).current_dir(folder);
    command
}

fn test(args: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(args, folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn mails_are_written_in_the_case_and_looked_at_in_the_end() {
    let folder = folder(CASES);
    let (code, out, error) = test(&["tidy"], folder.path());
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("passed  tidy/playbook.yaml: a server that is busy is asked again\n"), "{out}");
    assert!(out.contains("\ntidy/playbook.yaml: 2 of 2 steps (100%), 1 of 2 branches (50%)\n"), "{out}");
    let line = "tidy/playbook.yaml:18: not covered: `if` of `clean` does not hold: size(steps.look.output.messages) > 0";
    assert!(out.contains(line), "{out}");
    assert!(out.ends_with("\n2 passed, 0 failed\n"), "{out}");
}

#[test]
fn faults_happen_on_the_wire() {
    let case = "  - name: cut off\n    faults: [{ operation: FindItem, kind: throttle, retry_after_seconds: 7 }]\n    expect:\n      \
                - calls(\"mail.search\").map(c, c.attempt) == [1, 2] && outputs.found == 1\n";
    let folder = folder(&format!("{CASES}{case}"));
    let (code, out, error) = test(&["tidy", "--filter", "cut off"], folder.path());
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.ends_with("1 passed, 0 failed\n"), "{out}");
    let wrong = folder.path().join("tidy/cases/cases.yaml");
    std::fs::write(&wrong, CASES.replace("    stubs:", "    faults: [{ kind: earthquake }]\n    stubs:"))
        .unwrap();
    let (code, out, error) = test(&["tidy"], folder.path());
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    assert!(
        error.contains("`a server that is busy is asked again`") && error.contains("earthquake"),
        "{error}"
    );
}

#[test]
fn cases_are_listed_and_chosen() {
    let folder = folder(CASES);
    let (code, out, _) = test(&["--list", "."], folder.path());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(code, Some(0));
    assert_eq!(
        lines,
        [
            "./tidy/playbook.yaml: the offer goes and the rest stays",
            "./tidy/playbook.yaml: a server that is busy is asked again"
        ]
    );
    let (_, out, _) = test(&["--list", "--json", "--filter", "offer", "."], folder.path());
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list["cases"].as_array().unwrap().len(), 1);
    let (code, _, error) = test(&["--filter", "nothing like it", "."], folder.path());
    assert_eq!(code, Some(2));
    assert!(error.contains("no case here contains `nothing like it`"), "{error}");
}

#[test]
fn too_little_coverage_fails() {
    let folder = folder(CASES);
    let (code, out, _) = test(&["--min-branches", "60", "."], folder.path());
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("FAILED  ./tidy/playbook.yaml: 50% of the branches are covered, and 60% are wanted"),
        "{out}"
    );
    let (code, _, _) = test(&["--min-branches", "50", "."], folder.path());
    assert_eq!(code, Some(0));
    let wanted = CASES.replace("test: 1", "test: 1\ncoverage: { branches: 90, steps: 100 }");
    std::fs::write(folder.path().join("tidy/cases/cases.yaml"), wanted).unwrap();
    let (code, out, _) = test(&["--json", "."], folder.path());
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!((&report["passed"], &report["failed"]), (&2.into(), &0.into()));
    assert_eq!(report["coverage"][0]["branches"]["percent"], 50);
    assert_eq!(report["coverage"][0]["shortfalls"].as_array().unwrap().len(), 1, "{report:#}");
    let (_, out, _) = test(&["--coverage", "."], folder.path());
    assert!(out.contains("./tidy/playbook.yaml:13:     2 runs step `look`"), "{out}");
    assert!(out.contains("never      `if` of `clean` does not hold"), "{out}");
}

#[test]
fn a_build_server_gets_junit_xml() {
    let failing =
        "  - name: \"wrong ]]> <&> \\u0007\"\n    expect: ['ledger.deleted == 2', 'outputs.found == 1']\n";
    let folder = folder(&format!("{CASES}{failing}"));
    let (code, _, error) = test(&["--junit", "report.xml", "."], folder.path());
    assert_eq!(code, Some(1), "{error}");
    let xml = std::fs::read_to_string(folder.path().join("report.xml")).unwrap();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let suites = document.root_element();
    assert_eq!((suites.tag_name().name(), suites.attribute("tests")), ("testsuites", Some("3")));
    let suite = suites.first_element_child().unwrap();
    assert_eq!(suite.attribute("name"), Some("./tidy/playbook.yaml"));
    assert_eq!((suite.attribute("failures"), suite.attribute("errors")), (Some("1"), Some("0")));
    let case = suite.last_element_child().unwrap();
    assert_eq!(case.attribute("name"), Some("wrong ]]> <&> \\u{7}"));
    assert_eq!(case.attribute("classname"), Some("./tidy/cases/cases.yaml"));
    let failure = case.first_element_child().unwrap();
    assert!(failure.attribute("message").unwrap().contains("ledger.deleted == 2"));
    assert!(failure.text().unwrap().contains("found 1, expected 2"), "{xml}");
}

#[test]
fn a_delete_bears_a_repeat_and_a_step_that_is_not_there_is_refused() {
    let folder = folder(CASES);
    let (code, out, error) = test(&["--repeat", "clean=3", "."], folder.path());
    assert_eq!(code, Some(0), "{out}{error}");
    let (code, _, error) = test(&["--repeat", "claen=3", "."], folder.path());
    assert_eq!(code, Some(2));
    assert!(error.contains("no playbook here has a step `claen`"), "{error}");
    let (code, _, error) = test(&["--repeat", "clean=1", "."], folder.path());
    assert_eq!(code, Some(2));
    assert!(error.contains("a number from 2 to 100"), "{error}");
}

#[test]
fn what_is_wrong_with_cases_is_said_before_anything_runs() {
    for (case, part) in [
        ("expect: ['size(calls(\"mail.dlete\")) == 0']", "did you mean `mail.delete`?"),
        ("expect: ['steps.loook.status == \"skipped\"']", "did you mean `look`?"),
        ("expect: ['mailbox(\"alise@corp.example\").messages == []']", "did you mean `alice@corp.example`?"),
        ("expect: ['ledger.deletd == 1']", "deletd"),
        (
            "stubs: { mail.delete: { ok: {} } }, expect: ['true']",
            "answer 1 of the stub of mail.delete does not fit",
        ),
        ("cassette: gone.jsonl, expect: ['true']", "the cassette tidy/gone.jsonl cannot be used"),
    ] {
        let folder = folder(&format!("{CASES}  - {{ name: wrong, {case} }}\n"));
        let (code, out, error) = test(&["tidy"], folder.path());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{case}: {error}");
        assert!(error.contains(part), "{case}: {error}");
    }
}

#[test]
fn a_change_is_noticed_and_what_it_affects_runs_again() {
    let folder = folder(CASES);
    let mut child = command(&["--watch", "."], folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.find(|line| line.ends_with("failed")).unwrap();
    assert_eq!(first, "2 passed, 0 failed");
    let changed =
        CASES.replace("ledger.deleted == 1\n      - mailbox", "ledger.deleted == 5\n      - mailbox");
    std::fs::write(folder.path().join("tidy/cases/cases.yaml"), changed).unwrap();
    let second = lines.find(|line| line.ends_with("failed")).unwrap();
    assert_eq!(second, "1 passed, 1 failed");
    child.kill().unwrap();
    child.wait().unwrap();
}
