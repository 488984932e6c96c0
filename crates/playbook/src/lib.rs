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
mod explain;
mod format;
mod lower;
mod names;
mod report;
mod source;

pub use check::{Actions, Checked, Files, NoFiles, Source, check};
pub use editor::editor_schema;
pub use explain::{Example, Page, explain, families};
pub use format::{FormatError, format};
pub use report::{
    Diagnostic, Label, Severity, Style, excerpts, render, render_github, render_json, render_sarif,
};
pub use source::text::decode;
pub use source::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
