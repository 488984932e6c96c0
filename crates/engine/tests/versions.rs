//! Runs go on with the actions they began with, or with those somebody adopted, or not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod shelf;

use journal::{Event as Happened, Query, Record};
use portcullis_engine::{Decision, Engine, EngineError, Journal, RunId, RunStatus, Start, Timestamp};
use serde_json::{Value, json};
use shelf::{Common, Shelf, begin, end, engine, events, playbook};

const WAITS: &str = "steps:
  - { id: put, uses: shelf.put, with: { name: a } }
  - { id: gate, approve: { message: Go?, timeout: 1h } }
  - { id: look, uses: shelf.look, with: { name: a } }
";

/// A run that has put something on the shelf and waits.
async fn waiting(journal: &Common) -> RunId {
    let engine = engine(&Shelf::default(), journal);
    let run = begin(&engine, &playbook(WAITS), Start::default()).await;
    loop {
        if let Ok(stored) = journal.load(run.id()).await
            && stored.records.iter().any(|record| matches!(record.event, Happened::Asked { .. }))
        {
            return run.id().clone();
        }
        tokio::task::yield_now().await;
    }
}

fn other(journal: &Common, other: fn(&mut Vec<Value>)) -> Engine {
    engine(&Shelf { other: Some(other), ..Shelf::default() }, journal)
}

async fn finish(engine: &Engine, run: &RunId, start: Start) -> RunStatus {
    let mut run = match engine.resume(run, start).await {
        Ok(run) => run,
        Err(error) => panic!("{error}"),
    };
    run.decide(&"gate".into(), Decision::Approved, "ana", None).await.unwrap();
    end(&mut run).await.status
}

fn adopting() -> Start {
    Start { adopt: true, starter: "ana".to_owned(), ..Start::default() }
}

async fn stalled(engine: &Engine, run: &RunId) -> Vec<Vec<String>> {
    let told = events(engine, run).await.into_iter().filter_map(|event| match event {
        Happened::Stalled { reasons } => Some(reasons),
        _ => None,
    });
    told.collect()
}

/// What changes, in a list of what actions declare.
type Change = fn(&mut Vec<Value>);

/// An output may have a field more.
#[allow(clippy::ptr_arg, reason = "one of several changes; others take actions out")]
fn wider(specs: &mut Vec<Value>) {
    specs[0]["output"]["properties"]["shelf"] = json!({"type": "string"});
}

/// An output must have a field more.
fn stricter(specs: &mut Vec<Value>) {
    wider(specs);
    specs[0]["output"]["required"] = json!(["name", "shelf"]);
}

#[tokio::test]
async fn other_words_change_nothing() {
    let journal = Common::default();
    let run = waiting(&journal).await;
    let engine = other(&journal, |specs| {
        for spec in specs {
            spec["summary"] = json!("Does it better");
            spec["description"] = json!("Long.");
            spec["input"]["properties"]["name"]["description"] = json!("What it is called");
        }
    });
    assert_eq!(finish(&engine, &run, Start::default()).await, RunStatus::Succeeded);
    assert_eq!(stalled(&engine, &run).await.len(), 0);
}

