//! `portcullis test`: run the test cases of playbooks against the simulator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use cases::{Coverage, RepeatStep, Threshold};
use clap::Args;
use serde_json::json;

use crate::cases::{Loaded, Place, Pool, Report, Shed, Watched, load, to_junit};
use crate::exit::{Exit, Wrong};
use crate::output::{self, Style};
use crate::wire::Shared;

/// The most lines about what is not covered that are printed without being asked for.
const UNCOVERED: usize = 10;

/// Run the test cases of playbooks
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Playbooks, or folders in which every `playbook.yaml` is tested by the files in `cases/` beside it
    #[arg(default_value = "workflows")]
    paths: Vec<PathBuf>,
    /// Only cases whose name, or whose playbook's path, contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// List the cases and run none
    #[arg(long, conflicts_with_all = ["watch", "junit"])]
    list: bool,
    /// Print every step and branch with the number of cases that went through it
    #[arg(long)]
    coverage: bool,
    /// Fail unless this many percent of the branches of every playbook are covered, whatever its cases say
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    min_branches: Option<u8>,
    /// Carry out the call of a step several times and keep the last answer: shows whether its action bears a repeat
    #[arg(long, value_name = "STEP=TIMES", value_parser = repeat)]
    repeat: Option<RepeatStep>,
    /// Write a report as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print one JSON object at the end instead of text
    #[arg(long)]
    json: bool,
    /// Run what is affected again whenever a playbook, its cases, mails or templates change; until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

fn repeat(text: &str) -> Result<RepeatStep, String> {
    let (step, times) = text.split_once('=').ok_or("expected STEP=TIMES, e.g. `delete=3`")?;
    match times.parse() {
        Ok(times @ 2..=100) if !step.is_empty() => Ok(RepeatStep { step: step.to_owned(), times }),
        _ => Err("expected a step and a number from 2 to 100, e.g. `delete=3`".to_owned()),
    }
}

impl Test {
    pub(crate) async fn run(self, _shared: &Shared) -> Result<Exit> {
        let shed = Shed::new()?;
        // Looked at before anything is read, so that no change in between is missed.
        let mut watched = Watched::new(self.folders()?);
        let Some(loaded) = load(&self.paths, shed.clone(), self.json)?.map(Arc::new) else {
            return Ok(Exit::Wrong);
        };
        self.check_flags(&loaded)?;
        if self.list {
            return Ok(self.print_list(&loaded));
        }
        let exit = self.round(&loaded, |_| true).await?;
        if !self.watch {
            return Ok(exit);
        }
        loop {
            output::complain("\nwatching; Ctrl-C ends it");
            let changed = tokio::select! {
                changed = watched.changed() => changed,
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
            };
            shed.forget_folders();
            // A file that is wrong for the moment is said so, and the next change is waited for.
            match load(&self.paths, shed.clone(), false) {
                Ok(Some(loaded)) => {
                    let loaded = Arc::new(loaded);
                    self.round(&loaded, |place| is_affected(place, &changed)).await?;
                }
                Ok(None) => {}
                Err(error) => output::complain(&output::visible(&format!("error: {error:#}"))),
            }
        }
    }

    /// The folders of the playbooks, if they are to be watched.
    fn folders(&self) -> Result<Vec<PathBuf>> {
        if !self.watch {
            return Ok(Vec::new());
        }
        let playbooks = super::playbooks(&self.paths)?;
        let folders: BTreeSet<PathBuf> = playbooks.iter().map(|file| folder(file).to_owned()).collect();
        Ok(folders.into_iter().collect())
    }

    fn check_flags(&self, loaded: &Loaded) -> Result<()> {
        if let Some(repeat) = &self.repeat
            && !loaded.places.iter().any(|place| place.suite.has_step(&repeat.step))
        {
            return Err(Wrong(format!("--repeat: no playbook here has a step `{}`", repeat.step)).into());
        }
        if let Some(filter) = &self.filter
            && self.chosen(loaded, |_| true).is_empty()
        {
            return Err(Wrong(format!("--filter: no case here contains `{filter}`")).into());
        }
        Ok(())
    }

