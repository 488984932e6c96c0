//! What one job does inside a transaction. Beginning and committing it is the writer's business.
//!
//! A job is checked before its first statement, so one that is refused leaves nothing in the transaction
//! that it shares with others.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use journal::{Header, JournalError, Record, RunId, RunStatus, Standing, artifacts_of};
use plan::Digest;
use rusqlite::{Connection, Statement, params};

use crate::blocks::{Block, Line};
use crate::mark::Place;
use crate::seal::{self, Seal};
use crate::uses::Kind;
use crate::{failure, listing, stored, texts, uses};

/// Runs whose state is remembered; an older one is read from the file again.
const MOST_RUNS: usize = 4_096;

/// Records with their text, which the caller's thread makes.
pub(crate) struct Batch {
    records: Vec<Record>,
    events: Vec<String>,
    artifacts: BTreeSet<Digest>,
}

impl Batch {
    /// Writes the text of each record.
    pub(crate) fn new(run: &RunId, records: Vec<Record>) -> Result<Self, JournalError> {
        let text = |record: &Record| {
            record.event.to_json().map_err(|error| JournalError::Unwritable {
                run: run.clone(),
                seq: record.seq,
                reason: error.to_string(),
            })
        };
        let events = records.iter().map(text).collect::<Result<_, _>>()?;
        let artifacts = artifacts_of(&records);
        Ok(Batch { records, events, artifacts })
    }

    /// How many bytes it will take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.len() + 64).sum()
    }
}

/// What is to be written.
pub(crate) enum Job {
    /// A new run.
    Create { header: Box<Header>, first: Batch },
    /// More of a run.
    Append { run: RunId, batch: Batch },
    /// A run that is over is not wanted any more.
    Delete { run: RunId },
}

impl Job {
    /// How many bytes it will take, about.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Job::Create { header, first } => {
                let files: usize = header.files.values().map(String::len).sum();
                header.text.len() + files + first.bytes()
            }
            Job::Append { batch, .. } => batch.bytes(),
            // Every page of it changes, and nobody knows yet how many there are.
            Job::Delete { .. } => 1 << 20,
        }
    }

    /// What was to be written.
    pub(crate) fn into_records(self) -> Vec<Record> {
        match self {
            Job::Create { first: batch, .. } | Job::Append { batch, .. } => batch.records,
            Job::Delete { .. } => Vec::new(),
        }
    }
}

/// Why a job was not done: it alone is at fault, or the file.
pub(crate) enum Trouble {
    /// The others go on.
    Refused(JournalError),
    /// Nobody goes on.
    Broken(rusqlite::Error),
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Trouble::Refused(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Broken(error)
    }
}

/// What must be known of a run to add to it.
#[derive(Debug, Clone)]
struct State {
    number: i64,
    begun: Seal,
    standing: Standing,
    last: Seal,
}

/// The statements, and what is known of the file's content.
pub(crate) struct Transaction<'c> {
    connection: &'c Connection,
    place: &'c Path,
    begin: Statement<'c>,
    commit: Statement<'c>,
    text: Statement<'c>,
    run: Statement<'c>,
    total: Statement<'c>,
    head: Statement<'c>,
    record: Statement<'c>,
    runs: HashMap<RunId, State>,
    /// Where the last job that changed something ended.
    reached: Option<Place>,
}

