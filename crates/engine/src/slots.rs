//! Slots: so many calls are in flight at a time over all runs of an engine, handed out run by run.
//!
//! Runs that wait stand in a circle, and each slot that becomes free goes to the first call of the next run. So a run
//! of a hundred thousand items delays another by one call a slot, however many of its own calls wait. As long as
//! there is a free slot, taking one is a count under a lock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use crate::sync::{Mutex, MutexGuard};

/// The slots of an engine.
#[derive(Debug)]
pub(crate) struct Slots(Mutex<Circle>);

#[derive(Debug)]
struct Circle {
    free: usize,
    /// Runs that wait, each once; the front is next.
    turns: VecDeque<u64>,
    waiting: HashMap<u64, VecDeque<oneshot::Sender<Permit>>>,
    next: u64,
}

/// A slot; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Option<Arc<Slots>>);

impl Slots {
    pub(crate) fn new(slots: usize) -> Self {
        let circle = Circle { free: slots.max(1), turns: VecDeque::new(), waiting: HashMap::new(), next: 0 };
        Slots(Mutex::new(circle))
    }

    /// A number for a run, as long as it is driven.
    pub(crate) fn line(&self) -> u64 {
        let mut circle = self.circle();
        circle.next += 1;
        circle.next
    }

    /// A slot, or where it will come. Whoever does not want it any more drops the receiver.
    pub(crate) fn take(self: &Arc<Self>, line: u64) -> Result<Permit, oneshot::Receiver<Permit>> {
        let mut circle = self.circle();
        // A slot is never free while somebody waits.
        if let Some(left) = circle.free.checked_sub(1) {
            circle.free = left;
            return Ok(Permit(Some(Arc::clone(self))));
        }
        let (sender, receiver) = oneshot::channel();
        let waiting = circle.waiting.entry(line).or_default();
        waiting.push_back(sender);
        if waiting.len() == 1 {
            circle.turns.push_back(line);
        }
        Err(receiver)
    }

    /// How many calls wait.
    pub(crate) fn queued(&self) -> usize {
        self.circle().waiting.values().map(VecDeque::len).sum()
    }

    fn circle(&self) -> MutexGuard<'_, Circle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Circle {
    /// The first call of the next run, or nobody, and then the slot is free.
    fn give(&mut self) -> Option<oneshot::Sender<Permit>> {
        while let Some(line) = self.turns.pop_front() {
            let Some(waiting) = self.waiting.get_mut(&line) else { continue };
            let first = waiting.pop_front();
            if waiting.is_empty() {
                self.waiting.remove(&line);
            } else {
                self.turns.push_back(line);
            }
            if first.is_some() {
                return first;
            }
        }
        self.free += 1;
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(slots) = self.0.take() else { return };
        loop {
            // The lock is given back before anybody is told.
            let next = slots.circle().give();
            let Some(next) = next else { return };
            match next.send(Permit(Some(Arc::clone(&slots)))) {
                Ok(()) => return,
                // Not wanted any more: to the next.
                Err(mut permit) => permit.0 = None,
            }
        }
    }
}
