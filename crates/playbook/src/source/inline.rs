//! Expressions inside of a line of plain text, so that the scan knows which marks of YAML stand in one.

use std::ops::Range;

use super::text::pair;

/// The expressions of one line of plain text.
pub(super) struct Expressions {
    /// Begin and end; one that is not closed on the line ends nowhere.
    ranges: Vec<Range<usize>>,
    /// Whether the last one goes on behind the line.
    pub(super) open: bool,
}

impl Expressions {
    /// Those of a line.
    pub(super) fn new(line: &str) -> Self {
        let mut ranges = Vec::new();
        let mut from = if line.as_bytes().contains(&b'$') { 0 } else { line.len() };
        while let Some(start) = line.get(from..).and_then(|l| l.find("${{")).map(|n| from + n) {
            let end = line.get(start..).and_then(|l| l.find("}}")).map_or(usize::MAX, |n| start + n + 2);
            ranges.push(start..end);
            from = end.min(line.len());
            if end == usize::MAX {
                break;
            }
        }
        let open = ranges.last().is_some_and(|r| r.end == usize::MAX);
        Expressions { ranges, open }
    }

    /// Whether a place lies inside of one.
    pub(super) fn opened_before(&self, at: usize) -> bool {
        self.ranges.iter().any(|r| r.contains(&at))
    }

    /// Where the `:` of a key stands, if the line starts with a key.
    pub(super) fn key_end(&self, line: &str) -> Option<usize> {
        let comment = pair(line, b' ', b'#').unwrap_or(line.len());
        let text = line.get(..comment)?.trim_end();
        let inner = pair(text, b':', b' ').or_else(|| pair(text, b':', b'\t'));
        inner.or_else(|| text.ends_with(':').then(|| text.len() - 1))
    }
}
