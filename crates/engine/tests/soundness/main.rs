//! Soundness: a playbook that checks never fails with a name, a type or a shape error when it runs.
//!
//! Playbooks are generated from the grammar of the language over generated schemas; the actions behind them
//! give random values that obey their schemas, or fail. What the checker refuses is counted and left alone;
//! what it accepts is run, and every failure that the checker promises cannot happen is reported with the
//! playbook and its seed. `PORTCULLIS_SOUNDNESS_CASES` and `PORTCULLIS_SOUNDNESS_SEED` run more, or others;
//! `PORTCULLIS_SOUNDNESS_SHOW=1` shows why careful playbooks were refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test code"
)]

mod dice;
mod expression;
mod grammar;
mod play;
mod shape;

use std::collections::BTreeMap;

use portcullis_engine::{Engine, Source};

/// Cases in every run of the tests.
const CASES: u64 = 2_000;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The part of the playbook that a diagnostic is about.
fn excerpt<'t>(text: &'t str, diagnostic: &playbook::Diagnostic) -> &'t str {
    let label = diagnostic.labels.first();
    label.and_then(|label| text.get(label.start..label.end.min(label.start + 300))).unwrap_or("")
}

/// What came of some of the cases.
#[derive(Default)]
struct Tally {
    ran: u64,
    succeeded: u64,
    refused: BTreeMap<String, u64>,
}

#[test]
fn what_checks_does_not_fail_by_name_type_or_shape() {
    let cases = number("PORTCULLIS_SOUNDNESS_CASES", CASES);
    let first = number("PORTCULLIS_SOUNDNESS_SEED", 1);
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64).min(cases);
    let tally = std::thread::scope(|scope| {
        let work = |worker| move || tried((first + worker..first + cases).step_by(workers as usize));
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(work(worker))).collect();
        let mut all = Tally::default();
        for tally in threads.into_iter().map(|thread| thread.join().unwrap()) {
            all.ran += tally.ran;
            all.succeeded += tally.succeeded;
            tally.refused.into_iter().for_each(|(code, n)| *all.refused.entry(code).or_default() += n);
        }
        all
    });
    let Tally { ran, succeeded, refused } = tally;
    eprintln!(
        "{cases} playbooks, {ran} checked and ran, {succeeded} succeeded; refused by code: {refused:?}"
    );
    assert!(
        ran * 5 > cases,
        "too few playbooks check ({ran} of {cases}), so that little was tried: {refused:?}"
    );
    assert!(succeeded * 10 > ran, "too few runs get anywhere: {succeeded} of {ran}");
}

/// Tries the cases of some seeds.
fn tried(seeds: impl Iterator<Item = u64>) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tally = Tally::default();
    for seed in seeds {
        let case = grammar::case(seed);
        let source = play::Source::new(&case.actions, seed);
        let wrong = source.wrong();
        let clock = play::clock();
        let engine: Engine = play::engine(source, &clock, seed);
        let text = Source::new("made.yaml", &case.text).among(&case.files);
        let checked = engine.check(text);
        if checked.plan.is_none() {
            let show = number("PORTCULLIS_SOUNDNESS_SHOW", 0) > 0 && case.careless == 0;
            let errors = checked.diagnostics.into_iter().filter(|d| d.severity == playbook::Severity::Error);
            for diagnostic in errors {
                if show {
                    let place = excerpt(&case.text, &diagnostic);
                    eprintln!("seed {seed}: {} {}: {place:?}", diagnostic.code, diagnostic.message);
                }
                *tally.refused.entry(diagnostic.code.to_string()).or_default() += 1;
            }
            continue;
        }
        tally.ran += 1;
        let found = runtime.block_on(play::run(&engine, text, &case, &clock, seed));
        tally.succeeded += u64::from(found.succeeded);
        let problems: Vec<String> =
            found.problems.into_iter().chain(wrong.lock().unwrap().drain(..)).collect();
        assert!(
            problems.is_empty(),
            "seed {seed} checks, and yet:\n{}\n\n{}\n\n{:?}",
            problems.join("\n"),
            case.text,
            case.files
        );
    }
    tally
}
