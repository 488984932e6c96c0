//! Where a byte of a decoded scalar stands in the file.
//!
//! Walks the file and the decoded text side by side and lets the decoded text, which is the parser's, decide
//! how a line break was folded. If the two do not fit, there is no answer, and the caller points at the scalar
//! as a whole: nothing here is a second reading of the file.

use std::ops::Range;

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
}

/// The bytes of the file that became `inner` of the decoded text of the scalar that starts at `start`.
pub(crate) fn inside(file: &str, start: usize, decoded: &str, inner: &Range<usize>) -> Option<Range<usize>> {
    let rest = file.get(start..)?;
    let (style, skip) = match rest.as_bytes().first()? {
        b'\'' => (Style::Single, 1),
        b'"' => (Style::Double, 1),
        b'|' | b'>' => (Style::Block, rest.find('\n')? + 1),
        _ => (Style::Plain, 0),
    };
    let mut walk = Walk { rest: rest.get(skip..)?, at: start + skip, style, indent: 0 };
    if style == Style::Block {
        walk.indent = block_indent(walk.rest, decoded);
        walk.enter_line();
    }
    let mut from = None;
    for (offset, wanted) in decoded.char_indices() {
        walk.settle(wanted);
        if offset >= inner.start && from.is_none() {
            from = Some(walk.at);
        }
        if offset >= inner.end {
            return Some(from?..walk.at);
        }
        walk.take(wanted)?;
    }
    let end = walk.at;
    Some(from.unwrap_or(end)..end)
}

/// The indentation of a block scalar: that of its first line with text, less what belongs to the text.
fn block_indent(rest: &str, decoded: &str) -> usize {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = rest.lines().find(|line| !line.trim().is_empty()).map_or(0, spaces);
    let kept = decoded.lines().find(|line| !line.trim().is_empty()).map_or(0, spaces);
    first.saturating_sub(kept)
}

struct Walk<'s> {
    rest: &'s str,
    at: usize,
    style: Style,
    indent: usize,
}

impl Walk<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
        self.at += bytes;
    }

    /// Over the indentation of a line of a block scalar.
    fn enter_line(&mut self) {
        let spaces = self.rest.bytes().take(self.indent).take_while(|b| *b == b' ').count();
        self.skip(spaces);
    }

    fn line_break(&self) -> usize {
        if self.rest.starts_with("\r\n") { 2 } else { usize::from(self.rest.starts_with('\n')) }
    }

    /// Over what leaves no trace in the decoded text before `wanted`.
    fn settle(&mut self, wanted: char) {
        match self.style {
            Style::Block => {
                while self.line_break() > 0 && !matches!(wanted, ' ' | '\n') {
                    self.skip(self.line_break());
                    self.enter_line();
                }
            }
            Style::Double => {
                while let Some(after) = self.rest.strip_prefix('\\').filter(|r| r.starts_with(['\n', '\r'])) {
                    let blank = after.len() - after.trim_start_matches([' ', '\t', '\n', '\r']).len();
                    self.skip(1 + blank);
                }
            }
            _ => {}
        }
        // What remains of a folded run of line breaks.
        if self.style != Style::Block && !wanted.is_whitespace() {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            if blank > 0 && self.rest.get(..blank).is_some_and(|run| run.contains('\n')) {
                self.skip(blank);
            }
        }
    }

    fn take(&mut self, wanted: char) -> Option<()> {
        if self.style == Style::Block {
            return self.take_block(wanted);
        }
        if self.style == Style::Double && self.rest.starts_with('\\') {
            let length = match self.rest.as_bytes().get(1)? {
                b'x' => 4,
                b'u' => 6,
                b'U' => 10,
                _ => 1 + self.rest.chars().nth(1)?.len_utf8(),
            };
            self.skip(length);
            return Some(());
        }
        if self.style == Style::Single && self.rest.starts_with("''") {
            self.skip(2);
            return Some(());
        }
        let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let run = self.rest.get(..blank)?;
        match run.matches('\n').count() {
            0 if self.rest.starts_with(wanted) => self.skip(wanted.len_utf8()),
            1 if wanted == ' ' => self.skip(blank),
            2.. if wanted == '\n' => {
                // One break of several: stop behind it, `settle` takes the rest.
                let first = run.find('\n').map_or(blank, |at| at + 1);
                self.skip(first);
            }
            _ => return None,
        }
        Some(())
    }

    fn take_block(&mut self, wanted: char) -> Option<()> {
        let line_break = self.line_break();
        if line_break > 0 && matches!(wanted, ' ' | '\n') {
            self.skip(line_break);
            self.enter_line();
            return Some(());
        }
        self.rest.starts_with(wanted).then(|| self.skip(wanted.len_utf8()))
    }
}
