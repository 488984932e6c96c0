//! What is only shown: a plan of a step about many messages of several mailboxes, and a dry run of every action that
//! changes something. Counts and mailboxes are told, caps are applied, and nothing is touched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use action_api::{ActionSource as _, Spec};
use exchange_sim::{Config, Organisation, Server};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A folder with a configuration, and an organisation behind a server.
struct Place {
    folder: TempDir,
    runtime: Runtime,
    organisation: Organisation,
    server: Option<Server>,
    /// Where messages to chats and services would arrive; it takes nobody in.
    elsewhere: TcpListener,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    #[track_caller]
    fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}{}", self.out, self.err))
    }
}

impl Place {
    /// With so many mails in each of these inboxes.
    fn with(mails: &[(&str, usize)]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (mailbox, count) in mails {
            let inbox = folder.path().join("mail").join(mailbox).join("Inbox");
            std::fs::create_dir_all(&inbox).unwrap();
            for number in 0..*count {
                let mail = format!(
                    "From: <a@evil.test>\r\nTo: {mailbox}\r\nSubject: Pay {number}\r\nMessage-ID: \
                     <{number}@evil.test>\r\n\r\nPay.\r\n"
                );
                std::fs::write(inbox.join(format!("{number}.eml")), mail).unwrap();
            }
        }
        let organisation = Organisation::load_folder(folder.path().join("mail")).unwrap();
        let config = Config::local("svc@corp.example", "rehearsal");
        let server = Some(runtime.block_on(Server::start(organisation.clone(), config)).unwrap());
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let place = Place { folder, runtime, organisation, server, elsewhere };
        place.configure("");
        place
    }

