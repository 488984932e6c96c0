//! Taking a run back: in reverse order, once, as a run of its own, and with a word about everything that stays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod shelf;

use std::collections::BTreeMap;

use journal::OriginKind;
use portcullis_engine::{
    DecideError, Decision, Engine, EngineError, FailureKind, FourEyes, Policy, RunId, RunStatus, Start,
    StepPath, Undo,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use shelf::{Common, Shelf, again, approving, begin, end, engine, playbook, run};

const THREE: &str = "inputs: { names: { type: array, items: { type: string }, default: [a, b, c] } }
steps:
  - id: fill
    foreach: ${{ inputs.names }}
    as: name
    limit: 1000
    do:
      - { id: put, uses: shelf.put, with: { name: \"${{ name }}\", text: \"${{ name }}!\" } }
  - { id: tell, uses: post.send, with: { name: soc } }
";

async fn undo(
    engine: &Engine,
    run: &RunId,
    step: Option<&str>,
) -> (RunId, RunStatus, BTreeMap<String, Value>) {
    let step = step.map(StepPath::from);
    let (mut run, _) = match engine.undo(run, step.as_ref(), approving()).await {
        Ok(started) => started,
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    };
    let end = end(&mut run).await;
    (run.id().clone(), end.status, end.outputs)
}

fn paths(undo: &Undo) -> Vec<&str> {
    undo.steps.iter().map(|step| step.path.as_str()).collect()
}

#[tokio::test]
async fn takes_back_in_reverse_order_and_says_what_stays() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(THREE), &[]).await;
    shelf.paths();
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert_eq!(paths(&planned), ["fill[2]/put", "fill[1]/put", "fill[0]/put"]);
    assert_eq!(planned.steps[0].how.as_deref(), Some("the other way round"));
    assert_eq!(planned.lost.len(), 1);
    assert_eq!((planned.lost[0].path.as_str(), planned.lost[0].action.as_str()), ("tell", "post.send"));
    assert!(planned.lost[0].why.contains("sent"), "{:?}", planned.lost);
    assert_eq!((shelf.paths().len(), shelf.shelf().len()), (0, 3), "a plan does nothing");

    let (second, status, outputs) = undo(&engine, &first, None).await;
    assert_eq!(status, RunStatus::Succeeded);
    assert_eq!(outputs, BTreeMap::from([("failed".to_owned(), json!(0)), ("restored".to_owned(), json!(3))]));
    assert!(shelf.shelf().is_empty());
    let header = engine.journal().load(&second).await.unwrap().header;
    assert_eq!(
        header.origin.map(|origin| (origin.kind, origin.run)),
        Some((OriginKind::Undo, first.clone()))
    );

    // Twice does nothing.
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert_eq!((planned.steps.len(), planned.done.len(), planned.lost.len()), (0, 3, 1));
    assert_eq!(planned.done[0].by, second);
    let refused = engine.undo(&first, None, approving()).await.err().unwrap();
    assert!(matches!(&refused, EngineError::NothingToDo { .. }), "{refused}");
}

#[tokio::test]
async fn one_place_at_a_time_and_the_undo_of_an_undo() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(THREE), &[]).await;
    undo(&engine, &first, Some("fill[1]")).await;
    assert_eq!(shelf.shelf().into_keys().collect::<Vec<_>>(), ["a", "c"]);
    let (second, ..) = undo(&engine, &first, Some("fill")).await;
    assert!(shelf.shelf().is_empty());
    assert_eq!(
        engine.undo_plan(&second, None).await.unwrap().steps.len(),
        2,
        "the first undo is not its to take back"
    );
    let (third, status, _) = undo(&engine, &second, None).await;
    assert_eq!(status, RunStatus::Succeeded);
    assert_eq!(
        shelf.shelf(),
        BTreeMap::from([("a".to_owned(), "a!".to_owned()), ("c".to_owned(), "c!".to_owned())])
    );
    // What was made again is the last run's to take back.
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert_eq!(planned.steps.len(), 0);
    assert_eq!(planned.done.iter().filter(|done| done.again.as_ref() == Some(&third)).count(), 2);
    assert_eq!(engine.undo_plan(&third, None).await.unwrap().steps.len(), 2);
    let error = engine.undo_plan(&first, Some(&"fil".into())).await.err().unwrap().to_string();
    assert!(error.contains("fill"), "{error}");
}

#[tokio::test]
async fn one_that_fails_does_not_stop_the_rest_and_is_tried_again() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let (first, _) = run(&engine, &playbook(THREE), &[]).await;
    shelf.fail("b", FailureKind::PermissionDenied);
    let (_, status, outputs) = undo(&engine, &first, None).await;
    assert_eq!(
        (status, &outputs["restored"], &outputs["failed"]),
        (RunStatus::Succeeded, &json!(2), &json!(1))
    );
    shelf.mend();
    assert_eq!(paths(&engine.undo_plan(&first, None).await.unwrap()), ["fill[1]/put"]);
    undo(&engine, &first, None).await;
    assert!(shelf.shelf().is_empty());
}

#[tokio::test]
async fn what_a_rerun_did_is_its_own() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("b", FailureKind::PermissionDenied);
    let (first, ended) = run(&engine, &playbook(THREE), &[]).await;
    assert_eq!(ended.status, RunStatus::Failed);
    shelf.mend();
    let (second, _) = again(&engine, &first, portcullis_engine::Rerun::default()).await;
    assert_eq!(shelf.shelf().len(), 3);
    assert_eq!(paths(&engine.undo_plan(&second, None).await.unwrap()), ["fill[2]/put", "fill[1]/put"]);
    assert_eq!(paths(&engine.undo_plan(&first, None).await.unwrap()), ["fill[0]/put"]);
}

