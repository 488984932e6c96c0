//! The log as an engine has it: opened once, written by one thread, asked for the last hour.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use engine::Timestamp;
use engine::Work;
use engine::audit::{Audit, AuditError, Entry};
use tokio::sync::oneshot;

use crate::chain::{Chain, Key};
use crate::head::Head;
use crate::line::{Line, MAX_LINE};
use crate::tail::{Begin, Stop, WINDOW, next, walk};
use crate::writer::{Order, Writer};
use crate::{LogError, Medium, folder};

/// The log's name in the data folder.
pub const FILE: &str = "audit.jsonl";

/// What stands around an entry on its line, at most.
const AROUND: usize = 1024;

/// How far clocks of runs that write at the same time may be apart, in milliseconds, and how late an entry may come.
pub(crate) const SLACK: i64 = 60_000;

/// Puts something between the log and its file.
type Wrap = Box<dyn FnOnce(File) -> Box<dyn Medium>>;

/// How a log is opened.
#[derive(Default)]
pub struct Options {
    head: Option<PathBuf>,
    key: Option<Key>,
    wrap: Option<Wrap>,
}

impl Options {
    /// The second place: a file elsewhere that is replaced within a second of each write.
    #[must_use]
    pub fn head(mut self, place: impl Into<PathBuf>) -> Self {
        self.head = Some(place.into());
        self
    }

    /// Every line carries a MAC made with this key. A log has one from its first line on, or never.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Puts something between the log and its file. For tests of disks that fail.
    #[must_use]
    pub fn medium(mut self, wrap: impl FnOnce(File) -> Box<dyn Medium> + 'static) -> Self {
        self.wrap = Some(Box::new(wrap));
        self
    }

    pub(crate) fn parts(&self) -> (Option<&Path>, Option<&Key>) {
        (self.head.as_deref(), self.key.as_ref())
    }
}

/// The audit log of a data folder. Only one process has it; dropping it writes the head a last time.
pub struct AuditLog {
    place: PathBuf,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl AuditLog {
    /// Opens the log of this folder, or begins one. A line whose writing was cut off by a crash was never
    /// acknowledged, and is taken away.
    ///
    /// # Errors
    /// The system refuses, another process writes it, it is damaged, or it does not fit its head.
    pub fn open(folder: &Path, options: Options) -> Result<AuditLog, LogError> {
        let place = folder.join(FILE);
        let mut file = folder::claim(&place)?;
        let Options { head, key, wrap } = options;
        let head = head.map(|at| Head::new(&at, key.as_ref()));
        let chain = survey(&place, &mut file, key.as_ref(), head.as_ref())?;
        if let Some(head) = &head {
            head.publish(&chain).map_err(|error| LogError::io(&head.place, "written", error))?;
        }
        let medium: Box<dyn Medium> = match wrap {
            Some(wrap) => wrap(file),
            None => Box::new(file),
        };
        let (orders, queue) = channel();
        let writer = Writer::new(place.clone(), medium, chain, key, head);
        let thread = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.work(&queue))
            .map_err(|error| LogError::io(&place, "opened", error))?;
        Ok(AuditLog { place, orders: Some(orders), thread: Some(thread) })
    }

    /// The file.
    pub fn place(&self) -> &Path {
        &self.place
    }

    fn order(&self, lines: Vec<String>) -> oneshot::Receiver<Result<(), LogError>> {
        let (answer, answered) = oneshot::channel();
        if let Some(orders) = &self.orders {
            // A thread that is gone drops the answer, and with it tells.
            let _ = orders.send(Order { lines, answer });
        }
        answered
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has acknowledged nothing more.
            let _ = thread.join();
        }
    }
}

impl Audit for AuditLog {
    fn append<'a>(&'a self, entries: Vec<Entry>) -> Work<'a, Result<(), AuditError>> {
        let mut lines = Vec::with_capacity(entries.len());
        for entry in &entries {
            match serde_json::to_string(entry) {
                Ok(text) if text.len() + AROUND <= MAX_LINE => lines.push(text),
                Ok(_) => {
                    let message = format!("an entry of run {} is too long for the audit log", entry.run);
                    return Box::pin(async { Err(AuditError::new(message)) });
                }
                Err(error) => {
                    let error = AuditError::new("an entry is not JSON").because(error);
                    return Box::pin(async { Err(error) });
                }
            }
        }
        let answered = self.order(lines);
        Box::pin(async move {
            match answered.await {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(AuditError::new("the audit log was closed")),
            }
        })
    }

    /// Reads the file where it is called: once, before the first run.
    fn recent<'a>(&'a self, since: Timestamp) -> Work<'a, Result<Vec<Entry>, AuditError>> {
        let found = recent(&self.place, since).map_err(AuditError::from);
        Box::pin(async { found })
    }
}

