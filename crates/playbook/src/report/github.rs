//! Problems as workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! A message may hold text of the file, and a line break in it would start a command of its own, so everything is
//! escaped as the runner unescapes it.

use std::fmt::Write;

use super::place::ends;
use super::{Diagnostic, Severity};
use crate::{Source, codes};

/// One line per problem: `::error file=…,line=…,endLine=…,col=…,endColumn=…,title=…::message`.
///
/// Columns are characters, and `endColumn` is the one behind the last. A place over several lines has no columns,
/// because GitHub takes them only within one line.
pub fn render_github(diagnostics: &[Diagnostic], source: Source<'_>) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let _ = write!(out, "::{command} file={}", property(source.name));
        if let Some(label) = diagnostic.labels.first() {
            let (from, to) = ends(label, source.text);
            let _ = write!(out, ",line={},endLine={}", from.line, to.line);
            if from.line == to.line {
                let _ = write!(out, ",col={},endColumn={}", from.column, to.column);
            }
        }
        let title = codes::all().find(|code| code.code == diagnostic.code).map_or("", |code| code.title);
        let _ = writeln!(
            out,
            ",title={}::{}",
            property(&format!("{} {title}", diagnostic.code)),
            data(&words(diagnostic))
        );
    }
    out
}

/// The message, what the labels say, and the help.
fn words(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    for label in diagnostic.labels.iter().filter(|label| !label.text.is_empty()) {
        let _ = match label.primary {
            true => write!(text, "\n{}", label.text),
            false => write!(text, "\nline {}: {}", label.line, label.text),
        };
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
