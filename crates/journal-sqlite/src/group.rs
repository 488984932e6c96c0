//! Group commit: orders from any number of callers go into a queue, one thread takes all that are there, makes them
//! durable together, and only then answers everybody.
//!
//! What holds whatever the interleaving: an order that was answered with success is durable; after a commit that broke,
//! everybody who waits is told so and nothing is carried out any more; closing waits until everything that was ordered
//! is durable. `tests/models.rs` tries this very file under a scheduler that looks for an interleaving where it does
//! not. What durable means is not known here.

use std::fmt;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use crate::sync::{JoinHandle, linger};

/// Jobs in one group, so that the first of them does not wait for ever.
const MOST_JOBS: usize = 1_024;
/// Bytes in one group, likewise.
const MOST_BYTES: usize = 8 << 20;

/// A job, and where the answer goes.
pub(crate) struct Order<J, A> {
    pub(crate) job: J,
    answer: oneshot::Sender<A>,
}

/// An order of a store.
pub(crate) type OrderOf<S> = Order<<S as Store>::Job, <S as Store>::Answer>;

/// Why a group was not made durable.
pub(crate) enum Failed {
    /// For want of room, before anything was asked to reach the disk: nothing of it is there.
    Full,
    /// Nobody knows what is on the disk.
    Broken(String),
}

/// What makes groups of jobs durable.
pub(crate) trait Store: Sized {
    type Job;
    type Answer;

    /// How many bytes a job takes, about.
    fn bytes(job: &Self::Job) -> usize;

    /// Makes a group durable, or nothing of it. One answer for each job, in order.
    fn commit(&mut self, jobs: &[OrderOf<Self>]) -> Result<Vec<Self::Answer>, Failed>;

    /// What nobody has to wait for, after so many jobs of so many bytes; or why nothing can be written any more.
    fn after_commit(&mut self, jobs: usize, bytes: usize) -> Result<(), String>;

    /// When what was committed has to be synced, if it was not with the commit.
    fn due(&self) -> Option<Instant>;

    /// Syncs what was committed.
    fn sync(&mut self) -> Result<(), String>;

    /// The answer to a job for which there is no room.
    fn no_room(&self, job: Self::Job) -> Self::Answer;

    /// The answer to a job whose commit broke.
    fn broken(&self, reason: &str) -> Self::Answer;

    /// The answer to a job that comes after a commit that broke.
    fn refused(&self, reason: &str) -> Self::Answer;
}

/// Carries out orders until nobody can order any more; refuses everything after the first failure.
pub(crate) fn work<S: Store>(store: &mut S, orders: &Receiver<OrderOf<S>>) {
    if let Err(reason) = carry_out(store, orders) {
        for order in orders {
            let _ = order.answer.send(store.refused(&reason));
        }
    }
}

/// Returns when nobody can order any more, or with the reason why writing has to end.
fn carry_out<S: Store>(store: &mut S, orders: &Receiver<OrderOf<S>>) -> Result<(), String> {
    let mut next = wait(store, orders)?;
    while let Some(first) = next {
        let mut bytes = S::bytes(&first.job);
        let mut group = vec![first];
        while group.len() < MOST_JOBS && bytes < MOST_BYTES {
            let Ok(order) = orders.try_recv() else { break };
            bytes += S::bytes(&order.job);
            group.push(order);
        }
        let jobs = group.len();
        commit(store, group)?;
        store.after_commit(jobs, bytes)?;
        next = match linger(orders) {
            Some(order) => Some(order),
            None => wait(store, orders)?,
        };
    }
    store.sync()
}

/// Waits for an order, and meanwhile syncs when that is due.
fn wait<S: Store>(store: &mut S, orders: &Receiver<OrderOf<S>>) -> Result<Option<OrderOf<S>>, String> {
    loop {
        let Some(due) = store.due() else { return Ok(orders.recv().ok()) };
        match orders.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(order) => return Ok(Some(order)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => store.sync()?,
        }
    }
}

/// Answers every order of the group, after the commit.
fn commit<S: Store>(store: &mut S, group: Vec<OrderOf<S>>) -> Result<(), String> {
    match store.commit(&group) {
        Ok(answers) => {
            for (order, answer) in group.into_iter().zip(answers) {
                // Nobody may wait any more; it is written all the same.
                let _ = order.answer.send(answer);
            }
            Ok(())
        }
        Err(Failed::Full) => {
            for Order { job, answer } in group {
                let _ = answer.send(store.no_room(job));
            }
            Ok(())
        }
        Err(Failed::Broken(reason)) => {
            for order in group {
                let _ = order.answer.send(store.broken(&reason));
            }
            Err(reason)
        }
    }
}

/// The callers' end: hands orders to the thread, and waits for it at the end.
pub(crate) struct Queue<J, A> {
    orders: Option<Sender<Order<J, A>>>,
    thread: Option<JoinHandle<()>>,
}

impl<J, A> Queue<J, A> {
    /// A queue whose orders are carried out by the thread that `spawn` starts.
    pub(crate) fn new<E>(
        spawn: impl FnOnce(Receiver<Order<J, A>>) -> Result<JoinHandle<()>, E>,
    ) -> Result<Self, E> {
        let (orders, incoming) = channel();
        let thread = spawn(incoming)?;
        Ok(Queue { orders: Some(orders), thread: Some(thread) })
    }

    /// Puts an order into the queue. Nothing where the thread has ended.
    ///
    /// Whoever drops the answer leaves the order where it is: it is carried out or not.
    pub(crate) fn order(&self, job: J) -> Option<oneshot::Receiver<A>> {
        let (answer, answered) = oneshot::channel();
        self.orders.as_ref()?.send(Order { job, answer }).ok()?;
        Some(answered)
    }
}

impl<J, A> fmt::Debug for Queue<J, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<J, A> Drop for Queue<J, A> {
    /// Waits until everything that was ordered is durable, or was refused.
    ///
    /// A thread that panicked has told so already, and there is nobody here to tell.
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
