//! The operator's policy and the audit log, with the real binary and a simulated organisation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// Finds what is in a mailbox and deletes it.
const SWEEP: &str = "playbook: 1
id: sweep
connections: { mail: { kind: exchange } }
policy: { max_effects: { mail.delete: 1000 } }
steps:
  - { id: find, uses: mail.search, with: { mailbox: ann@corp.example } }
  - id: remove
    uses: mail.delete
    with: { mailbox: ann@corp.example, item_ids: \"${{ steps.find.output.messages.map(m, m.item_id) }}\" }
";

struct Place(TempDir);

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    /// A folder with a playbook, so many mails, and a configuration.
    fn new(mails: usize, configuration: &str) -> Self {
        let place = Place(TempDir::new().unwrap());
        let inbox = place.path("mail/ann@corp.example/Inbox");
        std::fs::create_dir_all(&inbox).unwrap();
        for number in 0..mails {
            let mail = format!(
                "From: <a@evil.test>\r\nTo: ann@corp.example\r\nSubject: Pay {number}\r\nMessage-ID: \
                 <{number}@evil.test>\r\n\r\nPay.\r\n"
            );
            std::fs::write(inbox.join(format!("{number}.eml")), mail).unwrap();
        }
        std::fs::write(place.path("sweep.yaml"), SWEEP).unwrap();
        std::fs::write(place.path("portcullis.yaml"), configuration).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ended {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(args)
            .current_dir(self.0.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("USER", "ann")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn sweep(&self) -> Ended {
        self.run(&["run", "sweep.yaml", "--sim=mail"])
    }

    fn log(&self) -> PathBuf {
        self.path(".portcullis/audit.jsonl")
    }

    fn says(&self) -> Vec<Value> {
        let shown = self.run(&["audit", "show", "--json"]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        shown.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["entry"].clone()).collect()
    }
}

fn whats(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["what"].as_str().unwrap()).collect()
}

#[test]
fn deletes_stay_small_until_the_operator_raises_them() {
    let place = Place::new(12, "");
    let plan = place.run(&["plan", "sweep.yaml", "--sim=mail"]);
    assert_eq!(plan.code, 1, "{}", plan.out);
    for part in ["The policy would refuse", "`caps.deletes.per_mailbox` 10", "12 items of ann@corp.example"] {
        assert!(plan.out.contains(part), "{part}\n{}", plan.out);
    }
    let plan = place.run(&["plan", "sweep.yaml", "--sim=mail", "--json"]);
    let report: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(report["refused"][0]["rule"], "caps.deletes.per_mailbox");

    let refused = place.sweep();
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!((refused.out + &refused.err).contains("the policy allows 10"));
    assert_eq!(whats(&place.says()), ["run_started", "refused", "run_ended"]);

    std::fs::write(place.path("portcullis.yaml"), "policy: { caps: { deletes: { per_mailbox: 20 } } }\n")
        .unwrap();
    let done = place.sweep();
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let said = place.says();
    assert_eq!(whats(&said)[3..], ["run_started", "effect_begun", "effect_ended", "run_ended"]);
    let begun = &said[4];
    assert_eq!((&begun["items"], &begun["mailbox"]), (&12.into(), &"ann@corp.example".into()));
}

#[test]
fn what_is_forbidden_is_told_all_at_once_and_with_its_place() {
    let place =
        Place::new(1, "policy:\n  actions: { forbid: [mail.delete] }\n  connections: { allow: [other] }\n");
    let checked = place.run(&["check", "sweep.yaml"]);
    assert_eq!(checked.code, 2);
    for part in ["sweep.yaml:7:9", "actions.forbid", "connections.allow"] {
        assert!(
            (checked.out.clone() + &checked.err).contains(part),
            "{part}\n{}{}",
            checked.out,
            checked.err
        );
    }
    let run = place.sweep();
    assert_eq!(run.code, 2);
    for part in ["nothing was done", "step remove", "actions.forbid", "connections.allow"] {
        assert!(run.err.contains(part), "{part}\n{}", run.err);
    }
    assert!(place.run(&["runs", "list"]).out.contains("no runs yet"));
    let said = place.says();
    assert_eq!(whats(&said), ["start_refused"]);
    assert_eq!(said[0]["rules"], serde_json::json!(["actions.forbid", "connections.allow"]));
}

#[test]
fn a_policy_that_is_misspelt_is_refused_with_what_was_expected() {
    for (configuration, part) in [
        ("policy: { caps: { delets: { per_run: 5 } } }\n", "one of `deletes`"),
        ("policy: { caps: { deletes: { per_run: none } } }\n", "unlimited"),
        ("policy: { mailboxes: { allow: [corp.example] } }\n", "@corp.example"),
        ("policy: { allowed_actions: [] }\n", "unknown field"),
        ("audit: { heads: x }\n", "unknown field"),
    ] {
        let place = Place::new(1, configuration);
        let run = place.sweep();
        assert_eq!(run.code, 2, "{configuration}");
        assert!(run.err.contains(part), "{configuration}\n{}", run.err);
    }
}

#[test]
fn without_a_log_nothing_is_changed() {
    let place = Place::new(2, "");
    std::fs::create_dir_all(place.log()).unwrap();
    let run = place.sweep();
    assert_eq!(run.code, 1);
    assert!(run.err.contains("nothing is run without an audit log"), "{}", run.err);
}

#[test]
fn a_log_that_was_changed_cut_or_made_anew_is_found_and_not_written_on() {
    let place = Place::new(2, "audit: { head: elsewhere/audit.head }\n");
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    assert_eq!(place.sweep().code, 0);
    let whole = place.run(&["audit", "verify", "--json"]);
    assert_eq!(whole.code, 0, "{}", whole.out);
    let report: Value = serde_json::from_str(&whole.out).unwrap();
    assert_eq!(
        (&report["ok"], &report["lines"], &report["head"]["lines"]),
        (&true.into(), &4.into(), &4.into())
    );
    let sound = std::fs::read_to_string(place.log()).unwrap();
    let lines: Vec<&str> = sound.split_inclusive('\n').collect();
    let other = Place::new(1, "");
    assert_eq!(other.sweep().code, 0);
    let anew = std::fs::read_to_string(other.log()).unwrap();
    for (what, text, part) in [
        ("changed", sound.replace("ann@corp.example", "bob@corp.example"), "line 2"),
        ("deleted", [lines[0], lines[2], lines[3]].concat(), "line 2"),
        ("reordered", [lines[0], lines[2], lines[1], lines[3]].concat(), "line 2"),
        ("cut", lines[..3].concat(), "cut off"),
        ("made anew", anew, "anew"),
    ] {
        std::fs::write(place.log(), &text).unwrap();
        let verified = place.run(&["audit", "verify"]);
        assert_eq!(verified.code, 1, "{what}: {}", verified.out);
        assert!(verified.out.contains(part), "{what}: {}", verified.out);
        let run = place.sweep();
        assert_eq!(run.code, 1, "{what}: {}", run.err);
        assert_eq!(std::fs::read_to_string(place.log()).unwrap(), text, "{what}: it was written on");
    }
    std::fs::write(place.log(), &sound).unwrap();
    assert_eq!(place.sweep().code, 0);
}

#[test]
fn a_second_place_is_begun_on_purpose() {
    let place = Place::new(1, "");
    assert_eq!(place.sweep().code, 0);
    let verified = place.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0);
    assert!(verified.out.contains("no second place"), "{}", verified.out);
    assert_eq!(place.run(&["audit", "verify", "--write-head"]).code, 2);
    std::fs::write(place.path("portcullis.yaml"), "audit: { head: audit.head }\n").unwrap();
    assert_eq!(place.sweep().code, 1);
    assert_eq!(place.run(&["audit", "verify", "--write-head"]).code, 0);
    assert_eq!(place.sweep().code, 0);
    let shown = place.run(&["audit", "show", "--since", "1h"]);
    assert!(shown.out.contains("ann starts sweep") || shown.out.contains(" starts sweep"), "{}", shown.out);
    assert!(shown.out.contains("mail.delete: 1 items of ann@corp.example"), "{}", shown.out);
    assert_eq!(place.run(&["audit", "show", "--since", "yesterday"]).code, 2);
}
