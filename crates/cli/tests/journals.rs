//! Histories that earlier versions left behind, replayed with the actions of today: each comes to where it was when
//! it was recorded, or says by name what it needs. None goes another way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::{Engine, EngineError, Failure, FailureKind};
use interpreter::Command;
use journal::{Decision, Event, FORMAT, OriginKind, Record, RunStatus, StoredRun};
use plan::Blame;
use plugin_host::PluginHost;

/// Every action there is, none of which can be carried out.
fn catalogue() -> Engine {
    let nowhere =
        |_: Option<&str>| Err(Failure::new(FailureKind::Invalid, Blame::Host, "no connection is open here"));
    let plugins = PluginHost::builder().packages(plugin_host::first_party().unwrap()).build().unwrap();
    Engine::builder().source(actions::exchange(nowhere)).source(plugins).build().unwrap()
}

fn histories() -> Vec<(PathBuf, StoredRun)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/journals");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .flat_map(|version| std::fs::read_dir(version.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let stored = journal::import(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, stored)
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_recorded_history_comes_to_where_it_was() {
    let engine = catalogue();
    let (mut replayed, mut named) = (0, Vec::new());
    for (path, stored) in histories() {
        let name = path.display();
        let machine = match engine.replay(&stored) {
            Ok(machine) => machine,
            // A later version may have to say no to an old history. It says what is missing, and does nothing.
            Err(EngineError::NeedsUpgrade { reasons, .. }) if !reasons.is_empty() => {
                named.push(format!("{name}: {}", reasons.join("; ")));
                continue;
            }
            Err(error) => panic!("{name} goes another way than it was recorded: {error}"),
        };
        replayed += 1;
        let last = &stored.records.last().unwrap().event;
        match last {
            Event::Ended { status, outputs, failure } => {
                let end = machine.end().unwrap_or_else(|| panic!("{name} does not end"));
                assert!(machine.is_over(), "{name}");
                assert_eq!((end.status, &end.outputs, &end.failure), (*status, outputs, failure), "{name}");
            }
            last => {
                assert_eq!(machine.status(), RunStatus::Waiting, "{name}");
                assert_eq!(machine.is_paused(), matches!(last, Event::Paused { .. }), "{name}");
                // What was asked and not answered is asked again, with the same digest.
                let open: Vec<(u32, String)> = machine
                    .pending()
                    .into_iter()
                    .filter_map(|command| match command {
                        Command::Ask(ask) => Some((ask.op, ask.digest)),
                        Command::Form(form) => Some((form.op, form.digest)),
                        _ => None,
                    })
                    .collect();
                assert_eq!(open, asked(&stored), "{name}");
                assert!(!open.is_empty(), "{name} waits for nobody");
            }
        }
    }
    assert!(replayed >= 20, "only {replayed} histories were replayed; these said no:\n{}", named.join("\n"));
}

/// Each version leaves histories of every shipped playbook, and of everything that can become of a run.
#[test]
fn every_version_left_histories_of_every_kind() {
    let histories = histories();
    let of =
        |format: u32| histories.iter().map(|(_, stored)| stored).filter(move |of| of.header.format == format);
    for format in [1, FORMAT] {
        assert!(of(format).count() >= 20, "format {format}");
    }
    let playbooks: BTreeSet<&str> = of(FORMAT).map(|stored| stored.header.playbook.as_str()).collect();
    for shipped in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows")).unwrap() {
        let name = shipped.unwrap().file_name().into_string().unwrap();
        assert!(playbooks.contains(name.as_str()), "no history of {name}");
    }
    let has = |wanted: fn(&Event) -> bool| {
        of(FORMAT).filter(|stored| stored.records.iter().any(|record| wanted(&record.event))).count()
    };
    let rejected: fn(&Event) -> bool =
        |event| matches!(event, Event::Decided { decision: Decision::Rejected, .. });
    let ended = |wanted: RunStatus| {
        let ends =
            |record: &Record| matches!(&record.event, Event::Ended { status, .. } if *status == wanted);
        of(FORMAT).filter(|stored| stored.records.iter().any(ends)).count()
    };
    assert!(has(rejected) >= 5 && has(|event| matches!(event, Event::Paused { .. })) >= 5);
    assert!(has(|event| matches!(event, Event::AttemptFailed { .. })) >= 5);
    assert!(has(|event| matches!(event, Event::Answered { .. })) >= 1);
    assert!(has(|event| matches!(event, Event::Performed { reused: Some(_), .. })) >= 5);
    assert!(ended(RunStatus::Failed) >= 5 && ended(RunStatus::Cancelled) >= 3);
    for kind in [OriginKind::Undo, OriginKind::Rerun] {
        let made =
            |stored: &&StoredRun| stored.header.origin.as_ref().is_some_and(|origin| origin.kind == kind);
        assert!(of(FORMAT).filter(made).count() >= 6, "{kind:?}");
    }
}

/// The questions that a history leaves open.
fn asked(stored: &StoredRun) -> Vec<(u32, String)> {
    let mut open = Vec::new();
    for record in &stored.records {
        match &record.event {
            Event::Asked { op, digest, .. } => {
                open.retain(|(known, _)| known != op);
                open.push((*op, digest.clone()));
            }
            Event::Decided { op, .. } | Event::Answered { op, .. } | Event::Withdrawn { op } => {
                open.retain(|(known, _)| known != op);
            }
            _ => {}
        }
    }
    open
}

#[test]
fn a_history_is_not_bent_until_it_fits() {
    let engine = catalogue();
    let (_, stored) =
        histories().into_iter().find(|(path, _)| path.ends_with("bulk-purge-approved.jsonl")).unwrap();
    let mut other = stored.clone();
    let first = other.records.iter_mut().find_map(|record| match &mut record.event {
        Event::Performing { op, .. } => Some(op),
        _ => None,
    });
    *first.unwrap() += 1000;
    assert!(matches!(engine.replay(&other), Err(EngineError::Diverged { .. })));
    let mut gone = stored;
    gone.header.text = gone.header.text.replace("uses: mail.delete", "uses: mail.vanish");
    let Err(EngineError::NeedsUpgrade { reasons, .. }) = engine.replay(&gone) else { panic!("it went on") };
    assert!(reasons.iter().any(|reason| reason.contains("mail.vanish")), "{reasons:?}");
}
