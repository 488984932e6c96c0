//! Large results are artifacts, small ones are not, a damaged one is named; and limits end a run before they are
//! passed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubles;

use std::collections::BTreeMap;
use std::path::Path;

use doubles::{Reply, Script, end, playbook, resume, start, until};
use journal::{Event as Happened, Record, StoredRun};
use portcullis_engine::{
    Engine, EngineError, EventKind, FolderArtifacts, Journal, MAX_INLINE, MemoryJournal, RunLimits,
    RunStatus, Source, Start, whole,
};
use serde_json::{Value, json};

/// An output whose JSON is exactly so long.
fn sized(bytes: usize) -> Value {
    let empty = json!({"n": 1, "text": ""}).to_string().len();
    let value = json!({"n": 1, "text": "x".repeat(bytes - empty)});
    assert_eq!(value.to_string().len(), bytes);
    value
}

fn engine(folder: &Path, script: &Script, journal: MemoryJournal) -> Engine {
    Engine::builder()
        .source(script.clone())
        .journal(journal)
        .artifacts(FolderArtifacts::new(folder))
        .build()
        .unwrap()
}

const TEXT: &str = "  - { id: a, uses: test.read }\n  - { id: gate, approve: { message: Go on?, shows: [b] } }\n  - { id: b, uses: test.change, with: { n: '${{ size(steps.a.output.?text.orValue(\"\")) }}' } }\n";

/// A run that waits, after a read that gave so many bytes.
async fn waiting(folder: &Path, bytes: usize) -> StoredRun {
    let script = Script::default().reply("test.read", [Reply::Ok(sized(bytes))]);
    let engine = engine(folder, &script, MemoryJournal::default());
    let (run, mut events) = start(&engine, &playbook(TEXT)).await;
    until(&mut events, |kind| *kind == EventKind::Waiting).await;
    engine.journal().load(run.id()).await.unwrap()
}

fn performed(records: &[Record]) -> (&Value, bool) {
    let found = records.iter().find_map(|record| match &record.event {
        Happened::Performed { output, kept, .. } => Some((output, kept.is_some())),
        _ => None,
    });
    found.unwrap()
}

#[tokio::test]
async fn a_result_of_one_byte_too_many_stands_outside_and_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (bytes, outside) in [(MAX_INLINE, false), (MAX_INLINE + 1, true)] {
        let stored = waiting(folder.path(), bytes).await;
        let (output, kept) = performed(&stored.records);
        assert_eq!((kept, output.is_null()), (outside, outside));
        let journal = MemoryJournal::default();
        journal.create(stored.header.clone(), stored.records.clone()).await.unwrap();
        let script = Script::default();
        let second = engine(folder.path(), &script, journal);
        assert_eq!(second.replay(&stored).unwrap().status(), RunStatus::Waiting);
        let shown = whole(second.artifacts().as_ref(), stored.clone()).unwrap();
        assert_eq!(performed(&shown.records), (&sized(bytes), false));
        let (mut run, mut events) = resume(&second, &stored.header.run).await;
        until(&mut events, |kind| *kind == EventKind::Waiting).await;
        run.decide(&"gate".into(), portcullis_engine::Decision::Approved, "ana", None).await.unwrap();
        assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded);
        let given = script.calls.lock().unwrap()[0].input["n"].clone();
        assert_eq!(given, json!(bytes - json!({"n": 1, "text": ""}).to_string().len()));
    }
}

