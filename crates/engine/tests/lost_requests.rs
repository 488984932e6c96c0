//! Generated playbooks, every one of whose calls is lost once: before the other side saw it or after it was done,
//! with the process killed or with an error that it sees. What the world outside counts is what each repeat class
//! promises: an effect happened once, or not at all, or the step says that nobody knows.
//!
//! `PORTCULLIS_RESTART_CASES=2000` tries more playbooks, `PORTCULLIS_RESTART_SEED` others.
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

use std::collections::BTreeMap;

use portcullis_engine::{Engine, FailureKind, Repeat, Source};
use world::{Fate, Hands, Loss, World, fates, judge, play};

/// Playbooks in every run of the tests.
const CASES: u64 = 60;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn checks(seed: u64, case: &grammar::Case) -> bool {
    let engine = Engine::builder().source(Hands::new(&World::new(seed, None), case)).build().unwrap();
    engine.check(Source::new("made.yaml", &case.text).among(&case.files)).plan.is_some()
}

#[tokio::test]
async fn a_lost_call_is_done_once_or_not_at_all_or_unknown() {
    let (cases, mut tried) = (number("PORTCULLIS_RESTART_CASES", CASES), 0);
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for seed in number("PORTCULLIS_RESTART_SEED", 1).. {
        let case = grammar::case(seed);
        if !checks(seed, &case) {
            continue;
        }
        for (done, kill) in [(false, true), (true, true), (false, false), (true, false)] {
            for call in 1.. {
                let loss = Loss { call, done, kill };
                let told = play(&case, seed, Some(loss), &[]).await;
                if !told.met {
                    break;
                }
                let place = format!("seed {seed}, {loss:?}");
                judge(&told, &place);
                let lost = told.log.iter().filter(|call| !call.probe).nth(call as usize - 1).unwrap();
                let fate = &fates(&told.records)[&lost.path];
                promised(lost, fate, loss, &place);
                let word = match fate {
                    Fate::Failed(kind) => format!("failed as {kind}"),
                    other => format!("{other:?}").to_lowercase(),
                };
                *tally.entry(format!("{}, done: {done}, killed: {kill}: {word}", lost.class)).or_default() +=
                    1;
            }
        }
        tried += 1;
        if tried == cases {
            break;
        }
    }
    tally.iter().for_each(|(what, count)| eprintln!("{count:6} {what}"));
    for class in [Repeat::Natural, Repeat::Keyed, Repeat::Verify, Repeat::Never] {
        let seen: u64 =
            tally.iter().filter(|(what, _)| what.starts_with(class.as_str())).map(|(_, count)| count).sum();
        assert!(seen > cases / 3, "{class} was tried {seen} times only");
    }
}

/// What each class says of the very call that was lost.
fn promised(lost: &world::Call, fate: &Fate, loss: Loss, place: &str) {
    let unknown = *fate == Fate::Failed(FailureKind::Unknown);
    match (lost.class, loss.kill) {
        // After a crash these simply happen, once more if need be.
        (Repeat::Natural | Repeat::Keyed, true) => assert!(!unknown, "{place}: {fate:?}"),
        (Repeat::Verify, true) => assert!(!unknown, "{place}: {fate:?}"),
        // The error was seen, and without a retry nobody tries again: found out, or plainly not done.
        (Repeat::Verify, false) if loss.done && lost.effect => assert_eq!(*fate, Fate::Done, "{place}"),
        (Repeat::Verify, false) => assert!(!unknown, "{place}: {fate:?}"),
        (Repeat::Never, _) => assert!(unknown, "{place}: {fate:?}"),
        (Repeat::Natural | Repeat::Keyed, false) => {}
    }
}
