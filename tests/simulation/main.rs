//! Deterministic simulation: the engine, a simulated Exchange behind a bad line and a simulated disk under one seed.
//!
//! In every seed some playbooks (shipped ones, two written for this test, and ones from the grammar of the language)
//! run while the process dies at random moments and is started again, the disk tears and refuses writes, requests are
//! lost before and after their effect, clocks are set, and people approve late, twice and for what they saw
//! yesterday, cancel, pause and step. Then the storm ends, everything is resumed until it is over, and the invariants
//! of ARCHITECTURE.md are judged at the Exchange and at the disk. Everything happens in one thread and in no real
//! time, and every seed is played twice: the traces must be equal, line by line.
//!
//! `PORTCULLIS_SEED=17` plays one seed and prints its trace; `PORTCULLIS_SEEDS=50000` plays more of them and
//! `PORTCULLIS_FIRST_SEED` others. What this leaves out: the stores that are shipped, which have tests over real
//! files, and threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test code"
)]

mod clock;
#[path = "../../crates/engine/tests/soundness/dice.rs"]
mod dice;
mod disk;
#[path = "../../crates/engine/tests/soundness/expression.rs"]
mod expression;
#[path = "../../crates/engine/tests/soundness/grammar.rs"]
mod grammar;
mod judge;
mod people;
mod play;
mod ports;
mod service;
#[path = "../../crates/engine/tests/soundness/shape.rs"]
mod shape;
mod store;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use engine::{Engine, EngineError, RunId, Source, Start};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use people::{Attendant, Left};
use play::{Intent, Play};
use world::{BEGIN, Rule, Sabotage, World};

/// Seeds in every run of the tests.
const SEEDS: u64 = 1_000;

/// So many processes die before the weather clears up.
const STORMS: usize = 5;

/// How a process ended.
#[derive(Debug, PartialEq)]
enum Exit {
    Over,
    Died,
    /// It could not go on, and is started again.
    GaveUp,
}

/// What one seed came to.
struct Played {
    trace: Vec<String>,
    violations: Vec<(Rule, String)>,
    processes: usize,
    ends: BTreeMap<String, usize>,
}

/// Plays one seed from its beginning to the verdict.
fn simulate(seed: u64, sabotage: Option<Sabotage>) -> Played {
    let play = Play::new(seed);
    let world = World::new(seed, play.organisation.clone(), sabotage);
    let mut processes = 0;
    loop {
        processes += 1;
        let later = {
            let mut state = world.state();
            state.storm = processes <= STORMS;
            let most = *state.dice.pick(&[25, 60, 120, 400]);
            let (moments, later) = (state.dice.below(most) as u64, state.dice.below(3_600_000) as i64);
            state.moments_left = state.storm.then_some(moments);
            // While it was down, somebody set the clock back.
            if state.dice.chance(10) { -later } else { later }
        };
        let exit = without_real_time(async {
            world.boot(if processes == 1 { 0 } else { later });
            let exit = live(&world, &play).await;
            world.note(format!("process {processes}: {exit:?}"));
            world.power_off();
            exit
        });
        if exit == Exit::Over || processes > STORMS + 3 {
            break;
        }
    }
    without_real_time(async {
        world.boot(0);
        let engine = play.engine(&world);
        if processes > STORMS + 3 {
            world.violated(Rule::Ends, "in fine weather something does not come to its end".to_owned());
        }
        judge::judge(&world, &play, &engine);
    });
    let mut state = world.state();
    let mut ends = BTreeMap::new();
    for stored in state.durable.values() {
        if let Some(journal::Event::Ended { status, .. }) = stored.records.last().map(|last| &last.event) {
            *ends.entry(status.as_str().to_owned()).or_default() += 1;
        }
    }
    Played {
        trace: std::mem::take(&mut state.trace),
        violations: std::mem::take(&mut state.violations).into_iter().collect(),
        processes,
        ends,
    }
}

/// One thread whose time stands still while anything is done, and is gone with all its tasks afterwards.
fn without_real_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// The life of one process.
async fn live(world: &World, play: &Play) -> Exit {
    let engine = play.engine(world);
    let mut people: FuturesUnordered<_> = play
        .intents
        .iter()
        .enumerate()
        .map(|(number, intent)| look_after(world, play, &engine, number, intent))
        .collect();
    let all = async {
        while let Some(end) = people.next().await {
            if end == Exit::GaveUp {
                return Exit::GaveUp;
            }
        }
        Exit::Over
    };
    let death = async {
        while !world.state().dead {
            world.death.notified().await;
        }
    };
    let storm = world.state().storm;
    let patience = Duration::from_secs(if storm { 2 } else { 60 } * 24 * 3600);
    tokio::select! {
        biased;
        () = death => Exit::Died,
        exit = all => exit,
        () = meddle(world) => Exit::Died,
        () = tokio::time::sleep(patience) => Exit::Died,
    }
}

/// Somebody sets the clock now and then.
async fn meddle(world: &World) {
    while world.mishap(250) {
        tokio::time::sleep(Duration::from_secs(world.below(4 * 3600) as u64)).await;
        let by = world.below(3 * 3_600_000) as i64 - 3_600_000;
        world.set_clock(by);
    }
    std::future::pending().await
}

/// The run of an intent: whether it is over, if it was begun at all by what the disk says.
fn found(world: &World, number: usize) -> Option<(RunId, bool)> {
    let state = world.state();
    let stored = state.durable.values().find(|stored| stored.header.driver["intent"] == number)?;
    let over = matches!(stored.records.last().map(|last| &last.event), Some(journal::Event::Ended { .. }));
    Some((stored.header.run.clone(), over))
}

