//! The thread that writes: drains its queue into one transaction, commits, then answers everybody.
//!
//! With one run that is a commit a step; with many runs at once they share the wait for the disk. After a
//! write that failed nobody knows what is on the disk (the system may have thrown the pages away and say
//! success the next time), so nothing is acknowledged any more until the file is opened again. A disk that is
//! full is the one exception: SQLite says so only before it has asked for a sync, so nothing was promised,
//! the transaction is taken back, and the next one begins with what the file says.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use journal::JournalError;
use plan::Digest;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use crate::mark::Mark;
use crate::transaction::{Job, Transaction, Trouble};
use crate::{Durability, failure, folder};

/// Jobs in one transaction, so that the first of them does not wait for ever.
const MOST_JOBS: usize = 1_024;
/// Bytes in one transaction, likewise.
const MOST_BYTES: usize = 8 << 20;
/// Bytes in the write-ahead log before it is copied into the database.
const LOG_BYTES: usize = 4 << 20;
/// What a job costs in the log beside its text: the page of its run's head and that of its records.
const JOB_BYTES: usize = 8 << 10;

/// A job, and where the answer goes.
pub(crate) struct Order {
    pub(crate) job: Job,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What nobody needs any more because of a job, or why it was not done.
pub(crate) type Answer = Result<Vec<Digest>, JournalError>;

/// Why a commit was not made.
enum Failed {
    /// For want of room, before anything was asked to reach the disk.
    Full,
    /// Nobody knows what is on the disk.
    Broken(String),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Failed::Full,
            _ => Failed::Broken(error.to_string()),
        }
    }
}

/// Writes until nobody can order any more; refuses everything after the first failure.
pub(crate) fn write(
    place: &Path,
    connection: &Connection,
    mark: Mark,
    durability: Durability,
    orders: &Receiver<Order>,
) {
    let mut writer = match Writer::new(place, connection, mark, durability) {
        Ok(writer) => writer,
        Err(reason) => return refuse(place, &reason, orders),
    };
    if let Err(reason) = writer.work(orders) {
        refuse(place, &reason, orders);
    }
}

fn refuse(place: &Path, reason: &str, orders: &Receiver<Order>) {
    for order in orders {
        let source =
            format!("an earlier write failed ({reason}); nothing is written until it is opened again");
        let _ = order.answer.send(Err(failure::io(place, "written", source)));
    }
}

struct Writer<'c> {
    place: &'c Path,
    connection: &'c Connection,
    transaction: Transaction<'c>,
    mark: Mark,
    /// The write-ahead log and how often it goes to disk, if not with every commit.
    interval: Option<(File, Duration)>,
    /// When that is due next.
    sync_at: Option<Instant>,
    /// Bytes in the log since it was last copied, about.
    logged: usize,
}

impl<'c> Writer<'c> {
    fn new(
        place: &'c Path,
        connection: &'c Connection,
        mark: Mark,
        durability: Durability,
    ) -> Result<Self, String> {
        let interval = match durability {
            Durability::Each => None,
            Durability::Interval(length) => {
                // Open from the start: a file that is opened after the system lost a page is not told of it.
                let log = File::open(folder::log(place)).map_err(|error| error.to_string())?;
                Some((log, length))
            }
        };
        let transaction = Transaction::new(connection, place).map_err(|error| error.to_string())?;
        Ok(Writer { place, connection, transaction, mark, interval, sync_at: None, logged: 0 })
    }

    /// Returns when nobody can order any more, or with the reason why writing has to end.
    fn work(&mut self, orders: &Receiver<Order>) -> Result<(), String> {
        while let Some(first) = self.next(orders)? {
            let mut group = vec![first];
            let mut bytes: usize = group.iter().map(|order| order.job.bytes()).sum();
            while group.len() < MOST_JOBS && bytes < MOST_BYTES {
                let Ok(order) = orders.try_recv() else { break };
                bytes += order.job.bytes();
                group.push(order);
            }
            self.logged += bytes + group.len() * JOB_BYTES;
            self.commit(group)?;
            self.after_commit()?;
        }
        self.sync()
    }

    /// Waits for an order, and meanwhile syncs when that is due.
    fn next(&mut self, orders: &Receiver<Order>) -> Result<Option<Order>, String> {
        loop {
            let Some(due) = self.sync_at else { return Ok(orders.recv().ok()) };
            match orders.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(order) => return Ok(Some(order)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.sync()?,
            }
        }
    }

    /// Answers every order of the group, after the commit.
    fn commit(&mut self, group: Vec<Order>) -> Result<(), String> {
        match self.try_commit(&group) {
            Ok(answers) => {
                for (order, answer) in group.into_iter().zip(answers) {
                    // Nobody may wait any more; it is written all the same.
                    let _ = order.answer.send(answer);
                }
                Ok(())
            }
            Err(Failed::Full) => {
                self.transaction.roll_back().map_err(|error| error.to_string())?;
                for order in group {
                    let place = self.place.display().to_string();
                    let back = order.job.into_records();
                    let _ = order.answer.send(Err(JournalError::NoRoom { place, back }));
                }
                Ok(())
            }
            Err(Failed::Broken(reason)) => {
                for order in group {
                    let _ = order.answer.send(Err(failure::io(self.place, "written", reason.clone())));
                }
                Err(reason)
            }
        }
    }

    fn try_commit(&mut self, group: &[Order]) -> Result<Vec<Answer>, Failed> {
        let mut answers = Vec::with_capacity(group.len());
        self.transaction.begin()?;
        for order in group {
            answers.push(match self.transaction.apply(&order.job) {
                Ok(freed) => Ok(freed),
                Err(Trouble::Refused(error)) => Err(error),
                Err(Trouble::Broken(error)) => return Err(error.into()),
            });
        }
        if let Some(reached) = self.transaction.commit()? {
            // Before anybody is told, so that what was told is looked for.
            self.mark.advance(reached).map_err(|error| Failed::Broken(format!("the mark: {error}")))?;
        }
        Ok(answers)
    }

    /// What nobody has to wait for.
    fn after_commit(&mut self) -> Result<(), String> {
        if let Some((_, length)) = &self.interval {
            let now = Instant::now();
            let due = *self.sync_at.get_or_insert(now + *length);
            if due <= now {
                self.sync()?;
            }
        }
        if self.logged >= LOG_BYTES {
            self.logged = 0;
            // SQLite would do this inside a commit, and swallow the error.
            let copied = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
            match copied {
                // Everything is in the log, where it can stay.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {}
                copied => copied.map_err(|error| error.to_string())?,
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        if let (Some((log, _)), Some(_)) = (&self.interval, self.sync_at.take()) {
            log.sync_data().map_err(|error| error.to_string())?;
            self.mark.synced();
        }
        Ok(())
    }
}
