//! An engine made of parts of one's own: histories in a text file, a ticket system as actions, secrets from a vault.
//!
//! The store passes `store::conformance` and the action `action::conformance`; tests run both. The ticket system knows keys, so its
//! action is `keyed`: after a crash the engine asks again with the same key, and there is still one ticket.
#![allow(clippy::print_stdout, reason = "an example prints what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_engine::store::{
    self, Digest, FORMAT, Header, JournalError, MemoryJournal, Record, StoredRun, conformance,
};
use portcullis_engine::{
    ActionSource, Blame, Engine, Failure, FailureKind, Invocation, Journal, Outcome, Query, RunId, Secret,
    Secrets, Source, Spec, Start, Summary, Validator, Work,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Histories in one text file that is only ever appended to: one line for each call of the engine, synced before it
/// is acknowledged. What is in it is kept in memory as well.
///
/// It writes where the engine calls it. A store over a slow disk, or a network, gives the work to a thread of its own.
pub struct LogJournal {
    memory: MemoryJournal,
    log: Mutex<Log>,
}

struct Log {
    file: File,
    place: String,
    /// Once a write has failed nobody knows what is on the disk, so nothing is acknowledged any more.
    failed: bool,
}

/// One line: a new run, more records of one, or one that is forgotten.
#[derive(Serialize, Deserialize)]
enum Line {
    Create(Box<Header>, Vec<String>),
    Append(RunId, Vec<String>),
    Delete(RunId),
}

impl LogJournal {
    /// Opens the file, and reads what is in it. A last line that was torn by a crash was never acknowledged, and goes.
    ///
    /// # Errors
    /// The file cannot be read or written, or something in it is no history.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let place = path.display().to_string();
        let io = |doing| {
            let place = place.clone();
            move |source: std::io::Error| JournalError::Io { place, doing, source: source.into() }
        };
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io("opened"))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io("read"))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(io("written"))?;
        }
        let memory = MemoryJournal::new();
        for line in text.get(..whole).unwrap_or_default().lines() {
            let line = serde_json::from_str(line).map_err(std::io::Error::from).map_err(io("read"))?;
            apply(&memory, line)?;
        }
        Ok(LogJournal { memory, log: Mutex::new(Log { file, place, failed: false }) })
    }

    /// Takes a line in, and writes it down.
    fn put(&self, line: Line) -> Result<Vec<Digest>, JournalError> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.usable()?;
        let mut text = serde_json::to_string(&line).map_err(|error| log.io("written", error.into()))?;
        text.push('\n');
        // What the memory refuses (a gap, a run that is there) is not written.
        let freed = apply(&self.memory, line)?;
        match log.file.write_all(text.as_bytes()).and_then(|()| log.file.sync_data()) {
            Ok(()) => Ok(freed),
            Err(error) => {
                log.failed = true;
                Err(log.io("written", error))
            }
        }
    }

    /// Reads, once nothing is half written.
    fn look<T>(
        &self,
        look: impl FnOnce(&MemoryJournal) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.usable()?;
        look(&self.memory)
    }
}

impl Log {
    fn usable(&self) -> Result<(), JournalError> {
        if self.failed { Err(self.io("written", std::io::Error::other("it failed before"))) } else { Ok(()) }
    }

    fn io(&self, doing: &'static str, source: std::io::Error) -> JournalError {
        JournalError::Io { place: self.place.clone(), doing, source: source.into() }
    }
}

/// Nothing in the memory waits, so a future of it is ready at once.
fn apply(memory: &MemoryJournal, line: Line) -> Result<Vec<Digest>, JournalError> {
    match line {
        Line::Create(header, lines) => {
            let records = records(&header.run, header.format, &lines)?;
            conformance::wait(memory.create(*header, records)).map(|()| Vec::new())
        }
        Line::Append(run, lines) => {
            // Records that are appended are written by this version, whatever the run began with.
            let records = records(&run, FORMAT, &lines)?;
            conformance::wait(memory.append(&run, records)).map(|()| Vec::new())
        }
        Line::Delete(run) => conformance::wait(memory.delete(&run)),
    }
}

/// Records know how to be text, and how to read what an older version wrote.
fn texts(run: &RunId, records: &[Record]) -> Result<Vec<String>, JournalError> {
    let unwritable = |seq, error: store::RecordError| JournalError::Unwritable {
        run: run.clone(),
        seq,
        reason: error.to_string(),
    };
    records.iter().map(|record| record.to_json().map_err(|error| unwritable(record.seq, error))).collect()
}

fn records(run: &RunId, format: u32, lines: &[String]) -> Result<Vec<Record>, JournalError> {
    let damaged = |reason: store::RecordError| JournalError::Damaged {
        run: run.clone(),
        seq: 0,
        reason: reason.to_string(),
    };
    lines.iter().map(|line| Record::from_json(format, line).map_err(damaged)).collect()
}