    /// The cases to be run, by the positions of their playbook and their own.
    fn chosen(&self, loaded: &Loaded, wanted: impl Fn(&Place) -> bool) -> Vec<(usize, usize)> {
        let mut chosen = Vec::new();
        for (at, place) in loaded.places.iter().enumerate().filter(|(_, place)| wanted(place)) {
            let path = place.playbook.display().to_string();
            for (number, listed) in place.cases.iter().enumerate() {
                let fits = |filter: &String| listed.case.name.contains(filter) || path.contains(filter);
                if self.filter.as_ref().is_none_or(fits) {
                    chosen.push((at, number));
                }
            }
        }
        chosen
    }

    fn print_list(&self, loaded: &Loaded) -> Exit {
        let mut list = Vec::new();
        for (at, number) in self.chosen(loaded, |_| true) {
            let Some(place) = loaded.places.get(at) else { continue };
            let Some(listed) = place.cases.get(number) else { continue };
            if self.json {
                list.push(json!({"playbook": place.playbook, "file": listed.file, "name": listed.case.name}));
            } else {
                output::say(&format!("{}: {}", place.playbook.display(), output::line(&listed.case.name)));
            }
        }
        if self.json {
            output::say_json(&json!({"cases": list}));
        }
        Exit::Done
    }

    /// Plays the cases of the playbooks that are wanted, and prints how they ended.
    async fn round(&self, loaded: &Arc<Loaded>, wanted: impl Fn(&Place) -> bool) -> Result<Exit> {
        let chosen = self.chosen(loaded, wanted);
        let mut coverage: BTreeMap<usize, Coverage> = BTreeMap::new();
        for (at, place) in loaded.places.iter().enumerate() {
            if chosen.iter().any(|(playbook, _)| *playbook == at) {
                coverage.insert(at, place.suite.coverage());
            }
        }
        let reports = self.play(loaded, chosen, &mut coverage).await?;
        let failed = reports.iter().filter(|report| !report.passed).count();
        let passed = reports.len() - failed;
        let shortfalls = self.shortfalls(loaded, &coverage);
        if let Some(file) = &self.junit {
            std::fs::write(file, to_junit(&reports))
                .with_context(|| format!("could not write the report {}", file.display()))?;
        }
        if self.json {
            self.print_json(loaded, &reports, &coverage, &shortfalls, (passed, failed));
        } else {
            self.print_coverage(loaded, &coverage);
            let style = Style::stdout();
            shortfalls.iter().for_each(|(_, text)| output::say(&format!("{}  {text}", style.red("FAILED"))));
            output::say(&format!("\n{passed} passed, {failed} failed"));
        }
        Ok(if failed == 0 && shortfalls.is_empty() { Exit::Done } else { Exit::Failed })
    }

    /// Prints every case as soon as all before it have been printed.
    async fn play(
        &self,
        loaded: &Arc<Loaded>,
        chosen: Vec<(usize, usize)>,
        coverage: &mut BTreeMap<usize, Coverage>,
    ) -> Result<Vec<Report>> {
        let mut order: BTreeMap<(usize, usize), Report> = BTreeMap::new();
        let (mut reports, mut due) = (Vec::new(), chosen.clone().into_iter().peekable());
        let mut pool = Pool::start(Arc::clone(loaded), chosen, self.repeat.clone());
        let mut repeated = 0;
        let style = Style::stdout();
        while let Some(outcome) = pool.next().await {
            repeated += outcome.repeated;
            if let (Some(coverage), Some(seen)) = (coverage.get_mut(&outcome.at.0), &outcome.seen) {
                coverage.add(seen);
            }
            let Some(place) = loaded.places.get(outcome.at.0) else { continue };
            order.insert(outcome.at, Report::new(place, outcome));
            while let Some(report) = due.peek().and_then(|at| order.remove(at)) {
                due.next();
                if !self.json {
                    output::say_raw(&report.to_text(style));
                }
                reports.push(report);
            }
        }
        if let (0, Some(repeat)) = (repeated, &self.repeat) {
            let message = format!(
                "--repeat: no case carries out `{}` for real (a stub or a cassette answers, or it is not reached), so \
                 nothing was shown",
                repeat.step
            );
            return Err(Wrong(message).into());
        }
        Ok(reports)
    }

