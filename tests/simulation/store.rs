//! The journal on the simulated disk: one frame per call, synced before it is acknowledged; after a failed write it
//! acknowledges nothing any more until it is opened again.

use engine::RunId;
use engine::{Artifacts, Journal};
use journal::{
    FORMAT, Header, JournalError, MemoryJournal, Query, Record, StoredRun, Summary, Work, conformance,
};
use plan::{Artifact, Digest};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::disk::framed;
use crate::world::{Rule, Sabotage, World};

pub(crate) struct Store {
    world: World,
    /// What readers see: acknowledged, or about to be.
    memory: MemoryJournal,
    /// One writer; true once a write has failed.
    failed: tokio::sync::Mutex<bool>,
}

impl Store {
    /// Reads back what survived, and looks whether anything is missing that was acknowledged.
    pub(crate) fn open(world: &World) -> Self {
        let memory = MemoryJournal::new();
        let mut frames = world.state().disk.recover();
        if world.is(Sabotage::ForgetsBegun) {
            frames = without_begun(frames);
            world.state().disk.rewrite(&frames);
        }
        let mut runs = Vec::new();
        for payload in frames {
            let (header, run, records) = read(&payload);
            let applied = match header {
                Some(header) => {
                    runs.push(run);
                    conformance::wait(memory.create(header, records))
                }
                None => conformance::wait(memory.append(&run, records)),
            };
            if let Err(error) = applied {
                world.violated(Rule::Order, format!("what was stored cannot be read: {error}"));
            }
        }
        let stored: Vec<StoredRun> =
            runs.iter().map(|run| conformance::wait(memory.load(run)).unwrap()).collect();
        world.note(format!("the store opens with {} runs", stored.len()));
        let promised = world.state().promised.clone();
        for (run, records) in promised {
            let kept = stored.iter().find(|stored| stored.header.run == run);
            let kept = kept.map(|stored| stored.records.as_slice()).unwrap_or_default();
            let lost = records.iter().find(|(seq, record)| kept.get(**seq as usize - 1) != Some(*record));
            if let Some((seq, _)) = lost {
                let what = format!("record {seq} of run {run} was acknowledged, and is lost or another");
                world.violated(Rule::Acknowledged, what);
            }
        }
        let mut state = world.state();
        state.durable = stored.into_iter().map(|stored| (stored.header.run.clone(), stored)).collect();
        // What a process was given when it started counts as told.
        let told = |records: &[Record]| records.iter().map(|record| (record.seq, record.clone())).collect();
        state.promised =
            state.durable.iter().map(|(run, stored)| (run.clone(), told(&stored.records))).collect();
        drop(state);
        Store { world: world.clone(), memory, failed: tokio::sync::Mutex::new(false) }
    }

    async fn write(
        &self,
        run: RunId,
        header: Option<Header>,
        records: Vec<Record>,
    ) -> Result<(), JournalError> {
        let mut failed = self.failed.lock().await;
        self.world.moment().await;
        if *failed {
            return Err(broken("the disk failed before"));
        }
        let payload = text(header.as_ref(), &run, &records);
        self.world.note(format!("write {payload}"));
        if let Err(error) = self.put_down(payload.as_bytes()) {
            *failed = true;
            return Err(error);
        }
        if self.world.state().dead {
            std::future::pending::<()>().await;
        }
        let applied = match header.clone() {
            Some(header) => self.memory.create(header, records.clone()).await,
            None => self.memory.append(&run, records.clone()).await,
        };
        if let Err(error) = applied {
            *failed = true;
            self.world.violated(Rule::Order, format!("two writers, or a gap: {error}"));
            return Err(error);
        }
        if !self.world.is(Sabotage::EarlyAcknowledgement) {
            let mut state = self.world.state();
            match header {
                Some(header) => {
                    state.durable.insert(run.clone(), StoredRun { header, records: records.clone() });
                }
                None => state.durable.get_mut(&run).unwrap().records.extend(records.iter().cloned()),
            }
        }
        // Durable, and nobody knows yet.
        self.world.moment().await;
        let told = records.into_iter().map(|record| (record.seq, record));
        self.world.state().promised.entry(run).or_default().extend(told);
        Ok(())
    }

