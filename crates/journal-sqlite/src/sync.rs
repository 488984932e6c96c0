//! The channel and the thread of the group commit. Under the scheduler of `tests/models.rs` this module is another one,
//! with the same names.

pub(crate) use std::sync::mpsc;
pub(crate) use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the next order is looked for before the thread sleeps. The answer to one step brings the next one, about
/// that much later; to be woken from sleep takes as long again, at every step. Whoever else has work goes first.
const LINGER: Duration = Duration::from_micros(100);

/// The next order, if it comes at once.
pub(crate) fn linger<T>(orders: &mpsc::Receiver<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        match orders.try_recv() {
            Ok(order) => return Some(order),
            Err(mpsc::TryRecvError::Empty) if begun.elapsed() < LINGER => std::thread::yield_now(),
            Err(_) => return None,
        }
    }
}
