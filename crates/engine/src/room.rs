//! A journal whose disk is full makes runs wait, not fail.
//!
//! Nothing new begins without a record, so a run that waits for room is paused by itself and goes on when somebody has
//! made some. A disk that fails in any other way is another matter: nobody knows what is on it, and the run ends
//! where it is until the journal is opened again.

use std::sync::Arc;
use std::time::Duration;

use journal::{Header, Journal, JournalError, Query, Record, RunId, StoredRun, Summary, Work};
use plan::Digest;

/// How often room is looked for.
const AGAIN: Duration = Duration::from_secs(1);

/// A journal that tries again while there is no room.
pub(crate) struct Patient(pub(crate) Arc<dyn Journal>);

impl Patient {
    /// The first time it is told; later tries are silent.
    async fn wait(run: &RunId, place: &str, tries: &mut u64) {
        if *tries == 0 {
            tracing::warn!(%run, place, "there is no room for the journal; the run waits until there is");
        }
        *tries += 1;
        tokio::time::sleep(AGAIN).await;
    }

    fn went_on(run: &RunId, tries: u64) {
        if tries > 0 {
            tracing::warn!(%run, "there is room for the journal again; the run goes on");
        }
    }
}

impl Journal for Patient {
    fn create<'a>(&'a self, header: Header, mut first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let mut tries = 0;
            loop {
                match self.0.create(header.clone(), first).await {
                    Err(JournalError::NoRoom { place, back }) => {
                        Patient::wait(&header.run, &place, &mut tries).await;
                        first = back;
                    }
                    other => {
                        Patient::went_on(&header.run, tries);
                        return other;
                    }
                }
            }
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, mut records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let mut tries = 0;
            loop {
                match self.0.append(run, records).await {
                    Err(JournalError::NoRoom { place, back }) => {
                        Patient::wait(run, &place, &mut tries).await;
                        records = back;
                    }
                    other => {
                        Patient::went_on(run, tries);
                        return other;
                    }
                }
            }
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        self.0.load(run)
    }

    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
        self.0.list(query)
    }

    /// Does not wait: whoever deletes wants room and is told that there is none to begin with.
    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
        self.0.delete(run)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use journal::conformance::header;
    use journal::{Event, MemoryJournal, Timestamp};

    use super::*;

    /// Has no room for the first three calls of four.
    struct Full(MemoryJournal, AtomicU32);

    impl Full {
        fn room(&self) -> bool {
            self.1.fetch_add(1, Ordering::Relaxed) % 4 == 3
        }
    }

    impl Journal for Full {
        fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
            if self.room() {
                return self.0.create(header, first);
            }
            Box::pin(async { Err(JournalError::NoRoom { place: "disk".to_owned(), back: first }) })
        }

        fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
            if self.room() {
                return self.0.append(run, records);
            }
            Box::pin(async { Err(JournalError::NoRoom { place: "disk".to_owned(), back: records }) })
        }

        fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
            self.0.load(run)
        }

        fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
            self.0.list(query)
        }

        fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
            self.0.delete(run)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_room_and_loses_nothing() {
        let patient = Patient(Arc::new(Full(MemoryJournal::new(), AtomicU32::new(0))));
        let header = header("first").unwrap();
        let record = |seq| vec![Record { seq, at: Timestamp(0), event: Event::Woken { op: 1 } }];
        let begun = tokio::time::Instant::now();
        patient.create(header.clone(), record(1)).await.unwrap();
        patient.append(&header.run, record(2)).await.unwrap();
        assert_eq!(begun.elapsed(), 6 * AGAIN);
        let stored = patient.load(&header.run).await.unwrap();
        assert_eq!((stored.header, stored.records.len()), (header.clone(), 2));
        // Another refusal is passed on at once.
        let repeat = patient.append(&header.run, record(2)).await;
        assert!(matches!(repeat, Err(JournalError::OutOfOrder { .. })), "{repeat:?}");
    }
}
