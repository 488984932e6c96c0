//! Verbs that wait: for a person, a time, an event.

use std::time::Duration;

use expr::Expr;
use serde_json::Value;

use crate::ValueExpr;

/// Wait for a person's decision.
#[derive(Debug, Clone)]
pub struct Approve {
    /// What the person reads.
    pub message: ValueExpr,
    /// Who may decide.
    pub to: Audience,
    /// How many different people have to approve; one rejection is enough to reject.
    pub quorum: u32,
    /// Ids of the steps whose rendered inputs the approval is bound to.
    pub shows: Vec<String>,
    /// How long to wait; `None` is for ever.
    pub timeout: Option<Duration>,
    /// What happens then.
    pub on_timeout: OnTimeout,
    /// Whether the enclosing block ends (`true`, default) or goes on after a rejection.
    pub reject_ends_block: bool,
}

/// Who may decide or answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// Any one of these; everybody if there is none.
    pub roles: Vec<String>,
    /// `not: [run.starter]`: whoever started the run may not.
    pub not_starter: bool,
}

/// What happens when nobody decided in time.
#[derive(Debug, Clone, Default)]
pub enum OnTimeout {
    /// As if rejected, with the decision `timed_out`.
    #[default]
    Reject,
    /// As if approved, by nobody.
    Approve,
    /// The step fails with kind `timeout`.
    Fail,
    /// Others are asked.
    Escalate(Box<Escalation>),
}

/// The second round of an approval.
#[derive(Debug, Clone)]
pub struct Escalation {
    /// Who may decide from now on.
    pub to: Audience,
    /// How long to wait again; `None` is for ever.
    pub timeout: Option<Duration>,
    /// What happens then.
    pub on_timeout: OnTimeout,
}

/// Wait for a person to fill a form in. The output is `{answer, by}`.
#[derive(Debug, Clone)]
pub struct AskForm {
    /// What the person reads.
    pub message: ValueExpr,
    /// JSON Schema of the answer: a closed object.
    pub form: Value,
    /// Its fields in the order of the file.
    pub order: Vec<String>,
    /// Who may answer.
    pub to: Audience,
    /// How long to wait; `None` is for ever.
    pub timeout: Option<Duration>,
    /// The answer when nobody answered in time, by nobody; without it the step fails with kind `timeout`.
    pub default: Option<Value>,
}

/// Wait for a time or an event.
#[derive(Debug, Clone)]
pub enum Wait {
    /// A duration: a text such as `5m`, or what an expression gives (a duration, see `expr`).
    For(ValueExpr),
    /// A point in time, RFC 3339.
    Until(ValueExpr),
    /// An event sent to the run.
    Event(WaitEvent),
}

/// Wait for an event. The output is `{timed_out, payload}`; `payload` is null when it timed out.
#[derive(Debug, Clone)]
pub struct WaitEvent {
    /// Its name.
    pub event: String,
    /// JSON Schema of what it brings; an event that breaks it is refused at the door.
    pub schema: Value,
    /// Events for which this does not hold are not the one; sees `event` (what it brings).
    pub matches: Option<Expr>,
    /// How long to wait.
    pub timeout: Option<Duration>,
    /// Whether the step succeeds with `timed_out` when time is up; otherwise it fails with kind `timeout`.
    pub tolerates_timeout: bool,
}
