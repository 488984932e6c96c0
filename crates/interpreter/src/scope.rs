//! Names at run time: frames of step results and variables, and what each playbook of a run was given.

use std::collections::HashMap;
use std::sync::LazyLock;

use expr::Scope;
use serde_json::Value;

/// Index of a frame.
pub(crate) type FrameId = usize;

/// Index of the names of a playbook.
pub(crate) type NamesId = usize;

/// What one playbook of a run may name beside its steps. A called playbook has its own: it sees nothing of its
/// caller's.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) inputs: Value,
    pub(crate) vars: Value,
    /// Null where there is none.
    pub(crate) trigger: Value,
    /// Handles, never the secrets.
    pub(crate) secrets: Value,
}

impl Names {
    /// Whether this is the place of a playbook that has ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.inputs.is_null()
    }
}

/// The results visible inside one loop item, one handler, or the playbook itself.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// `None` for a playbook's own frame: nothing is visible beyond.
    pub(crate) parent: Option<FrameId>,
    pub(crate) names: NamesId,
    pub(crate) variable: Option<(String, Value)>,
    pub(crate) steps: HashMap<String, StepResult>,
    /// Results are noted in the parent: the frame is there for its variable alone.
    pub(crate) transparent: bool,
}

/// What a step left behind.
#[derive(Debug)]
pub(crate) struct StepResult {
    pub(crate) status: StepStatus,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<Value>,
    /// Items of a loop that failed and were collected.
    pub(crate) failed: Option<Value>,
}

/// `steps.ID.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepStatus {
    Succeeded,
    Failed,
    Skipped,
    /// A step of a `dag` that has not ended.
    Pending,
}

static SUCCEEDED: LazyLock<Value> = LazyLock::new(|| Value::from("succeeded"));
static FAILED: LazyLock<Value> = LazyLock::new(|| Value::from("failed"));
static SKIPPED: LazyLock<Value> = LazyLock::new(|| Value::from("skipped"));
static PENDING: LazyLock<Value> = LazyLock::new(|| Value::from("pending"));

impl StepStatus {
    fn value(self) -> &'static Value {
        match self {
            StepStatus::Succeeded => &SUCCEEDED,
            StepStatus::Failed => &FAILED,
            StepStatus::Skipped => &SKIPPED,
            StepStatus::Pending => &PENDING,
        }
    }
}

/// Everything an expression may name at one place of the run.
pub(crate) struct View<'a> {
    pub(crate) frames: &'a [Frame],
    /// `None` where no step has run: in a preview of a called playbook.
    pub(crate) frame: Option<FrameId>,
    pub(crate) names: &'a Names,
    pub(crate) run: &'a Value,
    /// Earlier fields of the same `set`.
    pub(crate) siblings: Option<&'a Value>,
    /// What an event brings, in `match`.
    pub(crate) event: Option<&'a Value>,
    /// Loop variables of a preview, innermost last; they hide those of frames.
    pub(crate) extra: &'a [(String, Value)],
}

impl<'a> View<'a> {
    fn up(&self) -> impl Iterator<Item = &'a Frame> {
        let (frames, mut next) = (self.frames, self.frame);
        std::iter::from_fn(move || {
            let frame = frames.get(next?)?;
            next = frame.parent;
            Some(frame)
        })
    }

    fn step(&self, id: &str) -> Option<&'a StepResult> {
        self.up().find_map(|frame| frame.steps.get(id))
    }

    fn variable(&self, name: &str) -> Option<&'a Value> {
        if let Some((_, value)) = self.extra.iter().rev().find(|(known, _)| known == name) {
            return Some(value);
        }
        let of = |frame: &'a Frame| frame.variable.as_ref().filter(|(known, _)| known == name);
        self.up().find_map(of).map(|(_, value)| value)
    }
}

impl Scope for View<'_> {
    fn resolve<'b>(&'b self, path: &[&str]) -> Option<(usize, &'b Value)> {
        match path {
            ["steps", id, part, ..] => {
                let value = match (self.step(id), *part) {
                    // A step that was never reached (another case was taken) counts as skipped.
                    (None, "status") => &SKIPPED,
                    (None, _) => return None,
                    (Some(result), "status") => result.status.value(),
                    (Some(result), "output") => result.output.as_ref()?,
                    (Some(result), "error") => result.error.as_ref()?,
                    (Some(result), "failed") => result.failed.as_ref()?,
                    _ => return None,
                };
                Some((3, value))
            }
            [name, ..] => match (*name, self.variable(name)) {
                (_, Some(value)) => Some((1, value)),
                ("inputs", None) => Some((1, &self.names.inputs)),
                ("run", None) => Some((1, self.run)),
                ("vars", None) => Some((1, &self.names.vars)),
                ("secrets", None) => Some((1, &self.names.secrets)),
                ("trigger", None) => Some((1, &self.names.trigger)).filter(|(_, value)| !value.is_null()),
                ("event", None) => self.event.map(|value| (1, value)),
                ("self", None) => self.siblings.map(|value| (1, value)),
                _ => None,
            },
            [] => None,
        }
    }
}
