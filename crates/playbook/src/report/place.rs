//! Bytes of a file as lines and columns, in the units of whoever asks.
//!
//! Editors and SARIF count UTF-16 code units, people and GitHub characters. Offsets that do not fit the text are
//! cut to it: a report is printed in any case.

use super::Label;

/// A position in a text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    /// In characters.
    pub(super) column: usize,
    /// In UTF-16 code units.
    pub(super) utf16: usize,
}

/// Where a label begins and ends; the end is behind its last character.
pub(super) fn ends(label: &Label, text: &str) -> (Position, Position) {
    (position(text, label.start), position(text, label.end.max(label.start)))
}

fn position(text: &str, at: usize) -> Position {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or("");
    Position {
        line: before.matches('\n').count() + 1,
        column: line.chars().count() + 1,
        utf16: line.encode_utf16().count() + 1,
    }
}
