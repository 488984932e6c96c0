//! Doing a run again: what failed is done, what succeeded is not done twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod shelf;

use std::collections::BTreeMap;

use journal::{Event as Happened, Header, JournalError, OriginKind, Record, StoredRun, Summary};
use plan::Digest;
use portcullis_engine::{Engine, EngineError, FailureKind, Journal, Query, Rerun, RunId, RunStatus, Start};
use serde_json::json;
use shelf::{Common, Shelf, again, approving, begin, end, engine, events, from, playbook, run};

const TEN: &str =
    "inputs: { names: { type: array, items: { type: string }, default: [a, b, c, d, e, f, g, h, i, j] } }
steps:
  - { id: first, uses: shelf.look, with: { name: first } }
  - id: clean
    foreach: ${{ inputs.names }}
    as: name
    limit: 10
    on_item_error: collect
    do:
      - { id: put, uses: shelf.put, retry: none, with: { name: \"${{ name }}\" } }
      - { id: look, uses: shelf.look, with: { name: \"${{ name }}\" } }
  - { id: tell, uses: post.send, with: { name: soc, text: done } }
";

fn failed_items() -> Rerun {
    Rerun { failed_items: true, ..Rerun::default() }
}

#[tokio::test]
async fn one_failed_item_of_ten_is_one_call() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("d", FailureKind::PermissionDenied);
    let (first, ended) = run(&engine, &playbook(TEN), &[]).await;
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.failure);
    assert_eq!(shelf.paths().len(), 1 + 10 + 9 + 1);
    shelf.mend();

    let (second, ended) = again(&engine, &first, failed_items()).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
    assert_eq!(shelf.paths(), ["clean[3]/put", "clean[3]/look"], "and no mail");
    assert_eq!((shelf.sent().len(), shelf.shelf().len()), (1, 10));

    // The history says where each result came from, also over two steps.
    let (third, _) = again(&engine, &second, Rerun::default()).await;
    assert_eq!(shelf.paths(), [""; 0]);
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    for event in events(&engine, &third).await {
        if let Happened::Performed { reused, .. } = event {
            *sources.entry(reused.expect("taken over").run.to_string()).or_default() += 1;
        }
    }
    assert_eq!(sources, BTreeMap::from([(first.to_string(), 20), (second.to_string(), 2)]));
    let header = engine.journal().load(&third).await.unwrap().header;
    assert_eq!(
        header.origin.map(|origin| (origin.kind, origin.run)),
        Some((OriginKind::Rerun, second.clone()))
    );

    let refused = engine.rerun(&second, failed_items(), approving()).await.err().unwrap();
    assert!(matches!(&refused, EngineError::NothingToDo { .. }), "{refused}");
}

#[tokio::test]
async fn from_a_place_on_everything_happens_again() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(TEN), &[("names", json!(["a", "b"]))]).await;
    shelf.paths();
    again(&engine, &first, from("clean[1]/look")).await;
    assert_eq!(shelf.paths(), ["clean[1]/look", "tell"], "another item does not wait for this one");
    again(&engine, &first, from("clean")).await;
    assert_eq!(shelf.paths(), ["clean[0]/put", "clean[0]/look", "clean[1]/put", "clean[1]/look", "tell"]);
    again(&engine, &first, from("tell")).await;
    assert_eq!(shelf.paths(), ["tell"]);
    let error = engine.rerun(&first, from("claen"), approving()).await.err().unwrap().to_string();
    assert!(error.contains("claen") && error.contains("clean"), "{error}");
    let error = engine.rerun(&first, from("clean[0]/plut"), approving()).await.err().unwrap().to_string();
    assert!(error.contains("put"), "{error}");
}

#[tokio::test]
async fn what_was_taken_back_is_done_again() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(TEN), &[("names", json!(["a", "b"]))]).await;
    let (mut undone, _) = engine.undo(&first, Some(&"clean[0]".into()), approving()).await.unwrap();
    end(&mut undone).await;
    assert_eq!(shelf.shelf().into_keys().collect::<Vec<_>>(), ["b"]);
    shelf.paths();
    let (second, _) = again(&engine, &first, Rerun::default()).await;
    assert_eq!(shelf.paths(), ["clean[0]/put"]);
    assert_eq!(shelf.shelf().len(), 2);
    // Also where it was taken over by a run in between.
    let (mut undone, _) = engine.undo(&first, Some(&"clean[1]".into()), approving()).await.unwrap();
    end(&mut undone).await;
    shelf.paths();
    again(&engine, &second, Rerun::default()).await;
    assert_eq!(shelf.paths(), ["clean[1]/put"]);
}

