//! How one waits for the writer: whoever waits alone looks for the answer before being put to sleep.
//!
//! A good disk answers within a fraction of a millisecond, and to be woken from sleep takes a third of that again, at
//! every step of a run: on the machines that clouds rent out, more. So the only one who waits keeps looking, as long as
//! the disk was quick the last time; with a slow disk, or where others wait too, everybody sleeps, and the wait costs no
//! processor. Who looks blocks the thread of the executor for no longer than [`PATIENCE`], and lets others have the
//! processor at every look.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long one looks, and how long the wait before may have been.
const PATIENCE: Duration = Duration::from_millis(1);

/// Those who wait for the writer.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    now: AtomicUsize,
    /// How long the last of them waited, in microseconds.
    last: AtomicU64,
}

impl Waiters {
    /// The answer to an order; nothing if nobody will give one.
    pub(crate) async fn wait<T>(&self, mut answer: oneshot::Receiver<T>) -> Option<T> {
        let begun = Instant::now();
        let alone = self.now.fetch_add(1, Ordering::Relaxed) == 0;
        let _one = One(&self.now);
        let quick = Duration::from_micros(self.last.load(Ordering::Relaxed)) <= PATIENCE;
        let soon = if alone && quick { look(&mut answer, begun) } else { None };
        let answer = match soon {
            Some(answer) => answer,
            None => answer.await.ok(),
        };
        self.last.store(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        answer
    }
}

/// The answer, or that there will be none, if that shows at once.
fn look<T>(answer: &mut oneshot::Receiver<T>, begun: Instant) -> Option<Option<T>> {
    loop {
        match answer.try_recv() {
            Ok(answer) => return Some(Some(answer)),
            Err(oneshot::error::TryRecvError::Empty) if begun.elapsed() < PATIENCE => {
                std::thread::yield_now();
            }
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => return Some(None),
        }
    }
}

/// One of them, until it is dropped: also where nobody waits to the end.
struct One<'a>(&'a AtomicUsize);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_answer_that_comes_at_once_needs_one_look_and_a_late_one_is_waited_for() {
        let waiters = Waiters::default();
        let (sender, answer) = oneshot::channel();
        let thread = std::thread::spawn(move || sender.send(7).unwrap());
        let mut wait = pin!(waiters.wait(answer));
        thread.join().unwrap();
        assert_eq!(once(wait.as_mut()), Poll::Ready(Some(7)));
        let (sender, answer) = oneshot::channel();
        let mut wait = pin!(waiters.wait(answer));
        assert_eq!(once(wait.as_mut()), Poll::Pending);
        sender.send(8).unwrap();
        assert_eq!(once(wait.as_mut()), Poll::Ready(Some(8)));
    }

    #[test]
    fn whoever_gives_up_is_not_counted_and_a_lost_answer_is_none() {
        let waiters = Waiters::default();
        {
            let (_sender, answer) = oneshot::channel::<u8>();
            let mut wait = pin!(waiters.wait(answer));
            assert_eq!(once(wait.as_mut()), Poll::Pending);
        }
        assert_eq!(waiters.now.load(Ordering::Relaxed), 0);
        let (sender, answer) = oneshot::channel::<u8>();
        drop(sender);
        assert_eq!(once(pin!(waiters.wait(answer))), Poll::Ready(None));
    }
}
