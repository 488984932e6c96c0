//! The store itself: hands work to its two threads and waits for their answers.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use journal::{Header, Journal, JournalError, Query, Record, RunId, StoredRun, Summary, Work};
use plan::Digest;
use tokio::sync::oneshot;

use crate::folder::{self, Folder};
use crate::group::Queue;
use crate::mark::{self, Mark, Place};
use crate::patience::Waiters;
use crate::reader::{self, Question};
use crate::transaction::{Batch, Job};
use crate::writer::{self, Answer};
use crate::{Options, failure, restored, schema, stored};

/// Run history in a data folder, which this process has for itself until the value is dropped.
///
/// A future that is dropped before it is ready leaves its write in the queue: it takes place or not.
#[derive(Debug)]
pub struct SqliteJournal {
    database: PathBuf,
    questions: Option<Sender<Question>>,
    reader: Option<JoinHandle<()>>,
    /// Nothing for a journal that is only read.
    writer: Option<Queue<Job, Answer>>,
    waiters: Waiters,
    paused: Option<Vec<RunId>>,
    /// Held until the threads have ended; nothing for a journal that is only read.
    _folder: Option<Folder>,
}

impl SqliteJournal {
    /// Opens the journal in `folder`, or makes one. Takes a few milliseconds in which it waits for the disk.
    ///
    /// A new folder is for its owner alone; a folder that was there keeps its permissions, and the files in
    /// it are private either way.
    ///
    /// In a folder that was restored from a backup, or copied, every run that is not over is paused, once; see
    /// [`SqliteJournal::paused_as_restored`].
    ///
    /// # Errors
    /// [`JournalError::Locked`] while another process has the folder; [`JournalError::Io`] where the folder
    /// cannot be written, has no write-ahead log (network file systems), or holds something else.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, JournalError> {
        let folder = Folder::claim(folder.as_ref())?;
        let path = folder::mark(folder.database());
        let found = mark::read(&path)?;
        let expected = found.map_or(Place::Nowhere, |found| found.slot.binding());
        let (connection, upgraded) = schema::open_writer(folder.database(), options.durability, expected)?;
        let moved = match found {
            // The tables of an earlier version had no mark.
            None => !upgraded && stored::total(&connection, folder.database())? > 0,
            Some(found) => !found.at_home,
        };
        let mut paused = None;
        let mut reached = None;
        if moved && !options.moved {
            let (runs, place) = restored::pause(&connection, folder.database())?;
            schema::set_durability(&connection, options.durability)
                .map_err(|reason| failure::io(folder.database(), "opened", reason))?;
            (paused, reached) = (Some(runs), place);
        }
        let marked = |error| failure::io(&path, "written", error);
        let mut mark =
            Mark::open(&path, found.map(|found| found.slot), options.durability).map_err(marked)?;
        if moved {
            mark.settle(reached).map_err(marked)?;
        }
        folder.sync()?;
        let (questions, asked) = channel();
        let place = folder.database().to_owned();
        let writer = Queue::new(|orders| {
            spawn("journal-writer", &place, move |place| {
                writer::write(place, &connection, mark, options.durability, &orders);
            })
        })?;
        let reader = spawn("journal-reader", &place, move |place| reader::read(place, None, &asked))?;
        Ok(SqliteJournal {
            database: place,
            _folder: Some(folder),
            questions: Some(questions),
            reader: Some(reader),
            writer: Some(writer),
            waiters: Waiters::default(),
            paused,
        })
    }

    /// Opens the journal in `folder` to look at it, beside the process that may be writing it: takes no lock,
    /// makes no folder and no journal, and changes no history. What that process commits later is seen too. The
    /// beginnings of a journal whose maker was killed are taken back.
    /// `create`, `append` and `delete` refuse.
    ///
    /// # Errors
    /// [`JournalError::Io`] where there is no journal, or one that [`SqliteJournal::open`] would refuse too or
    /// would first have to bring up to date.
    pub fn open_read_only(folder: impl AsRef<Path>) -> Result<Self, JournalError> {
        let database = folder::database(folder.as_ref());
        match database.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(failure::io(&database, "opened", "there is no journal here")),
            Err(error) => return Err(failure::io(&database, "opened", error)),
        }
        // The mark first: whatever a writer adds meanwhile is behind it.
        let found = mark::read(&folder::mark(&database))?;
        let connection =
            schema::open_alone(&database, found.map_or(Place::Nowhere, |found| found.slot.binding()))?;
        let (questions, asked) = channel();
        let reader = spawn("journal-reader", &database, move |place| {
            reader::read(place, Some(connection), &asked);
        })?;
        let (questions, reader) = (Some(questions), Some(reader));
        let (writer, waiters) = (None, Waiters::default());
        Ok(SqliteJournal { database, _folder: None, questions, reader, writer, waiters, paused: None })
    }

    /// The runs that were paused when this journal was opened, because the folder was restored from a backup or copied:
    /// there was no mark beside the database, or one that was written to another file. What these runs did since is
    /// not in their history, or somebody else goes on with them; let a person look before each is continued.
    ///
    /// Nothing where the folder is the one it was.
    pub fn paused_as_restored(&self) -> Option<&[RunId]> {
        self.paused.as_deref()
    }

    /// The database file, for messages and backups.
    pub fn database(&self) -> &Path {
        &self.database
    }

    async fn order(&self, job: Job) -> Result<Vec<Digest>, JournalError> {
        let Some(writer) = &self.writer else {
            let reason = "it was opened only to be looked at";
            return Err(failure::io(self.database(), "written", reason));
        };
        match writer.order(job) {
            Some(answer) => self.waiters.wait(answer).await.unwrap_or_else(|| Err(self.gone("written"))),
            None => Err(self.gone("written")),
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Question,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.questions.as_ref().is_some_and(|questions| questions.send(question(answer)).is_ok());
        if !sent {
            return Err(self.gone("read"));
        }
        answered.await.unwrap_or_else(|_| Err(self.gone("read")))
    }

    fn gone(&self, doing: &'static str) -> JournalError {
        failure::io(self.database(), doing, "its thread has ended; open the journal again")
    }
}

fn spawn(
    name: &str,
    place: &Path,
    work: impl FnOnce(&Path) + Send + 'static,
) -> Result<JoinHandle<()>, JournalError> {
    let own = place.to_owned();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&own));
    thread.map_err(|error| failure::io(place, "opened", error))
}

impl Journal for SqliteJournal {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            header.check_writable()?;
            let first = Batch::new(&header.run, first)?;
            self.order(Job::Create { header: Box::new(header), first }).await.map(|_| ())
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            let batch = Batch::new(run, records)?;
            self.order(Job::Append { run: run.clone(), batch }).await.map(|_| ())
        })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        Box::pin(self.ask(|answer| Question::Load(run.clone(), answer)))
    }

    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
        Box::pin(self.ask(|answer| Question::List(query.clone(), answer)))
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
        Box::pin(self.order(Job::Delete { run: run.clone() }))
    }

    fn unneeded<'a>(&'a self, artifacts: &'a [Digest]) -> Work<'a, Vec<Digest>> {
        Box::pin(self.ask(|answer| Question::Unneeded(artifacts.to_vec(), answer)))
    }
}

impl Drop for SqliteJournal {
    /// Waits until everything that was ordered is written; only then may another process have the folder.
    ///
    /// The writer comes last: whoever closes the file last copies the log into it, and only the writer may.
    /// A thread that panicked has told so already, and there is nobody here to tell.
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.reader.take().map(JoinHandle::join);
        self.writer = None;
    }
}