#[tokio::test]
async fn a_doubt_is_named_and_a_run_that_goes_on_is_refused() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("soc", FailureKind::Unknown);
    let (first, _) = run(&engine, &playbook(THREE), &[]).await;
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert!(planned.lost[0].why.contains("nobody knows"), "{:?}", planned.lost);

    let text = playbook(
        "steps:\n  - { id: put, uses: shelf.put, with: { name: z } }\n  - { id: gate, approve: { message: Go?, timeout: 1h } }\n",
    );
    let waiting = begin(&engine, &text, Start::default()).await;
    while !shelf.shelf().contains_key("z") {
        tokio::task::yield_now().await;
    }
    let refused = engine.undo_plan(waiting.id(), None).await.err().unwrap();
    assert!(matches!(&refused, EngineError::NotOver { run } if run == waiting.id()), "{refused}");
}

#[tokio::test]
async fn more_than_one_undo_takes_goes_on_with_the_next() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    let names: Vec<String> = (0..450).map(|n| format!("n{n}")).collect();
    let (first, ended) = run(&engine, &playbook(THREE), &[("names", json!(names))]).await;
    assert_eq!(ended.status, RunStatus::Succeeded, "{:?}", ended.failure);
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert_eq!((planned.steps.len(), planned.more), (portcullis_engine::UNDO_AT_ONCE, 50));
    let (_, status, outputs) = undo(&engine, &first, None).await;
    assert_eq!((status, &outputs["restored"]), (RunStatus::Succeeded, &json!(400)));
    undo(&engine, &first, None).await;
    assert!(shelf.shelf().is_empty());
}

#[tokio::test]
async fn what_a_failed_step_did_is_taken_back_too() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let engine = engine(&shelf, &journal);
    shelf.fail("b", FailureKind::PermissionDenied);
    shelf.world.lock().unwrap().done_all_the_same.insert("b".to_owned());
    let (first, ended) = run(&engine, &playbook(THREE), &[]).await;
    assert_eq!((ended.status, shelf.shelf().len()), (RunStatus::Failed, 2));
    shelf.mend();
    let planned = engine.undo_plan(&first, None).await.unwrap();
    assert_eq!(paths(&planned), ["fill[1]/put", "fill[0]/put"]);
    assert_eq!(planned.lost, []);
    undo(&engine, &first, None).await;
    assert!(shelf.shelf().is_empty());
    assert_eq!(engine.undo_plan(&first, None).await.unwrap().steps.len(), 0);
}

#[tokio::test]
async fn more_than_one_person_may_do_takes_somebody_else() {
    let (shelf, journal) = (Shelf::default(), Common::default());
    let (first, _) = run(&engine(&shelf, &journal), &playbook(THREE), &[]).await;
    let policy = Policy { four_eyes: Some(FourEyes { above: 2 }), ..Policy::default() };
    let strict =
        Engine::builder().source(shelf.clone()).journal(journal.clone()).policy(policy).build().unwrap();
    let start = Start { starter: "ana".to_owned(), ..Start::default() };
    let (mut undoing, _) = match strict.undo(&first, None, start).await {
        Ok(started) => started,
        Err(EngineError::Playbook(problems)) => panic!("{problems:#?}"),
        Err(error) => panic!("{error}"),
    };
    let gate = StepPath::from("gate");
    loop {
        match undoing.decide(&gate, Decision::Approved, "ana", None).await {
            Err(DecideError::NotAsked(_)) => tokio::task::yield_now().await,
            refused => {
                assert!(matches!(refused, Err(DecideError::NotAllowed { .. })), "{refused:?}");
                break;
            }
        }
    }
    assert_eq!(shelf.shelf().len(), 3);
    undoing.decide(&gate, Decision::Approved, "bo", None).await.unwrap();
    let ended = end(&mut undoing).await;
    assert_eq!(ended.outputs.get("restored"), Some(&json!(3)), "{:?}", ended.failure);
    assert!(shelf.shelf().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a value holds, it comes back as it is: nothing in it is read as an expression or as YAML.
    #[test]
    fn text_from_outside_stays_text(parts in prop::collection::vec(prop_oneof![
        Just("${{ secrets.key }}".to_owned()), Just("${{".to_owned()), Just("}}".to_owned()),
        Just("\"\n- uses: post.send\n".to_owned()), Just("\u{0}\u{1b}[2K\u{2028}\u{202e}".to_owned()),
        Just("'#: {}[]&*!|>%@`\\\\".to_owned()), Just("$${{ 1 + 1 }}".to_owned()), any::<String>(),
    ], 0..6)) {
        let hostile = parts.concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (shelf, journal) = (Shelf::default(), Common::default());
            let engine = engine(&shelf, &journal);
            let text = playbook("inputs: { text: { type: string } }\nsteps:\n  - { id: take, uses: shelf.take, with: { name: \"x${{ inputs.text }}\" } }\n");
            let name = format!("x{hostile}");
            shelf.world.lock().unwrap().shelf.insert(name.clone(), hostile.clone());
            let (first, _) = run(&engine, &text, &[("text", json!(hostile))]).await;
            assert!(shelf.shelf().is_empty());
            let (second, status, _) = undo(&engine, &first, None).await;
            assert_eq!(status, RunStatus::Succeeded);
            assert_eq!(shelf.shelf(), BTreeMap::from([(name, hostile.clone())]));
            // And the other way, from what the undo kept in turn.
            undo(&engine, &second, None).await;
            assert!(shelf.shelf().is_empty());
        });
    }
}
