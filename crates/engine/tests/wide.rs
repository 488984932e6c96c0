//! A loop over very many items needs little memory an item.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code, with a figure to read"
)]

use std::collections::BTreeMap;

use journal::{Header, JournalError, Query, Record, StoredRun, Summary, Work};
use portcullis_engine::{Engine, Functions, Invocation, Journal, RunId, RunStatus, Source, Start};
use serde_json::json;

/// Takes records and forgets them: what is measured is the engine.
struct Forgetful;

impl Journal for Forgetful {
    fn create<'a>(&'a self, _: Header, _: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn append<'a>(&'a self, _: &'a RunId, _: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        Box::pin(async { Err(JournalError::NotFound(run.clone())) })
    }
    fn list<'a>(&'a self, _: &'a Query) -> Work<'a, Vec<Summary>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<plan::Digest>> {
        Box::pin(async { Err(JournalError::NotFound(run.clone())) })
    }
}

/// Bytes, by the name of a line of `/proc/self/status`.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// `PORTCULLIS_ITEMS` says how many; a hundred thousand take a while in a debug build.
#[tokio::test]
async fn a_loop_needs_less_than_a_kibibyte_an_item() {
    let items = std::env::var("PORTCULLIS_ITEMS").map_or(10_000, |many| many.parse().unwrap());
    let number = json!({"type": "object", "additionalProperties": false, "required": ["n"],
        "properties": {"n": {"type": "integer"}}});
    let spec =
        serde_json::from_value(json!({"name": "test.add", "summary": "Adds one", "effect": "enrichment",
        "repeat": "natural", "errors": [], "input": number, "output": number}))
        .unwrap();
    let actions = Functions::new()
        .with(spec, async |call: Invocation| {
            tokio::task::yield_now().await;
            Ok(json!({"n": call.input["n"].as_u64().unwrap() + 1}))
        })
        .unwrap();
    let engine = Engine::builder().journal(Forgetful).source(actions).build().unwrap();
    let text = concat!(
        "playbook: 1\nid: test\ninputs: { list: { type: array, items: { type: integer } } }\nsteps:\n",
        "  - id: all\n    foreach: '${{ inputs.list }}'\n    as: n\n    max_parallel: 64\n    limit: 100000\n",
        "    on_item_error: collect\n",
        "    do: [{ id: act, uses: test.add, with: { n: '${{ n }}' } }]\n    output: '${{ steps.act.output.n }}'\n",
        "outputs: { count: { type: integer, value: '${{ size(steps.all.output) }}' } }\n",
    );
    let list: Vec<u64> = (0..items).collect();
    let inputs = BTreeMap::from([("list".to_owned(), json!(list))]);
    let before = memory("VmRSS:");
    let mut run = engine.start(Source::new("t", text), Start { inputs, ..Start::default() }).await.unwrap();
    let ended = run.wait().await.unwrap();
    assert_eq!((ended.status, &ended.outputs["count"]), (RunStatus::Succeeded, &json!(items)));
    let grown = memory("VmHWM:").saturating_sub(before);
    println!("{} bytes an item at the most, {items} items, {} MiB in all", grown / items, grown >> 20);
    assert!(grown / items < 1_000, "{} bytes an item", grown / items);
}
