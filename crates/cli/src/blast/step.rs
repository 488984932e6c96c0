//! The form of the report, as it is printed and as JSON (`schemas/plan-report.v1.json`).

use std::collections::{BTreeMap, BTreeSet};

use engine::{Effect, Failure};
use serde::Serialize;
use serde_json::Value;

use crate::subjects::Touched;

/// What became of a step in the rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It would change something, or send something.
    WouldChange,
    /// It read, for real.
    Read,
    /// It ran: it computes, or holds other steps.
    Ran,
    /// A run would wait here.
    WouldWait,
    /// Its condition did not hold.
    Skipped,
    /// It failed.
    Failed,
    /// The rehearsal did not come here.
    NotReached,
}

/// An output that is not known before a run.
#[derive(Debug, Serialize)]
pub(crate) struct MadeUp {
    /// Of which step.
    pub(crate) path: String,
    pub(crate) kind: MadeUpKind,
}

/// Why an output is not known before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MadeUpKind {
    /// The call was not made.
    Output,
    /// Nobody was asked; the plan goes on as if approved.
    Decision,
    /// Nobody filled the form in.
    Answer,
    /// The event did not come.
    Event,
}

/// One step of the playbook, over all items of the loops around it.
#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    /// Where it stands; `[*]` for every item of a loop.
    pub(crate) path: String,
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) verb: &'static str,
    pub(crate) state: State,
    /// How often it ran; more than once only in a loop.
    pub(crate) times: usize,
    /// How often its condition did not hold.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) skipped: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<String>,
    /// In words: why it was skipped, what it waits for, what it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Whether the plan went on with a made-up output, because what really comes out is not known before a run.
    pub(crate) stand_in: bool,
    /// What was made up and decides about this step or about its inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) depends_on: Vec<MadeUp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<CallReport>,
    #[serde(rename = "loop", skip_serializing_if = "Option::is_none")]
    pub(crate) repeats: Option<LoopReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<PersonReport>,
    /// What stands inside, block by block.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) blocks: Vec<BlockReport>,
}

/// Steps inside a step.
#[derive(Debug, Serialize)]
pub(crate) struct BlockReport {
    /// Which case, branch or handler; empty where there is only one block.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) label: String,
    /// Whether the rehearsal went this way.
    pub(crate) taken: bool,
    pub(crate) steps: Vec<StepReport>,
}

/// The calls of a step.
#[derive(Debug, Serialize)]
pub(crate) struct CallReport {
    pub(crate) action: String,
    pub(crate) effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<String>,
    /// What would be done, or was read: every call with its rendered input.
    pub(crate) calls: Vec<OneCall>,
    /// Items in all; a call is at least one.
    pub(crate) items: u64,
    /// Items by mailbox.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) mailboxes: BTreeMap<String, u64>,
    pub(crate) caps: Caps,
    /// Nothing for a read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) undo: Vec<Undo>,
    /// Whether a person is asked where nobody knows if a call took place. Told once, for the whole report.
    #[serde(skip)]
    pub(crate) asks_if_unknown: bool,
    /// Why untrusted text may decide here, in the author's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accept_untrusted: Option<String>,
    /// Names of the secrets it uses.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) secrets: BTreeSet<String>,
}

/// One call.
#[derive(Debug, Serialize)]
pub(crate) struct OneCall {
    /// Where, with the items of loops.
    pub(crate) path: String,
    pub(crate) input: Value,
    /// The mails that its input names, as far as their subjects are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mails: Vec<Touched>,
}

/// What holds a call back.
#[derive(Debug, Serialize)]
pub(crate) struct Caps {
    pub(crate) timeout_ms: u64,
    pub(crate) attempts: u32,
    /// The approvals that cover it, all of them needed.
    pub(crate) approvals: Vec<String>,
    /// `policy.max_effects` of the action: items in all, in one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_effects: Option<u64>,
    /// Limits of the loops around it, the outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) loops: Vec<u64>,
    /// At most so many calls in a window, over all runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_limit: Option<String>,
}

/// Whether and how calls are taken back.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Undo {
    /// How many of the calls.
    pub(crate) calls: usize,
    /// By which action, if one does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    /// How, in words; nothing if it cannot be taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) how: Option<String>,
}

/// A loop.
#[derive(Debug, Serialize)]
pub(crate) struct LoopReport {
    /// Items or rounds of this rehearsal.
    pub(crate) count: usize,
    /// At most so many.
    pub(crate) limit: u64,
}

/// A person on the way.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PersonReport {
    /// `approval` or `form`.
    pub(crate) kind: &'static str,
    /// Who may answer, in words.
    pub(crate) audience: String,
    pub(crate) roles: Vec<String>,
    /// Whether whoever started the run may not answer.
    pub(crate) not_starter: bool,
    pub(crate) quorum: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// What happens when the time is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_timeout: Option<String>,
    /// The steps whose calls it covers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) covers: Vec<String>,
    /// What the person reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The fields of a form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<String>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}
