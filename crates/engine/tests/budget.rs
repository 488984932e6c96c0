//! Retries stay within their budget, whatever fails, over all runs of an engine.
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

use doubles::{end, playbook};
use journal::Event as Happened;
use plan::Blame;
use portcullis_engine::{
    ActionSource, Engine, Failure, FailureKind, Invocation, Outcome, RetryBudget, Run, RunStatus, Source,
    Spec, Start, Timestamp, VirtualClock, Work,
};
use proptest::prelude::*;
use serde_json::json;

/// Fails as drawn; counts attempts by their number.
#[derive(Clone)]
struct Flaky {
    state: Arc<Mutex<u64>>,
    percent: u64,
    calls: Arc<Mutex<Vec<u32>>>,
}

impl ActionSource for Flaky {
    fn specs(&self) -> Vec<Arc<Spec>> {
        vec![doubles::spec("test.read", "enrichment", "natural")]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        self.calls.lock().unwrap().push(call.context.attempt);
        let mut state = self.state.lock().unwrap();
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let fails = (*state >> 33) % 100 < self.percent;
        Box::pin(async move {
            match fails {
                true => Err(Failure::new(FailureKind::Transient, Blame::Server, "as drawn")),
                false => Ok(json!({"n": 0}).into()),
            }
        })
    }
}

fn text(items: usize, width: usize) -> String {
    let list = vec!["1"; items].join(",");
    format!(
        "{}inputs: {{ list: {{ type: array, items: {{ type: integer }}, default: [{list}] }} }}\n",
        playbook(&format!(
            "  - id: all\n    foreach: '${{{{ inputs.list }}}}'\n    as: n\n    max_parallel: {width}\n    limit: 1000\n    on_item_error: collect\n    do: [{{ id: act, uses: test.read, retry: {{ attempts: 5, initial: 30s, max: 120s, on: [transient] }} }}]\n"
        ))
    )
}

async fn runs(flaky: &Flaky, budget: RetryBudget, runs: &[(usize, usize)]) -> (i64, Vec<RunStatus>) {
    let clock = VirtualClock::new(Timestamp(0));
    let seed = Arc::new(Mutex::new(1_u64));
    let entropy = move || {
        let mut seed = seed.lock().unwrap();
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *seed >> 20
    };
    let engine = Engine::builder()
        .source(flaky.clone())
        .clock(clock.clone())
        .entropy(entropy)
        .retry_budget(budget)
        .build()
        .unwrap();
    let mut started: Vec<Run> = Vec::new();
    for (items, width) in runs {
        let text = text(*items, *width);
        started.push(engine.start(Source::new("t", &text), Start::default()).await.unwrap());
    }
    let mut ends = Vec::new();
    for run in &mut started {
        ends.push(end(run).await.unwrap().status);
    }
    (portcullis_engine::Clock::now(&clock).0, ends)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn retries_never_exceed_the_budget(
        seed in any::<u64>(),
        fails in 0_u64..=100,
        percent in 0_u32..60,
        per_minute in 0_u32..30,
        shape in proptest::collection::vec((1_usize..60, 1_usize..20), 1..4),
    ) {
        let flaky = Flaky { state: Arc::new(Mutex::new(seed)), percent: fails, calls: Arc::default() };
        let budget = RetryBudget { percent, per_minute };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (took, _) = runtime.block_on(runs(&flaky, budget, &shape));
        let calls = flaky.calls.lock().unwrap();
        let first = calls.iter().filter(|attempt| **attempt == 1).count() as i64;
        let again = calls.len() as i64 - first;
        let minutes = took / 60_000 + 1;
        prop_assert!(
            again <= first * i64::from(percent) / 100 + minutes * i64::from(per_minute),
            "{} retries of {} calls in {} minutes", again, first, minutes
        );
        let items: usize = shape.iter().map(|(items, _)| items).sum();
        prop_assert_eq!(first, items as i64, "every item has its first attempt");
    }
}

#[tokio::test]
async fn a_refused_retry_says_why_and_is_the_last_attempt() {
    let flaky = Flaky { state: Arc::default(), percent: 100, calls: Arc::default() };
    let engine = Engine::builder()
        .source(flaky.clone())
        .clock(VirtualClock::new(Timestamp(0)))
        .retry_budget(RetryBudget { percent: 0, per_minute: 1 })
        .build()
        .unwrap();
    let one = playbook(
        "  - { id: a, uses: test.read, retry: { attempts: 5, initial: 1s, max: 1s, on: [transient] } }\n",
    );
    let mut run = engine.start(Source::new("t", &one), Start::default()).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), run.wait()).await.unwrap().unwrap();
    let failure = ended.failure.unwrap();
    assert!(
        failure.message.contains("not tried again") && failure.message.contains("`test.read`"),
        "{failure:?}"
    );
    assert_eq!((failure.kind, flaky.calls.lock().unwrap().as_slice()), (FailureKind::Transient, &[1, 2][..]));
    let records = engine.journal().load(run.id()).await.unwrap().records;
    let last: Vec<bool> = records
        .iter()
        .filter_map(|record| match record.event {
            Happened::AttemptFailed { last, .. } => Some(last),
            _ => None,
        })
        .collect();
    assert_eq!(last, [false, true]);
    let machine = engine.replay(&engine.journal().load(run.id()).await.unwrap()).unwrap();
    assert!(machine.is_over(), "a replay comes to the same");
}

#[tokio::test]
async fn with_the_default_a_loop_that_fails_once_is_not_hurt() {
    let flaky = Flaky { state: Arc::default(), percent: 40, calls: Arc::default() };
    let (_, ends) = runs(&flaky, RetryBudget::default(), &[(64, 64)]).await;
    assert_eq!(ends, [RunStatus::Succeeded]);
    assert!(flaky.calls.lock().unwrap().len() > 64);
}
