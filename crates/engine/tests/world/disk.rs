//! A journal in memory that outlives the engine over it, and stands still at one of its writes, as if the process had
//! been killed there. The tests of the engine and those of the command share this file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use journal::{Header, Journal, MemoryJournal, Query, Record, RunId, StoredRun, Summary, Work};
use plan::Digest;
use tokio::sync::Notify;

/// Where a journal stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// At which write, from 1.
    pub(crate) write: u32,
    /// When it is durable and nobody knows; otherwise before.
    pub(crate) after: bool,
}

/// A journal that outlives the process, and at one of whose writes the process is killed.
#[derive(Clone)]
pub(crate) struct Disk {
    inner: Arc<MemoryJournal>,
    writes: Arc<AtomicU32>,
    stop: Option<Stop>,
    killed: Arc<Notify>,
}

impl Disk {
    /// What one process sees of a journal: its writes are counted from 1, and at `stop` it tells `killed`.
    pub(crate) fn new(inner: &Arc<MemoryJournal>, stop: Option<Stop>, killed: &Arc<Notify>) -> Self {
        Disk { inner: Arc::clone(inner), writes: Arc::default(), stop, killed: Arc::clone(killed) }
    }

    async fn stand_still(&self, number: u32, after: bool) {
        if self.stop.is_some_and(|stop| stop.write == number && stop.after == after) {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn next(&self) -> u32 {
        self.writes.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Journal for Disk {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let number = self.next();
            self.stand_still(number, false).await;
            self.inner.create(header, first).await?;
            self.stand_still(number, true).await;
            Ok(())
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let number = self.next();
            self.stand_still(number, false).await;
            self.inner.append(run, records).await?;
            self.stand_still(number, true).await;
            Ok(())
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        self.inner.load(run)
    }

    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
        self.inner.list(query)
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
        self.inner.delete(run)
    }
}
