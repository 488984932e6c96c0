//! `portcullis rerun` and `portcullis runs retry`: what failed is done, what was done is not done twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use exchange_sim::{Config, Organisation, Server};
use serde_json::Value;
use tempfile::TempDir;

/// As the file of a secret has to be.
fn for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

const PLAYBOOK: &str = "playbook: 1
id: tidy
name: Tidy
connections: { mail: { kind: exchange } }
inputs:
  mailboxes: { type: array, items: { type: string } }
  limit: { type: integer, default: 1 }
steps:
  - id: look
    foreach: ${{ inputs.mailboxes }}
    as: mailbox
    limit: 10
    on_item_error: collect
    do:
      - { id: find, uses: mail.search, with: { mailbox: \"${{ mailbox }}\", folder: inbox, query: {}, limit: \"${{ inputs.limit }}\" } }
  - id: tell
    uses: mail.send
    with: { mailbox: alice@corp.example, to: [bob@corp.example], subject: Tidy, text: done }
";

struct Place {
    folder: TempDir,
    organisation: Organisation,
    _server: Server,
    _runtime: tokio::runtime::Runtime,
}

impl Place {
    fn new() -> Place {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let organisation = Organisation::new();
        for name in ["alice", "bob", "carol"] {
            organisation.add_mailbox(&format!("{name}@corp.example"));
        }
        let config = Config::local("svc@corp.example", "for a test");
        let server = runtime.block_on(Server::start(organisation.clone(), config)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "for a test").unwrap();
        for_its_owner(&folder.path().join("password"));
        std::fs::write(folder.path().join("tidy.yaml"), PLAYBOOK).unwrap();
        let connection = format!(
            "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    \
             password: {{ file: password }}\n",
            server.url()
        );
        std::fs::write(folder.path().join("portcullis.yaml"), connection).unwrap();
        Place { folder, organisation, _server: server, _runtime: runtime }
    }

    fn portcullis(&self, args: &[&str]) -> (Option<i32>, Value, String) {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let ended: Output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("USER", "tester")
            .env("XDG_CACHE_HOME", cache.join("cache"))
            .env("XDG_STATE_HOME", cache.join("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        (ended.status.code(), serde_json::from_slice(&ended.stdout).unwrap_or_default(), text)
    }

    fn mails_of_bob(&self) -> usize {
        self.organisation.snapshot().matches("\"Tidy\"").count()
    }
}

#[test]
fn what_failed_is_tried_again_and_nothing_is_sent_twice() {
    let place = Place::new();
    place.organisation.deny_access("carol@corp.example", true);
    let mailboxes = "mailboxes=[\"alice@corp.example\",\"bob@corp.example\",\"carol@corp.example\"]";
    let (code, report, text) = place.portcullis(&["run", "tidy.yaml", "-i", mailboxes, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    let first = report["run"].as_str().unwrap().to_owned();
    let sent = place.mails_of_bob();
    assert_eq!(sent, 2, "one with Alice, one with Bob");
    place.organisation.deny_access("carol@corp.example", false);

    let (code, report, text) = place.portcullis(&["runs", "retry", &first, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!((report["reads"].as_u64(), place.mails_of_bob()), (Some(1), sent), "{text}");
    let second = report["run"].as_str().unwrap().to_owned();

    let (code, _, text) = place.portcullis(&["runs", "retry", &second]);
    assert_eq!(code, Some(5), "nothing failed any more: {text}");
    assert!(text.contains("nothing failed"), "{text}");

    let (code, report, text) = place.portcullis(&["rerun", &second, "--with", "limit=2", "--json"]);
    assert_eq!((code, report["reads"].as_u64(), place.mails_of_bob()), (Some(0), Some(3), sent), "{text}");

    let (code, report, text) = place.portcullis(&["rerun", &second, "--from", "tell", "--json"]);
    assert_eq!(
        (code, report["reads"].as_u64(), place.mails_of_bob()),
        (Some(0), Some(0), sent + 2),
        "{text}"
    );

    let (code, _, text) = place.portcullis(&["rerun", &second, "--from", "tel"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("tell"), "{text}");
    let (code, _, text) = place.portcullis(&["rerun", &second, "--with", "limit"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, _, text) = place.portcullis(&["rerun", &second, "--with", "limit=many"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("limit"), "{text}");
}

#[test]
fn a_run_in_a_simulator_that_is_gone_is_refused() {
    let place = Place::new();
    std::fs::create_dir_all(place.folder.path().join("mail/alice@corp.example/Inbox")).unwrap();
    std::fs::create_dir_all(place.folder.path().join("mail/bob@corp.example/Inbox")).unwrap();
    let args = ["run", "tidy.yaml", "--sim", "-i", "mailboxes=[\"alice@corp.example\"]", "--json"];
    let (code, report, text) = place.portcullis(&args);
    assert_eq!(code, Some(0), "{text}");
    let run = report["run"].as_str().unwrap();
    for command in [["rerun", run].as_slice(), &["undo", run, "--yes"]] {
        let (code, _, text) = place.portcullis(command);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("simulator"), "{text}");
    }
}