#[tokio::test]
async fn a_place_inside_a_called_playbook() {
    use portcullis_engine::Source;
    use std::sync::Arc;
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let inner = "playbook: 1\nid: inner\nsteps:\n  - { id: one, uses: shelf.put, with: { name: one } }\n  - { id: two, uses: shelf.put, with: { name: two } }\n";
    let outer = playbook(
        "steps:\n  - { id: before, uses: shelf.look, with: { name: before } }\n  - { id: sub, call: ./inner.yaml }\n  - { id: after, uses: shelf.look, with: { name: after } }\n",
    );
    let files: BTreeMap<String, Arc<str>> = BTreeMap::from([("inner.yaml".to_owned(), Arc::from(inner))]);
    let source = Source::new("outer.yaml", &outer).among(&files);
    let mut run = match engine.start(source, approving()).await {
        Ok(run) => run,
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    };
    end(&mut run).await;
    assert_eq!(shelf.paths(), ["before", "sub/one", "sub/two", "after"]);
    let (_, ended) = again(&engine, run.id(), from("sub/two")).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
    assert_eq!(shelf.paths(), ["sub/two", "after"]);
}

#[tokio::test]
async fn a_changed_input_changes_only_what_it_reaches() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(TEN), &[("names", json!(["a", "b", "c"]))]).await;
    shelf.paths();
    let inputs = BTreeMap::from([("names".to_owned(), json!(["a", "x", "c", "y"]))]);
    again(&engine, &first, Rerun { inputs, ..Rerun::default() }).await;
    assert_eq!(shelf.paths(), ["clean[1]/put", "clean[1]/look", "clean[3]/put", "clean[3]/look"]);
    let inputs = BTreeMap::from([("nmaes".to_owned(), json!([]))]);
    let refused =
        engine.rerun(&first, Rerun { inputs, ..Rerun::default() }, approving()).await.err().unwrap();
    assert!(matches!(refused, EngineError::Inputs(_)), "{refused}");
}

#[tokio::test]
async fn what_a_run_says_of_itself_is_no_change() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let text = playbook(
        "steps:\n  - { id: tell, uses: post.send, with: { name: soc, text: \"run ${{ run.id }} of ${{ run.started_at }}\" } }\n  - { id: never, assert: \"${{ run.id == '' }}\" }\n",
    );
    let (first, ended) = run(&engine, &text, &[]).await;
    assert_eq!(ended.status, RunStatus::Failed);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    again(&engine, &first, Rerun::default()).await;
    assert_eq!(shelf.sent().len(), 1, "the mail was sent already");

    // Nor where it comes round in an answer that is taken over.
    let text = playbook(
        "steps:\n  - { id: echo, uses: shelf.look, with: { name: \"${{ run.id }}\" } }\n  - { id: tell, uses: post.send, with: { name: \"${{ steps.echo.output.name }}\" } }\n",
    );
    let (mut last, _) = run(&engine, &text, &[]).await;
    for _ in 0..3 {
        (last, _) = again(&engine, &last, Rerun::default()).await;
    }
    assert_eq!(shelf.sent().len(), 2);
}

/// A send whose end nobody knows, in a run that is over.
async fn in_doubt(action: &str, done: bool) -> (Shelf, Common, RunId) {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("soc", FailureKind::Unknown);
    if done {
        shelf.world.lock().unwrap().done_all_the_same.insert("soc".to_owned());
    }
    let text = playbook(&format!("steps:\n  - {{ id: tell, uses: {action}, with: {{ name: soc }} }}\n"));
    let (first, ended) = run(&engine, &text, &[]).await;
    assert_eq!(ended.status, RunStatus::Unknown);
    shelf.mend();
    shelf.world.lock().unwrap().probes.clear();
    (shelf, journal, first)
}

