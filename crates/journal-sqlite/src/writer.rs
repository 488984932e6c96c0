//! The thread that writes: each group of jobs is a transaction, and a commit.
//!
//! With one run that is a commit a step; with many runs at once they share the wait for the disk. After a
//! write that failed nobody knows what is on the disk (the system may have thrown the pages away and say
//! success the next time), so nothing is acknowledged any more until the file is opened again. A disk that is
//! full is the one exception: SQLite says so only before it has asked for a sync, so nothing was promised,
//! the transaction is taken back, and the next one begins with what the file says. Who waits for what is in
//! `group`.

use std::path::Path;
use std::time::{Duration, Instant};

use journal::JournalError;
use plan::Digest;
use rusqlite::{Connection, ErrorCode};

use crate::ahead::Ahead;
use crate::group::{self, Failed, Store};
use crate::mark::Mark;
use crate::sync::mpsc::Receiver;
use crate::transaction::{Job, Transaction, Trouble};
use crate::{Durability, failure, folder};

/// Bytes in the write-ahead log before it is copied into the database.
const LOG_BYTES: usize = 4 << 20;
/// What a job costs in the log beside its text: the page of its run's head and that of its records.
const JOB_BYTES: usize = 8 << 10;

/// A job of a run, and where the answer goes.
pub(crate) type Order = group::Order<Job, Answer>;

/// What nobody needs any more because of a job, or why it was not done.
pub(crate) type Answer = Result<Vec<Digest>, JournalError>;

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
    let mut writer = Writer::new(place, connection, mark, durability);
    group::work(&mut writer, orders);
}

struct Writer<'c> {
    place: &'c Path,
    connection: &'c Connection,
    /// Or why there is none.
    transaction: Result<Transaction<'c>, String>,
    mark: Mark,
    /// The write-ahead log; none where writing has ended already. Open from the start: a file that is opened after
    /// the system lost a page is not told of it.
    ahead: Option<Ahead>,
    /// How often the log goes to disk, if not with every commit.
    interval: Option<Duration>,
    /// When that is due next.
    sync_at: Option<Instant>,
    /// Bytes in the log since it was last copied, about.
    logged: usize,
}

impl<'c> Writer<'c> {
    fn new(place: &'c Path, connection: &'c Connection, mark: Mark, durability: Durability) -> Self {
        let transaction = Transaction::new(connection, place).map_err(|error| error.to_string());
        let interval = match durability {
            Durability::Interval(length) => Some(length),
            Durability::Each => None,
        };
        let mut writer =
            Writer { place, connection, transaction, mark, ahead: None, interval, sync_at: None, logged: 0 };
        match Ahead::new(&folder::log(place), LOG_BYTES as u64) {
            Ok(ahead) => writer.ahead = Some(ahead),
            Err(error) => writer.transaction = Err(error.to_string()),
        }
        writer
    }

    fn try_commit(&mut self, orders: &[Order]) -> Result<Vec<Answer>, Failed> {
        let transaction = match &mut self.transaction {
            Ok(transaction) => transaction,
            Err(reason) => return Err(Failed::Broken(reason.clone())),
        };
        let mut answers = Vec::with_capacity(orders.len());
        transaction.begin()?;
        for order in orders {
            answers.push(match transaction.apply(&order.job) {
                Ok(freed) => Ok(freed),
                Err(Trouble::Refused(error)) => Err(error),
                Err(Trouble::Broken(error)) => return Err(error.into()),
            });
        }
        if let Some(reached) = transaction.commit()? {
            // Before anybody is told, so that what was told is looked for.
            self.mark.advance(reached).map_err(|error| Failed::Broken(format!("the mark: {error}")))?;
        }
        Ok(answers)
    }
}

impl Store for Writer<'_> {
    type Job = Job;
    type Answer = Answer;

    fn bytes(job: &Job) -> usize {
        job.bytes()
    }

    fn commit(&mut self, orders: &[Order]) -> Result<Vec<Answer>, Failed> {
        let done = self.try_commit(orders);
        if let (Err(Failed::Full), Ok(transaction)) = (&done, &mut self.transaction) {
            transaction.roll_back().map_err(|error| Failed::Broken(error.to_string()))?;
        }
        done
    }

    fn after_commit(&mut self, jobs: usize, bytes: usize) -> Result<(), String> {
        self.logged += bytes + jobs * JOB_BYTES;
        if let Some(ahead) = &mut self.ahead {
            ahead.reserve().map_err(|error| error.to_string())?;
        }
        if let Some(length) = self.interval {
            let now = Instant::now();
            let due = *self.sync_at.get_or_insert(now + length);
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

    fn due(&self) -> Option<Instant> {
        self.sync_at
    }

    fn sync(&mut self) -> Result<(), String> {
        if let (Some(ahead), Some(_)) = (&self.ahead, self.sync_at.take()) {
            ahead.log().sync_data().map_err(|error| error.to_string())?;
            self.mark.synced();
        }
        Ok(())
    }

    fn no_room(&self, job: Job) -> Answer {
        Err(JournalError::NoRoom { place: self.place.display().to_string(), back: job.into_records() })
    }

    fn broken(&self, reason: &str) -> Answer {
        Err(failure::io(self.place, "written", reason.to_owned()))
    }

    fn refused(&self, reason: &str) -> Answer {
        let source =
            format!("an earlier write failed ({reason}); nothing is written until it is opened again");
        Err(failure::io(self.place, "written", source))
    }
}
