//! Looking at a log without touching it: is it whole, and what does it say. Works beside a process that writes it.

use std::fs::File;
use std::path::{Path, PathBuf};

use engine::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::head::Head;
use crate::log::{SLACK, explain};
use crate::tail::{Begin, Stop, walk};
use crate::{LogError, Options};

/// What was found out about a log.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The file.
    pub place: PathBuf,
    /// How many lines are as they were written, from the first on.
    pub lines: u64,
    /// Everything that is wrong; nothing if the log is whole.
    pub problems: Vec<Found>,
    /// The second place, if there is one, and how many lines it knows of.
    pub head: Option<HeadFound>,
    /// Whether lines carry MACs, and whether they were checked.
    pub macs: Macs,
    /// Bytes behind the last line: one that is being written, or whose writing was cut off.
    pub unfinished: u64,
    /// Lines at which the clock had gone back by more than a minute. No proof of anything; clocks are set.
    pub clock_went_back: Vec<u64>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// At which line; nothing if it is about the head.
    pub line: Option<u64>,
    /// What.
    pub reason: String,
}

/// What the second place says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeadFound {
    /// Where.
    pub place: PathBuf,
    /// How many lines the log had; nothing if there is no head.
    pub lines: Option<u64>,
}

/// Whether lines carry MACs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Macs {
    /// They do not.
    None,
    /// They do, and were checked with the key.
    Checked,
    /// They do, and there is no key to check them with.
    Unchecked,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What of an entry is looked at here.
#[derive(Deserialize)]
struct When {
    at: Timestamp,
}

/// Reads a log to its end and holds it against its head. A log that does not exist has no lines.
///
/// # Errors
/// The file cannot be read. What is wrong with its content is in the report.
pub fn verify(place: &Path, options: &Options) -> Result<Report, LogError> {
    let (head, key) = options.parts();
    let head = head.map(|at| Head::new(at, key));
    // Before the lines: a process that writes at this moment moves the log on first, and then the head.
    let told = head.as_ref().map(Head::read);
    let mut report = Report {
        place: place.to_owned(),
        lines: 0,
        problems: Vec::new(),
        head: head.as_ref().map(|head| HeadFound { place: head.place.clone(), lines: None }),
        macs: Macs::None,
        unfinished: 0,
        clock_went_back: Vec::new(),
    };
    let wanted = match told {
        Some(Ok(told)) => told,
        Some(Err(reason)) => {
            report.problems.push(Found { line: None, reason });
            None
        }
        None => None,
    };
    let (mut latest, mut at_head) = (i64::MIN, None);
    match File::open(place) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LogError::io(place, "read", error)),
        Ok(mut file) => {
            let walked = walk(&mut file, Begin::Start, key, &mut |line, chain| {
                report.lines = chain.lines;
                if line.has_mac() {
                    report.macs = if key.is_some() { Macs::Checked } else { Macs::Unchecked };
                }
                if let Ok(When { at }) = serde_json::from_slice(line.text()) {
                    if at.0.saturating_add(SLACK) < latest {
                        report.clock_went_back.push(line.number);
                        latest = at.0;
                    }
                    latest = latest.max(at.0);
                }
                if wanted.is_some_and(|wanted: Chain| wanted.lines == chain.lines) {
                    at_head = Some(*chain);
                }
            });
            match walked {
                Ok(walked) => report.unfinished = walked.torn,
                Err(Stop::Wrong(line, reason)) => report.problems.push(Found { line: Some(line), reason }),
                Err(stop) => return Err(explain(place, stop)),
            }
        }
    }
    if let Some(found) = &mut report.head {
        found.lines = wanted.map(|wanted| wanted.lines);
    }
    // Behind a damaged line nothing was read, so there is nothing to hold against the head.
    if report.problems.iter().all(|problem| problem.line.is_none()) {
        report.problems.extend(against_head(&report, wanted, at_head));
    }
    Ok(report)
}

/// What is wrong between the lines and the head.
fn against_head(report: &Report, wanted: Option<Chain>, at_head: Option<Chain>) -> Option<Found> {
    let found = |reason: String| Some(Found { line: None, reason });
    match (&report.head, wanted) {
        (None, _) => None,
        (Some(_), None)
            if report.lines > 0 && report.problems.iter().all(|problem| problem.line.is_some()) =>
        {
            found("there is no head in the second place".to_owned())
        }
        (Some(_), None) => None,
        (Some(_), Some(wanted)) if wanted.lines == 0 => (wanted != Chain::default())
            .then(|| Found { line: None, reason: "it is not the head of a log".into() }),
        (Some(_), Some(wanted)) if wanted.lines > report.lines => found(format!(
            "the head knows of {} lines and the log has {}: its end was cut off, or it was made anew",
            wanted.lines, report.lines
        )),
        (Some(_), Some(wanted)) if at_head != Some(wanted) => {
            found(format!("line {} is not the one the head knows of: the log was made anew", wanted.lines))
        }
        (Some(_), Some(_)) => None,
    }
}

/// Writes the head of a log that has none, after all of it was checked. For a second place that is new.
///
/// # Errors
/// The log is not whole, or there is a head already that does not fit, or the place cannot be written.
pub fn write_head(place: &Path, options: &Options) -> Result<Report, LogError> {
    let report = verify(place, options)?;
    let (Some(at), key) = options.parts() else { return Ok(report) };
    let absent = report.head.as_ref().is_some_and(|head| head.lines.is_none());
    if !absent || report.problems.iter().any(|problem| problem.line.is_some()) {
        return Ok(report);
    }
    let mut file = File::open(place).map_err(|error| LogError::io(place, "read", error))?;
    let walked = walk(&mut file, Begin::Start, key, &mut |_, _| {}).map_err(|stop| explain(place, stop))?;
    Head::new(at, key).publish(&walked.chain).map_err(|error| LogError::io(at, "written", error))?;
    verify(place, options)
}

/// Shows each line to `see`: its number and the JSON of its entry. A log that does not exist has none.
///
/// # Errors
/// The file cannot be read, or is damaged; what stands before the damage was shown.
pub fn read(place: &Path, see: &mut dyn FnMut(u64, &str)) -> Result<(), LogError> {
    let mut file = match File::open(place) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::io(place, "read", error)),
    };
    let walked = walk(&mut file, Begin::Start, None, &mut |line, _| {
        if let Ok(text) = std::str::from_utf8(line.text()) {
            see(line.number, text);
        }
    });
    walked.map(drop).map_err(|stop| explain(place, stop))
}
