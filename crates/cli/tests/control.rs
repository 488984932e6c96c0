//! Speaking to a run that another process drives: over the socket in the data folder, with the same end as without.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the real binary"
)]

mod scene;

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use exchange_sim::EffectKind;
use scene::{CHANGES, READS, Scene, Started, eventually};
use serde_json::{Value, json};

const HANGS: Duration = Duration::from_secs(600);

/// A person is asked while a mailbox is searched, so the process stays; then something is deleted.
const GATED: &str = "playbook: 1
id: gated
name: Gated
connections: { mail: { kind: exchange } }
steps:
  - id: both
    parallel:
      look:
        - { id: search, uses: mail.search, with: { mailbox: ann@corp.example } }
      ask:
        - id: gate
          approve: { message: Go on?, to: { roles: [lead] } }
";

fn socket(scene: &Scene) -> PathBuf {
    scene.data().join("control.sock")
}

/// A run of this playbook that hangs in its first search.
fn hanging(scene: &Scene, playbook: &str) -> (Started, String) {
    let file = scene.write("hanging.yaml", playbook);
    scene.slow("FindItem", HANGS);
    let (run, id) = scene.begin(&["run", &file]);
    scene.until_logged(&id, "calls mail.search");
    (run, id)
}

/// A run whose deletion is answered late; two reads come after it.
fn changing(scene: &Scene, time: Duration) -> (Started, String) {
    let again = "  - { id: again, uses: mail.search, with: { mailbox: ann@corp.example } }\n";
    let playbook = scene.write("changes.yaml", &format!("{CHANGES}{again}"));
    scene.slow("DeleteItem", time);
    let (run, id) = scene.begin(&["run", &playbook]);
    scene.until_logged(&id, "calls mail.delete");
    (run, id)
}

/// Sends bytes to the socket and reads what comes back.
fn raw(scene: &Scene, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket(scene)).unwrap();
    // The other side may hang up in the middle.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn request(run: &str, what: &Value) -> Vec<u8> {
    let mut line = json!({"portcullis": 1, "run": run, "by": "anna", "what": what}).to_string();
    line.push('\n');
    line.into_bytes()
}

#[test]
fn an_approval_reaches_the_process_that_drives_the_run() {
    let scene = Scene::new();
    let playbook = scene.write("gated.yaml", GATED);
    scene.slow("FindItem", Duration::from_secs(15));
    let (run, id) = scene.begin(&["run", &playbook]);
    scene.until_logged(&id, "asks a person");

    // Roles come from the configuration of the other process, by name.
    let err = scene.run(&["approve", &id, "both/ask/gate", "--as", "carl"]).with_code(2).err;
    assert!(err.contains("lead"), "{err}");
    let err =
        scene.run(&["approve", &id, "both/ask/gate", "--as", "carl", "--role", "lead"]).with_code(2).err;
    assert!(err.contains("--role"), "{err}");
    let err = scene.run(&["approve", &id, "both/ask/gat", "--as", "anna"]).with_code(2).err;
    assert!(err.contains("both/ask/gate does"), "{err}");
    let stale = ["approve", &id, "both/ask/gate", "--as", "anna", "--digest", "0000"];
    let err = scene.run(&stale).with_code(2).err;
    assert!(err.contains("something else"), "{err}");

    let approved = scene.run(&["approve", &id, "both/ask/gate", "--as", "anna"]).with_code(0);
    assert!(
        approved.out.contains("succeeded") && approved.out.contains("approved by anna"),
        "{}",
        approved.out
    );
    let ended = run.ended().with_code(0);
    assert!(ended.out.contains("approved by anna"), "{}", ended.out);
}

