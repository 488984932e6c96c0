//! The plan itself: inputs, outputs, connections and a tree of steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Expr, Template};
use serde_json::Value;

use crate::{Digest, Effect, FailureKind, Repeat};

/// A checked playbook, ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The playbook's `id`.
    pub id: String,
    /// The playbook's `name`, or its id.
    pub name: String,
    /// SHA-256 of the playbook's text. A run is pinned to it.
    pub digest: Digest,
    /// What a run is given, in the order of the file.
    pub inputs: Vec<Input>,
    /// What a run gives back, in the order of the file.
    pub outputs: Vec<Output>,
    /// The connections the playbook names.
    pub connections: Vec<Connection>,
    /// Time limit of the whole run.
    pub deadline: Option<Duration>,
    /// The steps, in order.
    pub steps: Arc<[Step]>,
}

/// One declared input.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name under `inputs`.
    pub name: String,
    /// JSON Schema of the value.
    pub schema: Value,
    /// Used when the run is not given a value; without it the input is required.
    pub default: Option<Value>,
}

/// One declared output.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name under `outputs`.
    pub name: String,
    /// JSON Schema of the value.
    pub schema: Value,
    /// Computed when the last step has ended; `return` gives its own.
    pub value: Option<ValueExpr>,
}

/// A connection the playbook names; the operator's configuration binds it to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The name steps use.
    pub name: String,
    /// What it must reach, e.g. `exchange`.
    pub kind: String,
}

/// One step with its modifiers.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the playbook.
    pub id: String,
    /// What people see, if not the id.
    pub name: Option<String>,
    /// The step is skipped unless this is true.
    pub condition: Option<Expr>,
    /// What to do when it fails.
    pub on_error: OnError,
    /// What it does.
    pub kind: StepKind,
}

/// What happens to the block when a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The block fails too.
    #[default]
    Fail,
    /// The step has status `failed` and an `error`, and the next step runs.
    Continue,
}

/// The verbs.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// `uses`: call an action.
    Call(Call),
    /// `set`: compute fields; later fields see earlier ones as `self.NAME`.
    Set(Vec<(String, ValueExpr)>),
    /// `foreach`: run a block for every item.
    Foreach(Foreach),
    /// `switch`: the first case that holds.
    Switch(Switch),
    /// `parallel`: named branches, all joined; a failed branch fails the step once all have ended.
    Parallel(Vec<Branch>),
    /// `approve`: wait for a person.
    Approve(Approve),
    /// `return`: end the run as succeeded, with these outputs.
    Return(Vec<(String, ValueExpr)>),
    /// `fail`: end the run as failed, with this message.
    Fail {
        /// What to tell the person.
        message: ValueExpr,
    },
}

/// A call of an action.
#[derive(Debug, Clone)]
pub struct Call {
    /// The action's name, e.g. `mail.delete`.
    pub action: String,
    /// The inputs, to be rendered.
    pub with: ValueExpr,
    /// Which connection it runs over, if it needs one. Always a name from [`Plan::connections`].
    pub connection: Option<String>,
    /// Taken from the action when the playbook was checked.
    pub effect: Effect,
    /// Taken from the action when the playbook was checked.
    pub repeat: Repeat,
    /// Time limit of one attempt.
    pub timeout: Duration,
    /// When and how often to try again.
    pub retry: Retry,
    /// Why untrusted text may decide here, in the author's words. Plans and audit logs repeat it.
    pub accept_untrusted: Option<String>,
}

/// When and how often a call is tried again. The wait is drawn between zero and the backoff (full jitter);
/// a server's `retry_after` wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all; 1 means no retry.
    pub attempts: u32,
    /// Upper bound of the first wait.
    pub initial: Duration,
    /// The upper bound doubles up to this.
    pub max: Duration,
    /// Which failures are tried again.
    pub on: Vec<FailureKind>,
}

impl Retry {
    /// One attempt.
    pub const fn none() -> Self {
        Retry { attempts: 1, initial: Duration::ZERO, max: Duration::ZERO, on: Vec::new() }
    }
}

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

/// The first case that holds.
#[derive(Debug, Clone)]
pub struct Switch {
    /// In order.
    pub cases: Vec<Case>,
    /// Runs when no case holds.
    pub default: Option<Arc<[Step]>>,
}

/// One case of a `switch`.
#[derive(Debug, Clone)]
pub struct Case {
    /// A boolean.
    pub when: Expr,
    /// What runs.
    pub body: Arc<[Step]>,
}

/// One branch of a `parallel`.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// What runs.
    pub body: Arc<[Step]>,
}

/// Wait for a person's decision.
#[derive(Debug, Clone)]
pub struct Approve {
    /// What the person reads.
    pub message: ValueExpr,
    /// Ids of the steps whose rendered inputs the approval is bound to.
    pub shows: Vec<String>,
    /// How long to wait; `None` is for ever.
    pub timeout: Option<Duration>,
    /// Whether the enclosing block ends (`true`, default) or goes on after a rejection.
    pub reject_ends_block: bool,
}

/// A value with expressions in it.
#[derive(Debug, Clone)]
pub enum ValueExpr {
    /// Nothing to compute.
    Literal(Value),
    /// A scalar with `${{ }}` in it. Exactly one expression keeps its type; mixed is text.
    Template(Template),
    /// A list.
    List(Vec<ValueExpr>),
    /// An object.
    Map(BTreeMap<String, ValueExpr>),
}
