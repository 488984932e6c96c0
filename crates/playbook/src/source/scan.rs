//! A look at the text before the parser gets it: what the language leaves out, and what would cost too much.
//!
//! The parser resolves anchors, drops most tags silently and needs quadratic time for brackets nested 100,000
//! deep; it also cannot say why `${{ a ? b : c }}` without quotes is no expression. This pass follows just
//! enough of YAML to know comments, quotes and block scalars from structure. It only ever refuses: no value is
//! read here, so a disagreement with the parser can make a message worse but never a playbook mean two things.

use std::ops::Range;

use super::MAX_DEPTH;
use super::inline::Expressions;
use super::text::pair;
use crate::codes;
use crate::report::Raw;

/// What is found, in file order; the first few of each kind.
pub(crate) fn problems(text: &str) -> Vec<Raw> {
    let mut scan = Scan {
        text,
        at: 0,
        line: 0..end_of_line(text, 0),
        columns: Vec::new(),
        content: false,
        ended: false,
        found: Vec::new(),
        stop: false,
    };
    while scan.at < text.len() && !scan.stop {
        scan.line();
    }
    scan.found
}

/// The most problems one scan reports.
const MOST: usize = 10;

struct Scan<'s> {
    text: &'s str,
    at: usize,
    /// The line that was looked at last: most questions are about one and the same.
    line: Range<usize>,
    /// Columns of the keys and dashes that are open, outermost first.
    columns: Vec<usize>,
    /// Something other than comments has been seen.
    content: bool,
    /// `...` has been seen.
    ended: bool,
    found: Vec<Raw>,
    stop: bool,
}

/// Where the line ends that goes on at `at`.
fn end_of_line(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(text.len(), |n| at + n)
}

