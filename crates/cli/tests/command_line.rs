//! The real binary as a person or a script meets it: exit codes, JSON, and what the messages say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exchange_sim::{Config, Organisation, Server};
use serde_json::Value;
use tempfile::TempDir;

/// As the file of a secret has to be.
fn for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A folder of its own for every test; runs are kept in `data` below it.
struct Place {
    folder: TempDir,
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }

    #[track_caller]
    fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }
}

impl Place {
    fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs the binary there, without a terminal and without anything from this environment but the plugin cache.
    fn run(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .arg("--data")
            .arg(self.path("data"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("USER", "tester")
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn workflow(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows/phishing-triage");
    folder.canonicalize().unwrap().join(name).display().to_string()
}

fn playbook() -> String {
    workflow("playbook.yaml")
}

fn sim() -> String {
    format!("--sim={}", workflow("mail"))
}

/// The ids in the calls of `mail.delete`, by mailbox.
fn deleted(report: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut by_mailbox: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for effect in report["effects"].as_array().unwrap() {
        if effect["action"] == "mail.delete" {
            let mailbox = effect["input"]["mailbox"].as_str().unwrap().to_owned();
            let ids = effect["input"]["item_ids"].as_array().unwrap();
            by_mailbox
                .entry(mailbox)
                .or_default()
                .extend(ids.iter().map(|id| id.as_str().unwrap().to_owned()));
        }
    }
    by_mailbox
}

#[test]
fn the_command_of_the_readme_deletes_the_copies_and_nothing_else() {
    let place = Place::new();
    let report = place.run(&["run", &playbook(), &sim(), "--approve=all", "--json"]).with_code(0).json();
    assert_eq!(report["status"], "succeeded");
    assert_eq!(report["outputs"]["deleted"], 8);
    assert_eq!(report["outputs"]["decision"], "approved");
    let deleted = deleted(&report);
    let (mut all, mut kept) = (0, 0);
    for mailbox in ["alice@corp.example", "bob@corp.example", "carol@corp.example", "phish@corp.example"] {
        let with = format!("mailbox={mailbox}");
        let args = ["action", "run", "mail.search", &sim(), "--with", &with, "--with", "folder=allitems"];
        for mail in place.run(&args).with_code(0).json()["messages"].as_array().unwrap() {
            all += 1;
            let subject = mail["subject"].as_str().unwrap().to_lowercase();
            let copy = mail["from"]["address"]
                .as_str()
                .unwrap()
                .to_lowercase()
                .ends_with("@corp-example-support.test")
                && subject.contains("your mailbox password expires today");
            let gone =
                deleted.get(mailbox).is_some_and(|ids| ids.contains(mail["item_id"].as_str().unwrap()));
            assert_eq!(copy, gone, "{mailbox}: {mail}");
            kept += usize::from(!gone);
        }
    }
    assert_eq!((all, kept), (19, 11), "eight copies, ten innocent mails, one report");

    let text = place.run(&["run", &playbook(), &sim(), "--approve=all"]).with_code(0).out;
    assert!(text.contains("succeeded") && text.contains("alice@corp.example 2"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn a_run_waits_and_goes_on_when_somebody_approves() {
    let place = Place::new();
    let waiting = place.run(&["run", &playbook(), &sim(), "--json"]).with_code(3).json();
    assert_eq!(waiting["status"], "waiting");
    assert_eq!(waiting["effects"].as_array().unwrap().len(), 0);
    assert_eq!(waiting["waiting"][0]["path"], "clean_up/gate");
    assert_eq!(waiting["waiting"][0]["shows"].as_array().unwrap().len(), 8);
    let run = waiting["run"].as_str().unwrap();

    let listed = place.run(&["runs", "list", "--json"]).with_code(0).json();
    assert_eq!(listed["runs"][0]["run"], run);
    place.run(&["approve", run, "no_such_step"]).with_code(2);
    let done = place.run(&["approve", run, "clean_up/gate", "--json"]).with_code(0).json();
    assert_eq!(done["run"], run);
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["outputs"]["deleted"], 8);
    let covered: BTreeSet<_> = waiting["waiting"][0]["shows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["input"].to_string())
        .collect();
    let made: BTreeSet<_> = done["effects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|effect| effect["action"] == "mail.delete")
        .map(|effect| effect["input"].to_string())
        .collect();
    assert_eq!(covered, made, "exactly what was approved was done");
    let again = place.run(&["approve", run, "clean_up/gate"]).with_code(2).err;
    assert!(again.contains("is over (succeeded)"), "{again}");
    // Going on with a run that is over says how it ended, and does nothing.
    let over = place.run(&["runs", "resume", run, "--json"]).with_code(0).json();
    assert_eq!((&over["status"], &over["outputs"]), (&done["status"], &done["outputs"]));
    assert!(over["effects"].as_array().unwrap().is_empty(), "{over}");

    let shown = place.run(&["runs", "show", run]).with_code(0).out;
    for part in [run, "calls mail.delete", "approved by tester", "ended: succeeded"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let records = place.run(&["runs", "show", run, "--json"]).with_code(0).json();
    let records = records["records"].as_array().unwrap();
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record["seq"], index + 1);
    }
    assert_eq!(records.last().unwrap()["event"]["event"], "ended");
    let listed = place.run(&["runs", "list"]).with_code(0).out;
    assert!(listed.contains(run) && listed.contains("succeeded"), "{listed}");
}

#[test]
fn a_rejected_run_changes_no_mailbox() {
    let place = Place::new();
    let waiting = place.run(&["run", &playbook(), &sim()]).with_code(3).out;
    let run = waiting.lines().find_map(|line| line.trim().strip_prefix("portcullis reject ")).unwrap();
    // The folder behind them is given to every command here.
    let said: Vec<&str> = run.split(" --data ").next().unwrap().split(' ').collect();
    let done = place.run(&[&["reject"], &said[..], &["--json"]].concat()).with_code(0).json();
    assert_eq!(done["outputs"]["decision"], "rejected");
    assert_eq!(done["outputs"]["deleted"], 0);
    assert!(deleted(&done).is_empty(), "{done}");
}

#[test]
fn a_waiting_run_can_be_cancelled() {
    let place = Place::new();
    let waiting = place.run(&["run", &playbook(), &sim(), "--json"]).with_code(3).json();
    let run = waiting["run"].as_str().unwrap();
    let done = place.run(&["runs", "cancel", run, "--json"]).json();
    assert_eq!(done["status"], "cancelled");
    assert!(deleted(&done).is_empty());
    let listed = place.run(&["runs", "list"]).with_code(0).out;
    assert!(listed.contains("cancelled"), "{listed}");
}

#[test]
fn a_waiting_run_goes_on_with_the_playbook_it_started_with() {
    let place = Place::new();
    let text = std::fs::read_to_string(playbook()).unwrap();
    let template = std::fs::read_to_string(workflow("templates/answer.j2")).unwrap();
    for (name, later) in
        [("edited.yaml", Some("playbook: 1\nid: another\nsteps: []\n")), ("deleted.yaml", None)]
    {
        let file = place.write(name, &text);
        let beside = place.write("templates/answer.j2", &template);
        let waiting = place.run(&["run", &file, &sim(), "--json"]).with_code(3).json();
        std::fs::remove_file(&beside).unwrap();
        match later {
            Some(later) => drop(place.write(name, later)),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let run = waiting["run"].as_str().unwrap();
        let done = place.run(&["approve", run, "clean_up/gate", "--json"]).with_code(0).json();
        assert_eq!(done["outputs"]["deleted"], 8, "{name}");
    }
}

#[test]
fn a_rehearsal_lists_every_change_and_leaves_nothing() {
    let place = Place::new();
    let text = place.run(&["run", &playbook(), &sim(), "--dry-run"]).with_code(0).out;
    assert!(text.contains("Would change"), "{text}");
    let report = place.run(&["run", "--dry-run", &playbook(), &sim(), "--json"]).with_code(0).json();
    assert_eq!(report["dry_run"], true);
    let effects = report["effects"].as_array().unwrap();
    assert_eq!(effects.len(), 10, "{report}");
    assert!(effects.iter().all(|effect| effect["state"] == "planned"), "{report}");
    let plan = place.run(&["plan", &playbook(), &sim(), "--json"]).with_code(0).json();
    let calls: u64 =
        plan["effects"].as_array().unwrap().iter().map(|total| total["calls"].as_u64().unwrap()).sum();
    assert_eq!(calls, 10, "{plan}");
    assert!(!place.path("data").exists());
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

#[test]
fn check_shows_every_problem_with_its_place() {
    let place = Place::new();
    place.run(&["check", &playbook()]).with_code(0);
    let bad = place.write(
        "bad.yaml",
        "playbook: 1\nid: bad\nname: Bad\nsteps:\n  - id: one\n    uses: mail.serch\n  - id: two\n    \
         set: { x: \"${{ steps.three.output }}\" }\n",
    );
    let ended = place.run(&["check", &bad]).with_code(2);
    for part in ["error[", "bad.yaml:6", "mail.serch", "mail.search", "bad.yaml:8", "three"] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let report = place.run(&["check", &bad, "--json"]).with_code(2).json();
    assert_eq!(report["ok"], false);
    // Nothing of it runs either.
    place.run(&["run", &bad, &sim()]).with_code(2);
    place.run(&["check", "nowhere.yaml"]).with_code(2);
}

#[test]
fn actions_are_listed_documented_and_carried_out_one_by_one() {
    let place = Place::new();
    let list = place.run(&["actions"]).with_code(0).out;
    for action in ["mail.search", "mail.delete", "eml.parse", "ioc-extract.extract"] {
        assert!(list.lines().any(|line| line.starts_with(action)), "{action}: {list}");
    }
    let page = place.run(&["actions", "mail.delete"]).with_code(0).out;
    for part in ["effect: containment", "### Input", "`item_ids` (list of string)", "### Output"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let near = place.run(&["actions", "mail.delet"]).with_code(2).err;
    assert!(near.contains("did you mean `mail.delete`?"), "{near}");

    let one = |args: &[&str]| place.run(&[&["action", "run"], args, &[&sim()]].concat());
    let found =
        one(&["mail.search", "--with", "mailbox=bob@corp.example", "--with", "limit=2"]).with_code(0).json();
    assert_eq!(found["messages"].as_array().unwrap().len(), 2, "{found}");
    let wrong = one(&["mail.search", "--with", "mailbo=bob@corp.example"]).with_code(2).err;
    assert!(wrong.contains("`mailbo`"), "{wrong}");
    let id = found["messages"][0]["item_id"].as_str().unwrap();
    let ids = format!("item_ids=[\"{id}\"]");
    let delete = ["mail.delete", "--with", "mailbox=bob@corp.example", "--with", &ids];
    let unasked = one(&delete).with_code(2).err;
    assert!(unasked.contains("--yes"), "{unasked}");
    one(&[&delete[..], &["--yes"]].concat()).with_code(0);
    one(&["mail.search", "--with", "mailbox=nobody@corp.example"]).with_code(1);
}

#[test]
fn drawings_completions_and_schemas_are_printed() {
    let place = Place::new();
    let graph = place.run(&["graph", &playbook(), "--format", "mermaid"]).with_code(0).out;
    assert!(graph.starts_with("flowchart TD\n") && graph.contains("mail.delete<br/>containment"), "{graph}");
    for (shell, part) in
        [("bash", "complete"), ("zsh", "#compdef portcullis"), ("fish", "complete -c portcullis")]
    {
        let script = place.run(&["completions", shell]).with_code(0).out;
        assert!(script.contains(part) && script.contains("dry-run"), "{shell}");
    }
    assert!(place.run(&["schema"]).with_code(0).json().is_object());
    assert!(place.run(&["--version"]).with_code(0).out.starts_with("portcullis "));
}

#[test]
fn inputs_are_json_as_programs_write_it_or_yaml() {
    let place = Place::new();
    let echo = place.write(
        "echo.yaml",
        "playbook: 1\nid: echo\ninputs: { text: { type: string } }\nsteps:\n  - id: a\n    set: { x: \"${{ inputs.text }}\" }\n\
         outputs: { text: { type: string, value: \"${{ steps.a.output.x }}\" } }\n",
    );
    // A letter beyond 16 bits, as most programs write it in JSON.
    let files = [("a.json", r#"{"text": "post \ud83d\udce7"}"#), ("b.yaml", "text: post \u{1f4e7}\n")];
    for (name, content) in files {
        let inputs = place.write(name, content);
        let told = place.run(&["run", &echo, "--inputs", &inputs, "--json"]).with_code(0).json();
        assert_eq!(told["outputs"]["text"], "post \u{1f4e7}", "{told}");
    }
    let neither = place.write("c.json", "{\"text\": ");
    let err = place.run(&["run", &echo, "--inputs", &neither]).with_code(2).err;
    assert!(err.contains("c.json") && err.contains("names and values"), "{err}");
}

#[test]
fn wrong_arguments_and_configurations_are_named() {
    let place = Place::new();
    place.run(&["frobnicate"]).with_code(2);
    place.run(&["run"]).with_code(2);
    let key = place.write("key.yaml", "connection: {}\n");
    let err = place.run(&["runs", "list", "--config", &key]).with_code(2).err;
    assert!(
        err.contains("key.yaml") && err.contains("`connection`") && err.contains("`connections`"),
        "{err}"
    );
    let inputs = place.run(&["run", &playbook(), &sim(), "-i", "mailboxes=5"]).with_code(2).err;
    assert!(inputs.contains("`mailboxes`") && inputs.contains("nothing was done"), "{inputs}");
    let sim = place.run(&["run", &playbook(), "--sim=nowhere"]).with_code(2).err;
    assert!(sim.contains("nowhere"), "{sim}");
    let unknown = place.run(&["runs", "show", "20260101-000000-00000000"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("runs list"), "{}", unknown.err);
    place.run(&["runs", "show", "../../etc"]).with_code(2);
    assert!(place.run(&["runs", "list"]).with_code(0).out.contains("no runs yet"));
}

#[test]
fn a_missing_password_is_named_by_its_place() {
    let place = Place::new();
    let config = place.write(
        "portcullis.yaml",
        "connections:\n  mail:\n    kind: ews\n    url: http://127.0.0.1:9/EWS/Exchange.asmx\n    \
         user: svc@corp.example\n    password: { env: PORTCULLIS_TEST_UNSET }\n",
    );
    let ended = place.run(&["run", &playbook(), "--config", &config]);
    assert_eq!(ended.code, Some(2));
    let said = ended.out + &ended.err;
    assert!(said.contains("`mail`") && said.contains("PORTCULLIS_TEST_UNSET"), "{said}");
    let ended = place.run(&["run", &playbook(), "--config", "nowhere.yaml"]);
    assert!(ended.err.contains("nowhere.yaml"), "{}", ended.err);
}

/// Every byte below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path));
        } else {
            bytes.extend(std::fs::read(&path).unwrap());
        }
    }
    bytes
}

#[test]
fn a_password_is_in_no_message_and_in_no_file() {
    const SECRET: &str = "Tr0ub4dor&3-never-shown";
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let organisation = Organisation::load_folder(workflow("mail")).unwrap();
    let right =
        runtime.block_on(Server::start(organisation, Config::local("svc@corp.example", SECRET))).unwrap();
    let other = Config::local("svc@corp.example", "another password");
    let wrong = runtime.block_on(Server::start(Organisation::new(), other)).unwrap();
    let place = Place::new();
    let secret = Place::new();
    let file = secret.write("password", &format!("{SECRET}\n"));
    for_its_owner(Path::new(&file));
    for (server, code) in [(&right, 0), (&wrong, 1)] {
        let config = place.write(
            "portcullis.yaml",
            &format!(
                "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    \
                 password: {{ file: {file} }}\n",
                server.url()
            ),
        );
        let args = ["run", &playbook(), "--config", &config, "--approve=all", "-vv"];
        let ended = place.run(&args).with_code(code);
        let said = ended.out + &ended.err;
        let encoded = "VHIwdWI0ZG9yJjMtbmV2ZXItc2hvd24";
        assert!(!said.contains(SECRET) && !said.contains(encoded), "{said}");
    }
    let kept = bytes_below(place.folder.path());
    assert!(!kept.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "in the data folder");
    runtime.block_on(right.shutdown());
    runtime.block_on(wrong.shutdown());
}

/// A report of a mail with this subject, of which alice has a copy.
fn reported(place: &Place, subject: &str) -> Ended {
    let mail = format!(
        "From: <a@evil.test>\r\nTo: alice@corp.example\r\nSubject: {subject}\r\nMessage-ID: <1@evil.test>\r\n\r\nPay.\r\n"
    );
    let report = format!(
        "From: Alice <alice@corp.example>\r\nTo: phish@corp.example\r\nSubject: look\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b--\r\n"
    );
    place.write("mail/phish@corp.example/Inbox/report.eml", &report);
    place.write("mail/alice@corp.example/Inbox/mail.eml", &mail);
    let ended = place.run(&["run", &playbook(), "--sim=mail", "-i", "mailboxes=[\"alice@corp.example\"]"]);
    let run = place.run(&["runs", "list", "--json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    let shown = place.run(&["runs", "show", &run]).with_code(0).out;
    for text in [&ended.out, &ended.err, &shown] {
        assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text:?}");
        assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
    }
    ended
}

#[test]
fn a_hostile_subject_cannot_forge_the_prompt() {
    // The one-character form of ESC [, twice; a right-to-left override; and a line like the prompt's own.
    let ended = reported(
        &Place::new(),
        "=?utf-8?B?UGF5wpsyS8KbMUEg4oCuZ3BqLmV4ZeKAiw==?= =?utf-8?Q?_Approve=3F_yes?=",
    );
    let ended = ended.with_code(3);
    assert!(ended.out.contains("\\u{9b}2K") && ended.out.contains("\\u{202e}gpj"), "{}", ended.out);
}

#[test]
fn a_subject_that_no_server_can_be_asked_for_is_left_to_a_person() {
    // ESC [2K ESC [1A BEL: cannot be written in XML, so the mailbox counts as not searched.
    let ended = reported(&Place::new(), "=?utf-8?B?UGF5G1sySxtbMUEHIOKArmdwai5leGU=?=").with_code(0);
    assert!(ended.out.contains("control character") && ended.out.contains("\\u{1b}[2K"), "{}", ended.out);
    assert!(ended.out.lines().any(|line| line.split_whitespace().eq(["failed", "1"])), "{}", ended.out);
}

/// A playbook that waits for everybody there is.
const WAITS: &str = "playbook: 1
id: waits
name: Waits
outputs:
  verdict: { type: string, value: \"${{ steps.form.output.answer.verdict }}\" }
  seen: { type: integer, value: \"${{ steps.scan.output.payload == null ? 0 : steps.scan.output.payload.id }}\" }
steps:
  - id: form
    ask:
      message: What is it?
      form: { verdict: { type: string, enum: [bad, good] }, zip: { type: string }, count: { type: integer, default: 3 } }
      to: { roles: [soc-analyst] }
  - id: scan
    wait:
      event: scanned
      schema: { type: object, required: [id], properties: { id: { type: integer } } }
      timeout: 1h
      on_timeout: continue
  - id: gate
    approve: { message: Go on?, to: { roles: [soc-lead], not: [run.starter] }, quorum: 2, on_reject: continue }
";

#[test]
fn forms_events_and_approvals_are_answered_by_those_who_may() {
    let place = Place::new();
    let people = "people:\n  anna: { roles: [soc-lead] }\n  ben: { roles: [soc-lead, soc-analyst] }\n";
    place.write("portcullis.yaml", people);
    let file = place.write("waits.yaml", WAITS);
    let waiting = place.run(&["run", &file, "--as", "carl", "--json"]).with_code(3).json();
    assert_eq!(
        (&waiting["waiting"][0]["kind"], &waiting["waiting"][0]["path"]),
        (&"form".into(), &"form".into())
    );
    let run = waiting["run"].as_str().unwrap();

    let answer = ["answer", run, "form", "-i", "verdict=bad", "-i", "zip=12345"];
    let err = place.run(&answer).with_code(2).err;
    assert!(err.contains("soc-analyst"), "{err}");
    let ugly = ["answer", run, "form", "-i", "verdict=ugly", "-i", "zip=12345", "--as", "ben"];
    let err = place.run(&ugly).with_code(2).err;
    assert!(err.contains("/verdict") && !err.contains("ugly"), "{err}");
    // `zip` is text, though it looks like a number.
    let text = place.run(&[&answer[..], &["--as", "ben"]].concat()).with_code(3).out;
    assert!(text.contains(&format!("portcullis signal {run} scanned")), "{text}");

    let err = place.run(&["signal", run, "scand"]).with_code(2).err;
    assert!(err.contains("`scand`"), "{err}");
    place.run(&["signal", run, "scanned", "--payload", "{\"id\": \"x\"}"]).with_code(2);
    place.run(&["signal", run, "scanned", "--payload", "no json"]).with_code(2);
    let payload = place.write("payload.json", "{\"id\": 5}");
    let waiting = place.run(&["signal", run, "scanned", "--file", &payload, "--json"]).with_code(3).json();
    assert_eq!(waiting["waiting"][0]["quorum"], 2, "{waiting}");

    // Whoever started it may not; nobody counts twice; a role can be given.
    place.run(&["approve", run, "gate", "--as", "carl", "--role", "soc-lead"]).with_code(2);
    place.run(&["approve", run, "gate", "--as", "anna"]).with_code(3);
    let err = place.run(&["approve", run, "gate", "--as", "anna"]).with_code(2).err;
    assert!(err.contains("anna"), "{err}");
    let done = place
        .run(&["approve", run, "gate", "--as", "zoe", "--role", "soc-lead", "--json"])
        .with_code(0)
        .json();
    assert_eq!((&done["outputs"]["verdict"], &done["outputs"]["seen"]), (&"bad".into(), &5.into()));
    let shown = place.run(&["runs", "show", run]).with_code(0).out;
    for part in ["filled in by ben", "waits for the event scanned", "approved by zoe", "✓ gate"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_run_by_hand_takes_what_its_trigger_would_bring() {
    let place = Place::new();
    let file = place.write(
        "hook.yaml",
        "playbook: 1\nid: hook\nname: Hook\ntriggers:\n  - id: alert\n    webhook:\n      schema: { type: object, \
         required: [score], properties: { score: { type: integer } } }\noutputs:\n  score: { type: integer, value: \"${{ \
         trigger.score }}\" }\nsteps:\n  - { id: nothing, set: { done: true } }\n",
    );
    let err = place.run(&["run", &file]).with_code(2).err;
    assert!(err.contains("alert") && err.contains("nothing was done"), "{err}");
    let right = place.write("right.json", "{\"score\": 80}");
    let wrong = place.write("wrong.yaml", "score: high\n");
    let done = place.run(&["run", &file, "--trigger", &right, "--json"]).with_code(0).json();
    assert_eq!(done["outputs"]["score"], 80);
    place.run(&["run", &file, "--trigger", &wrong]).with_code(2);
    place.run(&["run", &file, "--trigger", "nowhere.json"]).with_code(2);
    place.run(&["plan", &file, "--trigger", &right]).with_code(5);
}
