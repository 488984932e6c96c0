//! Generated playbooks, killed at every write of their journal and gone on with: no step is lost, no step that ended
//! is called again, and each repeat class keeps its promise as the world outside counts it.
//!
//! The playbooks are those of the soundness test, over actions of all four classes. `PORTCULLIS_RESTART_CASES=2000`
//! tries more of them, `PORTCULLIS_RESTART_SEED` others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "test code, of which two tests share a part"
)]

#[path = "soundness/dice.rs"]
mod dice;
#[path = "soundness/expression.rs"]
mod expression;
#[path = "soundness/grammar.rs"]
mod grammar;
#[path = "soundness/shape.rs"]
mod shape;
mod world;

use portcullis_engine::{Engine, RunStatus, Source};
use world::{Fate, Hands, Stop, World, fates, judge, play};

/// Playbooks in every run of the tests.
const CASES: u64 = 40;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The playbooks of so many seeds that check and call something.
async fn cases(count: u64) -> Vec<(u64, grammar::Case)> {
    let first = number("PORTCULLIS_RESTART_SEED", 1);
    let mut found = Vec::new();
    for seed in first.. {
        let case = grammar::case(seed);
        let engine = Engine::builder().source(Hands::new(&World::new(seed, None), &case)).build().unwrap();
        if engine.check(Source::new("made.yaml", &case.text).among(&case.files)).plan.is_none() {
            continue;
        }
        let told = play(&case, seed, None, &[]).await;
        if told.log.is_empty() {
            continue;
        }
        judge(&told, &format!("seed {seed}"));
        found.push((seed, case));
        if found.len() as u64 == count {
            break;
        }
    }
    found
}

#[tokio::test]
async fn killed_at_every_write_a_run_loses_nothing_and_repeats_only_what_it_may() {
    let (mut points, mut unknown, mut again) = (0_u64, 0, 0);
    let count = number("PORTCULLIS_RESTART_CASES", CASES);
    for (seed, case) in cases(count).await {
        for after in [false, true] {
            for write in 1.. {
                // In every second case the process is killed once more, soon after it went on.
                let second = Stop { write: 1 + write % 3, after: !after };
                let stops = [Stop { write, after }, second];
                let stops = if write % 2 == 0 { &stops[..1] } else { &stops[..] };
                let place = format!("seed {seed}, killed at {stops:?}");
                let told = play(&case, seed, None, stops).await;
                if !told.met {
                    break;
                }
                points += 1;
                if stops.len() == 1 {
                    judge(&told, &place);
                    again += told.log.len()
                        - told
                            .log
                            .iter()
                            .map(|call| &call.key)
                            .collect::<std::collections::BTreeSet<_>>()
                            .len();
                } else {
                    twice(&told, &place);
                }
                let ended_unknown = fates(&told.records)
                    .values()
                    .any(|fate| *fate == Fate::Failed(portcullis_engine::FailureKind::Unknown));
                unknown += usize::from(ended_unknown);
                assert!(
                    told.end.status != RunStatus::Unknown || ended_unknown,
                    "{place}: unknown without a reason"
                );
            }
        }
    }
    eprintln!(
        "killed at {points} writes; {again} calls or looks came again, {unknown} runs have a step that ended unknown"
    );
    assert!(points > 2 * count, "only {points} writes of {count} playbooks");
    assert!(again > 0, "nothing was ever in flight");
}

/// What holds after two kills, too: no effect comes twice where it may not.
fn twice(told: &world::Told, place: &str) {
    let fates = fates(&told.records);
    for call in &told.log {
        let effects = told.log.iter().filter(|other| other.key == call.key && other.effect).count();
        assert!(
            effects <= 1 || call.class == portcullis_engine::Repeat::Natural,
            "{place}: {call:?} {effects} times"
        );
        assert!(fates.contains_key(&call.path), "{place}: {call:?} is not in the history");
    }
    assert_eq!(told.records[..told.kept.len()], told.kept[..], "{place}: lost");
}
