//! The plan itself: what a run is given and gives back, what it may do, and its steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use expr::Expr;
use serde_json::Value;

use crate::{Digest, Step, ValueExpr};

/// A checked playbook, ready to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The playbook's `id`.
    pub id: String,
    /// The playbook's `name`, or its id.
    pub name: String,
    /// SHA-256 of the playbook's text. A run is pinned to it.
    pub digest: Digest,
    /// Every other file it was made of (sub-playbooks, templates), by the path as the playbook writes it from
    /// its own folder. A run is pinned to these too.
    pub files: BTreeMap<String, Arc<str>>,
    /// What a run is given, in the order of the file.
    pub inputs: Vec<Input>,
    /// What a run gives back, in the order of the file.
    pub outputs: Vec<Output>,
    /// The connections the playbook names.
    pub connections: Vec<Connection>,
    /// Names of secrets the operator's configuration must have.
    pub secrets: Vec<String>,
    /// Constants, readable as `vars.NAME`.
    pub vars: Value,
    /// What starts a run by itself.
    pub triggers: Vec<Trigger>,
    /// What to do when two runs are about the same thing.
    pub concurrency: Option<Concurrency>,
    /// Time limit of the whole run.
    pub deadline: Option<Duration>,
    /// What the author promises.
    pub policy: Policy,
    /// The steps, in order.
    pub steps: Arc<[Step]>,
    /// Run when the steps failed; they see `error`. The run fails all the same, unless one of them returns.
    pub on_error: Option<Arc<[Step]>>,
    /// Run in any case, also after a cancellation, with a short deadline of their own.
    pub finally: Option<Arc<[Step]>>,
}

impl Plan {
    /// Shows every step to `see`, also those inside others, in the order of the file. Playbooks that are called
    /// have their own plans.
    pub fn each_step<'a>(&'a self, see: &mut dyn FnMut(&'a Step)) {
        let parts = [Some(&self.steps), self.on_error.as_ref(), self.finally.as_ref()];
        parts.into_iter().flatten().for_each(|steps| each_step(steps, see));
    }
}

fn each_step<'a>(steps: &'a [Step], see: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        see(step);
        step.blocks().into_iter().for_each(|inner| each_step(inner, see));
    }
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

/// What starts a run by itself. What it brings is `trigger` in expressions.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Unique in the playbook.
    pub id: String,
    /// What it waits for.
    pub kind: TriggerKind,
    /// JSON Schema of `trigger`.
    pub schema: Value,
}

/// The kinds of triggers.
#[derive(Debug, Clone)]
pub enum TriggerKind {
    /// A person, with whatever the schema asks for.
    Manual,
    /// New mail in a folder.
    Mailbox {
        /// Which connection.
        connection: String,
        /// The mailbox's address.
        mailbox: String,
        /// The folder, e.g. `inbox`.
        folder: String,
        /// How often to look.
        every: Duration,
        /// Only mails for which this holds; sees `message`.
        filter: Option<Expr>,
    },
    /// Times, as five cron fields in UTC.
    Cron(String),
    /// An HTTP request whose JSON body obeys the schema.
    Webhook,
    /// A named event.
    Event(String),
}

/// Runs with the same key do not run beside one another.
#[derive(Debug, Clone)]
pub struct Concurrency {
    /// Sees `inputs` and `trigger`; a text.
    pub key: ValueExpr,
    /// What a new run does while another has the key.
    pub on_conflict: OnConflict,
}

/// What a new run does while another one has its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// It does not start.
    #[default]
    Skip,
    /// It waits.
    Queue,
    /// The other one is cancelled.
    Replace,
}

/// What the author promises; `check` proves it and the run holds it.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Every containment stands behind an approval.
    pub approval_required: bool,
    /// By action: at most this many items, in all, in one run. What an item is, the action says; one call is at
    /// least one.
    pub max_effects: BTreeMap<String, u64>,
}
