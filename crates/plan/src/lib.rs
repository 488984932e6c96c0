//! The resolved playbook: what runs, as plain data, and the words it speaks about effects and failures.
//!
//! What people write (YAML, spans, short forms) is `playbook`'s; what runs is here, so that a second front
//! end could lower to the same plan. Left out on purpose: positions, YAML quirks, run state, anything that
//! executes. The admission rule for a type is: the language itself talks about it.

mod action;
mod artifact;
mod block;
mod digest;
mod failure;
mod order;
mod path;
mod person;
mod playbook;
mod step;

pub use action::{Effect, Repeat};
pub use artifact::Artifact;
pub use block::{
    Body, Branch, Case, Catch, Dag, DagNode, Foreach, Join, OnBranchError, OnItemError, Parallel,
    SubPlaybook, Switch, Try, While,
};
pub use digest::{Digest, DigestError};
pub use failure::{Blame, Failure, FailureKind};
pub use order::{NoSuchPlace, Order, find_place, order};
pub use path::{PathError, StepPath};
pub use person::{Approve, AskForm, Audience, Escalation, OnTimeout, Wait, WaitEvent};
pub use playbook::{Concurrency, Connection, Input, OnConflict, Output, Plan, Policy, Trigger, TriggerKind};
pub use step::{
    Cache, Call, Idempotency, OnError, OnUnknown, RateLimit, Retry, Step, StepKind, Then, ValueExpr,
};