#[tokio::test]
async fn an_artifact_that_is_gone_or_damaged_is_named_and_nothing_goes_on() {
    for damage in ["gone", "damaged"] {
        let folder = tempfile::tempdir().unwrap();
        let stored = waiting(folder.path(), MAX_INLINE + 1).await;
        let artifact = *journal::artifacts_of(&stored.records).first().unwrap();
        let file = walk(folder.path()).into_iter().find(|path| path.ends_with(artifact.hex())).unwrap();
        if damage == "gone" {
            std::fs::remove_file(&file).unwrap();
        } else {
            let mut bytes = std::fs::read(&file).unwrap();
            bytes[100] ^= 1;
            std::fs::write(&file, bytes).unwrap();
        }
        let (run, records) = (stored.header.run.clone(), stored.records.len());
        let journal = MemoryJournal::default();
        journal.create(stored.header, stored.records).await.unwrap();
        let second = engine(folder.path(), &Script::default(), journal);
        let error = second.resume(&run, Start::default()).await.err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, EngineError::Kept { .. }), "{text}");
        for named in [run.as_str(), "record 3", &artifact.to_string()] {
            assert!(text.contains(named), "{named}: {text}");
        }
        assert_eq!(second.journal().load(&run).await.unwrap().records.len(), records);
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

fn wide(items: usize) -> String {
    let list = vec!["1"; items].join(",");
    format!(
        "{}inputs: {{ list: {{ type: array, items: {{ type: integer }}, default: [{list}] }} }}\nfinally: [{{ id: tidy, uses: test.change }}]\n",
        playbook(
            "  - id: all\n    foreach: '${{ inputs.list }}'\n    as: n\n    limit: 1000\n    do: [{ id: act, uses: test.read }]\n"
        )
    )
}

#[tokio::test]
async fn a_run_ends_before_its_history_is_too_long() {
    for (limits, word) in [
        (RunLimits { records: 400, ..RunLimits::default() }, "400 records"),
        (RunLimits { bytes: 3_000, ..RunLimits::default() }, "3000 bytes"),
    ] {
        let script = Script::default();
        let engine = Engine::builder().source(script.clone()).run_limits(limits).build().unwrap();
        let (mut run, _events) = start(&engine, &wide(500)).await;
        let ended = end(&mut run).await.unwrap();
        assert_eq!(ended.status, RunStatus::Cancelled);
        let message = ended.failure.unwrap().message;
        assert!(message.contains(word), "{message}");
        assert_eq!(script.calls("test.change").len(), 1, "finally ran");
        assert!((engine.journal().load(run.id()).await.unwrap().records.len() as u64) <= limits.records);
    }
}

#[tokio::test]
async fn nothing_is_written_beyond_the_limit_whatever_happens() {
    let limits = RunLimits { bytes: 20_000, ..RunLimits::default() };
    let script = Script::default().reply("test.read", [Reply::Ok(sized(30_000))]);
    let engine = Engine::builder().source(script).run_limits(limits).build().unwrap();
    let (mut run, _events) = start(&engine, &playbook("  - { id: a, uses: test.read }\n")).await;
    let error = end(&mut run).await.err().unwrap();
    assert!(matches!(error, EngineError::TooLong { .. }), "{error}");
    let records = engine.journal().load(run.id()).await.unwrap().records;
    assert!(matches!(records.last().unwrap().event, Happened::Performing { .. }));
}

#[tokio::test]
async fn inputs_that_are_too_large_do_not_start_a_run() {
    let limits = RunLimits { started: 1_000, ..RunLimits::default() };
    let engine = Engine::builder().source(Script::default()).run_limits(limits).build().unwrap();
    let text = "playbook: 1\nid: test\ninputs: { a: { type: string } }\nsteps: [{ id: s, set: { b: '${{ inputs.a }}' } }, { id: t, uses: test.read, if: '${{ steps.s.output.b == \"\" }}' }]\n";
    for (bytes, fits) in [(900, true), (1_001, false)] {
        let inputs = BTreeMap::from([("a".to_owned(), json!("x".repeat(bytes)))]);
        let started = engine.start(Source::new("t", text), Start { inputs, ..Start::default() }).await;
        match started {
            Ok(mut run) => {
                end(&mut run).await.unwrap();
                assert!(fits);
            }
            Err(error) => assert!(!fits && matches!(error, EngineError::TooLarge { .. }), "{error}"),
        }
    }
    assert_eq!(engine.runs(&journal::Query::newest(5)).await.unwrap().len(), 1);
}