impl<'c> Transaction<'c> {
    /// Prepares every statement.
    pub(crate) fn new(connection: &'c Connection, place: &'c Path) -> Result<Self, rusqlite::Error> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Transaction {
            connection,
            place,
            begin: prepare("BEGIN IMMEDIATE")?,
            commit: prepare("COMMIT")?,
            text: prepare("INSERT INTO texts (digest, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?,
            run: prepare("INSERT INTO runs (number, run, header, text, seal) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            total: prepare("UPDATE total SET runs = ?1, seal = ?2")?,
            head: prepare(
                "INSERT INTO heads (number, records, updated, status, asked, last, seal) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (number) DO UPDATE SET \
                 records = ?2, updated = ?3, status = ?4, asked = ?5, last = ?6, seal = ?7",
            )?,
            record: prepare(
                "INSERT INTO records (number, seq, at, event, link) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            runs: HashMap::new(),
            reached: None,
        })
    }

    /// Begins.
    pub(crate) fn begin(&mut self) -> Result<(), rusqlite::Error> {
        self.begin.execute(()).map(|_| ())
    }

    /// Makes it durable, and says how far the journal has got by it.
    pub(crate) fn commit(&mut self) -> Result<Option<Place>, rusqlite::Error> {
        self.commit.execute(())?;
        Ok(self.reached.take())
    }

    /// Takes everything back, and forgets what was known: the file alone counts.
    pub(crate) fn roll_back(&mut self) -> Result<(), rusqlite::Error> {
        self.runs.clear();
        self.reached = None;
        // SQLite may have done it by itself.
        if self.connection.is_autocommit() { Ok(()) } else { self.connection.execute_batch("ROLLBACK") }
    }

    /// Does a job; the answer is what nobody needs any more because of it.
    pub(crate) fn apply(&mut self, job: &Job) -> Result<Vec<Digest>, Trouble> {
        match job {
            Job::Create { header, first } => self.create(header, first).map(|()| Vec::new()),
            Job::Append { run, batch } => self.append(run, batch).map(|()| Vec::new()),
            Job::Delete { run } => self.delete(run),
        }
    }

    fn create(&mut self, header: &Header, first: &Batch) -> Result<(), Trouble> {
        let run = &header.run;
        if self.runs.contains_key(run) || stored::exists(self.connection, run)? {
            return Err(JournalError::Exists(run.clone()).into());
        }
        if let Some(origin) = &header.origin
            && !stored::exists(self.connection, &origin.run)?
        {
            return Err(JournalError::OriginGone { run: run.clone(), origin: origin.run.clone() }.into());
        }
        let mut standing = Standing::new(header.created);
        standing.advance(run, &first.records)?;
        let unwritable = |reason| JournalError::Unwritable { run: run.clone(), seq: 0, reason };
        let json = serde_json::to_string(&texts::bare(header)).map_err(|e| unwritable(e.to_string()))?;
        let packed = texts::pack(header).map_err(unwritable)?;
        let total = stored::total(self.connection, self.place)?;
        let number = total + 1;
        let mut block = match Block::begins_with(number) {
            true => Block::fresh(number),
            false => listing::read(self.connection, self.place, Block::number_of(number), total)?,
        };
        block.set(number, Line::of(&standing.summary(header)));
        let text = seal::text(&packed);
        let begun = seal::beginning(number, run.as_str(), &json, &text);
        self.text.execute(params![text, packed])?;
        self.run.execute(params![number, run.as_str(), json, text, begun])?;
        self.total.execute(params![number, seal::total(number)])?;
        block.write(self.connection)?;
        uses::note(self.connection, number, Kind::Text, &text)?;
        if let Some(origin) = &header.origin {
            uses::note(self.connection, number, Kind::Origin, &seal::text(origin.run.as_str()))?;
        }
        self.add(run, State { number, begun, standing, last: begun }, first)
    }

    fn append(&mut self, run: &RunId, batch: &Batch) -> Result<(), Trouble> {
        let mut state = match self.runs.get(run) {
            Some(state) => state.clone(),
            None => {
                let stored = stored::find(self.connection, self.place, run)?;
                State {
                    number: stored.number,
                    begun: stored.begun,
                    standing: stored.standing,
                    last: stored.last,
                }
            }
        };
        if batch.records.is_empty() {
            return Ok(());
        }
        let before = state.standing.status();
        state.standing.advance(run, &batch.records)?;
        let status = state.standing.status();
        if status != before {
            self.restate(run, state.number, status)?;
        }
        self.add(run, state, batch)
    }

    /// Changes how a run stands in its line. The first statement of its job, so that it may be refused.
    fn restate(&mut self, run: &RunId, number: i64, status: RunStatus) -> Result<(), Trouble> {
        let total = stored::total(self.connection, self.place)?;
        let mut block = listing::read(self.connection, self.place, Block::number_of(number), total)?;
        match block.line(number) {
            Some(line) if !line.is_gone() => block.set(number, line.with(status)),
            _ => return Err(failure::damaged(run, 0, "the list of runs does not know it").into()),
        }
        Ok(block.write(self.connection)?)
    }

    /// Forgets a run that is over. Everything is read, and checked, before anything is changed.
    fn delete(&mut self, run: &RunId) -> Result<Vec<Digest>, Trouble> {
        let stored = stored::find(self.connection, self.place, run)?;
        if !stored.standing.status().is_final() {
            return Err(JournalError::NotOver(run.clone()).into());
        }
        if let Some(by) = self.needed_by(run)? {
            return Err(JournalError::Needed { run: run.clone(), by }.into());
        }
        let artifacts = artifacts_of(&stored::records(self.connection, self.place, &stored)?);
        let total = stored::total(self.connection, self.place)?;
        let mut block = listing::read(self.connection, self.place, Block::number_of(stored.number), total)?;
        block.forget(stored.number);
        block.write(self.connection)?;
        for table in ["records", "heads", "runs"] {
            let mut delete =
                self.connection.prepare_cached(&format!("DELETE FROM {table} WHERE number = ?1"))?;
            delete.execute([stored.number])?;
        }
        if uses::remove(self.connection, stored.number, Kind::Text, &stored.text)? {
            let mut delete = self.connection.prepare_cached("DELETE FROM texts WHERE digest = ?1")?;
            delete.execute([stored.text])?;
        }
        if let Some(origin) = &stored.header.origin {
            uses::remove(self.connection, stored.number, Kind::Origin, &seal::text(origin.run.as_str()))?;
        }
        let mut freed = Vec::new();
        for artifact in artifacts {
            if uses::remove(self.connection, stored.number, Kind::Artifact, artifact.as_bytes())? {
                freed.push(artifact);
            }
        }
        self.runs.remove(run);
        self.reached = Some(Place::Deleted { number: stored.number });
        Ok(freed)
    }

    /// A run that is not over and was made from this one, directly or over others.
    fn needed_by(&self, run: &RunId) -> Result<Option<RunId>, Trouble> {
        let mut of = vec![run.clone()];
        while let Some(run) = of.pop() {
            for number in uses::users(self.connection, Kind::Origin, &seal::text(run.as_str()))? {
                let Some(made) = stored::numbered(self.connection, self.place, number)? else { continue };
                if !made.standing.status().is_final() {
                    return Ok(Some(made.header.run));
                }
                of.push(made.header.run);
            }
        }
        Ok(None)
    }

    /// Writes records and the head after them; `state.standing` has taken them in already.
    fn add(&mut self, run: &RunId, mut state: State, batch: &Batch) -> Result<(), Trouble> {
        for (record, event) in batch.records.iter().zip(&batch.events) {
            state.last = seal::link(&state.last, record.seq, record.at.0, event);
            self.record.execute(params![
                state.number,
                number(record.seq)?,
                record.at.0,
                event,
                state.last
            ])?;
        }
        for artifact in &batch.artifacts {
            uses::note(self.connection, state.number, Kind::Artifact, artifact.as_bytes())?;
        }
        let standing = &state.standing;
        let asked = format!("{:?}", standing.asked.iter().collect::<Vec<_>>());
        let status = standing.status().as_str();
        let (updated, last) = (standing.updated.0, &state.last);
        let sealed = seal::head(&state.begun, standing.records, updated, status, &asked, last);
        let records = number(standing.records)?;
        self.head.execute(params![state.number, records, updated, status, asked, last, sealed])?;
        self.reached =
            Some(Place::Written { number: state.number, records: standing.records, link: state.last });
        if standing.ended.is_some() {
            self.runs.remove(run);
        } else {
            if self.runs.len() >= MOST_RUNS {
                self.runs.clear();
            }
            self.runs.insert(run.clone(), state);
        }
        Ok(())
    }
}

/// SQLite's integers have a sign.
fn number(value: u64) -> Result<i64, rusqlite::Error> {
    i64::try_from(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
