//! Points at which a debug build can be told to stand still, so that a test can kill it exactly there.
//!
//! `PORTCULLIS_PAUSE_AT=3:before` stops before the third write to the journal, `3:after` when the write is
//! durable and nobody knows yet. The process then says so on standard error and waits to be killed. Not in
//! release builds.

use std::sync::atomic::{AtomicU32, Ordering};

use journal::{Header, Journal, Query, Record, RunId, StoredRun, Summary, Work};
use plan::Digest;

/// A journal that stands still at one of its writes.
pub(crate) struct Pausing<J> {
    inner: J,
    writes: AtomicU32,
    at: Option<(u32, Side)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl<J: Journal> Pausing<J> {
    pub(crate) fn new(inner: J) -> Self {
        let at = std::env::var("PORTCULLIS_PAUSE_AT").ok().and_then(|text| {
            let (number, side) = text.split_once(':')?;
            let side = if side == "before" { Side::Before } else { Side::After };
            Some((number.parse().ok()?, side))
        });
        Pausing { inner, writes: AtomicU32::new(0), at }
    }

    async fn stand_still(&self, number: u32, side: Side) {
        if self.at == Some((number, side)) {
            crate::output::complain(&format!("paused at journal write {number}"));
            std::future::pending::<()>().await;
        }
    }

    fn next(&self) -> u32 {
        self.writes.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl<J: Journal> Journal for Pausing<J> {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let number = self.next();
            self.stand_still(number, Side::Before).await;
            self.inner.create(header, first).await?;
            self.stand_still(number, Side::After).await;
            Ok(())
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let number = self.next();
            self.stand_still(number, Side::Before).await;
            self.inner.append(run, records).await?;
            self.stand_still(number, Side::After).await;
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

    fn unneeded<'a>(&'a self, artifacts: &'a [Digest]) -> Work<'a, Vec<Digest>> {
        self.inner.unneeded(artifacts)
    }
}
