//! `portcullis runs export`: a run's history as text, the form in which histories are handed on and kept for tests.
//!
//! Results that were too large for their record are put back into it, so that the text is all that is needed to replay
//! the run. Mails and attachments are artifacts: the text names them by their SHA-256 and does not hold them;
//! `--artifacts` copies them beside it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use engine::{Artifacts, FolderArtifacts};
use journal::{StoredRun, artifacts_of};

use crate::exit::Exit;
use crate::output;
use crate::resume::run_id;
use crate::wire::{self, Shared};

/// Write a run's history: one line of JSON for the run, one for each record
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run
    run: String,
    /// The file to write; otherwise standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Copy the artifacts it names into this folder, each under its SHA-256
    #[arg(long, value_name = "FOLDER")]
    artifacts: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        let id = run_id(&self.run)?;
        let stored = wire::reader(shared)?.load(&id).await?;
        let kept = FolderArtifacts::new(shared.data(&shared.config()?).join("artifacts"));
        let stored = engine::whole(&kept, stored)?;
        match &self.output {
            None => to_stdout(&stored)?,
            Some(file) => {
                to_file(&stored, file).with_context(|| format!("could not write {}", file.display()))?;
            }
        }
        let named = artifacts_of(&stored.records);
        match &self.artifacts {
            Some(folder) => {
                private_folder(folder)?;
                for digest in &named {
                    let mut from = kept.open(digest)?;
                    let place = folder.join(digest.hex());
                    let copied = private(&place).and_then(|mut to| io::copy(&mut from, &mut to));
                    copied.with_context(|| format!("could not copy an artifact to {}", place.display()))?;
                }
            }
            None if named.is_empty() => {}
            None => output::complain(&format!(
                "the history names {} artifacts, which are not in it; --artifacts FOLDER copies them",
                named.len()
            )),
        }
        Ok(Exit::Done)
    }
}

/// A reader that has seen enough is no error.
fn to_stdout(stored: &StoredRun) -> Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = journal::export(stored, &mut out).and_then(|()| Ok(out.flush()?));
    match written {
        Err(journal::ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Whole or not at all, and for the owner alone: a history holds mail.
fn to_file(stored: &StoredRun, file: &Path) -> Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let written = private(&part).map_err(anyhow::Error::from).and_then(|to| {
        let mut out = BufWriter::new(to);
        journal::export(stored, &mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(fs::rename(&part, file)?)
    });
    if written.is_err() {
        // Best effort: a half has no reader.
        let _ = fs::remove_file(&part);
    }
    written
}

fn private_folder(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("could not make the folder {}", folder.display()))
}

fn private(file: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)
}
