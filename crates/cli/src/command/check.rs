//! `portcullis check`: every problem at once.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use playbook::Source;
use serde_json::{Value, json};

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
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        let engine = wire::catalogue()?;
        let mut exit = Exit::Done;
        let mut reports: Vec<Value> = Vec::new();
        for file in playbooks(&self.paths)? {
            let name = file.display().to_string();
            let text = super::run::read_playbook(&file)?;
            let files = Folder::of(&file);
            let source = Source::new(&name, &text).among(&files);
            let checked = engine.check(source);
            if checked.has_errors() {
                exit = Exit::Wrong;
            }
            if self.json {
                reports.push(playbook::render_json(&checked.diagnostics, source));
            } else {
                crate::diagnose::print(&checked.diagnostics, source, false);
                if !checked.has_errors() {
                    output::say(&format!("{name}: ok"));
                }
            }
        }
        if self.json {
            output::say_json(&json!({"ok": exit == Exit::Done, "files": reports}));
        }
        Ok(exit)
    }
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

fn below(folder: &std::path::Path, files: &mut Vec<PathBuf>) -> Result<()> {
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
