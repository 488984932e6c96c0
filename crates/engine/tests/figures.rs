//! Figures for operators: what happens is counted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod doubles;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use doubles::{Reply, Script, end, playbook, start};
use plan::Effect;
use portcullis_engine::{Engine, FailureKind, Metrics, RunStatus, Timestamp, VirtualClock};

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Metrics for Told {
    fn run_started(&self, playbook: &str, resumed: bool) {
        self.note(format!("run {playbook} {resumed}"));
    }
    fn run_ended(&self, playbook: &str, status: RunStatus, took: Duration) {
        self.note(format!("run {playbook} {} {took:?}", status.as_str()));
    }
    fn attempt_started(&self, action: &str, _: Effect) {
        self.note(format!("{action} begins"));
    }
    fn attempt_ended(&self, action: &str, failed: Option<FailureKind>, _: Duration) {
        self.note(format!("{action} {failed:?}"));
    }
    fn retried(&self, action: &str, failed: FailureKind) {
        self.note(format!("{action} again after {failed}"));
    }
    fn delayed(&self, action: &str, by: Duration) {
        self.note(format!("{action} delayed {by:?}"));
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let told = Told::default();
    let script = Script::default().reply("test.read", [Reply::Fail(FailureKind::Throttled)]);
    let engine = Engine::builder()
        .source(script)
        .metrics(told.clone())
        .clock(VirtualClock::new(Timestamp(0)))
        .entropy(|| 500)
        .build()
        .unwrap();
    let text = playbook(concat!(
        "  - { id: a, uses: test.read, retry: { attempts: 2, initial: 1s, max: 1s, on: [throttled] } }\n",
        "  - { id: b, uses: test.read, rate_limit: { key: k, per: 1m, permits: 1 } }\n",
        "  - { id: c, uses: test.read, rate_limit: { key: k, per: 1m, permits: 1 } }\n",
    ));
    let (mut run, _events) = start(&engine, &text).await;
    end(&mut run).await.unwrap();
    let read = ["test.read begins", "test.read None"];
    let mut wanted = vec!["run test false", "test.read begins", "test.read Some(Throttled)"];
    wanted.push("test.read again after throttled");
    wanted.extend(read);
    wanted.extend(read);
    wanted.push("test.read delayed 60s");
    wanted.extend(read);
    wanted.push("run test succeeded 60.5s");
    assert_eq!(*told.0.lock().unwrap(), wanted);
}
