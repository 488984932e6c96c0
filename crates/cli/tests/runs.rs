//! Looking at runs, beside a process that drives one too; handing histories on; forgetting old runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

mod scene;

use std::path::Path;
use std::time::Duration;

use action_api::Validator;
use scene::{CHANGES, READS, Scene};
use serde_json::{Value, json};

#[track_caller]
fn fits(definition: &str, value: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/runs.v1.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    schema["$ref"] = json!(format!("#/$defs/{definition}"));
    let violations = Validator::new(&schema).unwrap().violations(value);
    assert!(violations.is_empty(), "{definition}: {violations:?}\n{value}");
}

const ASKS: &str = "playbook: 1
id: asks
name: Asks
steps:
  - { id: gate, approve: { message: Go on? } }
";

const FAILS: &str = "playbook: 1
id: fails
name: Fails
steps:
  - { id: no, fail: { message: Not today } }
";

/// Runs a playbook to its end and gives the run's name.
fn done(scene: &Scene, text: &str, code: i32) -> String {
    let file = scene.write("playbook.yaml", text);
    let report = scene.run(&["run", &file, "--json"]).with_code(code).json();
    fits("report", &report);
    report["run"].as_str().unwrap().to_owned()
}

fn names(list: &Value) -> Vec<String> {
    let runs = list["runs"].as_array().unwrap();
    runs.iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn runs_are_listed_by_what_is_asked_for_and_page_by_page() {
    let scene = Scene::new();
    assert!(scene.run(&["runs", "list"]).with_code(0).out.contains("no runs yet"));
    let failed = done(&scene, FAILS, 1);
    let waiting = done(&scene, ASKS, 3);
    let reads = done(&scene, READS, 0);
    let list = |args: &[&str]| {
        let list = scene.run(&[&["runs", "list", "--json"], args].concat()).with_code(0).json();
        fits("list", &list);
        (names(&list), list["next"].clone())
    };
    assert_eq!(list(&[]), (vec![reads.clone(), waiting.clone(), failed.clone()], Value::Null));
    assert_eq!(list(&["--status", "waiting"]).0, [waiting.as_str()]);
    assert_eq!(list(&["--playbook", "fails"]).0, [failed.as_str()]);
    assert_eq!(list(&["--of", &reads]).0, Vec::<String>::new());
    assert_eq!(list(&["--limit", "2"]), (vec![reads.clone(), waiting.clone()], json!(waiting)));
    assert_eq!(list(&["--limit", "2", "--before", &waiting]).0, [failed.as_str()]);
    assert_eq!(list(&["--limit", "0"]).0, Vec::<String>::new());
    let text = scene.run(&["runs", "list", "--status", "failed"]).with_code(0).out;
    assert!(text.contains(&failed) && text.contains("fails") && text.lines().count() == 1, "{text}");
    assert!(scene.run(&["runs", "list", "--status", "paused"]).with_code(0).out.contains("no such runs"));
    let err = scene.run(&["runs", "list", "--status", "broken"]).with_code(2).err;
    assert!(err.contains("succeeded"), "{err}");
    scene.run(&["runs", "list", "--before", "20260101-000000-00000000"]).with_code(2);
    scene.run(&["runs", "list", "--before", "--", "x"]).with_code(2);
}

#[test]
fn a_log_has_a_line_for_each_thing_that_happened_and_follows_a_run_beside_it() {
    let scene = Scene::new();
    let playbook = scene.write("changes.yaml", CHANGES);
    scene.slow("DeleteItem", Duration::from_secs(4));
    let (run, id) = scene.begin(&["run", &playbook]);
    let follower = scene.start(&["runs", "logs", &id, "--follow", "--json"]);
    let followed = follower.ended().with_code(0).out;
    run.ended().with_code(0);
    let lines: Vec<Value> = followed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(|line| fits("log", line));
    let said: Vec<(Option<&str>, &str)> =
        lines.iter().map(|line| (line["path"].as_str(), line["event"].as_str().unwrap())).collect();
    assert_eq!(
        said,
        [
            (None, "started"),
            (Some("find"), "calling"),
            (Some("find"), "succeeded"),
            (Some("remove"), "calling"),
            (Some("remove"), "succeeded"),
            (Some("after"), "calling"),
            (Some("after"), "succeeded"),
            (None, "ended"),
        ]
    );
    assert_eq!(lines[3]["attempt"], 1);
    let whole = scene.run(&["runs", "logs", &id, "--json"]).with_code(0).out;
    assert_eq!(followed, whole, "following gives what looking later gives");
    let text = scene.run(&["runs", "logs", &id]).with_code(0).out;
    assert!(text.lines().any(|line| line.ends_with("  remove  #1  calls mail.delete")), "{text}");
    scene.run(&["runs", "logs", "20260101-000000-00000000"]).with_code(2);
}

#[test]
fn a_log_names_items_attempts_waits_and_what_was_skipped() {
    let scene = Scene::new();
    let id = done(
        &scene,
        "playbook: 1\nid: many\nname: Many\nconnections: { mail: { kind: exchange } }\nsteps:\n  - id: each\n    foreach: \
         '${{ [\"ann@corp.example\", \"nobody@corp.example\"] }}'\n    as: mailbox\n    limit: 10\n    on_item_error: collect\n    do:\n      - { id: look, uses: \
         mail.search, with: { mailbox: \"${{ mailbox }}\" } }\n  - { id: never, if: '${{ size(steps.each.failed) > 5 }}', set: { a: 1 } }\n  - { id: pause, wait: \
         1s }\n",
        0,
    );
    let log = scene.run(&["runs", "logs", &id]).with_code(0).out;
    for part in [
        "each  -  2 items",
        "each[0]/look  #1  succeeded",
        "each[1]/look  #1  failed: ",
        "never  -  skipped",
        "pause  -  waits until",
        "-  -  ended: succeeded",
    ] {
        assert!(log.contains(part), "{part}\n{log}");
    }
}

#[test]
fn what_is_shown_is_one_documented_object() {
    let scene = Scene::new();
    let id = done(&scene, ASKS, 3);
    let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
    fits("show", &shown);
    assert_eq!((&shown["status"], &shown["paused_by"]), (&json!("waiting"), &Value::Null));
    fits("report", &scene.run(&["runs", "pause", &id, "--as", "ann\u{1b}[2K", "--json"]).with_code(0).json());
    let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
    fits("show", &shown);
    assert_eq!((&shown["status"], &shown["paused_by"]), (&json!("paused"), &json!("ann\u{1b}[2K")));
    let text = scene.run(&["runs", "show", &id]).with_code(0).out;
    assert!(text.contains("paused by ann\\u{1b}[2K") && !text.contains('\u{1b}'), "{text}");
    fits("report", &scene.run(&["runs", "continue", &id, "--json"]).with_code(3).json());
    fits("report", &scene.run(&["approve", &id, "gate", "--json"]).with_code(0).json());
}

#[test]
fn a_history_is_exported_as_lines_that_can_be_read_back() {
    let scene = Scene::new();
    let id = done(&scene, CHANGES, 0);
    let out = scene.run(&["runs", "export", &id]).with_code(0).out;
    let read = journal::import(&out).unwrap();
    assert_eq!(read.header.run.as_str(), id);
    let file = scene.path("run.jsonl").display().to_string();
    scene.run(&["runs", "export", &id, "--output", &file]).with_code(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), out);
    let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
    assert_eq!(json!(read.records), shown["records"]);
    let err = scene.run(&["runs", "export", &id, "--output", "no/such/folder/run.jsonl"]).with_code(1).err;
    assert!(err.contains("no/such/folder/run.jsonl"), "{err}");
    scene.run(&["runs", "export", "20260101-000000-00000000"]).with_code(2);
}

