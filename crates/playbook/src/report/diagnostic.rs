//! One problem: what is wrong, where, and what to do.
//!
//! While checking, a problem points at numbered nodes ([`Mark`]); numbers become bytes, lines and columns only
//! once at the end, because places cost a second parse.

use std::ops::Range;

use serde::Serialize;

use crate::source::tree::Id;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The playbook cannot run.
    Error,
    /// It can run, but probably does not do what it seems to say.
    Warning,
}

/// One problem in a playbook.
///
/// As JSON: `{"code", "severity", "message", "labels": [{"start", "end", "line", "column", "text", "primary"}],
/// "help"}`; `help` is left out if there is none. The object only ever gains fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable, such as `P0301`; explained in [`crate::codes`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; the first one is the primary one. Empty if the file as a whole is meant.
    pub labels: Vec<Label>,
    /// What to write instead, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A place in the text and what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte. Both lie between two characters of the text.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
    /// What is there; may be empty.
    pub text: String,
    /// Whether this is the place of the problem or only helps to understand it.
    pub primary: bool,
}

/// A place that is not worked out yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    /// The whole of a node or key.
    Node(Id),
    /// A range of bytes of a text node as the parser decoded it.
    Inside(Id, Range<usize>),
    /// A range of bytes of the file.
    Bytes(Range<usize>),
}

/// A problem whose places are not worked out yet.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) labels: Vec<(Mark, String)>,
    pub(crate) help: Option<String>,
}

impl Raw {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Raw { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), help: None }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Raw { severity: Severity::Warning, ..Raw::error(code, message) }
    }

    /// Adds a place; the first one is the primary one.
    pub(crate) fn mark(mut self, mark: Mark, text: impl Into<String>) -> Self {
        self.labels.push((mark, text.into()));
        self
    }

    pub(crate) fn node(self, id: Id, text: impl Into<String>) -> Self {
        self.mark(Mark::Node(id), text)
    }

    pub(crate) fn at(self, range: Range<usize>, text: impl Into<String>) -> Self {
        self.mark(Mark::Bytes(range), text)
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into).or(self.help);
        self
    }

    /// For a file that has no text to point into.
    pub(crate) fn without_place(self) -> Diagnostic {
        let Raw { code, severity, message, help, .. } = self;
        Diagnostic { code, severity, message, labels: Vec::new(), help }
    }
}

/// Where the checker puts what it finds.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    found: Vec<Raw>,
    errors: usize,
}

impl Sink {
    pub(crate) fn push(&mut self, raw: Raw) {
        if raw.severity == Severity::Error {
            self.errors += 1;
        }
        self.found.push(raw);
    }

    /// How many errors there are so far; two readings tell whether something in between was wrong.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// How far it is filled, for [`Sink::forget`].
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.found.len(), self.errors)
    }

    /// Takes back everything behind a mark: the same place is looked at once more.
    pub(crate) fn forget(&mut self, mark: (usize, usize)) {
        self.found.truncate(mark.0);
        self.errors = mark.1;
    }

    pub(crate) fn into_inner(self) -> Vec<Raw> {
        self.found
    }
}
