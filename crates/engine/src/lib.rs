//! The engine others embed: it carries out what the interpreter commands, and writes records first.
//!
//! It takes actions from [`ActionSource`]s, keeps history in a [`Journal`] and bytes in [`Artifacts`], and
//! tells what happens through a stream of [`Event`]s. A record is durable before its effect can be visible,
//! so a run that is killed anywhere goes on with [`Engine::resume`]. It knows no Exchange, no WebAssembly, no
//! HTTP, no configuration file and no environment. `examples/embed.rs` is the shortest program; `docs/embedding.md`
//! walks through complete ones.

mod admit;
mod artifacts;
mod attempt;
pub mod audit;
mod bounds;
mod budget;
mod builder;
mod cache;
mod carry;
mod clock;
mod disguise;
mod doubt;
mod driver;
mod event;
mod failure;
mod gate;
mod history;
mod inputs;
mod keeper;
mod kept;
mod keys;
mod leave;
mod limits;
mod metrics;
mod orphans;
mod park;
mod people;
mod person;
mod policy;
mod recent;
mod rerun;
mod reuse;
mod room;
mod run;
mod secrets;
mod slots;
mod standin;
mod start;
mod sync;
mod trigger;
mod undo;
mod versions;

pub use action_api::{
    ActionSource, Artifacts, Context, Functions, Inverse, Invocation, Outcome, PluginFacts, PluginStanding,
    Probe, SchemaError, Spec, Validator, Violation, Work,
};
pub use artifacts::{FolderArtifacts, MAX_ARTIFACT, MemoryArtifacts};
pub use attempt::MAX_OUTPUT;
pub use bounds::RunLimits;
pub use budget::RetryBudget;
pub use builder::{Builder, Engine, MAX_CALLS};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use disguise::Hider;
pub use event::{Event, EventKind};
pub use failure::EngineError;
pub use inputs::InputProblem;
pub use interpreter::{
    Ask, Awaited, Command, Divergence, End, Form, Machine, Pause, Perform, ProgressKind, Shown,
};
pub use journal::{Decision, Journal, MemoryJournal, Query, RunId, RunStatus, Summary, Timestamp};
pub use keeper::Keeper;
pub use kept::{MAX_INLINE, whole};
pub use metrics::Metrics;
pub use orphans::Orphans;
pub use park::PARK_AFTER;
pub use person::Person;
pub use plan::{Artifact, Audience, Blame, Effect, Failure, FailureKind, Plan, Repeat, StepPath};
pub use playbook::{Actions, Checked, Diagnostic, Severity, Source};
pub use policy::{
    ActionPattern, Allowed, Cap, Caps, DELETES_PER_MAILBOX, DELETES_PER_RUN, FourEyes, MailboxPattern, Named,
    Policy, Refusal, Scope,
};
pub use rerun::Rerun;
pub use run::{AnswerError, DecideError, HaltError, Run, SignalError};
pub use secrets::{Secret, Secrets};
pub use start::{Approvals, Mode, Start};
pub use undo::{Done, Lost, TakeBack, UNDO_AT_ONCE, Undo};

/// What actions of one's own are held against: a suite that reads what they declare.
pub mod action {
    pub use action_api::conformance;
}

/// What a store of one's own needs beside [`Journal`]: what it keeps, how it fails, and the suite it has to pass.
pub mod store {
    pub use action_api::ArtifactError;
    pub use journal::{
        Event, FORMAT, Header, JournalError, MAX_DEPTH, MemoryJournal, OpId, Origin, OriginKind, Portion,
        Record, RecordError, Reused, Standing, StoredRun, Touch, Work, artifacts_of, conformance,
    };
    pub use plan::Digest;
}

/// The guide to embedding, so that what it shows is tried.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct Guide;