impl Journal for LogJournal {
    fn create<'a>(&'a self, header: Header, first: Vec<Record>) -> store::Work<'a, ()> {
        Box::pin(async move {
            header.check_writable()?;
            let lines = texts(&header.run, &first)?;
            self.put(Line::Create(Box::new(header), lines)).map(|_| ())
        })
    }

    fn append<'a>(&'a self, run: &'a RunId, records: Vec<Record>) -> store::Work<'a, ()> {
        Box::pin(async move { self.put(Line::Append(run.clone(), texts(run, &records)?)).map(|_| ()) })
    }

    fn load<'a>(&'a self, run: &'a RunId) -> store::Work<'a, StoredRun> {
        Box::pin(async move { self.look(|memory| conformance::wait(memory.load(run))) })
    }

    fn list<'a>(&'a self, query: &'a Query) -> store::Work<'a, Vec<Summary>> {
        Box::pin(async move { self.look(|memory| conformance::wait(memory.list(query))) })
    }

    fn delete<'a>(&'a self, run: &'a RunId) -> store::Work<'a, Vec<Digest>> {
        Box::pin(async move { self.put(Line::Delete(run.clone())) })
    }
}

/// A ticket system that remembers the key of every ticket. Clones are the same system.
#[derive(Clone, Default)]
pub struct Tickets(Arc<Mutex<BTreeMap<String, Value>>>);

impl Tickets {
    /// How many tickets there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The ticket system as actions.
pub struct TicketActions {
    tickets: Tickets,
    open: Arc<Spec>,
    input: Validator,
}

impl TicketActions {
    /// Over this ticket system.
    pub fn new(tickets: Tickets) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let open: Spec = serde_json::from_value(json!({
            "name": "ticket.open", "summary": "Open a ticket",
            "description": "Opens one ticket for each step of a run, however often the step is tried.",
            "effect": "notification", "repeat": "keyed", "errors": ["permission_denied"],
            "input": {"type": "object", "additionalProperties": false, "required": ["token", "about"],
                "properties": {
                    "token": {"description": "The log-in of the ticket system", "type": "string", "x-secret": true},
                    "about": {"description": "What happened, in one line", "type": "string"}}},
            "output": {"type": "object", "additionalProperties": false, "required": ["number"],
                "properties": {"number": {"description": "The number of the ticket", "type": "integer"}}},
            "examples": [{"title": "Somebody was phished",
                "input": {"token": "secret", "about": "Phishing"}, "output": {"number": 1}}],
        }))?;
        Ok(TicketActions { tickets, input: Validator::new(&open.input)?, open: Arc::new(open) })
    }
}

impl ActionSource for TicketActions {
    fn specs(&self) -> Vec<Arc<Spec>> {
        vec![Arc::clone(&self.open)]
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            // The input is rendered and not validated yet.
            if let Some(violation) = self.input.violations(&call.input).into_iter().next() {
                return Err(Failure::new(FailureKind::Invalid, Blame::Playbook, violation.message));
            }
            // Here, and nowhere else, the secret is itself.
            if call.input.get("token").and_then(Value::as_str) != Some("opensesame") {
                let why = "the ticket system does not know this token; look at `ticket_token` in the vault";
                return Err(Failure::new(FailureKind::PermissionDenied, Blame::Host, why));
            }
            let mut tickets = self.tickets.0.lock().unwrap_or_else(PoisonError::into_inner);
            let next = json!({"number": tickets.len() + 1});
            // The same key gives the same ticket, however often it is asked for.
            Ok(Outcome::from(tickets.entry(call.context.key).or_insert(next).clone()))
        })
    }
}

/// Where this program keeps its secrets.
struct Vault;

impl Secrets for Vault {
    fn get(&self, name: &str) -> Option<Secret> {
        (name == "ticket_token").then(|| Secret::new("opensesame"))
    }
}

const PLAYBOOK: &str = r#"
playbook: 1
id: open-ticket
secrets: [ticket_token]
inputs: { about: { type: string } }
steps:
  - id: open
    uses: ticket.open
    with: { token: "${{ secrets.ticket_token }}", about: "${{ inputs.about }}" }
outputs:
  number: { type: integer, value: "${{ steps.open.output.number }}" }
"#;

/// Opens a ticket by a playbook, with the history in this file. Gives the ticket's number.
pub async fn open_ticket(log: &Path, tickets: &Tickets) -> Result<Value, Box<dyn Error + Send + Sync>> {
    let engine = Engine::builder()
        .journal(LogJournal::open(log)?)
        .source(TicketActions::new(tickets.clone())?)
        .secrets(Vault)
        .build()?;
    let inputs = [("about".to_owned(), json!("A mail that asks for a password"))].into();
    let start = Start { inputs, starter: "ana".to_owned(), ..Start::default() };
    let mut run = engine.start(Source::new("open-ticket.yaml", PLAYBOOK), start).await?;
    let end = run.wait().await?;
    end.outputs.get("number").cloned().ok_or_else(|| format!("{:?}", end.failure).into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let log = std::env::temp_dir().join(format!("portcullis-own-parts-{}.jsonl", std::process::id()));
    let number = open_ticket(&log, &Tickets::default()).await?;
    println!("ticket {number}; its history is in {}", log.display());
    let journal = LogJournal::open(&log)?;
    for run in journal.list(&Query::newest(10)).await? {
        println!("{} {} {}", run.run, run.playbook, run.status.as_str());
    }
    Ok(())
}
