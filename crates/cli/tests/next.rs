//! What a command tells to type next works as it stands there, and what a prune says it would do is what it does.
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
use std::process::Command;

use scene::{Ended, Scene, Started};
use serde_json::{Value, json};

const ASKS: &str = "playbook: 1
id: asks
name: Asks
connections: { mail: { kind: exchange } }
steps:
  - { id: find, uses: mail.search, with: { mailbox: ann@corp.example } }
  - { id: gate, approve: { message: Go on? } }
  - { id: after, uses: mail.search, with: { mailbox: ann@corp.example } }
";

/// Types a line at a shell, in a folder where no configuration is found.
fn typed(scene: &Scene, line: &str) -> Ended {
    let elsewhere = scene.path("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let folder = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap().display().to_string();
    let mut command = Command::new("sh");
    scene.surroundings(command.args(["-c", line]));
    command.env("PATH", format!("{folder}:/usr/bin:/bin")).current_dir(elsewhere);
    Started::new(command.spawn().unwrap()).ended()
}

/// The line of a text that begins with a command.
fn line_with<'t>(text: &'t str, command: &str) -> &'t str {
    let found = text.lines().find(|line| line.trim_start().starts_with(command));
    found.unwrap_or_else(|| panic!("no {command} in {text}"))
}

#[test]
fn commands_that_are_told_work_in_any_folder() {
    let scene = Scene::new().with_data("where runs' are");
    let playbook = scene.write("asks.yaml", ASKS);
    let config = scene.path("portcullis.yaml").display().to_string();
    let said = scene.run(&["--config", &config, "run", &playbook]).with_code(3).out;
    for command in ["portcullis approve", "portcullis reject"] {
        let line = line_with(&said, command);
        assert!(line.contains("--config") && line.contains("--data '"), "{line}");
    }
    let done = typed(&scene, line_with(&said, "portcullis approve")).with_code(0);
    assert!(done.out.contains("succeeded"), "{}", done.out);
    // The words of the engine as well.
    let waiting = scene.run(&["--config", &config, "run", &playbook, "--json"]).with_code(3).json();
    let run = waiting["run"].as_str().unwrap();
    let err = scene.run(&["--config", &config, "undo", run, "--yes"]).with_code(2).err;
    let resume = err.split('`').find(|part| part.starts_with("portcullis runs cancel")).unwrap();
    typed(&scene, resume).with_code(0);
    let list = scene.run(&["runs", "list", "--json"]).json();
    assert_eq!(list["runs"][0]["status"], "cancelled", "{list:#}");
}

#[test]
fn without_flags_nothing_is_added() {
    let scene = Scene::new();
    let playbook = scene.write("asks.yaml", ASKS);
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    scene.surroundings(command.args(["run", &playbook]));
    let said = Started::new(command.spawn().unwrap()).ended().with_code(3).out;
    assert!(line_with(&said, "portcullis approve").ends_with(" gate"), "{said}");
}

#[test]
fn a_prune_says_beforehand_what_it_keeps() {
    let scene = Scene::new();
    let playbook = scene.write("asks.yaml", ASKS);
    let run = |args: &[&str], code: i32| -> String {
        let report = scene.run(&[args, &["--json"]].concat()).with_code(code).json();
        report["run"].as_str().unwrap_or_else(|| panic!("{report:#}")).to_owned()
    };
    let alone = run(&["run", &playbook, "--approve=all"], 0);
    let first = run(&["run", &playbook, "--approve=all"], 0);
    // Made from the first one over one that is over.
    let second = run(&["rerun", &first, "--from", "find", "--approve=all"], 0);
    let waits = run(&["rerun", &second, "--from", "gate"], 3);
    let runs = |args: &[&str]| -> Value {
        scene.run(&[&["runs", "prune", "--keep", "0", "--json"], args].concat()).with_code(0).json()["runs"]
            .clone()
    };
    assert_eq!(runs(&["--dry-run"]), json!([alone]));
    let said = scene.run(&["runs", "prune", "--keep", "0", "--dry-run"]).with_code(0).out;
    for needed in [&first, &second] {
        let expected = format!("would keep {needed}, because {waits} was made from it and is not over");
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(runs(&[]), json!([alone]), "the real one does what was said");
    scene.run(&["runs", "cancel", &waits]);
    assert_eq!(runs(&["--dry-run"]), json!([waits, second, first]));
    assert_eq!(runs(&[]), json!([waits, second, first]));
}