    /// What is not reached of what the cases, or the flag, ask for. Some of the cases cannot cover everything.
    fn shortfalls(&self, loaded: &Loaded, coverage: &BTreeMap<usize, Coverage>) -> Vec<(usize, String)> {
        if self.filter.is_some() {
            return Vec::new();
        }
        let mut shortfalls = Vec::new();
        for (at, coverage) in coverage {
            let Some(place) = loaded.places.get(*at) else { continue };
            let branches = self.min_branches.or(place.threshold.branches);
            let least = Threshold { branches, steps: place.threshold.steps };
            let texts = coverage.shortfalls(least).into_iter();
            shortfalls.extend(texts.map(|text| (*at, format!("{}: {text}", place.playbook.display()))));
        }
        shortfalls
    }

    fn print_coverage(&self, loaded: &Loaded, coverage: &BTreeMap<usize, Coverage>) {
        if self.filter.is_some() && !self.coverage {
            return;
        }
        for (at, coverage) in coverage {
            let Some(place) = loaded.places.get(*at) else { continue };
            let (file, summary) = (place.playbook.display(), coverage.summary());
            let (steps, branches) = (summary.steps, summary.branches);
            output::say(&format!(
                "\n{file}: {} of {} steps ({}%), {} of {} branches ({}%)",
                steps.hit,
                steps.all,
                steps.percent(),
                branches.hit,
                branches.all,
                branches.percent()
            ));
            let lines = coverage.lines(self.coverage);
            let shown = if self.coverage { lines.len() } else { UNCOVERED };
            for (line, what) in lines.iter().take(shown) {
                let missing = if self.coverage { "" } else { "not covered: " };
                output::say(&format!("  {file}:{line}: {missing}{}", output::line(what)));
            }
            if let more @ 1.. = lines.len().saturating_sub(shown) {
                output::say(&format!("  and {more} more; `--coverage` lists all"));
            }
        }
    }

    fn print_json(
        &self,
        loaded: &Loaded,
        reports: &[Report],
        coverage: &BTreeMap<usize, Coverage>,
        shortfalls: &[(usize, String)],
        (passed, failed): (usize, usize),
    ) {
        let coverage: Vec<_> = coverage
            .iter()
            .filter_map(|(at, coverage)| {
                let mut told = coverage.to_json();
                let missed = shortfalls.iter().filter(|(of, _)| of == at).map(|(_, text)| text);
                told.as_object_mut()?.insert("playbook".to_owned(), json!(loaded.places.get(*at)?.playbook));
                told.as_object_mut()?.insert("shortfalls".to_owned(), json!(missed.collect::<Vec<_>>()));
                Some(told)
            })
            .collect();
        let cases: Vec<_> = reports.iter().map(Report::to_json).collect();
        output::say_json(&json!({"passed": passed, "failed": failed, "cases": cases, "coverage": coverage}));
    }
}

fn folder(playbook: &Path) -> &Path {
    playbook.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a playbook or anything it is made of or tested with is among these files.
fn is_affected(place: &Place, changed: &[PathBuf]) -> bool {
    let folder = folder(&place.playbook);
    let parts = place.suite.plan().files.keys().filter_map(|file| folder.join(file).canonicalize().ok());
    let parts: Vec<PathBuf> = parts.collect();
    changed
        .iter()
        .any(|file| file.starts_with(folder) || file.canonicalize().is_ok_and(|file| parts.contains(&file)))
}
