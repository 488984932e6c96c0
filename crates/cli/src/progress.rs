//! One line per step while a run goes on, and in `runs show`.
//!
//! Events know a step's place and not its verb, so the words about handlers, cases and called playbooks come from
//! the plan. Inside a loop over items only what went wrong is shown: a thousand ticks tell nobody anything.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Event, EventKind, Pause, Plan, ProgressKind, StepPath, Timestamp};
use plan::{Step, StepKind};

use crate::blast::folded;
use crate::graph::words;
use crate::output::{Style, line};

/// Writes lines about a run.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// By the path with `[*]` for items.
    places: BTreeMap<String, Place>,
    /// Rounds, handlers and cases that were told already.
    told: BTreeSet<String>,
}

/// What is known of a step before it runs.
#[derive(Debug, Clone, Default)]
struct Place {
    /// How many called playbooks it stands in.
    depth: usize,
    /// Whether it stands in a loop over items.
    many: bool,
    /// The block it stands in, if that is worth a line: `catch not_found`.
    block: Option<String>,
}

impl Progress {
    /// Knows the steps of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut progress = Progress::default();
        progress.playbook(plan, "", &Place::default());
        progress
    }

    fn playbook(&mut self, plan: &Plan, prefix: &str, place: &Place) {
        self.block(&plan.steps, prefix, place);
        for (label, steps) in [("on error", &plan.on_error), ("finally", &plan.finally)] {
            let place = Place { block: Some(label.to_owned()), ..place.clone() };
            steps.iter().for_each(|steps| self.block(steps, prefix, &place));
        }
    }

    fn block(&mut self, steps: &[Step], prefix: &str, place: &Place) {
        for step in steps {
            let path = if prefix.is_empty() { step.id.clone() } else { format!("{prefix}/{}", step.id) };
            self.places.insert(path.clone(), place.clone());
            let plain = Place { block: None, ..place.clone() };
            if let StepKind::Playbook(sub) = &step.kind {
                self.playbook(&sub.plan, &path, &Place { depth: place.depth + 1, ..plain });
                continue;
            }
            for (label, steps) in words::children(&step.kind) {
                let (prefix, place) = match &step.kind {
                    StepKind::Foreach(_) => (format!("{path}[*]"), Place { many: true, ..plain.clone() }),
                    StepKind::While(_) => (format!("{path}[*]"), plain.clone()),
                    StepKind::Parallel(_) => (format!("{path}/{label}"), plain.clone()),
                    StepKind::Switch(_) => (path.clone(), Place { block: Some(label), ..plain.clone() }),
                    StepKind::Try(_) if label != "try" => {
                        (path.clone(), Place { block: Some(label), ..plain.clone() })
                    }
                    _ => (path.clone(), plain.clone()),
                };
                self.block(steps, &prefix, &place);
            }
        }
    }

    /// The lines about an event.
    pub(crate) fn lines(&mut self, event: &Event, style: Style) -> Vec<String> {
        match &event.kind {
            EventKind::Step(kind) => self.step(&event.path, kind, event.at, style),
            EventKind::Waits(pause) => self.one(&event.path, waits(pause, event.at, style)),
            EventKind::Delayed { action, until } => {
                let words = format!("{}  {action} has its turn {}", event.path, when(*until, event.at));
                self.one(&event.path, format!("{} {words}", style.yellow("…")))
            }
            EventKind::Cached { action } => {
                self.one(&event.path, format!("{} {}  {action}, answered before", style.dim("·"), event.path))
            }
            EventKind::Reused { action, run } => self.one(
                &event.path,
                format!("{} {}  {action}, answered by run {run}", style.dim("·"), event.path),
            ),
            EventKind::Pausing { by } => {
                let words = format!("paused by {}: what is in flight is finished", line(by));
                vec![format!("{} {words}", style.yellow("‖"))]
            }
            EventKind::Stepped { by } => {
                vec![format!("{} one more call, says {}", style.yellow("›"), line(by))]
            }
            EventKind::Continued { by } => vec![format!("{} goes on, says {}", style.green("▸"), line(by))],
            // That the step has succeeded comes by itself.
            EventKind::Answered { by, .. } => {
                self.one(&event.path, format!("{} {}  answered by {}", style.dim("·"), event.path, line(by)))
            }
            EventKind::Decided { decision, by } => {
                let words = format!("{} by {}", decision.as_str(), line(by));
                self.one(&event.path, format!("{} {}  {words}", style.dim("·"), event.path))
            }
            _ => Vec::new(),
        }
    }

    /// The lines about what happened to a step.
    pub(crate) fn step(
        &mut self,
        path: &StepPath,
        kind: &ProgressKind,
        at: Timestamp,
        style: Style,
    ) -> Vec<String> {
        let place = self.places.get(&folded(path.as_str())).cloned().unwrap_or_default();
        let text = match kind {
            ProgressKind::Started { action: Some(action) } if !place.many => {
                format!("{} {path}  {}", style.dim("·"), style.dim(action))
            }
            ProgressKind::Items { total } if !place.many => {
                format!("{} {path}  {}", style.dim("·"), style.dim(&format!("{total} items")))
            }
            ProgressKind::Succeeded if !place.many => format!("{} {path}", style.green("✓")),
            ProgressKind::Signalled { name } => {
                format!("{} {path}  the event {} came", style.dim("·"), line(name))
            }
            ProgressKind::Retrying { attempt, failure, until } => {
                let text = line(&failure.to_string());
                format!("{} {path}  attempt {attempt}: {text}; again {}", style.yellow("↻"), when(*until, at))
            }
            ProgressKind::Failed { failure, tolerated } => {
                let on = if *tolerated { " (the run goes on)" } else { "" };
                format!("{} {path}  {}{on}", style.red("✗"), line(&failure.to_string()))
            }
            _ => String::new(),
        };
        let mut lines = match kind {
            ProgressKind::Started { .. } if !place.many => self.around(path, &place, style),
            _ => Vec::new(),
        };
        if !text.is_empty() {
            lines.push(indent(place.depth, &text));
        }
        lines
    }

    /// Says once which round, handler or case a step is the first of.
    fn around(&mut self, path: &StepPath, place: &Place, style: Style) -> Vec<String> {
        let path = path.as_str();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let mut lines = Vec::new();
        if let Some((name, round)) = parent.strip_suffix(']').and_then(|open| open.rsplit_once('['))
            && self.told.insert(parent.to_owned())
        {
            let round =
                round.parse::<usize>().map_or_else(|_| round.to_owned(), |round| (round + 1).to_string());
            lines.push(indent(
                place.depth,
                &format!("{} {name}  {}", style.dim("·"), style.dim(&format!("round {round}"))),
            ));
        }
        if let Some(block) = &place.block
            && self.told.insert(format!("{parent}: {block}"))
        {
            let name = if parent.is_empty() { String::new() } else { format!("{parent}  ") };
            lines.push(indent(place.depth, &format!("{} {name}{}", style.yellow("→"), style.dim(block))));
        }
        lines
    }

    fn one(&self, path: &StepPath, text: String) -> Vec<String> {
        let depth = self.places.get(&folded(path.as_str())).map_or(0, |place| place.depth);
        vec![indent(depth, &text)]
    }
}

fn indent(depth: usize, text: &str) -> String {
    format!("{}{text}", "  ".repeat(depth))
}

/// What a `wait` waits for.
fn waits(pause: &Pause, now: Timestamp, style: Style) -> String {
    let event = pause.event.as_ref().map(|event| format!("for the event {}", line(&event.name)));
    let due = pause.due.map(|due| when(due, now));
    let what = match (event, due) {
        (Some(event), Some(due)) => format!("{event}, at most {due}"),
        (Some(event), None) => event,
        (None, Some(due)) => due,
        (None, None) => "for ever".to_owned(),
    };
    format!("{} {}  waits {what}", style.yellow("…"), pause.path)
}

/// `until 14:05:00, 3m left`.
pub(crate) fn when(until: Timestamp, now: Timestamp) -> String {
    let left = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0);
    // Whole seconds: nobody waits by milliseconds.
    let left = words::duration(std::time::Duration::from_secs(left.div_ceil(1000)));
    let clock = jiff::Timestamp::from_millisecond(until.0)
        .map(|time| time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
        .unwrap_or_else(|_| until.0.to_string());
    format!("until {clock}, {left} left")
}
