//! Components that are not what they should be: refused before they run, by a message that says what is wrong; and
//! hand-written ones that go for limits which no compiler's output reaches.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use portcullis_plugin_host::{LoadError, Manifest, Package, PluginError, Stop};
use support::wat::{ANSWER, Wat};
use support::{HOSTILE, MANIFEST, host};

async fn load(bytes: Vec<u8>) -> Result<portcullis_plugin_host::Plugin, LoadError> {
    match host().load(Package::new(Manifest::parse(MANIFEST).unwrap(), bytes)).await {
        Ok(plugin) => Ok(plugin),
        Err(PluginError::Load { cause, .. }) => Err(cause),
        Err(other) => panic!("{other}"),
    }
}

async fn stopped(wat: Wat<'_>) -> Stop {
    let plugin = load(wat.bytes()).await.unwrap();
    match plugin.invoke("act", "{}", "{}", None).await {
        Err(PluginError::Stopped { stop, .. }) => stop,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_component_of_text_is_a_plugin() {
    let plugin = load(Wat::default().bytes()).await.unwrap();
    assert_eq!(plugin.specs()[0].name, "hostile.act");
    assert_eq!(
        plugin.invoke("act", "{}", "{}", None).await.unwrap_err(),
        PluginError::Stopped {
            plugin: "hostile".to_owned(),
            action: "act".to_owned(),
            stop: Stop::Abort,
            stderr: String::new(),
        }
    );
}

#[tokio::test]
async fn bytes_that_are_no_component() {
    let core = ::wat::parse_str("(module (func (export \"f\")))").unwrap();
    assert_eq!(load(core).await.unwrap_err(), LoadError::CoreModule);
    for bytes in [&b""[..], b"\0asm", b"MZ\x90", b"(component)", b"\0asm\x0d\0\x02\0", b"\0asm\x02\0\0\0"] {
        assert_eq!(load(bytes.to_vec()).await.unwrap_err(), LoadError::NotWasm, "{bytes:?}");
    }
    let mut large = b"\0asm\x0d\0\x01\0".to_vec();
    large.resize((32 << 20) + 1, 0);
    let error = load(large).await.unwrap_err();
    assert_eq!(error, LoadError::TooLarge { size: (32 << 20) + 1, limit: 32 << 20 });
}

#[tokio::test]
async fn machine_code_is_never_accepted() {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let code = engine.precompile_component(&Wat::default().bytes()).unwrap();
    assert_eq!(load(code).await.unwrap_err(), LoadError::Precompiled);
}

#[tokio::test]
async fn damaged_components() {
    let good = Wat::default().bytes();
    for end in (8..good.len()).step_by(37) {
        let error = load(good[..end].to_vec()).await.unwrap_err();
        assert!(matches!(error, LoadError::Invalid(_) | LoadError::NoInterface), "cut at {end}: {error}");
    }
    for end in [8, 1000, HOSTILE.len() / 2, HOSTILE.len() - 1] {
        let error = load(HOSTILE[..end].to_vec()).await.unwrap_err();
        assert!(matches!(error, LoadError::Invalid(_) | LoadError::NoInterface), "cut at {end}: {error}");
    }
}

#[tokio::test]
async fn flipped_bits_never_end_the_process() {
    let good = Wat::default().bytes();
    for position in (0..good.len() * 8).step_by(29) {
        let mut bad = good.clone();
        bad[position / 8] ^= 1 << (position % 8);
        // It may well still be a plugin; then it must still end.
        let package = Package::new(Manifest::parse(MANIFEST).unwrap(), bad);
        if let Ok(plugin) = host().load(package).await {
            let _ = plugin.invoke("act", "{}", "{}", None).await;
        }
    }
}

#[tokio::test]
async fn interface_versions() {
    for (version, expected) in [("1.1.0", "update"), ("2.0.0", "update"), ("0.9.0", "build the plugin again")]
    {
        let error = load(Wat { version, ..Wat::default() }.bytes()).await.unwrap_err();
        assert!(matches!(&error, LoadError::Interface { needs, .. } if needs == version), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let patch = Wat { version: "1.0.9", ..Wat::default() };
    assert!(load(patch.bytes()).await.is_ok());
    let none = ::wat::parse_str("(component)").unwrap();
    assert_eq!(load(none).await.unwrap_err(), LoadError::NoInterface);
}

#[tokio::test]
async fn imports_that_nobody_gets() {
    for import in [
        "wasi:http/outgoing-handler@0.2.6",
        "acme:database/sql@1.0.0",
        "portcullis:plugin/secrets@1.0.0",
        "wasi:nn/inference@0.2.0",
    ] {
        let extra = format!(r#"(import "{import}" (instance (export "f" (func))))"#);
        let error = load(Wat { extra: &extra, ..Wat::default() }.bytes()).await.unwrap_err();
        assert!(matches!(&error, LoadError::Import { import: named, .. } if named == import), "{error}");
    }
    // An interface that exists, with a function that does not.
    for import in ["portcullis:plugin/log@1.0.0", "wasi:clocks/wall-clock@0.2.6"] {
        let extra = format!(r#"(import "{import}" (instance (export "no-such-function" (func))))"#);
        let error = load(Wat { extra: &extra, ..Wat::default() }.bytes()).await.unwrap_err();
        assert!(error.to_string().contains("no-such-function"), "{error}");
    }
    // A function at the top, outside of any interface.
    let error =
        load(Wat { extra: r#"(import "system" (func))"#, ..Wat::default() }.bytes()).await.unwrap_err();
    assert!(error.to_string().contains("`system`"), "{error}");
}

#[tokio::test]
async fn a_wrong_type_under_the_right_name() {
    let wat = r#"(component
        (core module $m (func (export "describe") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $describe (result u32) (canon lift (core func $i "describe")))
        (instance $actions (export "describe" (func $describe)))
        (export "portcullis:plugin/actions@1.0.0" (instance $actions)))"#;
    let error = load(::wat::parse_str(wat).unwrap()).await.unwrap_err();
    assert!(matches!(error, LoadError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn table_elements() {
    let core = "(table $t 1 funcref)";
    let grow = |by: u32| {
        format!(
            "(if (i32.eq (table.grow $t (ref.null func) (i32.const {by})) (i32.const -1)) (then unreachable)) (loop (br 0))"
        )
    };
    // Within the limit it goes on (into a loop, which ends by the CPU budget).
    let good = stopped(Wat { core, invoke: &(grow(99_999) + "unreachable"), ..Wat::default() }).await;
    assert!(matches!(good, Stop::Cpu(_)), "{good}");
    let bad = stopped(Wat { core, invoke: &(grow(100_000) + "unreachable"), ..Wat::default() }).await;
    assert_eq!(bad, Stop::Table(100_000));
    let error = load(Wat { core: "(table 100001 funcref)", ..Wat::default() }.bytes()).await.unwrap_err();
    assert!(error.to_string().contains("table"), "{error}");
}

#[tokio::test]
async fn memories_tables_and_core_instances() {
    // Counted over the whole component; the module under test brings one memory and one instance itself.
    let repeat = |count: usize, text: &str| text.repeat(count);
    let inner = |count: usize, what: &str| {
        let module = format!("(core module $x {what})");
        module + &repeat(count, "(core instance (instantiate $x))")
    };
    for (good, bad, what) in [
        (inner(7, "(memory 1)"), inner(8, "(memory 1)"), "memor"),
        (inner(16, "(table 1 funcref)"), inner(17, "(table 1 funcref)"), "table"),
        (inner(63, ""), inner(64, ""), "instance"),
    ] {
        assert!(load(Wat { extra: &good, ..Wat::default() }.bytes()).await.is_ok(), "{what}");
        let error = load(Wat { extra: &bad, ..Wat::default() }.bytes()).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn memories_share_one_limit() {
    let grow = "(if (i32.eq (memory.grow (i32.const 640)) (i32.const -1)) (then unreachable))
                (if (i32.eq (memory.grow $n (i32.const 640)) (i32.const -1)) (then unreachable))
                unreachable";
    let stop = stopped(Wat { core: "(memory $n 1)", invoke: grow, ..Wat::default() }).await;
    assert_eq!(stop, Stop::Memory(64 << 20));
}

#[tokio::test]
async fn recursion_that_overflows_the_machine_stack() {
    let stop =
        stopped(Wat { core: "(func $f (call $f))", invoke: "(call $f) unreachable", ..Wat::default() }).await;
    assert_eq!(stop, Stop::Stack);
}

#[tokio::test]
async fn traps_are_named() {
    let stop = stopped(Wat { invoke: "(i32.div_u (i32.const 1) (i32.const 0))", ..Wat::default() }).await;
    assert!(matches!(&stop, Stop::Trap(trap) if trap.contains("divide by zero")), "{stop}");
    let stop = stopped(Wat { invoke: "(i32.load (i32.const -1))", ..Wat::default() }).await;
    assert_eq!(stop, Stop::OutOfBounds);
}

#[tokio::test]
async fn answers_that_are_no_text() {
    // The result's first byte says `ok`; pointer and length follow.
    let answer = |pointer: u32, length: u32| {
        format!(
            "(i32.store (i32.const 4096) (i32.const 0))
             (i32.store (i32.const 4100) (i32.const {pointer}))
             (i32.store (i32.const 4104) (i32.const {length})) (i32.const 4096)"
        )
    };
    for (invoke, why) in [
        (answer(65_000, 10_000), "out of its memory"),
        (answer(u32::MAX, u32::MAX), "out of its memory"),
        (format!("(i32.store8 (i32.const 5000) (i32.const 255)) {}", answer(5000, 1)), "not UTF-8"),
        ("(i32.store8 (i32.const 4096) (i32.const 7)) (i32.const 4096)".to_owned(), "no such case"),
        ("(i32.const 65535)".to_owned(), "unaligned"),
    ] {
        let stop = stopped(Wat { invoke: &invoke, ..Wat::default() }).await;
        assert!(matches!(stop, Stop::Trap(_) | Stop::OutOfBounds | Stop::Transfer(_)), "{why}: {stop}");
    }
}

#[tokio::test]
async fn descriptions_that_lie() {
    // The manifest says `hostile` 0.1.0.
    let manifest = Manifest::parse(&MANIFEST.replace("0.1.0", "0.2.0")).unwrap();
    let error = host().load(Package::new(manifest, HOSTILE)).await.unwrap_err();
    assert!(error.to_string().contains("0.2.0"), "{error}");
}

#[tokio::test]
async fn random_bytes_at_once() {
    let ask = |count: u64| format!("(call $random (i64.const {count}) (i32.const 0)) {ANSWER}");
    let plugin = load(Wat::with_random("", &ask(1 << 20)).bytes()).await.unwrap();
    assert_eq!(plugin.invoke("act", "{}", "{}", None).await.unwrap(), "{}");
    for count in [(1 << 20) + 1, u64::MAX] {
        assert_eq!(stopped(Wat::with_random("", &ask(count))).await, Stop::Random(1 << 20), "{count}");
    }
}
