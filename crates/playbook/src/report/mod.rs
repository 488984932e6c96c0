//! Problems as data, and their printed forms: for a person, as JSON, as SARIF, as commands for GitHub.

mod diagnostic;
mod github;
mod place;
mod render;
mod sarif;

pub use diagnostic::{Diagnostic, Label, Severity};
pub(crate) use diagnostic::{Mark, Raw, Sink};
pub use github::render_github;
pub use render::{Style, excerpts, render, render_json};
pub use sarif::render_sarif;