/// The entries after a point in time, read from the end as far back as it takes.
fn recent(place: &Path, since: Timestamp) -> Result<Vec<Entry>, LogError> {
    let mut file = File::open(place).map_err(|error| LogError::io(place, "read", error))?;
    let length = file.metadata().map_err(|error| LogError::io(place, "read", error))?.len();
    let mut window = 1 << 20;
    loop {
        let (mut found, mut first) = (Vec::new(), None);
        let walked = walk(&mut file, Begin::End(window), None, &mut |line, _| {
            let Some(entry) = line.entry() else { return };
            first.get_or_insert(entry.at);
            if entry.at > since {
                found.push(entry);
            }
        });
        walked.map_err(|stop| explain(place, stop))?;
        let reaches_back = first.is_some_and(|first| first.0.saturating_add(SLACK) <= since.0);
        if reaches_back || window >= length {
            return Ok(found);
        }
        window = window.saturating_mul(4);
    }
}

pub(crate) fn explain(place: &Path, stop: Stop) -> LogError {
    match stop {
        Stop::System(error) => LogError::io(place, "read", error),
        Stop::Wrong(line, reason) => LogError::damaged(place, line, reason),
    }
}

/// Finds out how far the log goes, and takes a line away whose writing was cut off.
fn survey(place: &Path, file: &mut File, key: Option<&Key>, head: Option<&Head>) -> Result<Chain, LogError> {
    let unfit = |head: &Head, reason: String| LogError::Head {
        place: place.display().to_string(),
        head: head.place.display().to_string(),
        reason,
    };
    let told = match head {
        None => None,
        Some(head) => head.read().map_err(|reason| unfit(head, reason))?,
    };
    begun_alike(place, file, key)?;
    let mut from = Begin::End(WINDOW);
    loop {
        let (mut agrees, mut first) = (told.is_none_or(|told| told.lines == 0), None);
        let walked = walk(file, from, key, &mut |line, chain| {
            first.get_or_insert(line.number);
            agrees |= told == Some(*chain);
        });
        let walked = walked.map_err(|stop| explain(place, stop))?;
        let Some((head, told)) = head.zip(told) else {
            if let Some(head) = head.filter(|_| walked.chain.lines > 0) {
                let reason = format!(
                    "the log has {} lines and there is no head. If this place is new, \
                     `portcullis audit verify --write-head` begins one",
                    walked.chain.lines
                );
                return Err(unfit(head, reason));
            }
            return cut(place, file, &walked);
        };
        if agrees {
            return cut(place, file, &walked);
        }
        if told.lines > walked.chain.lines {
            let reason = format!(
                "the log had {} lines and has {}; its end was cut off, or it was made anew. Keep both and find out \
                 who did; to begin a new log, move both away",
                told.lines, walked.chain.lines
            );
            return Err(unfit(head, reason));
        }
        if from == Begin::Start || first.is_some_and(|number| number <= told.lines) {
            let reason = format!(
                "line {} is not the one it was; the log was made anew. Keep both and find out who did; to begin a \
                 new log, move both away",
                told.lines
            );
            return Err(unfit(head, reason));
        }
        // The head is far behind: an earlier process could not write it.
        from = Begin::Start;
    }
}

/// A log has a key from its first line on, or never: otherwise a forged one without MACs would pass for an old one.
fn begun_alike(place: &Path, file: &mut File, key: Option<&Key>) -> Result<(), LogError> {
    let mut line = Vec::new();
    let read = file.rewind().and_then(|()| next(&mut BufReader::new(file), &mut line));
    read.map_err(|error| LogError::io(place, "read", error))?;
    let has_mac = line.strip_suffix(b"\n").and_then(|text| Line::read(text).ok()).map(|line| line.has_mac());
    let reason = match (has_mac, key) {
        (Some(true), None) => {
            "was begun with a key, and none is configured; configure it, or move the log and its head away"
        }
        (Some(false), Some(_)) => {
            "was begun without a key, and one is configured; move the log and its head away to begin a new one"
        }
        _ => return Ok(()),
    };
    Err(LogError::Key { place: place.display().to_string(), reason: reason.to_owned() })
}

fn cut(place: &Path, file: &mut File, walked: &crate::tail::Walked) -> Result<Chain, LogError> {
    if walked.torn > 0 {
        let cut = file.set_len(walked.whole).and_then(|()| file.sync_all());
        cut.map_err(|error| LogError::io(place, "written", error))?;
    }
    Ok(walked.chain)
}
