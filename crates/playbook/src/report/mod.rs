//! Problems as data, and their two printed forms.

mod diagnostic;
mod render;

pub use diagnostic::{Diagnostic, Label, Severity};
pub(crate) use diagnostic::{Mark, Raw, Sink};
pub use render::{Style, render, render_json};
