//! `portcullis plan` over every shipped playbook: it says what would happen in the documented form, and touches
//! nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use action_api::Validator;
use exchange_sim::{Config, Organisation, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

/// As the file of a secret has to be.
fn for_its_owner(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every folder under `workflows/` with a playbook.
fn workflows() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root().join("workflows"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("playbook.yaml").exists())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

fn portcullis(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .arg("--data")
        .arg(folder.join("data"))
        .current_dir(folder)
        .env_clear()
        .env("USER", "tester")
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a plan of this playbook needs beside the file: the samples that stand beside it.
fn samples(folder: &Path) -> Vec<String> {
    let mut args = Vec::new();
    for (file, flag) in [("sample-inputs.yaml", "--inputs"), ("sample-trigger.json", "--trigger")] {
        if folder.join(file).exists() {
            args.extend([flag.to_owned(), folder.join(file).display().to_string()]);
        }
    }
    args
}

/// The mails of a workflow, and for every seed but the first some more of them, in other words.
fn organisation(folder: &Path, seed: u64, place: &TempDir) -> Organisation {
    let mail = folder.join("mail");
    let filled = place.path().join(format!("mail-{seed}"));
    copy(&mail, &filled);
    let addresses: Vec<PathBuf> = std::fs::read_dir(&filled)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    // A small generator of our own: the same seed gives the same mails on every machine.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for (number, address) in addresses.iter().enumerate() {
        let inbox = address.join("Inbox");
        std::fs::create_dir_all(&inbox).unwrap();
        for mail in 0..next(4) * seed.min(1) {
            let subject = [
                "Invoice",
                "Your mailbox password expires today",
                "=?utf-8?B?4oCuZ3BqLmV4ZQ==?=",
                "RE: lunch",
            ];
            let subject = subject[usize::try_from(next(4)).unwrap()];
            let content = format!(
                "From: <sender{}@evil.test>\r\nTo: <x@corp.example>\r\nSubject: {subject}\r\n\
                 Message-ID: <{seed}-{number}-{mail}@evil.test>\r\nContent-Type: text/plain\r\n\r\nhttp://evil.test/{mail}\r\n",
                next(3)
            );
            std::fs::write(inbox.join(format!("more-{mail}.eml")), content).unwrap();
        }
    }
    Organisation::load_folder(filled).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() { copy(&entry, &target) } else { std::fs::copy(&entry, &target).map(drop).unwrap() }
    }
}

fn assert_fits_the_schema(report: &Value) {
    let schema = std::fs::read_to_string(root().join("schemas/plan-report.v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let violations = Validator::new(&schema).unwrap().violations(report);
    assert!(violations.is_empty(), "{violations:?}");
}

#[test]
fn a_plan_touches_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for folder in workflows() {
        for seed in 0..3 {
            let place = tempfile::tempdir().unwrap();
            let organisation = organisation(&folder, seed, &place);
            let server = runtime
                .block_on(Server::start(
                    organisation.clone(),
                    Config::local("svc@corp.example", "for a test"),
                ))
                .unwrap();
            std::fs::write(place.path().join("password"), "for a test").unwrap();
            for_its_owner(&place.path().join("password"));
            let config = place.path().join("portcullis.yaml");
            let connection = format!(
                "connections:\n  mail:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    \
                 password: {{ file: password }}\n",
                server.url()
            );
            std::fs::write(&config, connection).unwrap();
            let before = organisation.snapshot();
            let playbook = folder.join("playbook.yaml").display().to_string();
            let samples = samples(&folder);
            let mut args = vec!["plan", &playbook, "--json", "--config", config.to_str().unwrap()];
            args.extend(samples.iter().map(String::as_str));
            let ended = portcullis(place.path(), &args);
            let (out, err) = (text(&ended.stdout), text(&ended.stderr));
            // A mail that somebody else wrote may make a read fail; the plan then says so, and still touches nothing.
            let code = ended.status.code().unwrap();
            assert!([0, 1, 5].contains(&code), "{playbook} seed {seed}: {code}\n{out}\n{err}");
            let report: Value =
                serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}\n{err}"));
            assert_fits_the_schema(&report);
            if seed == 0 {
                assert_eq!(code, 0, "{playbook} has something to do with its own mails\n{out}\n{err}");
            }
            assert!(before == organisation.snapshot(), "{playbook} seed {seed}: a mailbox is not as it was");
            assert!(!place.path().join("data").exists(), "{playbook}: something was kept");
            runtime.block_on(server.shutdown());
        }
    }
}

/// A playbook with its mails, planned in the simulator.
fn planned(playbook: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("playbook.yaml"), playbook).unwrap();
    let mail = root().join("workflows/phishing-triage/mail");
    let sim = format!("--sim={}", mail.display());
    let ended = portcullis(place.path(), &[&["plan", "playbook.yaml", &sim], args].concat());
    (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
}

const ALICE: &str = "playbook: 1
id: alice
name: Alice
connections: { mail: { kind: exchange } }
policy: { max_effects: { mail.delete: 7 } }
steps:
";

#[test]
fn nothing_to_do_has_an_exit_code_of_its_own() {
    let read = format!(
        "{ALICE}  - {{ id: look, uses: mail.search, with: {{ mailbox: alice@corp.example, folder: inbox, query: {{}}, limit: 1 }} }}\n"
    );
    let (code, out, err) = planned(&read, &[]);
    assert_eq!(code, Some(5), "{out}{err}");
    assert!(out.contains("Would change: nothing"), "{out}");
    let (code, out, _) = planned(&read, &["--json"]);
    assert_eq!(code, Some(5), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["anything_to_do"], &report["reads_made"]), (&json!(false), &json!(1)));
    let (code, _, err) = planned("playbook: 1\nid: x\nsteps: 3\n", &[]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn tells_caps_what_can_be_taken_back_and_what_is_made_up() {
    let playbook = format!(
        "{ALICE}
  - id: look
    uses: mail.search
    with: {{ mailbox: alice@corp.example, folder: inbox, query: {{}}, limit: 3 }}
  - id: gate
    approve: {{ message: Delete them?, to: {{ roles: [soc-lead], not: [run.starter] }}, quorum: 2, timeout: 30m, shows: [clean] }}
  - id: clean
    foreach: ${{{{ steps.look.output.messages }}}}
    as: mail
    limit: 10
    do:
      - id: soft
        uses: mail.delete
        with: {{ mailbox: alice@corp.example, item_ids: [\"${{{{ mail.item_id }}}}\"], mode: soft }}
  - id: hard
    if: ${{{{ false || inputs.never }}}}
    uses: mail.delete
    with: {{ mailbox: alice@corp.example, item_ids: [x], mode: hard }}
inputs: {{ never: {{ type: boolean, default: false }} }}
"
    );
    let (code, out, err) = planned(&playbook, &["--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_fits_the_schema(&report);
    let steps = report["blocks"][0]["steps"].as_array().unwrap();
    let step = |id: &str| steps.iter().find(|step| step["id"] == id).unwrap();
    assert_eq!(step("hard")["state"], "skipped");
    assert!(step("hard")["why"].as_str().unwrap().contains("inputs.never"), "{out}");
    let clean = step("clean");
    assert_eq!(clean["loop"], json!({"count": 3, "limit": 10}));
    let soft = &clean["blocks"][0]["steps"][0];
    assert_eq!(soft["path"], "clean[*]/soft");
    assert_eq!((&soft["state"], &soft["times"]), (&json!("would_change"), &json!(3)));
    let call = &soft["call"];
    assert_eq!(call["mailboxes"], json!({"alice@corp.example": 3}));
    assert_eq!(call["caps"]["approvals"], json!(["gate"]));
    assert_eq!((&call["caps"]["max_effects"], &call["caps"]["loops"]), (&json!(7), &json!([10])));
    assert!(call["undo"][0]["how"].as_str().unwrap().contains("recoverable items"), "{call}");
    assert_eq!(report["people"][0]["quorum"], 2);
    assert_eq!(report["people"][0]["not_starter"], true);
    assert_eq!(report["effects"][0]["items"], 3);

    let (code, out, _) = planned(&playbook, &[]);
    assert_eq!(code, Some(0));
    for part in [
        "would call mail.delete 3 times",
        "only if gate is approved",
        "at most 7 items in one run",
        "can be taken back",
        "2 people of soc-lead, but not who started the run",
        "after 30m",
        "skipped: false || inputs.never does not hold",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn tells_who_would_be_asked_if_nobody_knew_what_happened() {
    let send = |id: &str, more: &str| {
        format!(
            "  - {{ id: {id}, uses: mail.send{more}, with: {{ mailbox: alice@corp.example, to: [bob@corp.example], \
             subject: Hi, text: Hi }} }}\n"
        )
    };
    let asks = ", idempotency: { on_unknown: ask }";
    let playbook = format!("{ALICE}{}{}", send("quiet", ""), send("asks", asks));
    let never = format!("{playbook}{}", send("never", &format!(", if: \"${{{{ 1 > 2 }}}}\"{asks}")));
    let (code, out, err) = planned(&never, &["--json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_fits_the_schema(&report);
    assert_eq!(report["asks_if_unknown"], json!([{"path": "asks", "action": "mail.send"}]));
    let (_, out, _) = planned(&playbook, &[]);
    let (_, told) = out.split_once("Asks a person if nobody knows whether it happened\n").expect(&out);
    assert!(told.starts_with("  asks  mail.send\n"), "{out}");
}

#[test]
fn values_from_mail_cannot_forge_the_plan() {
    let place = tempfile::tempdir().unwrap();
    let inbox = place.path().join("mail/alice@corp.example/Inbox");
    std::fs::create_dir_all(&inbox).unwrap();
    // ESC [2K and a right-to-left override.
    let mail = "From: <a@evil.test>\r\nTo: <alice@corp.example>\r\nSubject: =?utf-8?B?UGF5wpsyS8KbMUEg4oCuZ3BqLmV4ZQ==?=\r\n\
                Message-ID: <1@evil.test>\r\n\r\nPay.\r\n";
    std::fs::write(inbox.join("mail.eml"), mail).unwrap();
    let playbook = format!(
        "{ALICE}
  - id: look
    uses: mail.search
    with: {{ mailbox: alice@corp.example, folder: inbox, query: {{}}, limit: 1 }}
  - id: tell
    uses: mail.send
    with:
      mailbox: alice@corp.example
      to: [soc@corp.example]
      subject: Found
      text: \"${{{{ size(steps.look.output.messages) > 0 && steps.look.output.messages[0].subject != null ? steps.look.output.messages[0].subject : 'none' }}}}\"
"
    );
    std::fs::write(place.path().join("playbook.yaml"), playbook).unwrap();
    let ended = portcullis(place.path(), &["plan", "playbook.yaml", "--sim=mail"]);
    let out = text(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{out}{}", text(&ended.stderr));
    assert!(out.contains("\\u{202e}gpj"), "{out}");
    assert!(!out.chars().any(|c| c != '\n' && c.is_control()) && !out.contains('\u{202e}'), "{out:?}");
}

#[test]
fn reads_can_come_from_a_recording() {
    let place = tempfile::tempdir().unwrap();
    let folder = root().join("workflows/phishing-triage");
    let playbook = folder.join("playbook.yaml").display().to_string();
    let recorded =
        portcullis(place.path(), &["run", &playbook, "--sim", "--approve=all", "--record", "run.jsonl"]);
    assert_eq!(recorded.status.code(), Some(0), "{}", text(&recorded.stderr));
    let plan = |args: &[&str]| portcullis(place.path(), &[&["plan", &playbook, "--json"], args].concat());
    let (simulated, replayed) = (plan(&["--sim"]), plan(&["--cassette", "run.jsonl"]));
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed.stderr));
    let report = |ended: &Output| serde_json::from_slice::<Value>(&ended.stdout).unwrap();
    let (simulated, replayed) = (report(&simulated), report(&replayed));
    assert_eq!(replayed["reads"], "cassette");
    assert_eq!(replayed["effects"], simulated["effects"]);
    assert_eq!(plan(&["--cassette", "nowhere.jsonl"]).status.code(), Some(2));
}