/// A playbook that keeps a mail as an artifact, and a result too large for its record.
const KEEPS: &str = "playbook: 1
id: keeps
name: Keeps
connections: { mail: { kind: exchange } }
steps:
  - { id: find, uses: mail.search, with: { mailbox: ann@corp.example } }
  - { id: get, uses: mail.download_eml, with: { mailbox: ann@corp.example, item_id: \"${{ steps.find.output.messages[0].item_id }}\" } }
";

fn kept(scene: &Scene) -> usize {
    fn files(folder: &Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
    }
    files(&scene.data().join("artifacts"))
}

#[test]
fn runs_and_their_artifacts_are_forgotten_only_when_that_is_asked_for() {
    let scene = Scene::new();
    let first = done(&scene, KEEPS, 0);
    let second = done(&scene, KEEPS, 0);
    let failed = done(&scene, FAILS, 1);
    let waiting = done(&scene, ASKS, 3);
    assert_eq!(kept(&scene), 1, "the same mail is kept once");
    let copies = scene.path("copies");
    scene.run(&["runs", "export", &first, "--artifacts", &copies.display().to_string()]).with_code(0);
    assert_eq!(std::fs::read_dir(copies).unwrap().count(), 1);

    let prune = |args: &[&str]| {
        let said = scene.run(&[&["runs", "prune", "--json"], args].concat()).with_code(0).json();
        fits("prune", &said);
        let runs = said["runs"].as_array().unwrap().clone();
        (
            runs.iter().map(|run| run.as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            said["artifacts"].clone(),
        )
    };
    let err = scene.run(&["runs", "prune"]).with_code(2).err;
    assert!(err.contains("--older-than") && err.contains("storage"), "{err}");
    let err = scene.run(&["runs", "prune", "--older-than", "soon"]).with_code(2).err;
    assert!(err.contains("90d"), "{err}");
    scene.run(&["runs", "prune", "--keep", "1", "--status", "running"]).with_code(2);
    assert_eq!(prune(&["--older-than", "1d"]).0, Vec::<String>::new());
    let all = vec![failed.clone(), second.clone(), first.clone()];
    assert_eq!(prune(&["--keep", "0", "--dry-run"]), (all, Value::Null));
    assert_eq!(
        prune(&["--keep", "2"]),
        (vec![first.clone()], json!(0)),
        "the other run speaks of the mail too"
    );
    assert_eq!(kept(&scene), 1);
    scene.run(&["runs", "show", &first]).with_code(2);
    assert_eq!(prune(&["--keep", "0", "--status", "succeeded"]), (vec![second], json!(1)));
    assert_eq!(kept(&scene), 0);
    // The configuration says it where the command does not.
    let config = scene.write("short.yaml", "storage: { keep: 0s }\n");
    assert_eq!(prune(&["--config", &config]).0, [failed]);
    assert_eq!(names(&scene.run(&["runs", "list", "--json"]).json()), [waiting], "it is not over");
}

#[test]
fn pruning_waits_for_nobody_and_takes_nothing_from_a_run_that_goes_on() {
    let scene = Scene::new();
    let old = done(&scene, READS, 0);
    let playbook = scene.write("changes.yaml", CHANGES);
    scene.slow("DeleteItem", Duration::from_secs(600));
    let (run, id) = scene.begin(&["run", &playbook]);
    scene.until_logged(&id, "calls mail.delete");
    let err = scene.run(&["runs", "prune", "--keep", "0"]).with_code(2).err;
    assert!(err.contains("in use by another process"), "{err}");
    assert_eq!(
        scene.run(&["runs", "prune", "--keep", "0", "--dry-run", "--json"]).json()["runs"],
        json!([old])
    );
    drop(run);
}

#[test]
fn a_step_is_ticked_off_once_however_it_was_answered() {
    let scene = Scene::new();
    let id = done(
        &scene,
        "playbook: 1\nid: ticks\nname: Ticks\nsteps:\n  - { id: event, wait: { event: go, schema: { type: object } } }\n  - { id: gate, approve: { \
         message: Go on? } }\n  - { id: form, ask: { message: What?, form: { a: { type: string } } } }\n",
        3,
    );
    scene.run(&["signal", &id, "go", "--payload", "{}"]).with_code(3);
    scene.run(&["approve", &id, "gate"]).with_code(3);
    scene.run(&["answer", &id, "form", "-i", "a=b"]).with_code(0);
    let shown = scene.run(&["runs", "show", &id]).with_code(0).out;
    for step in ["✓ event", "✓ gate", "✓ form"] {
        assert_eq!(shown.matches(step).count(), 1, "{step}\n{shown}");
    }
}

#[test]
fn places_that_a_person_mistypes_are_corrected() {
    let scene = Scene::new();
    let id = done(&scene, ASKS, 3);
    let err = scene.run(&["approve", &id, "gaet"]).with_code(2).err;
    assert!(err.contains("gate does"), "{err}");
    let err = scene.run(&["answer", &id, "gate"]).with_code(2).err;
    assert!(err.contains("does not wait for an answer"), "{err}");
    let err = scene.run(&["approve", &id, "gate[x]"]).with_code(2).err;
    assert!(err.contains("clean/per_mailbox[17]/delete"), "{err}");
    for odd in ["-x", "a b", "\u{1b}[2K", "../..", ""] {
        let ended = scene.run(&["runs", "show", "--", odd]).with_code(2);
        assert!(!ended.err.contains('\u{1b}'), "{}", ended.err);
    }
}

#[test]
fn a_restored_backup_comes_up_paused_and_says_how_it_goes_on() {
    let scene = Scene::new();
    let waits = done(&scene, ASKS, 3);
    let failed = done(&scene, FAILS, 1);
    // As a backup of the database alone leaves it.
    std::fs::remove_file(scene.data().join("journal.mark")).unwrap();
    let file = scene.write("other.yaml", FAILS);
    let first = scene.run(&["run", &file]).with_code(1);
    assert!(first.err.contains("was restored from a backup or copied"), "{}", first.err);
    assert!(first.err.contains(&format!("portcullis runs continue {waits}")), "{}", first.err);
    assert!(!first.err.contains(&failed), "{}", first.err);
    let paused = scene.run(&["runs", "list", "--status", "paused", "--json"]).with_code(0).json();
    assert_eq!(names(&paused), [waits.as_str()]);
    let shown = scene.run(&["runs", "show", &waits]).with_code(0).out;
    assert!(shown.contains("restored from a backup or copied"), "{shown}");
    // Said once, and a run that somebody lets go on is left alone.
    let continued = scene.run(&["runs", "continue", &waits]).with_code(3);
    assert!(!continued.err.contains("restored"), "{}", continued.err);
    let again = scene.run(&["run", &file]).with_code(1);
    assert!(!again.err.contains("restored"), "{}", again.err);
    assert_eq!(scene.run(&["approve", &waits, "gate"]).with_code(0).code, Some(0));
}
