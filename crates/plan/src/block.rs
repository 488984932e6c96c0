//! Verbs with steps inside.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::Expr;

use crate::{FailureKind, Plan, Step, ValueExpr};

/// Run a block for every item of a list.
#[derive(Debug, Clone)]
pub struct Foreach {
    /// The list.
    pub items: Expr,
    /// The name of the loop variable.
    pub variable: String,
    /// How many items at a time.
    pub max_parallel: u32,
    /// A longer list fails the step before its first item.
    pub limit: u32,
    /// What a failed item does to the loop.
    pub on_item_error: OnItemError,
    /// The block.
    pub body: Arc<[Step]>,
    /// What each item gives; the step's output is the list of these, in item order.
    pub output: Option<ValueExpr>,
}

/// What a failed item does to its loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnItemError {
    /// No new items are started and the step fails.
    #[default]
    Fail,
    /// The others go on; `steps.ID.failed` lists `{index, item, error}`.
    Collect,
    /// The others go on; the failed item leaves no trace in the output.
    Skip,
}

/// Run a block as long as a condition holds.
///
/// There is no mutable context: what one round leaves to the next is the `state`, an object under the name
/// `variable` with the field `index` (rounds so far) and those of `initial`. The step's output is the last state.
#[derive(Debug, Clone)]
pub struct While {
    /// Looked at before every round; sees the state.
    pub condition: Expr,
    /// Reaching this many rounds with the condition still true fails the step.
    pub max: u32,
    /// The name of the state.
    pub variable: String,
    /// The state before the first round, without `index`.
    pub initial: Vec<(String, ValueExpr)>,
    /// The block.
    pub body: Arc<[Step]>,
    /// The state after a round; sees the steps of that round. The same names as `initial`.
    pub next: Vec<(String, ValueExpr)>,
}

/// The first case that holds.
#[derive(Debug, Clone)]
pub struct Switch {
    /// In order.
    pub cases: Vec<Case>,
    /// Runs when no case holds.
    pub default: Option<Body>,
}

/// One case of a `switch`.
#[derive(Debug, Clone)]
pub struct Case {
    /// A boolean.
    pub when: Expr,
    /// What runs.
    pub body: Body,
}

/// Steps, and what they give to the step around them.
#[derive(Debug, Clone)]
pub struct Body {
    /// In order.
    pub steps: Arc<[Step]>,
    /// Computed after the last of them; the output of the step around.
    pub output: Option<ValueExpr>,
}

/// Branches that run at the same time.
#[derive(Debug, Clone)]
pub struct Parallel {
    /// In the order of the file.
    pub branches: Vec<Branch>,
    /// What the first failed branch does to the others.
    pub on_branch_error: OnBranchError,
    /// Computed when all have succeeded.
    pub output: Option<ValueExpr>,
}

/// One branch of a `parallel`.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// What runs.
    pub body: Arc<[Step]>,
}

/// What a failed branch does to the others. The step fails either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBranchError {
    /// They end by themselves.
    #[default]
    Wait,
    /// They are cancelled.
    Cancel,
}

/// Steps in the order of what they need.
#[derive(Debug, Clone)]
pub struct Dag {
    /// Sorted so that everything stands behind what it needs.
    pub nodes: Arc<[DagNode]>,
    /// What a failed step does to those that do not need it.
    pub on_branch_error: OnBranchError,
    /// Computed when all have ended and none failed.
    pub output: Option<ValueExpr>,
}

/// One step of a `dag`.
#[derive(Debug, Clone)]
pub struct DagNode {
    /// The step.
    pub step: Arc<[Step]>,
    /// Indices of the nodes it needs.
    pub needs: Vec<usize>,
    /// When it begins.
    pub join: Join,
}

/// When a step of a `dag` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// When everything it needs has ended and nothing of it failed for good. A skipped step counts as ended.
    #[default]
    All,
    /// When the first of what it needs has succeeded; skipped when all have ended and none has.
    Any,
}

/// A block with handlers.
#[derive(Debug, Clone)]
pub struct Try {
    /// What is tried.
    pub body: Body,
    /// The first one that names the kind of the failure runs; then the step has succeeded.
    pub catches: Vec<Catch>,
    /// Runs in any case, also when the run is cancelled.
    pub finally: Option<Arc<[Step]>>,
}

/// One handler of a `try`. Its steps see `error`: `{kind, message, step}`.
#[derive(Debug, Clone)]
pub struct Catch {
    /// The kinds it is for; `None` is every kind but `unknown` and `cancelled`.
    pub on: Option<Vec<FailureKind>>,
    /// What runs.
    pub body: Body,
}

/// Another playbook as a step; its output is the object of the other's outputs.
#[derive(Debug, Clone)]
pub struct SubPlaybook {
    /// The other playbook, checked.
    pub plan: Arc<Plan>,
    /// Values of its inputs; what is left out has a default.
    pub with: Vec<(String, ValueExpr)>,
    /// Its connections and which of ours each one is.
    pub connections: BTreeMap<String, String>,
}
