//! `portcullis fmt`: the canonical form of a playbook.
//!
//! A parser that drops comments cannot format, and printing values anew would change what people wrote. So the
//! text is read into the tree of its spelling, put into order and written again; then both texts are parsed by
//! the parser of the checker and compared value by value. A difference is a mistake in here: the file is left
//! alone. Left out: line widths of texts and expressions, which are the author's.

mod flow;
mod order;
mod reader;
mod tree;
mod write;

use std::fmt;
use std::sync::Arc;

use action_api::Spec;

use crate::check::Actions;
use crate::source::tree::{Kind, Node};
use crate::source::{scan, text, tree as parsed};
use crate::{Diagnostic, Severity, Source};

/// Why a text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatError {
    /// It does not parse; what the checker says about that.
    Refused(Vec<Diagnostic>),
    /// It parses, and is still left alone.
    LeftAlone {
        /// From 1.
        line: usize,
        /// Why.
        what: &'static str,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Refused(problems) => {
                write!(f, "the file does not parse: {} problems", problems.len())
            }
            FormatError::LeftAlone { line, what } => write!(f, "line {line}: {what}"),
        }
    }
}

impl std::error::Error for FormatError {}

/// The canonical form: keys in the order of the guide, two spaces a level, quotes only where they are needed, at
/// most one blank line in a row. Comments, texts and expressions stay as they are. Formatting twice changes
/// nothing more.
///
/// # Errors
/// The text does not parse, or uses a spelling that has no canonical form.
pub fn format(source: Source<'_>) -> Result<String, FormatError> {
    const UNUSUAL: FormatError =
        FormatError::LeftAlone { line: 1, what: "its form is too unusual to be changed safely" };
    let before = values(source)?;
    let unix = source.text.replace("\r\n", "\n");
    let formatted = canonical(&unix)?;
    let same = parsed::parse(&formatted).is_ok_and(|after| same(&before, &after.root));
    // What reads differently the second time was not understood the first time.
    let stable = canonical(&formatted).is_ok_and(|again| again == formatted);
    if same && stable && scan::problems(&formatted).is_empty() { Ok(formatted) } else { Err(UNUSUAL) }
}

fn canonical(text: &str) -> Result<String, FormatError> {
    let (mut root, tail) =
        reader::read(text).map_err(|stuck| FormatError::LeftAlone { line: stuck.line, what: stuck.what })?;
    if !matches!(root.value, tree::Node::Block(_) | tree::Node::Flow(_)) {
        return Err(FormatError::LeftAlone { line: 1, what: "only keys and values can be formatted" });
    }
    order::sort(&mut root.value);
    Ok(write::write(root, &tail))
}

fn values(source: Source<'_>) -> Result<Node, FormatError> {
    if text::problems(source.text).is_empty()
        && scan::problems(source.text).is_empty()
        && let Ok(tree) = parsed::parse(source.text)
        && tree.problems.is_empty()
        && !matches!(tree.root.kind, Kind::Null)
    {
        return Ok(tree.root);
    }
    let mut problems = crate::check(source, &NoActions).diagnostics;
    problems.retain(|problem| problem.severity == Severity::Error && problem.code.starts_with("P01"));
    Err(FormatError::Refused(problems))
}

/// Whether two trees have the same values; the order of keys does not count.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        (Kind::Int(a), Kind::Int(b)) => a == b,
        (Kind::Unsigned(a), Kind::Unsigned(b)) => a == b,
        (Kind::Float(a), Kind::Float(b)) => a.to_bits() == b.to_bits(),
        (Kind::Text(a), Kind::Text(b)) => a == b,
        (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Kind::Map(a), Kind::Map(b)) => {
            let sorted = |entries: &[parsed::Entry]| {
                let mut order: Vec<usize> = (0..entries.len()).collect();
                order.sort_by_key(|at| entries.get(*at).map(|entry| entry.key.text.clone()));
                order
            };
            a.len() == b.len()
                && sorted(a).into_iter().zip(sorted(b)).all(|(at, bt)| match (a.get(at), b.get(bt)) {
                    (Some(a), Some(b)) => a.key.text == b.key.text && same(&a.value, &b.value),
                    _ => false,
                })
        }
        _ => false,
    }
}

/// Whether a text parses does not depend on actions.
struct NoActions;

impl Actions for NoActions {
    fn spec(&self, _: &str) -> Option<Arc<Spec>> {
        None
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}