/// Starts a playbook, or resumes its run, until it is over.
async fn look_after(world: &World, play: &Play, engine: &Engine, number: usize, intent: &Intent) -> Exit {
    loop {
        let (sender, events) = unbounded_channel();
        let start = Start {
            inputs: intent.inputs.clone(),
            trigger: intent.trigger.clone(),
            starter: "ana".to_owned(),
            events: Some(sender),
            driver: json!({"intent": number}),
            ..Start::default()
        };
        let begun = match found(world, number) {
            Some((_, true)) => return Exit::Over,
            Some((run, false)) => engine.resume(&run, start).await,
            None => {
                let due = BEGIN + intent.after * 1000 - world.now().0;
                tokio::time::sleep(Duration::from_millis(due.max(0) as u64)).await;
                engine.start(Source::new("made.yaml", &intent.text).among(&intent.files), start).await
            }
        };
        let left = match begun {
            Ok(run) => Attendant::new(world, play, run, events).attend().await,
            Err(error) => Left::Broken(error),
        };
        match left {
            Left::Over => return Exit::Over,
            Left::Dropped => {}
            Left::Broken(EngineError::Journal(_)) => return Exit::GaveUp,
            Left::Broken(error) => {
                world.violated(Rule::Replay, format!("the engine cannot go on: {error:?}"));
                return Exit::GaveUp;
            }
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// What is wrong with a seed, with the command that plays it again.
fn verdict(seed: u64, sabotage: Option<Sabotage>) -> Result<Played, String> {
    let caught = catch_unwind(AssertUnwindSafe(|| (simulate(seed, sabotage), simulate(seed, sabotage))));
    let again = format!(
        "again: PORTCULLIS_SEED={seed} cargo test -p portcullis-tests --test simulation every_seed -- --nocapture"
    );
    let Ok((first, second)) = caught else { return Err(format!("seed {seed} panicked\n{again}")) };
    if !first.violations.is_empty() {
        let lines: Vec<String> =
            first.violations.iter().map(|(rule, what)| format!("  {rule:?}: {what}")).collect();
        return Err(format!("seed {seed} broke promises:\n{}\n{again}", lines.join("\n")));
    }
    if first.trace != second.trace {
        let at = first.trace.iter().zip(&second.trace).take_while(|(a, b)| a == b).count();
        let (a, b) = (first.trace.get(at), second.trace.get(at));
        return Err(format!(
            "seed {seed} went differently the second time, at line {at}:\n  {a:?}\n  {b:?}\n{again}"
        ));
    }
    Ok(first)
}

#[test]
fn every_seed_keeps_every_promise_and_goes_the_same_way_twice() {
    let one = number("PORTCULLIS_SEED");
    let count = if one.is_some() { 1 } else { number("PORTCULLIS_SEEDS").unwrap_or(SEEDS) };
    let begin = one.or_else(|| number("PORTCULLIS_FIRST_SEED")).unwrap_or(1);
    if one.is_some() {
        for line in simulate(begin, None).trace {
            eprintln!("{line}");
        }
    }
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get() as u64).min(count);
    let part = |worker: u64| {
        move || {
            (begin + worker..begin + count)
                .step_by(workers as usize)
                .map(|seed| verdict(seed, None))
                .collect::<Vec<_>>()
        }
    };
    let all: Vec<Result<Played, String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(part(worker))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let (mut wrong, mut ends, mut processes, mut lines) = (Vec::new(), BTreeMap::new(), 0, 0);
    for played in all {
        match played {
            Ok(played) => {
                processes += played.processes;
                lines += played.trace.len();
                played.ends.into_iter().for_each(|(end, n)| *ends.entry(end).or_insert(0) += n);
            }
            Err(problem) => wrong.push(problem),
        }
    }
    eprintln!("{count} seeds, {processes} processes, {lines} lines of trace; runs ended as {ends:?}");
    assert!(
        wrong.is_empty(),
        "{} of {count} seeds:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n\n")
    );
    if count >= SEEDS {
        assert!(ends.len() >= 3 && processes > 2 * count as usize, "too little was tried");
    }
}

/// How many seeds a broken product may pass unnoticed.
const UNNOTICED: u64 = 150;

#[test]
fn the_judge_notices_every_product_that_is_broken_on_purpose() {
    let expected = [
        (Sabotage::EarlyAcknowledgement, Some(Rule::Durable)),
        (Sabotage::ForgetsBegun, Some(Rule::Once)),
        (Sabotage::DeafProbe, Some(Rule::Once)),
        (Sabotage::FreshKeys, Some(Rule::Once)),
        (Sabotage::GreedyDelete, Some(Rule::Selected)),
        (Sabotage::OtherInput, Some(Rule::Approved)),
        (Sabotage::IgnoresSyncErrors, Some(Rule::Acknowledged)),
        (Sabotage::OwnEntropy, None),
    ];
    for (sabotage, rule) in expected {
        let noticed = (1..=UNNOTICED).find(|seed| match rule {
            Some(rule) => {
                simulate(*seed, Some(sabotage)).violations.iter().any(|(broken, _)| *broken == rule)
            }
            None => simulate(*seed, Some(sabotage)).trace != simulate(*seed, Some(sabotage)).trace,
        });
        eprintln!("{sabotage:?} is noticed at seed {noticed:?}");
        assert!(noticed.is_some(), "{sabotage:?} passes {UNNOTICED} seeds unnoticed");
    }
}
