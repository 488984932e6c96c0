//! What can be told only when every step has been seen: what nothing reads, and approvals that ask too early.

use std::collections::BTreeSet;

use super::Lower;
use crate::codes;
use crate::names::outline::StepIx;
use crate::report::Raw;

impl Lower<'_> {
    /// What can be told only when every step has been seen.
    pub(super) fn afterwards(&mut self) {
        self.unused();
        self.failures_unread();
        self.too_early();
    }

    /// `set` steps that nothing reads.
    fn unused(&mut self) {
        if self.sink.errors() > 0 {
            // With an error in it, an expression may not have told what it reads.
            return;
        }
        let reads = self.names.reads.borrow();
        let read: BTreeSet<StepIx> = reads.iter().filter(|r| r.by != Some(r.of)).map(|r| r.of).collect();
        for (ix, step) in self.names.outline.steps.iter().enumerate() {
            if step.verb == "set" && !read.contains(&ix) {
                self.sink.push(
                    Raw::warning(
                        codes::UNUSED,
                        format!("nothing uses what `{}` computes", step.id.trim_start_matches('_')),
                    )
                    .node(step.at, "")
                    .help(format!("use `steps.{}.output`, or remove the step", step.id)),
                );
            }
        }
    }

    /// Loops, and calls about many things, that collect failures which nothing reads.
    fn failures_unread(&mut self) {
        if self.sink.errors() > 0 {
            return;
        }
        let reads = self.names.reads.borrow();
        let read: BTreeSet<StepIx> = reads.iter().filter(|r| r.failed).map(|r| r.of).collect();
        for (ix, step) in self.names.outline.steps.iter().enumerate() {
            let Some(types) = self.names.types.get(ix) else { continue };
            let (what, member, other) = match (types.failed.is_some(), types.tells.is_empty()) {
                (true, _) => ("loop", "failed", ", or write `on_item_error: skip` if they do not matter"),
                (false, false) => ("step", "output.failed", ", or leave `on_item_error` out"),
                (false, true) => continue,
            };
            if !read.contains(&ix) {
                let help = match step.id.starts_with('_') {
                    true => format!("give the {what} an id and use `steps.ID.{member}`"),
                    false => format!("use `steps.{}.{member}`", step.id),
                };
                self.sink.push(
                    Raw::warning(
                        codes::FAILED_UNREAD,
                        format!("nothing looks at the failures that this {what} collects"),
                    )
                    .node(step.at, "succeeds whatever happens to its items")
                    .help(format!("{help}{other}")),
                );
            }
        }
    }

    /// Approvals that are bound to inputs which are not known yet when the person is asked.
    fn too_early(&mut self) {
        let outline = &self.names.outline;
        let reads = self.names.reads.borrow();
        let mut found = Vec::new();
        for (approve, step) in outline.steps.iter().enumerate().filter(|(_, s)| s.verb == "approve") {
            let here = outline.around(approve);
            for shown in step.gate.shows.iter().filter_map(|id| outline.find(id)) {
                let late = reads.iter().find(|read| {
                    let rendered = !read.afterwards && read.by.is_some_and(|by| outline.is_inside(by, shown));
                    rendered && read.of != approve && !outline.ended_before(read.of, &here)
                });
                if let Some((reader, used)) = late.and_then(|read| Some((read.by?, read.of))) {
                    found.push((approve, reader, used));
                }
            }
        }
        for (approve, reader, used) in found {
            let id = |ix: StepIx| outline.steps.get(ix).map_or("", |s| s.id.as_str());
            let shown = match id(reader) {
                id if id.starts_with('_') => "a step that it names".to_owned(),
                id => format!("`{id}`"),
            };
            let at = |ix: StepIx| outline.steps.get(ix).map_or(0, |s| s.at);
            self.sink.push(
                Raw::error(
                    codes::SHOWS,
                    format!(
                        "the approval cannot show {shown}: it needs the output of `{}`, which runs later",
                        id(used)
                    ),
                )
                .node(at(approve), "asks here")
                .node(at(reader), "needs it")
                .node(at(used), "runs after the approval")
                .help(format!("move `{}` before the approval", id(used))),
            );
        }
    }
}
