//! A store in memory: for tests, for `--dry-run`, and for embedders who need no history after the process.
//!
//! It is the shortest honest implementation of [`Journal`] and the one to read first. Nothing here waits, so
//! every future is ready at its first poll; a plain mutex is enough and no runtime is needed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::standing::Standing;
use crate::{Header, Journal, JournalError, Query, Record, RunId, StoredRun, Summary, Work, artifacts_of};
use plan::Digest;

/// Keeps every run until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<RunId, Run>,
    order: Vec<RunId>,
}

#[derive(Debug)]
struct Run {
    header: Header,
    records: Vec<Record>,
    standing: Standing,
}

impl MemoryJournal {
    /// A store without runs.
    pub fn new() -> Self {
        MemoryJournal::default()
    }

    /// Every change below is checked before it is made, so a panic elsewhere leaves nothing half done and
    /// the state behind a poisoned lock is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, header: Header, first: Vec<Record>) -> Result<(), JournalError> {
        header.check_writable()?;
        let mut standing = Standing::new(header.created);
        standing.advance(&header.run, &first)?;
        let mut state = self.state();
        if state.runs.contains_key(&header.run) {
            return Err(JournalError::Exists(header.run));
        }
        if let Some(origin) = header.origin.as_ref().filter(|origin| !state.runs.contains_key(&origin.run)) {
            return Err(JournalError::OriginGone { run: header.run, origin: origin.run.clone() });
        }
        state.order.push(header.run.clone());
        state.runs.insert(header.run.clone(), Run { header, records: first, standing });
        Ok(())
    }

    fn add(&self, run: &RunId, records: Vec<Record>) -> Result<(), JournalError> {
        let mut state = self.state();
        let stored = state.runs.get_mut(run).ok_or_else(|| JournalError::NotFound(run.clone()))?;
        let mut standing = stored.standing.clone();
        standing.advance(run, &records)?;
        stored.standing = standing;
        stored.records.extend(records);
        Ok(())
    }

    fn read(&self, run: &RunId) -> Result<StoredRun, JournalError> {
        let state = self.state();
        let stored = state.runs.get(run).ok_or_else(|| JournalError::NotFound(run.clone()))?;
        Ok(StoredRun { header: stored.header.clone(), records: stored.records.clone() })
    }

    fn newest(&self, query: &Query) -> Result<Vec<Summary>, JournalError> {
        let state = self.state();
        let all = state.order.iter().rev();
        let begun: Vec<&RunId> = match &query.before {
            None => all.collect(),
            Some(before) if !state.runs.contains_key(before) => {
                return Err(JournalError::NotFound(before.clone()));
            }
            Some(before) => all.skip_while(|run| *run != before).skip(1).collect(),
        };
        let newest = begun.into_iter().filter_map(|run| state.runs.get(run));
        let shown = newest.map(|stored| stored.standing.summary(&stored.header));
        Ok(shown.filter(|run| query.fits(run)).take(query.limit).collect())
    }

    fn forget(&self, run: &RunId) -> Result<Vec<Digest>, JournalError> {
        let mut state = self.state();
        let stored = state.runs.get(run).ok_or_else(|| JournalError::NotFound(run.clone()))?;
        if !stored.standing.status().is_final() {
            return Err(JournalError::NotOver(run.clone()));
        }
        if let Some(by) = state.needed_by(run) {
            return Err(JournalError::Needed { run: run.clone(), by });
        }
        let mut gone = artifacts_of(&stored.records);
        state.runs.remove(run);
        state.order.retain(|other| other != run);
        for other in state.runs.values() {
            let kept = artifacts_of(&other.records);
            gone.retain(|artifact| !kept.contains(artifact));
        }
        Ok(gone.into_iter().collect())
    }
}

impl State {
    /// A run that is not over and was made from this one, directly or over others.
    fn needed_by(&self, run: &RunId) -> Option<RunId> {
        let mut of = vec![run];
        while let Some(run) = of.pop() {
            for (name, other) in &self.runs {
                if other.header.origin.as_ref().is_some_and(|origin| origin.run == *run) {
                    if !other.standing.status().is_final() {
                        return Some(name.clone());
                    }
                    of.push(name);
                }
            }
        }
        None
    }
}

impl Journal for MemoryJournal {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move { self.begin(header, first) })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move { self.add(run, records) })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        Box::pin(async move { self.read(run) })
    }

    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
        Box::pin(async move { self.newest(query) })
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
        Box::pin(async move { self.forget(run) })
    }

    fn unneeded<'a>(&'a self, artifacts: &'a [Digest]) -> Work<'a, Vec<Digest>> {
        Box::pin(async move {
            let state = self.state();
            let needed: BTreeSet<Digest> =
                state.runs.values().flat_map(|run| artifacts_of(&run.records)).collect();
            Ok(artifacts.iter().filter(|artifact| !needed.contains(artifact)).copied().collect())
        })
    }
}
