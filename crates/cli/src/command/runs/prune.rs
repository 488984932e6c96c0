//! `portcullis runs prune`: forgets runs that are over, and the artifacts that no run speaks of any more.
//!
//! Nothing is ever forgotten by itself. `storage: { keep: 90d }` in the configuration is what this command does when it
//! is told nothing else; whoever wants it every night puts it into a timer. A run that is not over is never forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;
use engine::{Artifacts, FolderArtifacts};
use journal::{Journal, JournalError, Query, RunId, RunStatus, Summary};
use serde_json::json;

use super::list::status;
use crate::config;
use crate::exit::{Exit, Wrong};
use crate::output::{self, line};
use crate::wire::{self, Shared};

/// How many runs are looked at, at a time.
const PAGE: usize = 500;

/// Forget runs that are over, and the files nobody needs any more
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Only runs in which nothing has happened for so long, e.g. `30d`; otherwise `storage: { keep }` of the
    /// configuration
    #[arg(long, value_name = "TIME", value_parser = config::duration)]
    older_than: Option<Duration>,
    /// Keep the newest so many runs that are over, however old they are
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Only runs that ended like this; may be given several times
    #[arg(long, value_name = "STATUS", value_parser = status())]
    status: Vec<RunStatus>,
    /// Only say what would be forgotten
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was forgotten.
#[derive(Default)]
struct Forgotten {
    runs: Vec<RunId>,
    artifacts: usize,
    bytes: u64,
}

impl Prune {
    pub(super) async fn run(self, shared: &Shared) -> Result<Exit> {
        if let Some(status) = self.status.iter().find(|status| !status.is_final()) {
            let word = status.as_str();
            return Err(Wrong(format!("a run that is {word} is not over, and is never forgotten")).into());
        }
        let config = shared.config()?;
        // What is said here wins over the configuration, whole.
        let age = self.older_than.or(config.storage.keep.filter(|_| self.keep.is_none()));
        if age.is_none() && self.keep.is_none() {
            return Err(Wrong(format!(
                "say what to forget: --older-than 30d, --keep 1000, or `storage: {{ keep: 90d }}` in {}",
                config::FILE
            ))
            .into());
        }
        let journal = if self.dry_run { wire::reader(shared)? } else { wire::journal(shared)? };
        let artifacts = FolderArtifacts::new(shared.data(&config).join("artifacts"));
        let rule =
            Rule { before: age.map(before), keep: self.keep.unwrap_or(0), status: self.status.clone() };
        let mut forgotten = Forgotten::default();
        let (mut query, mut over) = (Query::newest(PAGE), 0);
        // One page behind: the next page begins at the last run of this one, which has to be there for that.
        let mut due: Vec<Summary> = Vec::new();
        let mut needs = Needs::default();
        loop {
            let page = journal.list(&query).await?;
            for run in due.drain(..) {
                if self.dry_run {
                    self.tell(run, &needs, &mut forgotten);
                } else {
                    self.forget(journal.as_ref(), &artifacts, run, &mut forgotten).await?;
                }
            }
            let Some(last) = page.last() else { break };
            query.before = Some(last.run.clone());
            page.iter().for_each(|run| needs.see(run));
            due = page.into_iter().filter(|run| rule.forgets(run, &mut over)).collect();
        }
        if !self.dry_run {
            forgotten.bytes += artifacts.sweep().context("could not tidy up the artifacts")?;
            // Of a process that was killed between a run and its bytes, or before it had said what it put there.
            let orphans = artifacts.collect(journal.as_ref()).await?;
            forgotten.artifacts += orphans.artifacts;
            forgotten.bytes += orphans.bytes;
        }
        self.say(&forgotten);
        Ok(Exit::Done)
    }

    async fn forget(
        &self,
        journal: &dyn Journal,
        artifacts: &FolderArtifacts,
        run: Summary,
        forgotten: &mut Forgotten,
    ) -> Result<()> {
        // First the run, then its bytes: a kill in between leaves bytes that nobody speaks of, never a run without its
        // bytes.
        let freed = match journal.delete(&run.run).await {
            Err(JournalError::Needed { by, .. }) => {
                self.keeps("kept", &run.run, &by);
                return Ok(());
            }
            freed => freed?,
        };
        for digest in freed {
            if let Some(bytes) = artifacts.remove(&digest).context("could not forget an artifact")? {
                forgotten.artifacts += 1;
                forgotten.bytes += bytes;
            }
        }
        self.forgets("forgot", run, forgotten);
        Ok(())
    }

    /// What would become of a run.
    fn tell(&self, run: Summary, needs: &Needs, forgotten: &mut Forgotten) {
        match needs.by(&run.run) {
            Some(by) => self.keeps("would keep", &run.run, by),
            None => self.forgets("would forget", run, forgotten),
        }
    }

    fn keeps(&self, word: &str, run: &RunId, by: &RunId) {
        if !self.json {
            output::say(&format!("{word} {run}, because {by} was made from it and is not over"));
        }
    }

    fn forgets(&self, word: &str, run: Summary, forgotten: &mut Forgotten) {
        if !self.json {
            output::say(&format!("{word} {}  {:<10} {}", run.run, run.status.as_str(), line(&run.playbook)));
        }
        forgotten.runs.push(run.run);
    }

    fn say(&self, forgotten: &Forgotten) {
        let Forgotten { runs, artifacts, bytes } = forgotten;
        if self.json {
            // Which artifacts nobody else speaks of is known once the runs are gone.
            let files = (!self.dry_run).then_some(artifacts);
            let bytes = (!self.dry_run).then_some(bytes);
            output::say_json(
                &json!({"dry_run": self.dry_run, "runs": runs, "artifacts": files, "bytes": bytes}),
            );
        } else if self.dry_run {
            output::say(&format!("{} runs would be forgotten", runs.len()));
        } else {
            output::say(&format!("{} runs, {artifacts} artifacts, {bytes} bytes forgotten", runs.len()));
        }
    }
}

/// Which runs are forgotten.
struct Rule {
    /// Those in which nothing happened since.
    before: Option<i64>,
    /// All but the newest so many.
    keep: usize,
    status: Vec<RunStatus>,
}

impl Rule {
    /// Runs come in the order of a list, and `over` counts those that are over.
    fn forgets(&self, run: &Summary, over: &mut usize) -> bool {
        let wanted = self.status.is_empty() || self.status.contains(&run.status);
        if !run.status.is_final() || !wanted {
            return false;
        }
        *over += 1;
        *over > self.keep && self.before.is_none_or(|before| run.updated.0 < before)
    }
}

/// Which runs another one still reads, by the rule of [`Journal::delete`]: it was made from them, directly or over others,
/// and is not over.
#[derive(Default)]
struct Needs {
    by: BTreeMap<RunId, RunId>,
}

impl Needs {
    /// Takes in a run. They come newest first, and so each one before those it was made from.
    fn see(&mut self, run: &Summary) {
        let by = match run.status.is_final() {
            false => Some(run.run.clone()),
            true => self.by.get(&run.run).cloned(),
        };
        if let (Some(origin), Some(by)) = (&run.origin, by) {
            self.by.entry(origin.run.clone()).or_insert(by);
        }
    }

    fn by(&self, run: &RunId) -> Option<&RunId> {
        self.by.get(run)
    }
}

/// So long ago, in milliseconds since 1970.
fn before(age: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(age).as_millis()).unwrap_or(i64::MAX)
}
