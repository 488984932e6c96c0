//! The side that asks.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::place::Way;
use super::protocol::{Answer, MAX_REQUEST, Request, VERSION, What};
use crate::exit::Wrong;

/// How long the other side may take to answer that something was taken: it has to reach the disk.
const PATIENCE: Duration = Duration::from_secs(60);

/// The process that has a data folder and listens.
pub(crate) struct Peer {
    lines: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    run: String,
    by: String,
}

impl Peer {
    /// Speaks to the process that has this folder about a run, in this name. Nothing if there is none: a socket that was
    /// left behind does not answer.
    pub(crate) async fn of(data: &Path, run: &str, by: &str) -> Option<Self> {
        let way = Way::to(data).ok()?;
        let (from, to) = UnixStream::connect(way.path()).await.ok()?.into_split();
        Some(Peer { lines: BufReader::new(from), to, run: run.to_owned(), by: by.to_owned() })
    }

    /// Asks for something and waits until it was taken or refused.
    ///
    /// # Errors
    /// It was refused, or the other process is gone.
    pub(crate) async fn tell(&mut self, what: What) -> Result<()> {
        let answer = tokio::time::timeout(PATIENCE, self.ask(what)).await.context(
            "the process that drives the run has not answered for a minute; it may or may not have heard this",
        )?;
        answer.map(drop)
    }

    /// Asks for something and waits for the answer as long as it takes.
    pub(crate) async fn ask(&mut self, what: What) -> Result<Answer> {
        let request = Request { portcullis: VERSION, run: self.run.clone(), by: self.by.clone(), what };
        let mut line = serde_json::to_vec(&request)?;
        line.push(b'\n');
        if line.len() > MAX_REQUEST {
            return Err(Wrong(format!("this is more than {MAX_REQUEST} bytes")).into());
        }
        // A failed write says nothing: the other side may have answered before it hung up.
        let _ = self.to.write_all(&line).await;
        let mut line = String::new();
        self.lines.read_line(&mut line).await.context("the process that drives the run does not answer")?;
        if line.is_empty() {
            return Err(anyhow!(
                "the process that drove the run is gone; `portcullis runs show {}` says how it stands",
                self.run
            ));
        }
        match serde_json::from_str(&line).context("the process that drives the run is of another version")? {
            Answer::Refused { message } => Err(Wrong(message).into()),
            Answer::Elsewhere { process, drives } => Err(Wrong(format!(
                "the data folder is in use by process {process}, which drives run {drives}; run {} can be gone on with \
                 when that has ended",
                self.run
            ))
            .into()),
            answer => Ok(answer),
        }
    }
}
