//! `portcullis undo` over every shipped playbook that changes something: afterwards the mailboxes are as they were,
//! but for what the report named.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use exchange_sim::{Config, Organisation, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// As the file of a secret has to be.
fn for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn portcullis(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("USER", "tester")
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn shown(ended: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}

/// A workflow whose mailboxes stand in a simulator that outlives the runs.
struct Place {
    folder: TempDir,
    workflow: PathBuf,
    organisation: Organisation,
    _server: Server,
    runtime: Runtime,
}

impl Place {
    fn of(workflow: &str) -> Place {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let workflow = root().join("workflows").join(workflow);
        let organisation = Organisation::load_folder(workflow.join("mail")).unwrap();
        let config = Config::local("svc@corp.example", "for a test");
        let server = runtime.block_on(Server::start(organisation.clone(), config)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "for a test").unwrap();
        for_its_owner(&folder.path().join("password"));
        let connection = format!(
            "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    \
             password: {{ file: password }}\n",
            server.url()
        );
        std::fs::write(folder.path().join("portcullis.yaml"), connection).unwrap();
        Place { folder, workflow, organisation, _server: server, runtime }
    }

    fn portcullis(&self, args: &[&str]) -> Output {
        portcullis(self.folder.path(), args)
    }

    /// The run, answered by people until it is over. Gives its name.
    fn run(&self, more: &[&str]) -> String {
        let playbook = self.workflow.join("playbook.yaml").display().to_string();
        let mut args: Vec<String> = vec!["run".to_owned(), playbook, "--json".to_owned()];
        for (file, flag) in [("sample-inputs.yaml", "--inputs"), ("sample-trigger.json", "--trigger")] {
            if self.workflow.join(file).exists() {
                args.extend([flag.to_owned(), self.workflow.join(file).display().to_string()]);
            }
        }
        args.extend(more.iter().map(|&text| text.to_owned()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut ended = self.portcullis(&args);
        for person in ["zoe", "yan", "xia", "wim"] {
            let report = json(&ended);
            let run = report["run"].as_str().unwrap().to_owned();
            let Some(waits) = report["waiting"].as_array().and_then(|waits| waits.first()) else {
                assert_eq!(ended.status.code(), Some(0), "{}", shown(&ended));
                return run;
            };
            let path = waits["path"].as_str().unwrap();
            let mut args = match waits["kind"].as_str().unwrap() {
                "approval" => vec!["approve", &run, path],
                _ => vec!["answer", &run, path, "-i", "verdict=compromised"],
            };
            args.extend(["--as", person, "--role", "soc-lead", "--role", "soc-analyst", "--json"]);
            ended = self.portcullis(&args);
        }
        panic!("the run does not end: {}", shown(&ended));
    }

    /// What is in the mailboxes, without what a server makes anew: ids and keys of changes.
    fn essence(&self) -> Essence {
        let snapshot: Value = serde_json::from_str(&self.organisation.snapshot()).unwrap();
        let mut essence = Essence::default();
        for mailbox in snapshot.as_array().unwrap() {
            let address = mailbox["address"].as_str().unwrap();
            for folder in mailbox["folders"].as_array().unwrap() {
                for item in folder["items"].as_array().unwrap() {
                    let place = format!("{address}/{}", folder["path"].as_str().unwrap());
                    let what = json!([
                        item["message_id"],
                        item["sha256"],
                        item["is_read"],
                        item["is_draft"],
                        item["categories"]
                    ]);
                    *essence.items.entry((place, what.to_string())).or_default() += 1;
                }
            }
            let mut settings = mailbox.clone();
            settings.as_object_mut().unwrap().remove("folders");
            for rule in settings["rules"].as_array_mut().into_iter().flatten() {
                rule.as_object_mut().unwrap().remove("id");
            }
            essence.settings.push(settings);
        }
        essence
    }
}

fn json(ended: &Output) -> Value {
    serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", shown(ended)))
}

#[derive(Debug, Default, PartialEq)]
struct Essence {
    /// By folder and mail, how many there are.
    items: BTreeMap<(String, String), usize>,
    settings: Vec<Value>,
}

impl Essence {
    /// What is here and was not there, or more of it.
    fn more_than<'a>(&'a self, other: &'a Essence) -> Vec<&'a (String, String)> {
        let more = |(item, count): &(&(String, String), &usize)| {
            **count > other.items.get(*item).copied().unwrap_or(0)
        };
        self.items.iter().filter(more).map(|(item, _)| item).collect()
    }
}

/// Runs a workflow, takes it back, and holds what is left against what the report says is left.
fn taken_back(workflow: &str, more: &[&str], changes: &[&str]) {
    let place = Place::of(workflow);
    let before = place.essence();
    let run = place.run(more);
    assert!(place.essence() != before, "{workflow} changed nothing");
    let after_run = place.organisation.snapshot();

    let dry = place.portcullis(&["undo", &run, "--dry-run", "--json"]);
    assert_eq!(dry.status.code(), Some(0), "{}", shown(&dry));
    assert_eq!(place.organisation.snapshot(), after_run, "a dry run changes nothing");
    let refused = place.portcullis(&["undo", &run]);
    assert_eq!(refused.status.code(), Some(2), "nobody is there to be asked: {}", shown(&refused));
    assert_eq!(place.organisation.snapshot(), after_run);

    let undone = place.portcullis(&["undo", &run, "--yes", "--json"]);
    assert_eq!(undone.status.code(), Some(0), "{workflow}: {}", shown(&undone));
    let report = json(&undone);
    assert_eq!(report["undo"]["steps"], json(&dry)["undo"]["steps"], "what was shown is what was done");
    assert_eq!(report["report"]["outputs"]["failed"], json!(0), "{}", shown(&undone));
    let done: Vec<&str> = report["undo"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["action"].as_str().unwrap())
        .collect();
    for change in changes {
        assert!(done.contains(change), "{workflow}: {change} was not taken back: {done:?}");
    }
    let lost: Vec<&str> = report["undo"]["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lost| lost["action"].as_str().unwrap())
        .collect();
    let count = |names: &[&str]| lost.iter().filter(|action| names.contains(action)).count();
    assert_eq!(lost.len(), count(&["mail.send", "mail.reply", "mail.delete_attachments"]), "{lost:?}");

    let after = place.essence();
    assert_eq!(after.settings, before.settings, "{workflow}");
    // Every sent mail lies with whoever sent it and whoever got it; nothing else is new but mails without what was
    // taken off them, and only those are missing as they were.
    let detached = count(&["mail.delete_attachments"]);
    assert_eq!(
        before.more_than(&after).len(),
        detached,
        "{workflow}: missing {:?}",
        before.more_than(&after)
    );
    let new = after.more_than(&before);
    let sent = new.iter().filter(|(place, _)| place.ends_with("/Sent Items")).count();
    assert_eq!(sent, count(&["mail.send", "mail.reply"]), "{workflow}: {new:?}");

    let again = place.portcullis(&["undo", &run, "--yes", "--json"]);
    assert_eq!(again.status.code(), Some(5), "{}", shown(&again));
    assert_eq!(place.essence(), after, "undoing twice does nothing");
    drop(place._server);
    drop(place.runtime);
}

#[test]
fn phishing_triage() {
    taken_back("phishing-triage", &["--approve=all"], &["mail.delete", "mail.mark_read"]);
}

#[test]
fn bulk_purge() {
    taken_back("bulk-purge", &["--approve=all"], &["mail.delete"]);
}

#[test]
fn malicious_attachment_sweep() {
    taken_back("malicious-attachment-sweep", &["--approve=all"], &[]);
}

#[test]
fn vip_impersonation() {
    taken_back("vip-impersonation", &["--approve=all"], &["mail.mark_junk"]);
}

#[test]
fn compromised_mailbox() {
    taken_back("compromised-mailbox", &[], &["inbox_rule.disable", "mail.recover"]);
}

#[test]
fn report_mailbox_autoreply() {
    taken_back("report-mailbox-autoreply", &["--approve=all"], &["mail.move"]);
}

#[test]
fn one_step_in_words_for_people() {
    let place = Place::of("phishing-triage");
    let run = place.run(&["--approve=all"]);
    let ended = place.portcullis(&["undo", &run, "--step", "mark_raed", "--dry-run"]);
    assert_eq!(ended.status.code(), Some(2), "{}", shown(&ended));
    let listed = place.portcullis(&["undo", &run, "--dry-run"]);
    let text = String::from_utf8(listed.stdout).unwrap();
    for part in [
        "To be taken back, the newest first",
        "mail.recover",
        "Cannot be taken back: 1",
        "mail.reply",
        "sent",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let nothing = place.portcullis(&["undo", &run, "--step", "reports", "--yes"]);
    assert_eq!(nothing.status.code(), Some(5), "a search changes nothing: {}", shown(&nothing));
}