#[tokio::test]
async fn an_action_that_means_something_else_stops_the_run_once_and_by_name() {
    let changes: [(Change, &str); 3] = [
        (wider, "shelf.put"),
        (|specs| specs[0]["repeat"] = json!("never"), "shelf.put"),
        (|specs| drop(specs.remove(2)), "shelf.look"),
    ];
    for (change, name) in changes {
        let journal = Common::default();
        let run = waiting(&journal).await;
        let engine = other(&journal, change);
        for _ in 0..3 {
            let error = engine.resume(&run, Start::default()).await.err().unwrap();
            assert!(matches!(&error, EngineError::NeedsUpgrade { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("--adopt"), "{text}");
        }
        assert_eq!(stalled(&engine, &run).await.len(), 1, "it is noted once");
        let summary = journal.list(&Query::newest(1)).await.unwrap().remove(0);
        assert_eq!(summary.status, RunStatus::NeedsUpgrade);
        // The version it was begun with goes on as if nothing had been.
        let same = shelf::engine(&Shelf::default(), &journal);
        assert_eq!(finish(&same, &run, Start::default()).await, RunStatus::Succeeded);
    }
}

#[tokio::test]
async fn adopting_goes_on_and_is_remembered() {
    let journal = Common::default();
    let run = waiting(&journal).await;
    let engine = other(&journal, wider);
    drop(engine.resume(&run, adopting()).await.unwrap());
    // From now on these are the actions it goes by.
    assert_eq!(engine.incompatibilities(&journal.load(&run).await.unwrap()), [""; 0]);
    let old = shelf::engine(&Shelf::default(), &journal);
    assert!(matches!(old.resume(&run, Start::default()).await, Err(EngineError::NeedsUpgrade { .. })));
    assert_eq!(finish(&engine, &run, Start::default()).await, RunStatus::Succeeded);
    let adopted = events(&engine, &run).await.into_iter().find_map(|event| match event {
        Happened::Adopted { by, actions } => Some((by, actions.into_keys().collect::<Vec<_>>())),
        _ => None,
    });
    let names = vec!["shelf.look".to_owned(), "shelf.put".to_owned()];
    assert_eq!(adopted, Some(("ana".to_owned(), names)));
}

#[tokio::test]
async fn what_does_not_fit_is_not_adopted_and_all_of_it_is_named() {
    let journal = Common::default();
    let run = waiting(&journal).await;
    let before = journal.load(&run).await.unwrap().records.len();
    let strict = other(&journal, stricter);
    let error = strict.resume(&run, adopting()).await.err().unwrap().to_string();
    assert!(error.contains("put") && error.contains("shelf"), "{error}");
    let gone = other(&journal, |specs| {
        stricter(specs);
        specs.remove(2);
    });
    let error = gone.resume(&run, adopting()).await.err().unwrap();
    let EngineError::CannotAdopt { problems, .. } = &error else { panic!("{error}") };
    assert!(problems.iter().any(|problem| problem.contains("shelf.look")), "{problems:?}");
    assert_eq!(journal.load(&run).await.unwrap().records.len(), before, "nothing was written");
    let narrower =
        other(&journal, |specs| specs[0]["input"]["properties"]["name"] = json!({"type": "integer"}));
    let error = narrower.resume(&run, adopting()).await.err().unwrap();
    assert!(matches!(&error, EngineError::CannotAdopt { .. }), "the stored text does not check: {error}");
}

#[tokio::test]
async fn a_history_without_digests_goes_on() {
    let journal = Common::default();
    let run = waiting(&journal).await;
    let mut stored = journal.load(&run).await.unwrap();
    stored.header.actions.clear();
    stored.header.format = 1;
    stored.header.run = RunId::new("old").unwrap();
    let (header, records) = (stored.header, stored.records);
    journal.create(header, records).await.unwrap();
    let engine = other(&journal, wider);
    assert_eq!(finish(&engine, &RunId::new("old").unwrap(), Start::default()).await, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_that_was_paused_is_so_again_when_it_can_go_on() {
    let journal = Common::default();
    let run = waiting(&journal).await;
    let seq = journal.load(&run).await.unwrap().records.len() as u64 + 1;
    let paused = Happened::Paused { by: "a restored backup".to_owned() };
    journal.append(&run, vec![Record { seq, at: Timestamp(0), event: paused.clone() }]).await.unwrap();
    let engine = other(&journal, wider);
    for _ in 0..2 {
        assert!(engine.resume(&run, Start::default()).await.is_err());
    }
    for start in [adopting(), Start::default()] {
        drop(engine.resume(&run, start).await.unwrap());
        assert_eq!(events(&engine, &run).await.last(), Some(&paused), "in whose name it was");
        let machine = engine.replay(&journal.load(&run).await.unwrap()).unwrap();
        assert!(machine.is_paused(), "and said once");
    }
    let same = events(&engine, &run).await.into_iter().filter(|event| *event == paused).count();
    assert_eq!(same, 2);
    let handle = engine.resume(&run, Start::default()).await.unwrap();
    handle.proceed("ana").await.unwrap();
    drop(handle);
    assert_eq!(finish(&engine, &run, Start::default()).await, RunStatus::Succeeded);
}
