//! A sequence of 1,000 and 10,000 steps and a loop of 10,000 items, in memory, beside the bare limit: the same
//! calls awaited one after the other with the same JSON, without playbook, machine or journal. Then 100 steps on disk, each synced, beside bare appends.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "bench code")]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use journal_sqlite::{Options, SqliteJournal};
use portcullis_engine::{Engine, Functions, Invocation, Journal, MemoryJournal, Source, Start};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

async fn add(call: Value) -> Value {
    json!({"n": call.get("n").and_then(Value::as_i64).unwrap_or(0) + 1})
}

fn engine() -> Engine {
    engine_with(MemoryJournal::default())
}

fn engine_with(journal: impl Journal + 'static) -> Engine {
    let number = json!({"type": "object", "additionalProperties": false, "required": ["n"],
        "properties": {"n": {"type": "integer"}}});
    let spec =
        serde_json::from_value(json!({"name": "bench.add", "summary": "Adds one", "effect": "enrichment",
        "repeat": "natural", "errors": [], "input": number, "output": number}))
        .unwrap();
    let actions = Functions::new().with(spec, async |call: Invocation| Ok(add(call.input).await)).unwrap();
    Engine::builder().journal(journal).source(actions).build().unwrap()
}

/// A playbook has at most 500 steps, so longer sequences are loops of one item at a time.
fn sequence(items: usize) -> String {
    format!(
        "playbook: 1\nid: bench\nsteps:\n  - id: loop\n    foreach: ${{{{ inputs.list }}}}\n    as: n\n    \
         limit: 100000\n    do:\n      - {{ id: a, uses: bench.add, with: {{ n: \"${{{{ n }}}}\" }} }}\n\
         inputs:\n  list: {{ type: array, items: {{ type: integer }}, default: [{}] }}\n",
        vec!["1"; items].join(",")
    )
}

fn run(runtime: &Runtime, engine: &Engine, text: &str) {
    runtime.block_on(async {
        let source = Source::new("bench.yaml", text);
        let mut run = engine.start(source, Start::default()).await.expect("the playbook checks");
        black_box(run.wait().await.unwrap());
    });
}

fn steps(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let engine = engine();
    let mut group = c.benchmark_group("steps in memory");
    group.measurement_time(Duration::from_secs(4)).sample_size(10);
    for count in [1_usize, 1_000, 10_000] {
        group.throughput(Throughput::Elements(count as u64));
        let text = sequence(count);
        group.bench_with_input(BenchmarkId::new("engine", count), &text, |b, text| {
            b.iter(|| run(&runtime, &engine, text));
        });
        group.bench_with_input(BenchmarkId::new("bare calls", count), &count, |b, &count| {
            b.iter(|| {
                runtime.block_on(async {
                    for _ in 0..count {
                        black_box(add(json!({"n": 1})).await);
                    }
                });
            });
        });
        let wide = text.replace("limit: 100000", "limit: 100000\n    max_parallel: 64");
        group.bench_with_input(BenchmarkId::new("engine, 64 wide", count), &wide, |b, text| {
            b.iter(|| run(&runtime, &engine, text));
        });
    }
    group.finish();
}

/// Every step synced, beside one append and fdatasync a step on the same disk.
fn durable(c: &mut Criterion) {
    const STEPS: usize = 1_000;
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("data"), Options::default()).unwrap();
    let engine = engine_with(journal);
    let mut group = c.benchmark_group("durable, each step synced");
    group
        .measurement_time(Duration::from_secs(6))
        .sample_size(10)
        .throughput(Throughput::Elements(STEPS as u64));
    let text = sequence(STEPS);
    group.bench_function("engine and SQLite", |b| b.iter(|| run(&runtime, &engine, &text)));
    let mut file = File::create(folder.path().join("bare")).unwrap();
    group.bench_function("append and fdatasync", |b| {
        b.iter(|| {
            for _ in 0..STEPS {
                file.write_all(&[b'x'; 300]).unwrap();
                file.sync_data().unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, steps, durable);
criterion_main!(benches);
