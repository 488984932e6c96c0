//! One step: what it does, and the modifiers around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::{Expr, Template, TextTemplate};
use serde_json::Value;

use crate::{
    Approve, AskForm, Dag, Effect, FailureKind, Foreach, Parallel, Repeat, SubPlaybook, Switch, Try, Wait,
    While,
};

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
    /// Time limit of the whole step, for verbs with steps inside. (A call's `timeout` limits each attempt and
    /// stands in [`Call`]; an approval, a form and a wait bring their own.)
    pub timeout: Option<Duration>,
    /// What follows when the step has succeeded, instead of the next step.
    pub then: Option<Then>,
    /// What it does.
    pub kind: StepKind,
}

impl Step {
    /// Every list of steps directly inside, in the order of the file. A playbook that is called has its own plan
    /// and is not among them.
    pub fn blocks(&self) -> Vec<&Arc<[Step]>> {
        match &self.kind {
            StepKind::Foreach(foreach) => vec![&foreach.body],
            StepKind::While(looped) => vec![&looped.body],
            StepKind::Switch(switch) => {
                let cases = switch.cases.iter().map(|case| &case.body);
                cases.chain(&switch.default).map(|body| &body.steps).collect()
            }
            StepKind::Parallel(parallel) => parallel.branches.iter().map(|branch| &branch.body).collect(),
            StepKind::Dag(dag) => dag.nodes.iter().map(|node| &node.step).collect(),
            StepKind::Try(tried) => {
                let catches = tried.catches.iter().map(|catch| &catch.body.steps);
                std::iter::once(&tried.body.steps).chain(catches).chain(&tried.finally).collect()
            }
            StepKind::Call(_)
            | StepKind::Set(_)
            | StepKind::Playbook(_)
            | StepKind::Approve(_)
            | StepKind::Ask(_)
            | StepKind::Wait(_)
            | StepKind::Assert { .. }
            | StepKind::Return(_)
            | StepKind::Fail { .. } => Vec::new(),
        }
    }
}

/// `then`: the run, or the sub-playbook, ends when the step has succeeded.
#[derive(Debug, Clone)]
pub enum Then {
    /// As succeeded, with these outputs.
    Return(Vec<(String, ValueExpr)>),
    /// As failed, with this message.
    Fail(ValueExpr),
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
#[allow(clippy::large_enum_variant, reason = "most steps of a playbook are calls")]
pub enum StepKind {
    /// `uses`: call an action.
    Call(Call),
    /// `set`: compute fields; later fields see earlier ones as `self.NAME`.
    Set(Vec<(String, ValueExpr)>),
    /// `foreach`: run a block for every item.
    Foreach(Foreach),
    /// `while`: run a block again and again, with state passed from one round to the next.
    While(While),
    /// `switch`: the first case that holds.
    Switch(Switch),
    /// `parallel`: named branches, all joined.
    Parallel(Parallel),
    /// `dag`: steps in the order of what they need.
    Dag(Dag),
    /// `try`: a block, handlers for its failures, and what happens in any case.
    Try(Try),
    /// `call`: another playbook.
    Playbook(SubPlaybook),
    /// `approve`: wait for a person's decision.
    Approve(Approve),
    /// `ask`: wait for a person to fill a form in.
    Ask(AskForm),
    /// `wait`: for a time or an event.
    Wait(Wait),
    /// `assert`: fail unless something holds.
    Assert {
        /// What must hold.
        that: Expr,
        /// What to tell the person if it does not.
        message: Option<ValueExpr>,
    },
    /// `return`: end the run, or the sub-playbook, as succeeded, with these outputs.
    Return(Vec<(String, ValueExpr)>),
    /// `fail`: end the run, or the sub-playbook, as failed, with this message.
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
    /// Which connection it runs over, if it needs one. Always a name from [`crate::Plan::connections`].
    pub connection: Option<String>,
    /// Taken from the action when the playbook was checked.
    pub effect: Effect,
    /// Taken from the action when the playbook was checked.
    pub repeat: Repeat,
    /// The inputs whose items count against [`crate::Policy::max_effects`]: those the action's schema marks
    /// `x-effect-items`. The longest of these lists counts, and a call is at least one item.
    pub effect_items: Vec<String>,
    /// Time limit of one attempt.
    pub timeout: Duration,
    /// When and how often to try again.
    pub retry: Retry,
    /// How often it may be called, over all runs of this process.
    pub rate_limit: Option<RateLimit>,
    /// Whether an earlier answer may do. Only where the effect is enrichment.
    pub cache: Option<Cache>,
    /// The key of the effect, and what to do when nobody knows whether it took place.
    pub idempotency: Idempotency,
    /// Why untrusted text may decide here, in the author's words. Plans and audit logs repeat it.
    pub accept_untrusted: Option<String>,
}

/// `rate_limit`: at most `permits` calls in any `per`, counted under `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls with the same key share the limit.
    pub key: String,
    /// The window.
    pub per: Duration,
    /// How many calls begin in a window.
    pub permits: u32,
}

/// `cache`: an answer younger than `ttl` is used again.
#[derive(Debug, Clone)]
pub struct Cache {
    /// How old an answer may be.
    pub ttl: Duration,
    /// What tells answers of the same action apart; the whole rendered input if there is none.
    pub key: Option<ValueExpr>,
}

/// `idempotency`.
#[derive(Debug, Clone, Default)]
pub struct Idempotency {
    /// Replaces the key made of the run and the step's path.
    pub key: Option<ValueExpr>,
    /// When nobody knows whether the effect took place.
    pub on_unknown: OnUnknown,
    /// With [`OnUnknown::Ask`], JSON Schema of what a person answers: `took_place` (`yes`, `no` or `give_up`) and, with
    /// `yes`, the `output` as the action's schema wants it.
    pub form: Option<Arc<Value>>,
}

/// What to do when nobody knows whether an effect took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// Ask the action's probe; if that does not tell, the step ends with a failure of kind `unknown`.
    #[default]
    Verify,
    /// Carry it out again.
    Retry,
    /// Ask the action's probe; if that does not tell, ask a person.
    Ask,
    /// The step fails as any other does, with kind `failed`.
    Fail,
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
    /// Whether the bound doubles; otherwise it stays at `initial`.
    pub exponential: bool,
    /// Which failures are tried again.
    pub on: Vec<FailureKind>,
}

impl Retry {
    /// One attempt.
    pub const fn none() -> Self {
        Retry { attempts: 1, initial: Duration::ZERO, max: Duration::ZERO, exponential: true, on: Vec::new() }
    }
}

/// A value with expressions in it.
#[derive(Debug, Clone)]
pub enum ValueExpr {
    /// Nothing to compute.
    Literal(Value),
    /// A scalar with `${{ }}` in it. Exactly one expression keeps its type; mixed is text.
    Template(Template),
    /// `{ template: FILE, values: … }`: a text file with values filled in; always text.
    Text {
        /// The parsed file.
        template: Arc<TextTemplate>,
        /// What its names stand for; an object.
        values: Box<ValueExpr>,
    },
    /// A list.
    List(Vec<ValueExpr>),
    /// An object.
    Map(BTreeMap<String, ValueExpr>),
}
