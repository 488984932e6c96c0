//! `--record` and `--cassette`: a run that is written down, and a run that is answered from what was.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use action_api::ActionSource;
use anyhow::{Context, Result};
use cases::{Recorder, Replay};
use clap::Args;

use crate::cases::open_cassette;
use crate::combined::Combined;
use crate::exit::Wrong;
use crate::output;
use crate::wire::{self, Shared};

/// Whether a run is recorded, or answered from a recording.
#[derive(Debug, Args, Default)]
pub(crate) struct TapeFlags {
    /// Write every call and its answer into a cassette, without secrets, for tests and plans
    #[arg(long, value_name = "FILE", conflicts_with = "cassette")]
    record: Option<PathBuf>,
    /// Answer every call from a cassette; nothing is asked, nothing is changed and nothing is kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sim", "dry_run"])]
    cassette: Option<PathBuf>,
}

/// What stands between a run and its actions.
pub(crate) enum Tape {
    /// Nothing.
    None,
    /// Every call is written down.
    Recording {
        /// Set once the actions are known.
        recorder: Option<Recorder>,
        file: PathBuf,
        playbook: String,
    },
    /// Every call is answered from a recording.
    Replaying {
        /// Set once the actions are known.
        replay: Option<Arc<Replay>>,
        file: PathBuf,
    },
}

impl TapeFlags {
    /// Whether answers come from a recording.
    pub(crate) fn replays(&self) -> bool {
        self.cassette.is_some()
    }

    /// Whether the run is written down.
    pub(crate) fn records(&self) -> bool {
        self.record.is_some()
    }

    pub(crate) fn tape(&self, playbook: &str) -> Tape {
        match (&self.record, &self.cassette) {
            (Some(file), _) => {
                Tape::Recording { recorder: None, file: file.clone(), playbook: playbook.to_owned() }
            }
            (None, Some(file)) => Tape::Replaying { replay: None, file: file.clone() },
            (None, None) => Tape::None,
        }
    }
}

impl Tape {
    /// The actions as the run is to see them.
    pub(crate) fn around(&mut self, shared: &Shared, actions: Combined) -> Result<Combined> {
        let source: Arc<dyn ActionSource> = match self {
            Tape::None => return Ok(actions),
            Tape::Recording { recorder, file, playbook } => {
                let out = BufWriter::new(create(file)?);
                let secrets = wire::known_secrets(shared)?;
                let tape = Recorder::new(Arc::new(actions), playbook, &secrets, out)
                    .with_context(|| format!("the cassette {}", file.display()))?;
                *recorder = Some(tape.clone());
                Arc::new(tape)
            }
            Tape::Replaying { replay: kept, file } => {
                let cassette = Arc::new(open_cassette(file)?);
                let known = wire::known_secrets(shared)?;
                let replay = Replay::new(cassette, actions.specs(), &known);
                let tape = Arc::new(replay.with_plugins(actions.plugins()));
                *kept = Some(Arc::clone(&tape));
                tape
            }
        };
        Ok(Combined::new(vec![source]))
    }

    /// Finishes a recording, and says which calls a replay had no answer for. False if there are any.
    pub(crate) fn finish(&self) -> Result<bool> {
        match self {
            Tape::Recording { recorder: Some(recorder), file, .. } => {
                recorder.finish().with_context(|| format!("the cassette {}", file.display()))?;
                output::complain(&format!("recorded in {}", file.display()));
                Ok(true)
            }
            Tape::Replaying { replay: Some(replay), file } => {
                let missing = replay.missing();
                for call in &missing {
                    output::complain(&output::visible(&format!("{}: {call}", file.display())));
                }
                Ok(missing.is_empty())
            }
            _ => Ok(true),
        }
    }
}

/// A new file that only its owner can read: mails are in it.
fn create(file: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(file).map_err(|error| {
        Wrong(format!("the cassette {} could not be written: {error}", file.display())).into()
    })
}
