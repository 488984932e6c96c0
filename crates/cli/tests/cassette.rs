//! Recording a run, and running, planning and testing from the recording.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code that starts the real binary"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// As the file of a secret has to be.
fn for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

const PLAYBOOK: &str = r#"playbook: 1
id: read
name: Read
connections:
  mail: { kind: exchange }
inputs:
  subject: { type: string, default: Offer }
outputs:
  found: { type: integer, value: "${{ size(steps.look.output.messages) }}" }
  bytes: { type: integer, value: "${{ steps.file.status == 'succeeded' ? steps.file.output.eml.size : 0 }}" }
steps:
  - id: look
    uses: mail.search
    accept_untrusted: typed in by the person who runs it
    with: { mailbox: alice@corp.example, folder: inbox, query: { subject: "${{ inputs.subject }}" }, limit: 10 }
  - id: file
    if: ${{ size(steps.look.output.messages) > 0 }}
    uses: mail.download_eml
    accept_untrusted: an id of the mailbox itself
    with: { mailbox: alice@corp.example, item_id: "${{ steps.look.output.messages[0].item_id }}" }
"#;

const MAIL: &str = "From: canary-pass-8271 <eve@evil.test>\nTo: alice@corp.example\nSubject: Offer\n\
                    Message-ID: <1@evil.test>\nDate: Fri, 20 Nov 2026 07:02:24 +0000\n\nBuy now\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("mail/alice@corp.example/Inbox")).unwrap();
    std::fs::create_dir_all(at("cases")).unwrap();
    std::fs::write(at("playbook.yaml"), PLAYBOOK).unwrap();
    std::fs::write(at("mail/alice@corp.example/Inbox/1.eml"), MAIL).unwrap();
    // The password of a connection turns up in a mail: it must not turn up in the cassette.
    std::fs::write(at("password"), "canary-pass-8271\n").unwrap();
    for_its_owner(&at("password"));
    let config = "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/EWS/Exchange.asmx\n    \
                  user: svc@corp.example\n    password: { file: password }\n";
    std::fs::write(at("portcullis.yaml"), config).unwrap();
    folder
}

fn portcullis(args: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let Output { status, stdout, stderr } = command.args(args).current_dir(folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn recorded() -> TempDir {
    let folder = folder();
    let (code, out, error) =
        portcullis(&["run", "playbook.yaml", "--sim", "--record", "tape.jsonl"], folder.path());
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(error.contains("recorded in tape.jsonl"), "{error}");
    folder
}

#[test]
fn a_recorded_run_answers_a_run_a_plan_and_a_test() {
    let folder = recorded();
    // No mail is left, so whatever is answered comes from the recording.
    std::fs::remove_dir_all(folder.path().join("mail")).unwrap();
    let (code, out, error) =
        portcullis(&["run", "playbook.yaml", "--cassette", "tape.jsonl", "--json"], folder.path());
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
    assert_eq!((code, &report["outputs"]["found"]), (Some(0), &1.into()), "{report:#}");
    let (code, out, error) =
        portcullis(&["plan", "playbook.yaml", "--cassette", "tape.jsonl"], folder.path());
    assert!(matches!(code, Some(0 | 5)), "{out}{error}");
    let cases = "test: 1\ncassette: tape.jsonl\ncases:\n  - name: recorded\n    expect: [outputs.found == 1 && outputs.bytes > 0]\n";
    std::fs::write(folder.path().join("cases/cases.yaml"), cases).unwrap();
    let (code, out, error) = portcullis(&["test", "."], folder.path());
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn no_secret_gets_into_the_cassette() {
    let folder = recorded();
    let tape = std::fs::read_to_string(folder.path().join("tape.jsonl")).unwrap();
    assert!(!tape.contains("canary"), "{tape}");
    assert!(tape.contains("\"name\":\"(secret)\"") && tape.contains("there is a secret in it"), "{tape}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join("tape.jsonl")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn a_call_that_was_not_recorded_fails_and_names_the_nearest() {
    let folder = recorded();
    let args = ["run", "playbook.yaml", "--cassette", "tape.jsonl", "-i", "subject=Offers"];
    let (code, _, error) = portcullis(&args, folder.path());
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("mail.search was called at look: it is not in the cassette"), "{error}");
    assert!(error.contains("query.subject was \"Offer\", is \"Offers\""), "{error}");
}

#[test]
fn a_damaged_cassette_is_refused_with_its_line() {
    let folder = recorded();
    let file = folder.path().join("tape.jsonl");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let (code, out, error) = portcullis(&["run", "playbook.yaml", "--cassette", "tape.jsonl"], folder.path());
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    assert!(error.contains("tape.jsonl cannot be used: line 3: the line is cut off"), "{error}");
}
