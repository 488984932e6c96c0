//! Problems as a person reads them (rustc's layout) and as a program does.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::{Diagnostic, Severity};
use crate::Source;

/// With or without ANSI colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For files and pipes.
    Plain,
    /// For a terminal.
    Colour,
}

/// The most problems that are printed with their lines; the rest is counted.
const MOST: usize = 50;

/// A line with more bytes is not printed.
const LONGEST: usize = 16_000;

/// All problems with the lines they are in, and a last line that counts them. Empty if there are none.
pub fn render(diagnostics: &[Diagnostic], source: Source<'_>, style: Style) -> String {
    let mut out = excerpts(diagnostics, source, style);
    if !diagnostics.is_empty() {
        out.push_str(&summary(diagnostics, source.name));
        out.push('\n');
    }
    out
}

/// The first problems (50) with the lines they are in, each with an empty line behind it; for whoever counts the
/// problems of several files.
///
/// Labels that do not fit the text are not trusted: the problem is then printed without lines.
pub fn excerpts(diagnostics: &[Diagnostic], source: Source<'_>, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MOST) {
        out.push_str(&renderer.render(&report(diagnostic, source)));
        out.push_str("\n\n");
    }
    out
}

fn report<'a>(diagnostic: &'a Diagnostic, source: Source<'a>) -> Vec<Group<'a>> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
    let mut group = match excerpt(diagnostic, source.text) {
        Some((start, line, text)) => {
            let annotations = diagnostic.labels.iter().map(|label| {
                let kind = if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                let text = Some(label.text.as_str()).filter(|t| !t.is_empty());
                kind.span(label.start - start..label.end - start).label(text)
            });
            title.element(Snippet::source(text).line_start(line).path(source.name).annotations(annotations))
        }
        None => title.element(match diagnostic.labels.first() {
            Some(label) => Origin::path(source.name).line(label.line).char_column(label.column),
            None => Origin::path(source.name),
        }),
    };
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

/// The lines that the labels stand in, where they start and the number of the first one. `None` if there are
/// none to show, if a label does not fit the text, or if a line is too long to help anybody.
fn excerpt<'a>(diagnostic: &Diagnostic, text: &'a str) -> Option<(usize, usize, &'a str)> {
    let fits = |l: &super::Label| l.start <= l.end && text.get(l.start..l.end).is_some();
    if !diagnostic.labels.iter().all(fits) {
        return None;
    }
    let first = diagnostic.labels.iter().min_by_key(|l| l.start)?;
    let last = diagnostic.labels.iter().map(|l| l.end).max()?;
    let start = text.get(..first.start)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(last..)?.find('\n').map_or(text.len(), |at| last + at);
    let lines = text.get(start..end)?;
    let lines = lines.strip_suffix('\r').filter(|cut| start + cut.len() >= last).unwrap_or(lines);
    lines.lines().all(|line| line.len() <= LONGEST).then_some((start, first.line, lines))
}

fn summary(diagnostics: &[Diagnostic], name: &str) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let count = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let parts: Vec<String> =
        [count(errors, "error"), count(warnings, "warning")].into_iter().flatten().collect();
    let hidden = diagnostics.len().saturating_sub(MOST);
    let rest = if hidden > 0 { format!(" (the last {hidden} are not shown)") } else { String::new() };
    format!("{name}: {}{rest}", parts.join(" and "))
}

/// The problems of one file as one JSON object: `{"file", "errors", "warnings", "diagnostics": [...]}`.
pub fn render_json(diagnostics: &[Diagnostic], source: Source<'_>) -> serde_json::Value {
    #[derive(Serialize)]
    struct Report<'a> {
        file: &'a str,
        errors: usize,
        warnings: usize,
        diagnostics: &'a [Diagnostic],
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let report = Report { file: source.name, errors, warnings, diagnostics };
    serde_json::to_value(report).unwrap_or_default()
}