    /// Writes and syncs in one go: nothing else of the process happens in between, but the power may go.
    fn put_down(&self, payload: &[u8]) -> Result<(), JournalError> {
        let bytes = framed(payload);
        if self.world.mishap(4) {
            let some = self.world.below(bytes.len());
            self.world.state().disk.write(&bytes[..some]);
            self.world.note(format!("no space left after {some} bytes"));
            return Err(broken("No space left on device"));
        }
        if self.world.mishap(3) {
            self.world.note("the write fails".to_owned());
            return Err(broken("Input/output error"));
        }
        self.world.state().disk.write(&bytes);
        if self.world.dies() {
            return Ok(());
        }
        if self.world.is(Sabotage::EarlyAcknowledgement) {
            return Ok(());
        }
        if self.world.mishap(8) {
            self.world.note("the sync fails".to_owned());
            // Where a disk fails, the machine often follows.
            let mut state = self.world.state();
            state.moments_left = Some(state.dice.below(12) as u64);
            drop(state);
            if self.world.is(Sabotage::IgnoresSyncErrors) {
                return Ok(());
            }
            return Err(broken("Input/output error"));
        }
        self.world.state().disk.sync();
        let _ = self.world.dies();
        Ok(())
    }

    async fn alive(&self) {
        self.world.moment().await;
    }
}

impl Journal for Store {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> Work<'a, ()> {
        Box::pin(async move {
            header.check_writable()?;
            self.write(header.run.clone(), Some(header), first).await
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> Work<'a, ()> {
        Box::pin(self.write(run.clone(), None, records))
    }

    fn load<'a>(&'a self, run: &'a RunId) -> Work<'a, StoredRun> {
        Box::pin(async move {
            self.alive().await;
            self.memory.load(run).await
        })
    }

    fn list<'a>(&'a self, query: &'a Query) -> Work<'a, Vec<Summary>> {
        Box::pin(async move {
            self.alive().await;
            self.memory.list(query).await
        })
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> Work<'a, Vec<Digest>> {
        // Nobody prunes here.
        Box::pin(async move { Err(JournalError::NotOver(run.clone())) })
    }
}

fn broken(why: &'static str) -> JournalError {
    JournalError::Io { place: "the simulated disk".to_owned(), doing: "written", source: why.into() }
}

fn text(header: Option<&Header>, run: &RunId, records: &[Record]) -> String {
    let mut lines = vec![json!({"run": run, "header": header}).to_string()];
    lines.extend(records.iter().map(|record| record.to_json().unwrap()));
    lines.join("\n")
}

fn read(payload: &[u8]) -> (Option<Header>, RunId, Vec<Record>) {
    let text = std::str::from_utf8(payload).unwrap();
    let mut lines = text.lines();
    let first: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let header = serde_json::from_value(first["header"].clone()).unwrap();
    let run = serde_json::from_value(first["run"].clone()).unwrap();
    (header, run, lines.map(|line| Record::from_json(FORMAT, line).unwrap()).collect())
}

/// The frames without calls that nobody answered, at the end of each run.
fn without_begun(mut frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    for at in (0..frames.len()).rev() {
        let (header, run, mut records) = read(&frames[at]);
        if !seen.contains(&run) {
            while records.last().is_some_and(|r| matches!(r.event, journal::Event::Performing { .. })) {
                records.pop();
            }
            if !records.is_empty() {
                seen.push(run.clone());
            }
            frames[at] = text(header.as_ref(), &run, &records).into_bytes();
        }
    }
    frames
}

/// Bytes of the simulated machine; kept once `put` says so.
pub(crate) struct Bytes(pub(crate) World);

impl Artifacts for Bytes {
    fn put(
        &self,
        media_type: &str,
        from: &mut dyn std::io::Read,
    ) -> Result<Artifact, action_api::ArtifactError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(action_api::ArtifactError::Io)?;
        if self.0.dies() || self.0.mishap(5) {
            let full = std::io::Error::from_raw_os_error(28);
            return Err(action_api::ArtifactError::Io(full));
        }
        let digest = Digest::new(Sha256::digest(&bytes).into());
        let size = bytes.len() as u64;
        self.0.state().artifacts.insert(digest, bytes);
        Ok(Artifact { artifact: digest, size, media_type: media_type.to_owned() })
    }

    fn open(&self, digest: &Digest) -> Result<Box<dyn std::io::Read + Send>, action_api::ArtifactError> {
        match self.0.state().artifacts.get(digest) {
            Some(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            None => Err(action_api::ArtifactError::NotFound(*digest)),
        }
    }
}
