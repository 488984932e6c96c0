//! The contract of anything that performs a step.
//!
//! An action is written once as a [`TypedAction`] with typed input and output and erased by one adapter
//! ([`Entry`], [`Catalogue`]) into an [`ActionSource`], which is all the engine knows. Schemas come from the
//! types, so an action cannot be documented differently from what it accepts. `CONTRACT.md` beside this
//! file holds what every source MUST and SHOULD do. Left out on purpose: any action, any service, any
//! runtime, any network.

mod artifacts;
mod catalogue;
pub mod conformance;
mod effects;
mod fields;
mod functions;
mod plugins;
mod source;
mod spec;
mod typed;
mod validate;

/// The words this contract speaks: `Failure`, `Artifact`, `Effect`. A source needs no other crate of ours.
pub use plan;

pub use artifacts::{ArtifactError, Artifacts};
pub use catalogue::{Catalogue, Entry};
pub use effects::Mailboxes;
pub use fields::{artifact_or_null_schema, artifact_schema, no_null_defaults, present};
pub use functions::Functions;
pub use plugins::{PluginFacts, PluginStanding};
pub use source::{ActionSource, Context, Inverse, Invocation, Outcome, Probe, Work};
pub use spec::{Example, Spec, Undo};
pub use typed::{ActionInfo, TypedAction};
pub use validate::{SchemaError, Validator, Violation};
