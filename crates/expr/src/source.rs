//! Places in the source text, the limits on it, and the error of a text that is no expression.
//!
//! The limits are constants and not settings: an expression that needs more is a program, and belongs in a
//! plugin. They also bound every recursion in this crate.

use thiserror::Error;

/// The longest expression, in bytes.
pub const MAX_SOURCE: usize = 4096;
/// The deepest nesting of brackets, calls and macros.
pub const MAX_DEPTH: usize = 32;

/// A range of bytes inside the source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The smallest range that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The same range, moved to the right by `offset` bytes.
    pub fn shifted(self, offset: usize) -> Span {
        Span { start: self.start.saturating_add(offset), end: self.end.saturating_add(offset) }
    }
}

/// The text is not an expression of this language.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where, inside the text that was parsed.
    pub span: Span,
    /// What to write instead, if that is known.
    pub help: Option<String>,
}

impl SyntaxError {
    pub(crate) fn new(message: impl Into<String>, span: Span) -> SyntaxError {
        SyntaxError { message: message.into(), span, help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> SyntaxError {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn shifted(mut self, offset: usize) -> SyntaxError {
        self.span = self.span.shifted(offset);
        self
    }
}

/// Characters that change how a text looks but not what it says: they let a reviewer read one condition
/// while another one runs.
pub(crate) fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
