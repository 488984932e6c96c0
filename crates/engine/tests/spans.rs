//! Spans with ids: enough to follow an attempt, and never an input or a secret.
//!
//! Alone in its file, because whether a span is wanted is remembered for the whole process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubles;

use std::io::Write;
use std::sync::{Arc, Mutex};

use doubles::{end, playbook, start};
use portcullis_engine::{Engine, Functions, Invocation, RunStatus, Secret, Secrets, Spec};
use serde_json::json;
use tracing_subscriber::fmt::format::FmtSpan;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct OneSecret;

impl Secrets for OneSecret {
    fn get(&self, name: &str) -> Option<Secret> {
        (name == "token").then(|| Secret::new("canary-in-a-secret"))
    }
}

#[tokio::test]
async fn spans_carry_ids_and_neither_inputs_nor_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let spec: Spec = serde_json::from_value(json!({
        "name": "test.login", "summary": "Logs in", "effect": "enrichment", "repeat": "natural", "errors": [],
        "input": {"type": "object", "additionalProperties": false, "properties": {
            "token": {"type": "string", "x-secret": true}, "who": {"type": "string"}}},
        "output": {"type": "object", "additionalProperties": false, "properties": {}},
    }))
    .unwrap();
    let actions = Functions::new()
        .with(spec, async |call: Invocation| {
            assert_eq!(call.input["token"], "canary-in-a-secret");
            tracing::info!("inside of the action");
            Ok(json!({}))
        })
        .unwrap();
    let engine = Engine::builder().source(actions).secrets(OneSecret).build().unwrap();
    let text = format!(
        "{}secrets: [token]\n",
        playbook(
            "  - { id: login, uses: test.login, with: { token: '${{ secrets.token }}', who: canary-in-an-input } }\n"
        )
    );
    let (mut run, _events) = start(&engine, &text).await;
    assert_eq!(end(&mut run).await.unwrap().status, RunStatus::Succeeded);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let spans = format!(
        "run{{run={id} playbook=test}}:step{{run={id} path=login action=\"test.login\" op=1}}:attempt{{attempt=1 op=1 action=\"test.login\"}}",
        id = run.id()
    );
    let inside = text.lines().find(|line| line.contains("inside of the action")).unwrap();
    assert!(inside.contains(&spans), "{inside}\n{spans}");
    for name in ["step", "attempt", "run"] {
        let closed = text.lines().any(|line| line.contains(&format!("{name}{{")) && line.contains("close"));
        assert!(closed, "{name} ends: {text}");
    }
    assert!(!text.contains("canary"), "{text}");
}