    /// One connection of each kind, and this policy.
    fn configure(&self, policy: &str) {
        let elsewhere = format!("http://{}", self.elsewhere.local_addr().unwrap());
        let mut text = format!(
            "connections:\n  exchange:\n    kind: ews\n    url: {}\n    user: svc@corp.example\n    \
             password: {{ env: REHEARSAL_PASSWORD }}\n  http:\n    kind: http\n    url: {elsewhere}/api\n    \
             allow_private: true\n",
            self.server.as_ref().unwrap().url()
        );
        for kind in ["webhook", "slack", "teams"] {
            text += &format!(
                "  {kind}:\n    kind: {kind}\n    url: {{ env: HOOK }}\n    networks: [127.0.0.0/8]\n"
            );
        }
        std::fs::write(self.path("portcullis.yaml"), text + policy).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ended {
        let ended = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .arg("--data")
            .arg(self.path("data"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("USER", "tester")
            .env("REHEARSAL_PASSWORD", "rehearsal")
            .env("HOOK", format!("http://{}/hook", self.elsewhere.local_addr().unwrap()))
            .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
            .env("XDG_STATE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// Everything that a change could be seen by: what is in the mailboxes, the files, and what was kept of a run.
    fn state(&self) -> (String, BTreeMap<PathBuf, Vec<u8>>) {
        assert!(self.organisation.ledger().effects.is_empty(), "{:?}", self.organisation.ledger().effects);
        assert!(!self.path("data").exists(), "something was kept");
        let called = self.elsewhere.accept().expect_err("somebody called");
        assert_eq!(called.kind(), ErrorKind::WouldBlock);
        let mut files = BTreeMap::new();
        gather(self.folder.path(), &mut files);
        files.remove(&self.path("portcullis.yaml"));
        (self.organisation.snapshot(), files)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}

fn gather(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

/// Finds what is in three inboxes and deletes all of it by one call.
const SWEEP: &str = r#"playbook: 1
id: sweep
connections: { exchange: { kind: exchange } }
policy: { max_effects: { mail.delete: 20 } }
steps:
  - id: look
    foreach: ${{ ["ann@corp.example", "ben@corp.example", "cem@corp.example"] }}
    as: mailbox
    limit: 3
    do:
      - id: find
        uses: mail.search
        with: { mailbox: "${{ mailbox }}", folder: inbox, limit: 50 }
    output: '${{ steps.find.output.messages.map(m, {"mailbox": mailbox, "item_id": m.item_id}) }}'
  - id: remove
    uses: mail.delete
    with: { items: "${{ flatten(steps.look.output) }}", mode: soft }
"#;

#[test]
fn a_plan_counts_a_list_by_mailbox_and_touches_none() {
    let place = Place::with(&[("ann@corp.example", 12), ("ben@corp.example", 3), ("cem@corp.example", 1)]);
    std::fs::write(place.path("sweep.yaml"), SWEEP).unwrap();
    let before = place.state();
    let each = json!({ "ann@corp.example": 12, "ben@corp.example": 3, "cem@corp.example": 1 });

    // Without a policy of the operator's own, ten messages of one mailbox are the most.
    let refused = place.run(&["plan", "sweep.yaml", "--json"]).with_code(1).json();
    assert_eq!((&refused["effects"][0]["items"], &refused["effects"][0]["mailboxes"]), (&json!(16), &each));
    assert_eq!(refused["refused"].as_array().unwrap().len(), 1, "{refused}");
    assert_eq!(refused["refused"][0]["rule"], "caps.deletes.per_mailbox");
    let said = place.run(&["plan", "sweep.yaml"]).with_code(1).out;
    for part in ["would call mail.delete", "The policy would refuse", "12 items of ann@corp.example"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("items of ben@corp.example"), "{said}");
    assert!(before == place.state(), "a plan touched something");

    place.configure("policy: { caps: { deletes: { per_mailbox: 12 } } }\n");
    let fits = place.run(&["plan", "sweep.yaml", "--json"]).with_code(0).json();
    assert_eq!((&fits["refused"], &fits["effects"][0]["mailboxes"]), (&Value::Null, &each), "{fits}");
    let said = place.run(&["plan", "sweep.yaml"]).with_code(0).out;
    for part in [
        "ann@corp.example 12, ben@corp.example 3, cem@corp.example 1",
        "of at most 20",
        "can be taken back",
        "“Pay ",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(before == place.state(), "a plan touched something");

    // A dry run says the same, and the real run did what both said.
    let dry = place.run(&["run", "sweep.yaml", "--dry-run"]).with_code(0).out;
    assert!(dry.contains("ann@corp.example 12, ben@corp.example 3, cem@corp.example 1"), "{dry}");
    assert!(before == place.state(), "a dry run touched something");
    let real = place.run(&["run", "sweep.yaml"]).with_code(0).out;
    assert!(real.contains("ann@corp.example 12, ben@corp.example 3, cem@corp.example 1"), "{real}");
    assert_eq!(place.organisation.ledger().effects.len(), 16);
}

#[test]
fn a_plan_holds_a_list_to_what_the_playbook_allows_itself() {
    let place = Place::with(&[("ann@corp.example", 2), ("ben@corp.example", 2), ("cem@corp.example", 2)]);
    std::fs::write(place.path("sweep.yaml"), SWEEP.replace("mail.delete: 20", "mail.delete: 5")).unwrap();
    let before = place.state();
    let said = place.run(&["plan", "sweep.yaml"]).with_code(1).out;
    assert!(said.contains("mail.delete") && said.contains('5') && said.contains('6'), "{said}");
    assert!(before == place.state(), "a plan touched something");
}

/// One subject for each of these mails, in their order.
fn subjects(mails: &Value) -> Vec<&str> {
    mails.as_array().into_iter().flatten().map(|mail| mail["subject"].as_str().unwrap()).collect()
}

#[test]
fn mails_are_shown_with_their_subjects_whoever_names_them() {
    let place = Place::with(&[("ann@corp.example", 4), ("ben@corp.example", 1)]);
    let found = |mailbox: &str| {
        let input = json!({ "mailbox": mailbox, "folder": "inbox" }).to_string();
        let found = place
            .run(&["action", "run", "mail.search", "--connection", "exchange", "--json", &input])
            .with_code(0)
            .json();
        std::fs::remove_dir_all(place.path("data")).unwrap();
        let messages = found["messages"].as_array().unwrap().iter();
        messages.map(|one| (one["item_id"].clone(), one["subject"].clone())).collect::<Vec<_>>()
    };
    let (ann, ben) = (found("ann@corp.example"), found("ben@corp.example"));

    // Nothing in this playbook reads them: their ids are all that it says.
    let ids: Vec<&Value> = ann.iter().map(|(id, _)| id).collect();
    let step = json!({ "id": "remove", "uses": "mail.delete", "with": { "items": [
        { "mailbox": "ann@corp.example", "item_id": ids[0] },
        { "mailbox": "ben@corp.example", "item_id": ben[0].0 },
        { "mailbox": "ann@corp.example", "item_id": "AAMkAGNobodyHasIt=" },
    ] } });
    let playbook = json!({ "id": "ids", "connections": { "exchange": { "kind": "exchange" } },
        "policy": { "max_effects": { "mail.delete": 5 } }, "steps": [step] });
    let playbook = format!("playbook: 1\n{}", serde_yaml::to_string(&playbook).unwrap());
    std::fs::write(place.path("ids.yaml"), playbook).unwrap();
    let before = place.state();
    let plan = place.run(&["plan", "ids.yaml", "--json"]).with_code(0).json();
    let mails = &plan["blocks"][0]["steps"][0]["call"]["calls"][0]["mails"];
    assert_eq!(subjects(mails), [ann[0].1.as_str().unwrap(), "Pay 0"], "{plan}");
    let run = place.run(&["run", "ids.yaml", "--dry-run", "--json"]).with_code(0).json();
    assert_eq!(subjects(&run["effects"][0]["mails"]).len(), 2, "{run}");

    // So does a single action; of many three are shown, and the others are counted.
    let input = json!({ "mailbox": "ann@corp.example", "item_ids": ids }).to_string();
    let args = ["action", "run", "mail.mark_read", "--connection", "exchange", "--dry-run", "--json", &input];
    let said = place.run(&args).with_code(0).out;
    assert!(said.contains("“Pay ") && said.contains("and 1 more"), "{said}");

    // Where the operator lets nobody read mails, none is read for this either.
    place.configure("policy: { actions: { forbid: [mail.get] } }\n");
    let plan = place.run(&["plan", "ids.yaml", "--json"]).with_code(0).json();
    assert_eq!(plan["blocks"][0]["steps"][0]["call"]["calls"][0]["mails"], Value::Null, "{plan}");
    assert!(before == place.state(), "something was touched");
}

/// Every built-in action that changes something.
fn changing() -> Vec<Arc<Spec>> {
    let mail = actions::exchange(|_| Ok(exchange::Ports::default())).specs();
    let web = web_actions::web(|_| Ok(web_actions::Web::simulated())).specs();
    let changing: Vec<Arc<Spec>> = mail.into_iter().chain(web).filter(|spec| spec.effect.changes()).collect();
    assert!(changing.len() > 20, "{}", changing.len());
    changing
}

#[test]
fn a_dry_run_of_every_change_says_what_and_touches_nothing() {
    let place = Place::with(&[("alice@corp.example", 2)]);
    let before = place.state();
    for spec in changing() {
        let connection = spec.connection.as_deref().unwrap();
        for example in &spec.examples {
            let (name, input) = (spec.name.as_str(), example.input.to_string());
            let args = ["action", "run", name, "--connection", connection, "--dry-run", "--json", &input];
            let said = place.run(&args).with_code(0).out;
            let items = spec.items_of(&example.input);
            let (_, effects) = said.split_once("Would change\n").unwrap_or_else(|| panic!("{said}"));
            let told = effects.lines().next().unwrap();
            let words: Vec<&str> = told.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            assert_eq!(words[..3], [name, items.to_string().as_str(), spec.effect.as_str()], "{told}");
            for (mailbox, count) in spec.mailboxes_of(&example.input).each {
                let count = count.to_string();
                let pair = words.windows(2).any(|pair| pair == [mailbox.as_str(), count.as_str()]);
                assert!(pair, "{name}: {mailbox} {count}\n{told}");
            }
            // Who reads it sees what would be written, such as a subject.
            for field in ["subject", "title"] {
                if let Some(text) = example.input[field].as_str() {
                    assert!(said.contains(text), "{name}: {text}\n{said}");
                }
            }
            assert!(before == place.state(), "{name} touched something");
        }
    }
}
