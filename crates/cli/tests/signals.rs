//! The real binary and the signals of the system: a checkpoint at the first, the end at the second, and no hang and no
//! panic whatever becomes of its output.
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

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exchange_sim::EffectKind;
use scene::{CHANGES, READS, Scene, Started};

const HANGS: Duration = Duration::from_secs(600);

/// A run that hangs in its first read.
fn hanging_read(scene: &Scene) -> (Started, String) {
    let playbook = scene.write("reads.yaml", READS);
    scene.slow("FindItem", HANGS);
    let (run, id) = scene.begin(&["run", &playbook]);
    scene.until_logged(&id, "calls mail.search");
    (run, id)
}

/// A run whose deletion takes so long to be answered.
fn slow_change(scene: &Scene, time: Duration) -> (Started, String) {
    let playbook = scene.write("changes.yaml", CHANGES);
    scene.slow("DeleteItem", time);
    let (run, id) = scene.begin(&["run", &playbook]);
    scene.until_logged(&id, "calls mail.delete");
    (run, id)
}

#[test]
fn ctrl_c_drops_reads_and_the_run_can_be_resumed() {
    let scene = Scene::new();
    let (run, id) = hanging_read(&scene);
    run.signal("INT");
    let ended = run.ended().with_code(130);
    assert!(ended.err.contains(&format!("portcullis runs resume {id}")), "{}", ended.err);
    scene.quick();
    scene.run(&["runs", "resume", &id]).with_code(0);
    let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
    assert_eq!(shown["status"], "succeeded");
}

#[test]
fn sigterm_lets_a_change_finish_writes_it_down_and_ends_with_0() {
    for signal in ["TERM", "HUP"] {
        let scene = Scene::new();
        let (run, id) = slow_change(&scene, Duration::from_secs(4));
        run.signal(signal);
        let ended = run.ended().with_code(0);
        assert!(ended.err.contains("stopping") && ended.err.contains("is kept"), "{}", ended.err);
        let log = scene.run(&["runs", "logs", &id]).with_code(0).out;
        assert!(log.contains("remove  #1  succeeded") && !log.contains("after  #1"), "{log}");
        let resumed = scene.run(&["runs", "resume", &id, "--json"]).with_code(0).json();
        assert_eq!(resumed["outputs"]["left"], 0, "{resumed}");
        assert_eq!(scene.organisation.ledger().count(EffectKind::Deleted), 2, "deleted once each");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let scene = Scene::new();
    for (first, second, code) in [("INT", "INT", 130), ("TERM", "TERM", 143), ("TERM", "HUP", 129)] {
        let (run, id) = slow_change(&scene, HANGS);
        run.signal(first);
        run.says("stopping");
        run.signal(second);
        run.ended().with_code(code);
        let shown = scene.run(&["runs", "show", &id, "--json"]).with_code(0).json();
        assert_eq!(shown["status"], "running", "it can be resumed");
        scene.quick();
    }
}

#[test]
fn a_change_that_never_answers_is_left_in_doubt_within_thirty_seconds() {
    let scene = Scene::new();
    let (run, id) = slow_change(&scene, HANGS);
    run.signal("TERM");
    let begun = Instant::now();
    let ended = run.ended().with_code(4);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(ended.err.contains("a change had not answered"), "{}", ended.err);
    scene.quick();
    scene.run(&["runs", "resume", &id]).with_code(0);
}

#[test]
fn a_signal_at_any_moment_of_the_start_leaves_a_usable_folder() {
    let scene = Scene::new();
    let playbook = scene.write("reads.yaml", READS);
    scene.slow("FindItem", HANGS);
    for moment in [0, 5, 10, 20, 40, 80, 160, 320] {
        let run = scene.start(&["run", &playbook]);
        std::thread::sleep(Duration::from_millis(moment));
        run.signal("TERM");
        let ended = run.ended();
        // Before the process listens the system ends it; both are an end in which nothing is lost.
        assert!(matches!(ended.code, Some(0) | None), "{:?}\n{}", ended.code, ended.err);
        scene.run(&["runs", "list"]).with_code(0);
    }
}

#[test]
fn what_was_ignored_when_the_process_began_stays_ignored() {
    let scene = Scene::new();
    let playbook = scene.write("reads.yaml", READS);
    scene.slow("FindItem", HANGS);
    let script = "trap '' HUP; exec \"$0\" run \"$1\" --data \"$2\"";
    let mut command = Command::new("/bin/sh");
    let data = scene.data().display().to_string();
    command.args(["-c", script, env!("CARGO_BIN_EXE_portcullis"), &playbook, &data]);
    scene.surroundings(&mut command);
    let (mut run, id) = scene.begun(|| Started::new(command.spawn().unwrap()));
    scene.until_logged(&id, "calls mail.search");
    run.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    assert!(run.is_running(), "nohup would be of no use");
    run.signal("TERM");
    run.ended().with_code(0);
}

#[test]
fn a_closed_output_changes_nothing_about_a_run() {
    let scene = Scene::new();
    let playbook = scene.write("changes.yaml", CHANGES);
    let mut child = scene.command(&["run", &playbook, "-vv"]).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(scene.organisation.ledger().count(EffectKind::Deleted), 2);
    for args in [&["runs", "list"][..], &["runs", "list", "--json"], &["actions", "--markdown"]] {
        let mut child = scene.command(args).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(0), None), "{args:?}");
    }
}

#[test]
fn a_pipe_that_nobody_reads_does_not_keep_a_stopped_process_alive() {
    let scene = Scene::new();
    let playbook = scene.write(
        "echo.yaml",
        "playbook: 1\nid: echo\nname: Echo\ninputs:\n  text: { type: string }\noutputs:\n  text: { type: string, value: \
         \"${{ inputs.text }}\" }\nsteps:\n  - { id: nothing, set: { done: true } }\n",
    );
    let inputs = scene.write("large.json", &format!("{{\"text\": \"{}\"}}", "x".repeat(400_000)));
    let mut command = scene.command(&["run", &playbook, "--inputs", &inputs, "--json"]);
    // Held open, and never read.
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let (mut child, id) = scene.begun(|| command.spawn().unwrap());
    scene.until_logged(&id, "ended: succeeded");
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "the pipe is full");
    let begun = Instant::now();
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    scene::eventually("the end", || child.try_wait().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(30));
    scene.run(&["runs", "show", &id]).with_code(0);
}
