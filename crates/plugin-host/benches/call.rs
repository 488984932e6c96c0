//! What the sandbox costs: a call in a fresh instance, beside the bare limits of wasmtime in the same run.
//!
//! `cargo bench -p portcullis-plugin-host`. Goals: 200 B in 25 µs (a plugin with `std`), 1 MB in 8 ms, load from cache
//! in 1 ms, start to first result in 20 ms.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark may stop at the first surprise"
)]

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_plugin_host::{CacheDirs, Loaded, Manifest, Package, Plugin, PluginHost};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const HOSTILE: &[u8] = include_bytes!(env!("PORTCULLIS_HOSTILE_PLUGIN"));
const MANIFEST: &str = "manifest = 1\nname = \"hostile\"\nversion = \"0.1.0\"\n\
    interface = \"portcullis:plugin@1.0\"\ncomponent = \"hostile.wasm\"\n";

const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn package() -> Package {
    Package::new(Manifest::parse(MANIFEST).unwrap(), HOSTILE)
}

fn host(root: &Path) -> PluginHost {
    let dirs = CacheDirs { cache: root.join("cache"), state: root.join("state") };
    PluginHost::builder().cache(dirs).build().unwrap()
}

/// A document like an alert, of about this many bytes.
fn document(bytes: usize) -> String {
    let alert = json!({
        "id": "a-1042", "title": "Suspicious sign-in", "severity": 3, "open": true, "score": 0.75,
        "user": "ada@example.com", "ip": ["192.0.2.1", "2001:db8::1"], "note": null,
    });
    let count = (bytes / alert.to_string().len()).max(1);
    json!({ "document": vec![alert; count] }).to_string()
}

fn count(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64,
        _ => 1,
    }
}

fn bare_limits(c: &mut Criterion) {
    let runtime = runtime();
    let mut config = wasmtime::Config::new();
    let mut pool = wasmtime::PoolingAllocationConfig::new();
    pool.pagemap_scan(wasmtime::Enabled::Auto);
    config.allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool));
    let engine = wasmtime::Engine::new(&config).unwrap();
    let wasm =
        wat::parse_str("(module (memory 1) (func (export \"f\") (param i32) (result i32) local.get 0))")
            .unwrap();
    let module = wasmtime::Module::new(&engine, wasm).unwrap();
    let linker = wasmtime::Linker::<()>::new(&engine);
    let pre = linker.instantiate_pre(&module).unwrap();
    let mut group = c.benchmark_group("bare");
    group.bench_function("core call", |b| {
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = pre.instantiate(&mut store).unwrap();
        let function = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        b.iter(|| function.call(&mut store, black_box(1)).unwrap());
    });
    group.bench_function("store and core instance", |b| {
        b.iter(|| {
            let mut store = wasmtime::Store::new(&engine, ());
            black_box(pre.instantiate(&mut store).unwrap());
        });
    });
    group.bench_function("tokio timeout around nothing", |b| {
        b.iter(|| {
            runtime.block_on(async { tokio::time::timeout(LIMIT, async { black_box(1) }).await }).unwrap()
        });
    });
    group.finish();
}

fn calls(c: &mut Criterion) {
    let runtime = runtime();
    let root = tempfile::tempdir().unwrap();
    let host = host(root.path());
    let plugin: Plugin = runtime.block_on(host.load(package())).unwrap();
    let mut group = c.benchmark_group("call");
    for (name, bytes) in [("200 B", 200), ("10 KB", 10_000), ("1 MB", 1_000_000)] {
        let input = document(bytes);
        group.throughput(Throughput::Bytes(input.len() as u64));
        group.bench_function(format!("native {name}"), |b| {
            b.iter(|| count(&serde_json::from_str(black_box(&input)).unwrap()));
        });
        group.bench_function(format!("fresh instance {name}"), |b| {
            b.iter(|| runtime.block_on(plugin.invoke("score", &input, "{}", None)).unwrap());
        });
    }
    group.finish();
}

fn loading(c: &mut Criterion) {
    let runtime = runtime();
    let root = tempfile::tempdir().unwrap();
    let described = {
        let plugin = runtime.block_on(host(root.path()).load(package())).unwrap();
        package().described(runtime.block_on(plugin.describe()).unwrap())
    };
    let mut group = c.benchmark_group("load");
    group.sample_size(50);
    // One engine for all, so that what is measured is reading, verifying, mapping and linking.
    let warm = host(root.path());
    let started = runtime.block_on(warm.load(described.clone())).unwrap();
    assert_eq!(runtime.block_on(started.prepare()).unwrap(), Loaded::Cached);
    group.bench_function("from cache", |b| {
        b.iter_batched(
            || described.clone(),
            |package| runtime.block_on(warm.load(package)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("warm start to first result", |b| {
        b.iter_with_large_drop(|| {
            let host = host(root.path());
            runtime.block_on(async {
                let plugin = host.load(described.clone()).await.unwrap();
                plugin.invoke("echo", "{\"text\":\"x\"}", "{}", None).await.unwrap();
            });
            host
        });
    });
    group.bench_function("host of first-party plugins, nothing called", |b| {
        b.iter(|| {
            let packages = portcullis_plugin_host::first_party().unwrap();
            black_box(PluginHost::builder().packages(packages).build().unwrap());
        });
    });
    group.finish();
}

criterion_group!(benches, bare_limits, calls, loading);
criterion_main!(benches);
