//! Diagnostics on the terminal and as JSON.

use playbook::{Diagnostic, Source, render, render_json};

use crate::output::{self, Style};

/// Prints every problem: rustc-style on standard error, or one JSON object on standard output.
pub(crate) fn print(diagnostics: &[Diagnostic], source: Source<'_>, json: bool) {
    if json {
        output::say_json(&render_json(diagnostics, source));
        return;
    }
    let style = if Style::stderr().is_on() { playbook::Style::Colour } else { playbook::Style::Plain };
    if !diagnostics.is_empty() {
        output::complain(render(diagnostics, source, style).trim_end());
    }
}
