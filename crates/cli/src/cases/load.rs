//! Finds playbooks and their cases, and everything that is wrong with them before anything runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use cases::{Case, CaseFile, Cassette, Suite, Threshold};
use engine::Engine;
use playbook::Source;

use super::world::{self, Shed};
use crate::exit::Wrong;
use crate::files::Folder;
use crate::output;

/// Playbooks with their cases, ready to be played.
pub(crate) struct Loaded {
    pub(crate) places: Vec<Place>,
    pub(crate) shed: Shed,
}

/// One playbook.
pub(crate) struct Place {
    pub(crate) playbook: PathBuf,
    pub(crate) suite: Arc<Suite>,
    /// The largest of what its case files ask for.
    pub(crate) threshold: Threshold,
    pub(crate) cases: Vec<Listed>,
}

/// One case and where it stands.
pub(crate) struct Listed {
    pub(crate) file: PathBuf,
    pub(crate) case: Arc<Case>,
    pub(crate) cassette: Option<Arc<Cassette>>,
}

/// Everything below `paths`; nothing if a playbook has errors, which are printed.
pub(crate) fn load(paths: &[PathBuf], shed: Shed, json: bool) -> Result<Option<Loaded>> {
    let engine = Engine::builder().source(shed.actions.clone()).build()?;
    let mut places = Vec::new();
    let mut sound = true;
    for playbook in crate::command::playbooks(paths)? {
        match place(&engine, &shed, playbook, json)? {
            Some(place) => places.push(place),
            None => sound = false,
        }
    }
    if sound && places.iter().all(|place| place.cases.is_empty()) {
        let message = "there are no cases to run: they belong into `cases/*.yaml` beside the playbook";
        return Err(Wrong(message.to_owned()).into());
    }
    Ok(sound.then_some(Loaded { places, shed }))
}

fn place(engine: &Engine, shed: &Shed, playbook: PathBuf, json: bool) -> Result<Option<Place>> {
    let name = playbook.display().to_string();
    let text = crate::command::read_playbook(&playbook)?;
    let files = Folder::of(&playbook);
    let source = Source::new(&name, &text).among(&files);
    let checked = engine.check(source);
    let Some(plan) = checked.plan.filter(|_| !checked.diagnostics.iter().any(is_error)) else {
        crate::diagnose::print(&checked.diagnostics, source, json);
        return Ok(None);
    };
    let suite = Arc::new(Suite::new(Arc::new(plan), &name, &text));
    let mut place = Place { playbook, suite, threshold: Threshold::default(), cases: Vec::new() };
    let mut cassettes = BTreeMap::new();
    for file in beside(&place.playbook)? {
        let read = read(&file)?;
        place.threshold.branches = place.threshold.branches.max(read.coverage.branches);
        place.threshold.steps = place.threshold.steps.max(read.coverage.steps);
        let mut problems = Vec::new();
        for case in read.cases {
            problems.extend(problems_of(engine, shed, &place, &case)?);
            let cassette = cassette(&place.playbook, &case, &mut cassettes)?;
            place.cases.push(Listed { file: file.clone(), case: Arc::new(case), cassette });
        }
        if !problems.is_empty() {
            return Err(wrong(&file, &problems.join("\n  ")));
        }
    }
    Ok(Some(place))
}

fn is_error(problem: &playbook::Diagnostic) -> bool {
    problem.severity == playbook::Severity::Error
}

fn wrong(file: &Path, what: &str) -> anyhow::Error {
    let text = format!("the cases {} are wrong: {what}", file.display());
    Wrong(output::visible(&text)).into()
}

fn read(file: &Path) -> Result<CaseFile> {
    let bytes = crate::read::at_most(file, cases::MAX_FILE as u64 + 1)
        .map_err(|error| wrong(file, &format!("they could not be read: {error}")))?;
    CaseFile::parse(&bytes).map_err(|what| wrong(file, &what))
}

fn problems_of(engine: &Engine, shed: &Shed, place: &Place, case: &Case) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if let Some(folder) = &case.with.mail
        && !world::mail_folder(&place.playbook, case).is_some_and(|folder| folder.is_dir())
    {
        let folder = folder.display();
        problems.push(format!("it takes its mail from {folder}, which is no folder beside the playbook"));
        return Ok(named(case, problems));
    }
    if let Err(error) = world::faults(case) {
        return Ok(vec![format!("{error}")]);
    }
    // Only `mailbox(…)` needs to know which mailboxes there are.
    let mailboxes = if case.expect.iter().any(|expectation| expectation.names("mailbox()")) {
        shed.organisation(&place.playbook, case)?.mailboxes()
    } else {
        Vec::new()
    };
    problems.extend(place.suite.problems(case, engine, &world::types(&mailboxes)));
    Ok(named(case, problems))
}

fn named(case: &Case, problems: Vec<String>) -> Vec<String> {
    problems.into_iter().map(|problem| format!("`{}`: {problem}", case.name)).collect()
}

/// Every case file in `cases/` beside a playbook, sorted.
fn beside(playbook: &Path) -> Result<Vec<PathBuf>> {
    let folder = playbook.parent().unwrap_or(Path::new("")).join("cases");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| Wrong(format!("could not read the folder {}: {error}", folder.display())))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml") && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// The cassette of a case, read once.
fn cassette(
    playbook: &Path,
    case: &Case,
    read: &mut BTreeMap<PathBuf, Arc<Cassette>>,
) -> Result<Option<Arc<Cassette>>> {
    let Some(name) = &case.with.cassette else { return Ok(None) };
    let file = playbook.parent().unwrap_or(Path::new("")).join(name);
    if let Some(known) = read.get(&file) {
        return Ok(Some(Arc::clone(known)));
    }
    let cassette = Arc::new(open_cassette(&file)?);
    read.insert(file, Arc::clone(&cassette));
    Ok(Some(cassette))
}

/// Reads a cassette and says what is wrong with it.
pub(crate) fn open_cassette(file: &Path) -> Result<Cassette> {
    let wrong = |what: String| Wrong(format!("the cassette {} cannot be used: {what}", file.display()));
    let from = std::fs::File::open(file).map_err(|error| wrong(error.to_string()))?;
    Ok(Cassette::read(from).map_err(|error| wrong(output::line(&error.to_string())))?)
}
