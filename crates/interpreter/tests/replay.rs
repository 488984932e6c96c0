//! Replay is a fold: for every playbook of the corpus, whatever the outside world answers, folding any prefix
//! of a run's records gives the machine that lived through them, with the same things left to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::sync::Arc;

use journal::Record;
use portcullis_interpreter::{Machine, RunInfo};
use proptest::prelude::*;

mod world;

use world::{CATALOGUE, CORPUS, live};

#[test]
fn every_playbook_of_the_corpus_checks() {
    assert!(CORPUS.iter().any(|(name, _)| name.ends_with("everything.yaml")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_prefix_replays_to_the_same_state(dice in proptest::collection::vec(any::<u8>(), 16..64)) {
        for (name, plan) in CORPUS.iter() {
            let (records, pending, status) = live(plan, &CATALOGUE, dice.clone());
            let info = RunInfo { id: "run-1".to_owned() };
            // From scratch for every prefix: quadratic, which is fine for runs of this length.
            for (length, expected) in (1..=records.len()).zip(&pending) {
                let (mut machine, _) = Machine::start(Arc::clone(plan), &info, &records[0]).unwrap();
                for record in &records[1..length] {
                    machine.apply(record).unwrap();
                }
                prop_assert_eq!(&machine.pending(), expected, "{} after {} records", name, length);
                prop_assert_eq!(machine.seq(), length as u64);
                if length == records.len() {
                    prop_assert_eq!(machine.status(), status);
                }
            }
        }
    }

    #[test]
    fn records_of_another_run_are_refused_and_never_panic(
        dice in proptest::collection::vec(any::<u8>(), 16..64),
        shuffle in proptest::collection::vec(any::<u16>(), 1..40),
    ) {
        let (_, plan) = &CORPUS[usize::from(shuffle[0]) % CORPUS.len()];
        let (mut records, ..) = live(plan, &CATALOGUE, dice);
        for pair in shuffle.chunks(2) {
            let (from, to) = (usize::from(pair[0]) % records.len(), usize::from(*pair.last().unwrap()) % records.len());
            if from != 0 && to != 0 {
                records.swap(from, to);
            }
        }
        let info = RunInfo { id: "run-1".to_owned() };
        let (mut machine, _) = Machine::start(Arc::clone(plan), &info, &records[0]).unwrap();
        for (seq, record) in (2..).zip(&records[1..]) {
            if machine.apply(&Record { seq, ..record.clone() }).is_err() {
                break;
            }
        }
    }
}