#[tokio::test]
async fn what_nobody_knows_is_looked_for_under_the_old_key() {
    for done in [true, false] {
        let (shelf, journal, first) = in_doubt("post.send", done).await;
        let engine = engine(&shelf, &journal);
        let (_, ended) = again(&engine, &first, Rerun::default()).await;
        assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.failure);
        let key = format!("{first}/tell");
        assert_eq!(shelf.world.lock().unwrap().probes, std::slice::from_ref(&key));
        assert_eq!(shelf.sent(), [key], "once, and under the key of the first run");
    }
}

#[tokio::test]
async fn the_key_goes_on_over_several_reruns() {
    let (shelf, journal, first) = in_doubt("post.send", true).await;
    let engine = engine(&shelf, &journal);
    shelf.fail("soc", FailureKind::Unknown);
    let (second, ended) = again(&engine, &first, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Unknown);
    shelf.mend();
    let (_, ended) = again(&engine, &second, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
    assert_eq!(shelf.sent(), [format!("{first}/tell")]);
}

#[tokio::test]
async fn what_may_never_be_repeated_stays_unknown() {
    let (shelf, journal, first) = in_doubt("post.once", true).await;
    let engine = engine(&shelf, &journal);
    let (_, ended) = again(&engine, &first, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Unknown);
    assert_eq!(shelf.sent().len(), 1);
}

#[tokio::test]
async fn a_keyed_call_keeps_its_key_and_a_tolerated_doubt_is_a_doubt() {
    let (shelf, journal, first) = in_doubt("post.keyed", true).await;
    let one = engine(&shelf, &journal);
    let (_, ended) = again(&one, &first, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
    assert_eq!(shelf.sent(), [format!("{first}/tell")]);

    // `on_unknown: fail` makes the step fail as any other does; it may have happened all the same.
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("soc", FailureKind::Unknown);
    shelf.world.lock().unwrap().done_all_the_same.insert("soc".to_owned());
    let text = playbook(
        "steps:\n  - { id: tell, uses: post.send, idempotency: { on_unknown: fail }, with: { name: soc } }\n",
    );
    let (first, ended) = run(&engine, &text, &[]).await;
    assert_eq!(ended.status, RunStatus::Failed);
    shelf.mend();
    let (_, ended) = again(&engine, &first, Rerun::default()).await;
    assert_eq!((ended.status, shelf.sent().len()), (RunStatus::Succeeded, 1));
}

#[tokio::test]
async fn approvals_are_asked_anew_and_forms_are_not() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let text = playbook(
        "steps:
  - id: form
    ask: { message: Which one?, form: { name: { type: string } }, timeout: 1h }
  - id: gate
    approve: { message: Really?, timeout: 1h, shows: [put] }
  - { id: put, uses: shelf.put, with: { name: \"${{ steps.form.output.answer.name }}\" } }
  - { id: look, uses: shelf.look, retry: none, with: { name: look } }
",
    );
    shelf.fail("look", FailureKind::PermissionDenied);
    let mut first = begin(&engine, &text, approving()).await;
    loop {
        let answer = first.answer(&"form".into(), json!({"name": "x"}), "cleo").await;
        match answer {
            Ok(()) => break,
            Err(_) => tokio::task::yield_now().await,
        }
    }
    assert_eq!(end(&mut first).await.status, RunStatus::Failed);
    shelf.mend();
    let (second, ended) = again(&engine, first.id(), Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.failure);
    let told = events(&engine, &second).await;
    let by = told.iter().find_map(|event| match event {
        Happened::Answered { by, .. } => Some(by.as_str()),
        _ => None,
    });
    assert_eq!(by, Some("cleo"));
    assert!(told.iter().any(|event| matches!(event, Happened::Decided { .. })), "the approval is a new one");
    // Once more: an answer that was taken over is there to be taken over.
    let (_, ended) = again(&engine, &second, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_that_goes_on_is_not_rerun_and_five_thousand_calls_are_not_deep() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let text = playbook("steps:\n  - { id: gate, approve: { message: Go?, timeout: 1h } }\n");
    let waiting = begin(&engine, &text, Start::default()).await;
    while engine.journal().load(waiting.id()).await.is_err() {
        tokio::task::yield_now().await;
    }
    let refused = engine.rerun(waiting.id(), Rerun::default(), Start::default()).await.err().unwrap();
    assert!(matches!(&refused, EngineError::NotOver { .. }), "{refused}");
    assert!(refused.to_string().contains("runs resume"), "{refused}");

    let text = playbook(
        "inputs: { names: { type: array, items: { type: string } } }\nsteps:\n  - id: all\n    foreach: ${{ inputs.names }}\n    as: name\n    limit: 5000\n    do:\n      - { id: look, uses: shelf.look, with: { name: \"${{ name }}\" } }\n",
    );
    let names: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let (first, ended) = run(&engine, &text, &[("names", json!(names))]).await;
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.failure);
    shelf.paths();
    let (_, ended) = again(&engine, &first, Rerun::default()).await;
    assert_eq!(ended.status, RunStatus::Succeeded);
    assert_eq!(shelf.paths().len(), 0);
}

/// A journal in which the earlier run is deleted just before the rerun begins.
struct Racing(Common);

impl Journal for Racing {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> journal::Work<'a, ()> {
        Box::pin(async move {
            if let Some(origin) = &header.origin {
                self.0.delete(&origin.run).await?;
            }
            self.0.create(header, first).await
        })
    }
    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> journal::Work<'a, ()> {
        self.0.append(run, records)
    }
    fn load<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, StoredRun> {
        self.0.load(run)
    }
    fn list<'a>(&'a self, query: &'a Query) -> journal::Work<'a, Vec<Summary>> {
        self.0.list(query)
    }
    fn delete<'a>(&'a self, run: &'a RunId) -> journal::Work<'a, Vec<Digest>> {
        self.0.delete(run)
    }
}

#[tokio::test]
async fn a_rerun_whose_origin_is_deleted_first_never_begins() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let first = {
        let engine = engine(&shelf, &journal);
        shelf.fail("b", FailureKind::PermissionDenied);
        let names = [("names", json!(["a", "b"]))];
        let (first, _) = run(&engine, &playbook(TEN), &names).await;
        shelf.mend();
        first
    };
    shelf.paths();
    let racing = Engine::builder().source(shelf.clone()).journal(Racing(journal.clone())).build().unwrap();
    let mut again = racing.rerun(&first, failed_items(), approving()).await.unwrap();
    let error = again.wait().await.unwrap_err();
    assert!(matches!(&error, EngineError::Journal(JournalError::OriginGone { .. })), "{error:?}");
    assert_eq!(shelf.paths(), [""; 0], "nothing was called");
    assert_eq!(racing.runs(&Query::newest(9)).await.unwrap(), [], "neither of them is there");
    let error = racing.rerun(&first, failed_items(), approving()).await.err().unwrap();
    assert!(matches!(&error, EngineError::Journal(JournalError::NotFound(_))), "{error:?}");
}

