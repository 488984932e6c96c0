//! Problems of playbooks on the terminal and as JSON.

use playbook::{Diagnostic, Severity, Source, render_json};

use crate::output::{self, Style};

/// Prints every problem: rustc-style on standard error, or one JSON object on standard output.
pub(crate) fn print(diagnostics: &[Diagnostic], source: Source<'_>, json: bool) {
    if json {
        output::say_json(&render_json(diagnostics, source));
        return;
    }
    excerpts(diagnostics, source);
    if let Some(line) = last_line(diagnostics) {
        output::complain(&line);
    }
}

/// Every problem with its lines, on standard error.
pub(crate) fn excerpts(diagnostics: &[Diagnostic], source: Source<'_>) {
    let style = if Style::stderr().is_on() { playbook::Style::Colour } else { playbook::Style::Plain };
    if !diagnostics.is_empty() {
        output::complain(&format!("{}\n", playbook::excerpts(diagnostics, source, style).trim_end()));
    }
}

/// `2 errors, 1 warning; …`, and where more is said. The code is that of the first error.
pub(crate) fn last_line<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Option<String> {
    let all: Vec<&Diagnostic> = diagnostics.into_iter().collect();
    let is_error = |d: &&&Diagnostic| d.severity == Severity::Error;
    let errors = all.iter().filter(is_error).count();
    all.first()?;
    // What the operator's policy refuses has no page: the policy is the operator's.
    let has_page = |d: &&&Diagnostic| d.code.starts_with('P');
    let first = all.iter().filter(is_error).find(has_page).or(all.iter().find(has_page));
    let count = |n: usize, word: &str| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    let counts = [count(errors, "error"), count(all.len() - errors, "warning")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let counts = counts.join(", ");
    Some(match first {
        Some(first) => format!("{counts}; `portcullis explain {}` tells more", first.code),
        None => counts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &'static str, severity: Severity) -> Diagnostic {
        Diagnostic { code, severity, message: String::new(), labels: Vec::new(), help: None }
    }

    #[test]
    fn the_last_line_counts_and_names_the_first_error() {
        assert_eq!(last_line(&[]), None);
        let warning = problem("P0312", Severity::Warning);
        let error = problem("P0301", Severity::Error);
        let said = |all: &[Diagnostic]| last_line(all).unwrap();
        assert_eq!(said(std::slice::from_ref(&warning)), "1 warning; `portcullis explain P0312` tells more");
        let all = [warning.clone(), error.clone(), warning, error];
        assert_eq!(said(&all), "2 errors, 2 warnings; `portcullis explain P0301` tells more");
    }
}
