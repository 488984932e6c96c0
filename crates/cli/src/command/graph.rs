//! `portcullis graph`: draw a playbook.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use plan::{Step, StepKind};
use playbook::Source;

use crate::exit::Exit;
use crate::files::Folder;
use crate::output::{self, line};
use crate::wire::{self, Shared};

/// Draw a playbook
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The playbook
    file: PathBuf,
    /// How to draw it
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A Mermaid flowchart, for documents and tickets
    Mermaid,
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
        match self.format {
            Format::Mermaid => {
                let mut chart = Mermaid { text: String::from("flowchart TD\n"), next: 0 };
                let start = chart.node(&format!("([\"{}\"])", label(&plan.name)));
                let ends = chart.block(&plan.steps, vec![(start, String::new())]);
                let end = chart.node("([\"end\"])");
                chart.join(ends, end);
                output::say_raw(&chart.text);
            }
        }
        Ok(Exit::Done)
    }
}

/// Nodes from which the next one is reached, each with the words on the arrow.
type Ends = Vec<(usize, String)>;

struct Mermaid {
    text: String,
    next: usize,
}

impl Mermaid {
    fn node(&mut self, shape: &str) -> usize {
        let id = self.next;
        self.next += 1;
        self.text.push_str(&format!("  n{id}{shape}\n"));
        id
    }

    fn join(&mut self, from: Ends, to: usize) {
        for (from, words) in from {
            let arrow = if words.is_empty() { "-->".to_owned() } else { format!("-->|\"{words}\"|") };
            self.text.push_str(&format!("  n{from} {arrow} n{to}\n"));
        }
    }

    fn block(&mut self, steps: &[Step], mut ends: Ends) -> Ends {
        for step in steps {
            ends = self.step(step, ends);
        }
        ends
    }

    fn step(&mut self, step: &Step, ends: Ends) -> Ends {
        let title = label(step.name.as_deref().unwrap_or(&step.id));
        // Around a condition leads a second way.
        let (ends, around) = match &step.condition {
            None => (ends, None),
            Some(condition) => {
                let node = self.node(&format!("{{\"{}\"}}", label(condition.source().trim())));
                self.join(ends, node);
                (vec![(node, "yes".to_owned())], Some((node, "no".to_owned())))
            }
        };
        let mut ends = self.body(step, &title, ends);
        ends.extend(around);
        ends
    }

    fn body(&mut self, step: &Step, title: &str, ends: Ends) -> Ends {
        let single = |chart: &mut Self, shape: String, ends: Ends| {
            let node = chart.node(&shape);
            chart.join(ends, node);
            node
        };
        match &step.kind {
            StepKind::Call(call) => {
                let words = format!("{title}<br/>{} ({})", call.action, call.effect);
                vec![(single(self, format!("[\"{words}\"]"), ends), String::new())]
            }
            StepKind::Set(_) => vec![(single(self, format!("[\"{title}<br/>set\"]"), ends), String::new())],
            StepKind::Approve(approve) => {
                let node = single(self, format!("{{{{\"{title}<br/>approve\"}}}}"), ends);
                let words = if approve.reject_ends_block { "approved" } else { "decided" };
                vec![(node, words.to_owned())]
            }
            StepKind::Foreach(foreach) => {
                let head = single(self, format!("[/\"{title}<br/>for each {}\"/]", foreach.variable), ends);
                let inner = self.block(&foreach.body, vec![(head, "item".to_owned())]);
                self.join(inner.into_iter().map(|(node, _)| (node, "next".to_owned())).collect(), head);
                vec![(head, "done".to_owned())]
            }
            StepKind::Switch(switch) => {
                let head = single(self, format!("{{\"{title}\"}}"), ends);
                let mut out = Ends::new();
                for case in &switch.cases {
                    out.extend(self.block(&case.body.steps, vec![(head, label(case.when.source().trim()))]));
                }
                match &switch.default {
                    Some(body) => out.extend(self.block(&body.steps, vec![(head, "default".to_owned())])),
                    None => out.push((head, "otherwise".to_owned())),
                }
                out
            }
            StepKind::Parallel(parallel) => {
                let head = single(self, format!("[\"{title}<br/>parallel\"]"), ends);
                let mut out = Ends::new();
                for branch in &parallel.branches {
                    out.extend(self.block(&branch.body, vec![(head, label(&branch.name))]));
                }
                out
            }
            StepKind::While(_)
            | StepKind::Dag(_)
            | StepKind::Try(_)
            | StepKind::Playbook(_)
            | StepKind::Ask(_)
            | StepKind::Wait(_)
            | StepKind::Assert { .. } => vec![(single(self, format!("[\"{title}\"]"), ends), String::new())],
            StepKind::Return(_) => {
                single(self, format!("([\"{title}<br/>return\"])"), ends);
                Ends::new()
            }
            StepKind::Fail { .. } => {
                single(self, format!("([\"{title}<br/>fail\"])"), ends);
                Ends::new()
            }
        }
    }
}

/// Text that cannot leave its place in the drawing.
fn label(text: &str) -> String {
    let text: String = line(text).chars().take(80).collect();
    text.chars()
        .map(|c| match c {
            '"' => "#quot;".to_owned(),
            '<' => "#lt;".to_owned(),
            '>' => "#gt;".to_owned(),
            '|' | '{' | '}' | '[' | ']' | '(' | ')' | '`' | '#' | ';' | '&' => format!("#{};", c as u32),
            c => c.to_string(),
        })
        .collect()
}
