//! YAML text in; every problem, or a plan, out.
//!
//! [`check`] reads a playbook as a whole: the text itself, the shape, names, types, literals, flow, policy and
//! trust. It reports everything it finds and not just the first, each problem with a code, a place and what to
//! write instead ([`render`]); without errors it also gives the [`plan::Plan`] that runs. It is the sole owner
//! of YAML. Left out on purpose: anything that executes, configuration, and every action's own knowledge: what
//! an action is comes in through [`Actions`].

mod check;
pub mod codes;
mod editor;
mod lower;
mod names;
mod report;
mod source;

pub use check::{Actions, Checked, Files, NoFiles, Source, check};
pub use editor::editor_schema;
pub use report::{Diagnostic, Label, Severity, Style, render, render_json};
pub use source::text::decode;
pub use source::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