#[test]
fn a_run_is_paused_stepped_and_let_go_on() {
    let scene = Scene::new();
    let (run, id) = changing(&scene, Duration::from_secs(5));
    let paused = scene.run(&["runs", "pause", &id, "--as", "anna", "--json"]).with_code(0).json();
    assert_eq!((&paused["status"], &paused["paused_by"]), (&json!("paused"), &json!("anna")));
    // The process leaves, because nobody knows when the run goes on.
    let left = run.ended().with_code(3);
    assert!(left.out.contains("is paused by anna"), "{}", left.out);
    assert!(left.out.contains(&format!("portcullis runs continue {id}")), "{}", left.out);
    assert_eq!(scene.organisation.ledger().count(EffectKind::Deleted), 2, "what was in flight is finished");

    let shown = scene.run(&["runs", "show", &id]).with_code(0).out;
    assert!(shown.contains("status    paused by anna"), "{shown}");
    let still = scene.run(&["runs", "resume", &id]).with_code(3).out;
    assert!(still.contains("is paused"), "{still}");
    let err = scene.run(&["runs", "pause", &id]).with_code(2).err;
    assert!(err.contains("paused already"), "{err}");
    scene.run(&["runs", "step", &id]).with_code(0);
    let log = scene.run(&["runs", "logs", &id]).with_code(0).out;
    assert!(log.contains("after  #1  calls mail.search"), "{log}");
    scene.run(&["runs", "continue", &id]).with_code(0);
    assert_eq!(scene.run(&["runs", "show", &id, "--json"]).json()["status"], "succeeded");
    scene.run(&["runs", "step", &id]).with_code(2);
}

#[test]
fn a_run_that_nobody_drives_is_paused_without_beginning_anything() {
    let scene = Scene::new();
    let (run, id) = hanging(&scene, READS);
    run.signal("KILL");
    run.ended();
    scene.quick();
    scene.run(&["runs", "pause", &id]).with_code(0);
    let log = scene.run(&["runs", "logs", &id]).with_code(0).out;
    assert_eq!(log.matches("calls mail.search").count(), 1, "{log}");
    scene.run(&["runs", "step", &id]).with_code(0);
    let log = scene.run(&["runs", "logs", &id]).with_code(0).out;
    assert!(log.contains("one  #1  succeeded") && !log.contains("two  #1"), "{log}");
    // Cancelling ends a pause, and begins nothing.
    scene.run(&["runs", "cancel", &id]).with_code(0);
    let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
    assert_eq!(shown["status"], "cancelled");
    assert!(!shown.to_string().contains("\"path\":\"two\""), "{shown}");
}

#[test]
fn a_run_is_cancelled_in_the_process_that_drives_it() {
    let scene = Scene::new();
    let (run, id) = hanging(&scene, READS);
    let err = scene.run(&["runs", "resume", &id]).with_code(2).err;
    assert!(err.contains(&format!("runs logs {id} --follow")), "{err}");
    let err = scene.run(&["runs", "cancel", "20260101-000000-00000000"]).with_code(2).err;
    assert!(err.contains("there is no run"), "{err}");
    scene.run(&["runs", "cancel", &id, "--as", "anna"]).with_code(0);
    let ended = run.ended().with_code(1);
    assert!(ended.out.contains("cancelled"), "{}", ended.out);
    assert!(!socket(&scene).exists(), "the socket is gone with the process");
}

#[test]
fn a_run_of_nobody_says_who_has_the_folder() {
    let scene = Scene::new();
    let (first, one) = hanging(&scene, READS);
    first.signal("KILL");
    first.ended();
    assert!(socket(&scene).exists(), "a killed process leaves its socket");
    let (second, two) = hanging(&scene, CHANGES);
    assert_ne!(one, two);
    for command in [["runs", "cancel", &one], ["runs", "pause", &one], ["runs", "resume", &one]] {
        let err = scene.run(&command).with_code(2).err;
        assert!(err.contains(&two) && err.contains(&second.id().to_string()), "{err}");
    }
}

#[test]
fn the_socket_is_for_its_owner_and_reachable_in_a_deep_folder() {
    let scene = Scene::new().with_data(&"deep/".repeat(30));
    let (run, id) = hanging(&scene, READS);
    let found = std::fs::symlink_metadata(socket(&scene)).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(scene.data()).unwrap().permissions().mode() & 0o777, 0o700);
    scene.run(&["runs", "cancel", &id]).with_code(0);
    run.ended().with_code(1);
}