#[tokio::test]
async fn an_origin_that_a_rerun_reads_stays_until_that_is_over() {
    let gated = playbook(
        "steps:
  - { id: put, uses: shelf.put, with: { name: a } }
  - { id: gate, approve: { message: Go on? } }
  - { id: tell, uses: post.send, with: { name: soc } }
",
    );
    let (shelf, journal) = (Shelf::default(), Common::default());
    let (engine, other) = (engine(&shelf, &journal), engine(&shelf, &journal));
    let (first, _) = run(&engine, &gated, &[]).await;
    // Waits at the gate; whoever resumes it reads the first run again.
    let asks = Start { starter: "ana".to_owned(), ..Start::default() };
    let waits = engine.rerun(&first, from("gate"), asks).await.unwrap();
    let second = waits.id().clone();
    while journal.load(&second).await.is_err() {
        tokio::task::yield_now().await;
    }
    let refused = journal.delete(&first).await.unwrap_err();
    assert!(matches!(&refused, JournalError::Needed { by, .. } if *by == second), "{refused}");
    drop(waits);
    let mut resumed = other.resume(&second, approving()).await.unwrap();
    assert_eq!(end(&mut resumed).await.status, RunStatus::Succeeded);
    assert_eq!(shelf.shelf().len(), 1);
    assert_eq!(journal.delete(&first).await.unwrap(), [], "now nobody needs it");
    assert_eq!(events(&other, &second).await.len(), journal.load(&second).await.unwrap().records.len());
}
