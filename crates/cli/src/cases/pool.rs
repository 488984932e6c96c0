//! Many cases at a time: one thread a core, each with a runtime of its own.
//!
//! A case is played on a runtime with one thread, because only there it is sure that a run has come to rest before
//! time moves on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cases::RepeatStep;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::load::{Listed, Loaded, Place};
use super::outcome::Outcome;

/// How long one case may take, in real time.
const LIMIT: Duration = Duration::from_secs(60);

/// Cases that are being played. Dropping it stops after the cases that are under way.
pub(crate) struct Pool {
    outcomes: UnboundedReceiver<Outcome>,
}

impl Pool {
    /// Plays the chosen cases.
    pub(crate) fn start(
        loaded: Arc<Loaded>,
        chosen: Vec<(usize, usize)>,
        repeat: Option<RepeatStep>,
    ) -> Self {
        let (sender, outcomes) = unbounded_channel();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let work = Arc::new(Work { loaded, chosen, repeat, next: AtomicUsize::new(0) });
        for _ in 0..cores.min(work.chosen.len()).max(1) {
            let (work, sender) = (Arc::clone(&work), sender.clone());
            std::thread::spawn(move || work.carry_on(&sender));
        }
        Pool { outcomes }
    }

    /// The next case that has ended, in any order; nothing when all have.
    pub(crate) async fn next(&mut self) -> Option<Outcome> {
        self.outcomes.recv().await
    }
}

struct Work {
    loaded: Arc<Loaded>,
    chosen: Vec<(usize, usize)>,
    repeat: Option<RepeatStep>,
    next: AtomicUsize,
}

impl Work {
    fn carry_on(&self, sender: &UnboundedSender<Outcome>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        while let Some(&at) = self.chosen.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = match &runtime {
                Ok(runtime) => runtime.block_on(self.play(at)),
                Err(error) => failed(at, format!("could not start an async runtime: {error}")),
            };
            if sender.send(outcome).is_err() {
                return;
            }
        }
    }

    async fn play(&self, at: (usize, usize)) -> Outcome {
        let place = self.loaded.places.get(at.0);
        let Some((place, listed)) = place.and_then(|place| Some((place, place.cases.get(at.1)?))) else {
            return failed(at, "there is no such case".to_owned());
        };
        let begun = Instant::now();
        let mut outcome = match self.judged(at, place, listed).await {
            Ok(outcome) => outcome,
            Err(error) => failed(at, error),
        };
        outcome.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        outcome
    }

    async fn judged(&self, at: (usize, usize), place: &Place, listed: &Listed) -> Result<Outcome, String> {
        let case = &listed.case;
        let shed = &self.loaded.shed;
        let world = shed.open(&place.playbook, case).await.map_err(|error| format!("{error:#}"))?;
        let around = cases::World {
            actions: Arc::new(shed.actions.clone()),
            connection: Some(world.connection.clone()),
            cassette: listed.cassette.clone(),
            repeat: self.repeat.clone(),
            limit: LIMIT,
        };
        let played = place.suite.play(case, around).await;
        let roots = world.roots(case.expect.iter().any(|expectation| expectation.names("mailbox()")));
        world.close().await;
        let played = played?;
        let error = (!played.complaints.is_empty()).then(|| played.complaints.join("\n"));
        let repeated = played.repeated;
        let (seen, witness) = played.into_witness(roots);
        let verdicts = witness.judge(&case.expect);
        Ok(Outcome { at, error, verdicts, seen: Some(seen), repeated, millis: 0 })
    }
}

fn failed(at: (usize, usize), error: String) -> Outcome {
    Outcome { at, error: Some(error), verdicts: Vec::new(), seen: None, repeated: 0, millis: 0 }
}
