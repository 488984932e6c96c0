//! The thread that writes: takes all that waits, writes it with one call, syncs once, then answers everybody.
//!
//! After a write or a sync that failed nobody knows what is on the disk (the system may have thrown the pages away
//! and say success the next time), so nothing is acknowledged any more until the log is opened again.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::chain::{Chain, Key};
use crate::head::Head;
use crate::{LogError, Medium, line};

/// Bytes in one write, so that the first who waits does not wait for ever.
const MOST_BYTES: usize = 4 << 20;
/// How often the head is written.
const HEAD_EVERY: Duration = Duration::from_secs(1);
/// How long lines are acknowledged without it.
const HEAD_LATEST: Duration = Duration::from_secs(60);

/// Entries as JSON, and where the answer goes.
pub(crate) struct Order {
    pub(crate) lines: Vec<String>,
    pub(crate) answer: oneshot::Sender<Result<(), LogError>>,
}

pub(crate) struct Writer {
    place: PathBuf,
    medium: Box<dyn Medium>,
    chain: Chain,
    key: Option<Key>,
    head: Option<Head>,
    /// When the head was tried last.
    tried: Option<Instant>,
    /// Since when there are lines that the head does not know.
    behind: Option<Instant>,
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(
        place: PathBuf,
        medium: Box<dyn Medium>,
        chain: Chain,
        key: Option<Key>,
        head: Option<Head>,
    ) -> Self {
        Writer { place, medium, chain, key, head, tried: None, behind: None, bytes: Vec::new() }
    }

    /// Writes until nobody can order any more; refuses everything after the first failure.
    pub(crate) fn work(mut self, orders: &Receiver<Order>) {
        if let Err(reason) = self.write_all(orders) {
            for order in orders {
                let _ = order.answer.send(Err(self.failed(&reason)));
            }
        }
    }

    fn failed(&self, reason: &str) -> LogError {
        LogError::Failed { place: self.place.display().to_string(), reason: reason.to_owned() }
    }

    /// Returns when nobody can order any more, or with the reason why writing has to end.
    fn write_all(&mut self, orders: &Receiver<Order>) -> Result<(), String> {
        while let Some(first) = self.next(orders)? {
            let mut group = vec![first];
            self.bytes.clear();
            let mut chain = self.chain;
            let mut written = 0;
            while let Some(order) = group.get(written) {
                for entry in &order.lines {
                    line::write(&mut chain, entry, self.key.as_ref(), &mut self.bytes);
                }
                written += 1;
                if written == group.len()
                    && self.bytes.len() < MOST_BYTES
                    && let Ok(order) = orders.try_recv()
                {
                    group.push(order);
                }
            }
            let kept = self.medium.append(&self.bytes).and_then(|()| self.medium.sync());
            if let Err(error) = kept {
                let reason = error.to_string();
                for order in group {
                    let _ = order.answer.send(Err(self.failed(&reason)));
                }
                return Err(reason);
            }
            self.chain = chain;
            for order in group {
                // Nobody may wait any more; it is written all the same.
                let _ = order.answer.send(Ok(()));
            }
            self.behind.get_or_insert_with(Instant::now);
            self.publish(false)?;
        }
        self.publish(true)
    }

    /// Waits for an order, and meanwhile writes the head when it is time.
    fn next(&mut self, orders: &Receiver<Order>) -> Result<Option<Order>, String> {
        loop {
            let due = self.tried.filter(|_| self.head.is_some() && self.behind.is_some());
            let Some(tried) = due else { return Ok(orders.recv().ok()) };
            match orders.recv_timeout((tried + HEAD_EVERY).saturating_duration_since(Instant::now())) {
                Ok(order) => return Ok(Some(order)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.publish(false)?,
            }
        }
    }

    /// Writes the head if it is time, or if it is the last one.
    fn publish(&mut self, last: bool) -> Result<(), String> {
        let (Some(head), Some(behind)) = (&self.head, self.behind) else { return Ok(()) };
        let now = Instant::now();
        if !last && self.tried.is_some_and(|tried| now < tried + HEAD_EVERY) {
            return Ok(());
        }
        self.tried = Some(now);
        match head.publish(&self.chain) {
            Ok(()) => {
                self.behind = None;
                Ok(())
            }
            Err(_) if now < behind + HEAD_LATEST => Ok(()),
            Err(error) => Err(format!("its head could not be written to {}: {error}", head.place.display())),
        }
    }
}
