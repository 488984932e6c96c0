//! Names at run time: frames of step results and loop variables.

use std::collections::HashMap;
use std::sync::LazyLock;

use expr::Scope;
use serde_json::Value;

/// Index of a frame.
pub(crate) type FrameId = usize;

/// The results visible inside one loop item, or in the run itself.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) parent: Option<FrameId>,
    pub(crate) variable: Option<(String, Value)>,
    pub(crate) steps: HashMap<String, StepResult>,
}

/// What a finished step left behind.
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
}

static SUCCEEDED: LazyLock<Value> = LazyLock::new(|| Value::from("succeeded"));
static FAILED: LazyLock<Value> = LazyLock::new(|| Value::from("failed"));
static SKIPPED: LazyLock<Value> = LazyLock::new(|| Value::from("skipped"));

impl StepStatus {
    fn value(self) -> &'static Value {
        match self {
            StepStatus::Succeeded => &SUCCEEDED,
            StepStatus::Failed => &FAILED,
            StepStatus::Skipped => &SKIPPED,
        }
    }
}

/// Everything an expression may name at one place of the run.
pub(crate) struct View<'a> {
    pub(crate) frames: &'a [Frame],
    pub(crate) frame: FrameId,
    pub(crate) inputs: &'a Value,
    pub(crate) run: &'a Value,
    /// Earlier fields of the same `set`.
    pub(crate) siblings: Option<&'a Value>,
    /// Loop variables of a preview, innermost last; they hide those of frames.
    pub(crate) extra: &'a [(String, Value)],
}

impl<'a> View<'a> {
    fn step(&self, id: &str) -> Option<&'a StepResult> {
        let mut next = Some(self.frame);
        while let Some(frame) = next.and_then(|id| self.frames.get(id)) {
            if let Some(result) = frame.steps.get(id) {
                return Some(result);
            }
            next = frame.parent;
        }
        None
    }

    fn variable(&self, name: &str) -> Option<&'a Value> {
        if let Some((_, value)) = self.extra.iter().rev().find(|(known, _)| known == name) {
            return Some(value);
        }
        let mut next = Some(self.frame);
        while let Some(frame) = next.and_then(|id| self.frames.get(id)) {
            if let Some((_, value)) = frame.variable.as_ref().filter(|(known, _)| known == name) {
                return Some(value);
            }
            next = frame.parent;
        }
        None
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
                ("inputs", None) => Some((1, self.inputs)),
                ("run", None) => Some((1, self.run)),
                ("self", None) => self.siblings.map(|value| (1, value)),
                _ => None,
            },
            [] => None,
        }
    }
}