impl<'s> Scan<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_is_blank(&self, ahead: usize) -> bool {
        matches!(self.text.as_bytes().get(self.at + ahead), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// The line that `at` is on, without its end.
    fn here(&mut self) -> Range<usize> {
        if self.at < self.line.start || self.at > self.line.end {
            let start = self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |n| n + 1);
            self.line = start..end_of_line(self.text, self.at);
        }
        self.line.clone()
    }

    fn end_of_line(&mut self) -> usize {
        self.here().end
    }

    fn next_line(&mut self) {
        let end = self.end_of_line();
        self.at = (end + 1).min(self.text.len());
        if end < self.text.len() {
            self.line = self.at..end_of_line(self.text, self.at);
        }
    }

    fn column(&mut self) -> usize {
        self.at - self.here().start
    }

    fn report(&mut self, raw: Raw) {
        // A bomb has hundreds of them; two make the point.
        if raw.code == codes::ANCHOR && self.found.iter().filter(|f| f.code == codes::ANCHOR).count() >= 2 {
            return;
        }
        self.found.push(raw);
        self.stop = self.stop || self.found.len() >= MOST;
    }

    /// Over the token at `at`, up to a blank or flow mark.
    fn token(&mut self) -> Range<usize> {
        let start = self.at;
        let rest = self.rest();
        self.at += rest.find([' ', '\t', '\n', '\r', ',', ']', '}']).unwrap_or(rest.len()).max(1);
        start..self.at
    }

    /// One line of block structure, and everything that starts on it.
    fn line(&mut self) {
        let start = self.at;
        while self.byte() == Some(b' ') {
            self.at += 1;
        }
        let indent = self.at - start;
        let tab = (self.byte() == Some(b'\t')).then_some(self.at);
        self.blanks();
        if matches!(self.byte(), None | Some(b'\n' | b'\r' | b'#')) {
            return self.next_line();
        }
        if let Some(tab) = tab {
            self.report(
                Raw::error(codes::TAB, "a tab in the indentation")
                    .at(tab..tab + 1, "a tab")
                    .help("indent with spaces; YAML does not allow tabs here"),
            );
            self.stop = true;
            return;
        }
        if indent == 0 && self.document_mark() {
            return;
        }
        self.content = true;
        while self.columns.last().is_some_and(|c| *c >= indent) {
            self.columns.pop();
        }
        self.nodes();
    }

    /// `---`, `...` and directives, which stand in the first column.
    fn document_mark(&mut self) -> bool {
        let rest = self.rest();
        let start = self.at;
        let mark = rest.get(..3).filter(|m| matches!(*m, "---" | "...") && self.next_is_blank(3));
        if mark == Some("---") && !self.content && !self.ended {
            self.at += 3;
            self.blanks();
            if matches!(self.byte(), None | Some(b'\n' | b'\r' | b'#')) {
                self.next_line();
            } else {
                self.content = true;
                self.nodes();
            }
            self.content = true;
            return true;
        }
        if mark == Some("...") {
            self.ended = true;
            self.next_line();
            return true;
        }
        if mark.is_some() || self.ended {
            self.report(
                Raw::error(codes::DOCUMENTS, "a second document in one file")
                    .at(start..start + 3, "starts here")
                    .help("one file holds one playbook; put the other one into a file of its own"),
            );
            self.stop = true;
            return true;
        }
        if rest.starts_with('%') && !self.content {
            let end = self.end_of_line();
            self.report(
                Raw::error(codes::TAG, "a YAML directive")
                    .at(start..end, "not allowed")
                    .help("remove the line; playbooks need no directives"),
            );
            self.next_line();
            return true;
        }
        false
    }

    /// The nodes that start on this line: dashes, keys, and at last a value.
    fn nodes(&mut self) {
        loop {
            self.blanks();
            let Some(byte) = self.byte() else { return };
            match byte {
                b'\n' | b'\r' | b'#' => return self.next_line(),
                b'-' | b'?' if self.next_is_blank(1) => {
                    let column = self.column();
                    if !self.open(column) {
                        return;
                    }
                    self.at += 1;
                }
                b'&' | b'*' if !self.next_is_blank(1) => self.anchor(byte),
                b'!' => self.tag(),
                b'"' | b'\'' => {
                    let column = self.column();
                    self.quoted(byte);
                    if !self.key_follows(column) {
                        return self.next_line();
                    }
                }
                b'|' | b'>' => return self.block_scalar(),
                b'[' | b'{' => {
                    let column = self.column();
                    self.flow();
                    if self.stop || !self.key_follows(column) {
                        return self.next_line();
                    }
                }
                _ => {
                    if !self.plain() {
                        return;
                    }
                }
            }
            if self.stop {
                return;
            }
        }
    }

    /// A dash or key opens a level at its column.
    fn open(&mut self, column: usize) -> bool {
        while self.columns.last().is_some_and(|c| *c >= column) {
            self.columns.pop();
        }
        self.columns.push(column);
        // A level of the tree opens at most two columns: the dash and the key behind it.
        if self.columns.len() > 2 * MAX_DEPTH {
            self.too_deep(self.at);
        }
        !self.stop
    }

    fn too_deep(&mut self, at: usize) {
        self.report(too_deep().at(at..at + 1, "one level too many"));
        self.stop = true;
    }

    /// After a quoted or bracketed node: is it a key?
    fn key_follows(&mut self, column: usize) -> bool {
        self.blanks();
        if self.byte() == Some(b':') && self.next_is_blank(1) {
            self.at += 1;
            return self.open(column);
        }
        false
    }

    fn anchor(&mut self, byte: u8) {
        let range = self.token();
        let (what, label) = if byte == b'&' {
            ("an anchor", "gives this value a name")
        } else {
            ("an alias", "stands for another value")
        };
        self.report(
            Raw::error(codes::ANCHOR, format!("{what} is not allowed in a playbook"))
                .at(range, label)
                .help("write the value out where it is used; text that starts with `&` or `*` needs quotes"),
        );
    }

    fn tag(&mut self) {
        let range = self.token();
        let name = self.text.get(range.clone()).unwrap_or("");
        let message = format!("the tag `{}` is not allowed in a playbook", super::text::shown(name));
        self.report(
            Raw::error(codes::TAG, message)
                .at(range, "a tag")
                .help("types come from the schemas of the actions; text that starts with `!` needs quotes"),
        );
    }

    /// Over a quoted scalar, which may go over several lines.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(byte) = self.byte() {
            self.at += 1;
            if byte == b'\\' && quote == b'"' {
                self.at += 1;
            } else if byte == quote {
                if quote == b'\'' && self.byte() == Some(b'\'') {
                    self.at += 1;
                } else {
                    break;
                }
            }
        }
        self.align();
    }

    fn align(&mut self) {
        while self.at < self.text.len() && !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
    }

    /// Over `|` or `>`, its header and its lines.
    fn block_scalar(&mut self) {
        let end = self.end_of_line();
        let header = self.text.get(self.at..end).unwrap_or("");
        let given = header.bytes().take(3).find(u8::is_ascii_digit).map(|d| usize::from(d - b'0'));
        let parent = self.columns.last().copied();
        let least = parent.map_or(0, |c| c + 1);
        let mut indent = given.map(|d| parent.map_or(0, |c| c) + d);
        self.next_line();
        while self.at < self.text.len() {
            let end = self.end_of_line();
            let line = self.text.get(self.at..end).unwrap_or("");
            let spaces = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() {
                if spaces < *indent.get_or_insert(spaces.max(least)) {
                    return;
                }
                if parent.is_none() && (line.starts_with("---") || line.starts_with("...")) {
                    return;
                }
            }
            self.next_line();
        }
    }

    /// A plain scalar in a block: `true` if it was a key and its value follows on this line.
    fn plain(&mut self) -> bool {
        let column = self.column();
        let start = self.at;
        let line_end = self.end_of_line();
        let line = self.text.get(start..line_end).unwrap_or("");
        let inner = Expressions::new(line);
        match inner.key_end(line) {
            Some(colon) if inner.opened_before(colon) => {
                self.trap(start, start + line.trim_end().len(), "the `: ` inside makes YAML read a key");
                self.stop = true;
                false
            }
            Some(colon) => {
                self.at = start + colon + 1;
                self.open(column)
            }
            None => {
                if let Some(hash) = pair(line, b' ', b'#').filter(|hash| inner.opened_before(*hash)) {
                    self.trap(start, start + hash + 2, "the ` #` inside starts a comment");
                }
                self.next_line();
                self.continuation(inner.open);
                false
            }
        }
    }

    /// The further lines of a plain scalar: everything indented deeper than its parent.
    fn continuation(&mut self, mut open: bool) {
        let parent = self.columns.last().copied();
        while self.at < self.text.len() {
            let line_end = self.end_of_line();
            let line = self.text.get(self.at..line_end).unwrap_or("");
            let body = line.trim_start_matches([' ', '\t']);
            let spaces = line.len() - line.trim_start_matches(' ').len();
            if body.trim().is_empty() {
                self.next_line();
                continue;
            }
            if body.starts_with('#') || parent.is_some_and(|c| spaces <= c) {
                return;
            }
            if parent.is_none() && (line.starts_with("---") || line.starts_with("...")) {
                return;
            }
            let wall = pair(line, b':', b' ').or_else(|| pair(line, b' ', b'#'));
            if let (true, Some(wall)) =
                (open && !line.get(..wall.unwrap_or(0)).unwrap_or("").contains("}}"), wall)
            {
                let at = self.at + wall;
                self.trap(at, at + 2, "YAML does not see this as part of the expression");
                self.stop = true;
                return;
            }
            open = line
                .rfind("${{")
                .map_or(open && !line.contains("}}"), |o| !line.get(o..).unwrap_or("").contains("}}"));
            self.next_line();
        }
    }

    fn trap(&mut self, start: usize, end: usize, label: &str) {
        self.report(
            Raw::error(codes::NEEDS_QUOTES, "this expression needs quotes")
                .at(start..end, label)
                .help("quote the whole value: '${{ ... }}'"),
        );
    }

    /// Over a flow list or mapping.
    fn flow(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        let mut node_start = true;
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' if self.at == 0
                    || matches!(self.text.as_bytes().get(self.at - 1), Some(b' ' | b'\t' | b'\n')) =>
                {
                    self.next_line();
                }
                b'[' | b'{' => {
                    open.push(self.at);
                    if open.len() > MAX_DEPTH {
                        return self.too_deep(self.at);
                    }
                    self.at += 1;
                    node_start = true;
                }
                b']' | b'}' => {
                    open.pop();
                    self.at += 1;
                    node_start = false;
                    if open.is_empty() {
                        return;
                    }
                }
                b',' | b':' => {
                    self.at += 1;
                    node_start = true;
                }
                b'&' | b'*' if node_start => self.anchor(byte),
                b'!' if node_start => self.tag(),
                b'"' | b'\'' if node_start => {
                    self.quoted(byte);
                    node_start = false;
                }
                _ => {
                    if self.flow_plain() {
                        return;
                    }
                    node_start = false;
                }
            }
            if self.stop {
                return;
            }
        }
    }

    /// Over a plain scalar between brackets; `true` if it was the beginning of an expression.
    fn flow_plain(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with("${{") {
            let end = rest.find("}}").map_or(3, |n| n + 2);
            let end = end.min(rest.find('\n').unwrap_or(end));
            self.trap(self.at, self.at + end, "between brackets, YAML reads these braces as its own");
            self.stop = true;
            return true;
        }
        let stop = |c: char| matches!(c, ',' | '[' | ']' | '{' | '}' | '\n' | '#' | ':');
        let length = rest.find(stop).unwrap_or(rest.len());
        // Text in front of an expression: `[Hello ${{ name }}]`.
        if rest.get(..length).is_some_and(|t| t.ends_with('$'))
            && rest.get(length..).is_some_and(|t| t.starts_with("{{"))
        {
            self.at += length - 1;
            return self.flow_plain();
        }
        self.at += length.max(1);
        self.align();
        false
    }
}

/// The refusal of nesting, also used for what the parser finds.
pub(crate) fn too_deep() -> Raw {
    Raw::error(codes::TOO_LARGE, format!("nested deeper than {MAX_DEPTH} levels"))
        .help("flatten the structure; `set` steps can take parts of it")
}
