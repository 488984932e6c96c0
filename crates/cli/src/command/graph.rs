//! `portcullis graph`: draw a playbook.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use playbook::Source;

use crate::exit::Exit;
use crate::files::Folder;
use crate::graph::{Chart, dot, mermaid, svg, tree};
use crate::output::{self, Style};
use crate::wire::{self, Shared};

/// Draw a playbook
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The playbook
    file: PathBuf,
    /// How to draw it; otherwise the ending of --output decides, and without that it is text
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A picture for browsers and documents, in light and dark
    Svg,
    /// A Mermaid flowchart, for documents and tickets
    Mermaid,
    /// A graph for Graphviz
    Dot,
    /// A tree of text
    Text,
}

impl Format {
    fn of(file: &Path) -> Option<Format> {
        match file.extension()?.to_str()? {
            "svg" => Some(Format::Svg),
            "mmd" | "mermaid" => Some(Format::Mermaid),
            "dot" | "gv" => Some(Format::Dot),
            _ => None,
        }
    }
}

impl Graph {
    pub(crate) fn run(self, _shared: &Shared) -> Result<Exit> {
        let engine = wire::catalogue()?;
        let name = self.file.display().to_string();
        let text = super::run::read_playbook(&self.file)?;
        let files = Folder::of(&self.file);
        let source = Source::new(&name, &text).among(&files);
        let checked = engine.check(source);
        let Some(plan) = checked.plan else {
            crate::diagnose::print(&checked.diagnostics, source, false);
            return Ok(Exit::Wrong);
        };
        let chart = Chart::of(&plan);
        let format = self.format.or_else(|| Format::of(self.output.as_deref()?)).unwrap_or(Format::Text);
        let style = if self.output.is_some() { Style::off() } else { Style::stdout() };
        let drawing = match format {
            Format::Svg => svg::write(&chart),
            Format::Mermaid => mermaid::write(&chart),
            Format::Dot => dot::write(&chart),
            Format::Text => tree::write(&chart, style),
        };
        match self.output {
            None => output::say_raw(&drawing),
            Some(file) => std::fs::write(&file, drawing)
                .with_context(|| format!("could not write the drawing {}", file.display()))?,
        }
        Ok(Exit::Done)
    }
}
