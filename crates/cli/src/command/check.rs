//! `portcullis check`: every problem at once, for a person, a program, a code scanner or a pull request.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use engine::Refusal;
use playbook::{Checked, Diagnostic, Label, Severity, Source};
use serde_json::json;

use crate::exit::{Exit, Wrong};
use crate::files::Folder;
use crate::output;
use crate::wire::{self, Shared};

/// Check playbooks: every problem at once, with its place
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Playbooks, or folders in which every `playbook.yaml` is checked
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Take warnings for errors
    #[arg(long, visible_alias = "warnings-as-errors")]
    deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines of the file, for a person
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands, which GitHub shows in a pull request
    Github,
}

/// One file and what was found in it.
struct Report {
    name: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.text)
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|problem| problem.severity == Severity::Error)
    }
}

impl Check {
    pub(crate) fn run(self, shared: &Shared) -> Result<Exit> {
        let engine = wire::catalogue_under(shared.config()?.policy)?;
        let mut reports: Vec<Report> = Vec::new();
        for file in playbooks(&self.paths)? {
            let mut report = report(&engine, &file)?;
            if self.deny_warnings {
                report.diagnostics.iter_mut().for_each(|problem| problem.severity = Severity::Error);
            }
            reports.push(report);
        }
        let wrong = reports.iter().any(Report::has_errors);
        self.print(&reports, !wrong);
        Ok(if wrong { Exit::Wrong } else { Exit::Done })
    }

    fn print(&self, reports: &[Report], ok: bool) {
        match if self.json { Format::Json } else { self.format } {
            Format::Text => {
                for report in reports {
                    crate::diagnose::excerpts(&report.diagnostics, report.source());
                    if !report.has_errors() {
                        output::say(&format!("{}: ok", report.name));
                    }
                }
                if let Some(line) = crate::diagnose::last_line(reports.iter().flat_map(|r| &r.diagnostics)) {
                    output::complain(&line);
                }
            }
            Format::Json => {
                let files: Vec<_> =
                    reports.iter().map(|r| playbook::render_json(&r.diagnostics, r.source())).collect();
                output::say_json(&json!({"ok": ok, "files": files}));
            }
            Format::Sarif => {
                let files: Vec<_> = reports.iter().map(|r| (r.source(), r.diagnostics.as_slice())).collect();
                output::say_json(&playbook::render_sarif(&files));
            }
            Format::Github => {
                reports
                    .iter()
                    .for_each(|r| output::say_raw(&playbook::render_github(&r.diagnostics, r.source())));
            }
        }
    }
}

/// Checks one file. A file that is no text is a report too, so that one of many does not hide the others.
fn report(engine: &engine::Engine, file: &Path) -> Result<Report> {
    let name = file.display().to_string();
    let bytes = crate::read::at_most(file, playbook::MAX_BYTES as u64 + 1)
        .with_context(|| format!("could not read the playbook {name}"))
        .map_err(|error| Wrong(format!("{error:#}")))?;
    let text = match playbook::decode(&bytes) {
        Ok(text) => text.to_owned(),
        Err(problem) => return Ok(Report { name, text: String::new(), diagnostics: vec![problem] }),
    };
    let files = Folder::of(file);
    let Checked { plan, mut diagnostics } = engine.check(Source::new(&name, &text).among(&files));
    let refusals = plan.map(|plan| engine.refusals(&plan)).unwrap_or_default();
    diagnostics.extend(refusals.iter().map(|refusal| not_allowed(refusal, &text)));
    Ok(Report { name, text, diagnostics })
}

/// What the operator's policy refuses, as a problem of the file.
fn not_allowed(refusal: &Refusal, text: &str) -> Diagnostic {
    Diagnostic {
        code: "policy",
        severity: Severity::Error,
        message: refusal.to_string(),
        labels: refusal.step.as_deref().and_then(|step| place(text, step)).into_iter().collect(),
        help: Some(format!("only whoever operates Portcullis can change the rule `{}`", refusal.rule)),
    }
}

/// Where a step says its id. The plan does not know places any more, and ids are unique in a file; a step of another
/// file has none here.
fn place(text: &str, step: &str) -> Option<Label> {
    let mut start = 0;
    for (number, row) in text.split_inclusive('\n').enumerate() {
        let begin = row.find("id:").filter(|&at| {
            row.get(..at).is_some_and(|before| before.trim_matches([' ', '-', '{']).is_empty())
        });
        if let Some(at) = begin {
            let rest = row.get(at + 3..).unwrap_or_default();
            let value = rest.trim_start();
            let named = value
                .split([',', '}', '#', '\n', '\r'])
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\'']);
            if named == step {
                let from = at + 3 + (rest.len() - value.len());
                let column = row.get(..from).unwrap_or_default().chars().count() + 1;
                let (start, end) = (start + from, start + from + named.len());
                return Some(Label {
                    start,
                    end,
                    line: number + 1,
                    column,
                    text: String::new(),
                    primary: true,
                });
            }
        }
        start += row.len();
    }
    None
}

/// Files as they are; of folders every `playbook.yaml` below them.
pub(crate) fn playbooks(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            below(path, &mut files)?;
            if files.len() == before {
                return Err(Wrong(format!("there is no playbook.yaml below {}", path.display())).into());
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .map_err(|error| Wrong(format!("could not read the folder {}: {error}", folder.display())))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && !entry.is_symlink() {
            below(&entry, files)?;
        } else if entry.file_name().is_some_and(|name| name == "playbook.yaml") {
            files.push(entry);
        }
    }
    Ok(())
}