#[test]
fn what_is_no_request_is_answered_and_the_run_goes_on() {
    let scene = Scene::new();
    let (mut run, id) = hanging(&scene, READS);
    let pause = json!("pause");
    let known: Value = serde_json::from_slice(&request(&id, &pause)).unwrap();
    let with = |field: &str, value: Value| {
        let mut changed = known.clone();
        changed[field] = value;
        format!("{changed}\n").into_bytes()
    };
    for (bytes, said) in [
        (b"hello\n".to_vec(), "not a request"),
        (b"\xff\xfe\x00\n".to_vec(), "not a request"),
        (b"{}\n".to_vec(), "not a request"),
        (vec![b'x'; 4 * 1024 * 1024], "at most"),
        (b"[".repeat(100_000), "not a request"),
        (with("portcullis", json!(2)), "version 1"),
        (with("roles", json!(["lead"])), "roles"),
        (with("run", json!("../../etc")), "elsewhere"),
        (request(&id, &json!("explode")), "explode"),
        (request(&id, &json!({"approve": {"step": "\u{1b}[2K", "digest": null}})), "does not wait"),
        (request(&id, &json!({"signal": {"event": "x", "payload": null}})), "no event"),
        (request(&id, &json!("continue")), "not paused"),
    ] {
        let answer = raw(&scene, &bytes);
        assert!(answer.contains(said), "{said}: {answer}");
        assert!(!answer.contains('\u{1b}'), "{answer}");
    }
    assert_eq!(raw(&scene, b""), "");
    // Many who connect and say nothing do not keep others out for long.
    let silent: Vec<UnixStream> = (0..64).map(|_| UnixStream::connect(socket(&scene)).unwrap()).collect();
    let status = json!({"status": {"wait": false, "form": "json"}});
    let answer: Value = serde_json::from_str(&raw(&scene, &request(&id, &status))).unwrap();
    assert_eq!(answer["standing"]["report"]["run"], id.as_str(), "{answer}");
    drop(silent);
    assert!(run.is_running());
    assert!(!scene.run(&["runs", "show", &id]).out.contains("paused"), "nothing was taken");
}

#[test]
fn whoever_waits_is_told_when_the_other_process_is_gone() {
    let scene = Scene::new();
    let (run, id) = changing(&scene, HANGS);
    let waiting = scene.start(&["runs", "pause", &id]);
    scene.until_logged(&id, "paused by tester");
    run.signal("KILL");
    run.ended();
    let err = waiting.ended().with_code(1).err;
    assert!(err.contains("is gone") && err.contains(&format!("runs show {id}")), "{err}");
}

/// The system's word counts and not the file's permissions. Can only be tried by a user who may become another one.
#[test]
fn another_user_is_not_heard() {
    let scene = Scene::new();
    let (run, id) = hanging(&scene, READS);
    if std::fs::metadata(scene.data()).unwrap().uid() != 0 {
        return;
    }
    for place in [scene.path("."), scene.data().to_owned(), socket(&scene)] {
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let line = String::from_utf8(request(&id, &json!("cancel"))).unwrap();
    let script = "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntry:\n  s.sendall(sys.argv[2].encode())\n  print(len(s.recv(1000)))\nexcept OSError:\n  print(0)\n";
    let mut stranger = std::process::Command::new("python3");
    std::os::unix::process::CommandExt::uid(&mut stranger, 65534);
    stranger.args(["-c", script, &socket(&scene).display().to_string(), &line]);
    let Ok(heard) = stranger.output() else { return };
    assert_eq!(String::from_utf8_lossy(&heard.stdout).trim(), "0", "{heard:?}");
    assert!(!scene.run(&["runs", "show", &id]).out.contains("cancelled"));
    drop(run);
}

#[test]
fn an_answer_that_nobody_waits_for_is_no_harm() {
    let scene = Scene::new();
    let (run, id) = changing(&scene, Duration::from_secs(5));
    let waiting = scene.start(&["runs", "pause", &id]);
    scene.until_logged(&id, "paused by tester");
    waiting.signal("INT");
    let said = waiting.ended().with_code(130).err;
    assert!(said.contains("stopped waiting"), "{said}");
    run.ended().with_code(3);
    eventually("the pause", || {
        (scene.run(&["runs", "show", &id, "--json"]).json()["status"] == "paused").then_some(())
    });
}
