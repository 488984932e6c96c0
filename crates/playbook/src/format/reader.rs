//! Text into the tree of its spelling.
//!
//! Only what passed the scan and the parser comes here, so this reader knows just the YAML that is left: no
//! anchors, tags or further documents. It refuses what it does not know (`? ` keys), and what it gets wrong the
//! comparison of values afterwards refuses, so a mistake here costs a message and never a value.

use super::flow;
use super::tree::{Block, Entry, Line, Literal, Node};

/// Where reading stopped, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Stuck {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

type Read<T> = Result<T, Stuck>;

/// The whole file: its root and the comments behind it.
pub(super) fn read(text: &str) -> Read<(Entry, Vec<Line>)> {
    let mut reader = Reader { text, at: 0, gap: Vec::new(), next: None };
    reader.advance();
    if is_mark(reader.rest(), "---") {
        reader.at += 3;
        if let Some(comment) = reader.end_of_line()? {
            // Before the lines that the end of the line has gathered.
            reader.gap.insert(0, Line::Comment(comment, 0));
        }
    }
    let Some(column) = reader.next else { return Err(reader.stuck("there is nothing but comments")) };
    let root = reader.entry_value(column, None, Vec::new(), None)?;
    if is_mark(reader.rest(), "...") && reader.next == Some(0) {
        reader.at += 3;
        reader.end_of_line()?;
    }
    match reader.next {
        None => Ok((root, reader.take_tail(0))),
        Some(_) => Err(reader.stuck("this line does not fit its surroundings")),
    }
}

/// Whether a document begins or ends here: `---:` is a key.
fn is_mark(text: &str, mark: &str) -> bool {
    text.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

struct Reader<'s> {
    text: &'s str,
    at: usize,
    /// Comments and blank lines that nothing has taken yet.
    gap: Vec<Line>,
    /// Column of the next content; `None` at the end. `at` stands there whenever a line has been ended.
    next: Option<usize>,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank_at(&self, at: usize) -> bool {
        matches!(self.text.as_bytes().get(at), None | Some(b' ' | b'\t' | b'\n'))
    }

    fn line(&self) -> &'s str {
        self.rest().split('\n').next().unwrap_or("")
    }

    fn column(&self) -> usize {
        self.at - self.text.get(..self.at).and_then(|t| t.rfind('\n')).map_or(0, |n| n + 1)
    }

    fn stuck(&self, what: &'static str) -> Stuck {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        Stuck { line: before.matches('\n').count() + 1, what }
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// From the start of a line over comments and blank lines to the next content.
    fn advance(&mut self) {
        loop {
            let line = self.line();
            let body = line.trim_start();
            if self.at >= self.text.len() {
                self.next = None;
                return;
            }
            let indent = line.len() - body.len();
            if body.is_empty() {
                self.gap.push(Line::Blank);
            } else if body.starts_with('#') {
                self.gap.push(Line::Comment(body.trim_end().to_owned(), indent));
            } else {
                self.at += indent;
                self.next = Some(indent);
                return;
            }
            self.at = (self.at + line.len() + 1).min(self.text.len());
        }
    }

    /// Over the rest of a line, which may hold a comment and nothing else, to the next content.
    fn end_of_line(&mut self) -> Read<Option<String>> {
        let line = self.line();
        let body = line.trim();
        let comment = match body.strip_prefix('#') {
            Some(_) => Some(body.to_owned()),
            None if body.is_empty() => None,
            None => return Err(self.stuck("this cannot be read apart")),
        };
        self.at = (self.at + line.len() + 1).min(self.text.len());
        self.advance();
        Ok(comment)
    }

    /// The comments at the end of a block whose entries start in this column.
    fn take_tail(&mut self, column: usize) -> Vec<Line> {
        let mut kept = 0;
        for (index, line) in self.gap.iter().enumerate() {
            match line {
                Line::Blank => {}
                Line::Comment(_, at) if *at >= column => kept = index + 1,
                Line::Comment(..) => break,
            }
        }
        self.gap.drain(..kept).collect()
    }

    fn is_dash(&self) -> bool {
        self.byte() == Some(b'-') && self.blank_at(self.at + 1)
    }

    /// Where the key that starts here ends, and where its colon stands.
    fn key(&self) -> Option<(usize, usize)> {
        let line = self.line();
        let end = match line.as_bytes().first()? {
            quote @ (b'"' | b'\'') => flow::quoted_end(line, *quote)?,
            b'[' | b'{' | b'|' | b'>' | b'#' => return None,
            _ => {
                let comment = line.find(" #").unwrap_or(line.len());
                let text = line.get(..comment)?.trim_end();
                let inner = text.find(": ").or_else(|| text.find(":\t"));
                inner.or_else(|| text.ends_with(':').then(|| text.len() - 1))?
            }
        };
        let after = line.get(end..)?;
        let colon = end + (after.len() - after.trim_start_matches([' ', '\t']).len());
        let is_key = line.as_bytes().get(colon) == Some(&b':') && self.blank_at(self.at + colon + 1);
        is_key.then_some((self.at + end, self.at + colon))
    }

    /// A node that starts here, and the comment behind it. `parent` is the column of the key or dash it belongs to.
    fn node(&mut self, column: usize, parent: Option<usize>) -> Read<(Node, Option<String>)> {
        if self.byte() == Some(b'?') && self.blank_at(self.at + 1) {
            return Err(
                self.stuck("keys that are written with `? ` have no canonical form; write `key: value`")
            );
        }
        if self.is_dash() {
            // A list in the column of its key leaves the comments of that column to the next key.
            let tail = parent.map_or(column, |parent| column.max(parent + 1));
            return Ok((Node::Block(self.list(column, tail)?), None));
        }
        if self.key().is_some() {
            return Ok((Node::Block(self.mapping(column)?), None));
        }
        self.value(parent)
    }

    fn list(&mut self, column: usize, tail: usize) -> Read<Block> {
        let mut block = Block::default();
        loop {
            let lead = std::mem::take(&mut self.gap);
            self.at += 1;
            block.entries.push(self.entry_value(column, Some(column), lead, None)?);
            if self.next != Some(column) || !self.is_dash() {
                break;
            }
        }
        block.tail = self.take_tail(tail);
        Ok(block)
    }

    fn mapping(&mut self, column: usize) -> Read<Block> {
        let mut block = Block::default();
        loop {
            let Some((end, colon)) = self.key() else { return Err(self.stuck("a key was expected here")) };
            let lead = std::mem::take(&mut self.gap);
            let key = self.text.get(self.at..end).unwrap_or("").trim().to_owned();
            self.at = colon + 1;
            block.entries.push(self.entry_value(column, Some(column), lead, Some(key))?);
            if self.next != Some(column) || self.key().is_none() {
                break;
            }
        }
        block.tail = self.take_tail(column);
        Ok(block)
    }

    /// What stands behind a key or dash, on its line or below; the root if there is no parent.
    fn entry_value(
        &mut self,
        column: usize,
        parent: Option<usize>,
        mut lead: Vec<Line>,
        key: Option<String>,
    ) -> Read<Entry> {
        let mut comment = None;
        let mut at = column;
        if parent.is_some() {
            self.blanks();
            if matches!(self.byte(), None | Some(b'\n' | b'#')) {
                comment = self.end_of_line()?;
                // A list may stand in the column of its key, everything else is deeper.
                at = match self.next {
                    Some(next) if next > column || (next == column && key.is_some() && self.is_dash()) => {
                        next
                    }
                    _ => return Ok(Entry { lead, key, comment, value: Node::Empty }),
                };
                if !self.is_dash() && self.key().is_none() {
                    // Comments between a key and its scalar have no place there.
                    lead.extend(self.gap.drain(..).filter(|line| *line != Line::Blank));
                    lead.extend(comment.take().map(|comment| Line::Comment(comment, column)));
                }
            } else {
                at = self.column();
            }
        }
        let (value, behind) = self.node(at, parent)?;
        Ok(Entry { lead, key, comment: comment.or(behind), value })
    }

    fn value(&mut self, parent: Option<usize>) -> Read<(Node, Option<String>)> {
        match self.byte() {
            Some(b'|' | b'>') => self.literal(parent),
            Some(quote @ (b'"' | b'\'')) => {
                let end =
                    flow::quoted_end(self.rest(), quote).ok_or_else(|| self.stuck("a quote is open"))?;
                let raw = self.raw(end);
                let node = if raw.contains('\n') { lines(raw) } else { Node::Quoted(raw.to_owned()) };
                Ok((node, self.end_of_line()?))
            }
            Some(b'[' | b'{') => {
                let end = flow::extent(self.rest()).ok_or_else(|| self.stuck("a bracket is open"))?;
                let raw = self.raw(end);
                let node = flow::parse(raw).map_or_else(|| lines(raw), Node::Flow);
                Ok((node, self.end_of_line()?))
            }
            _ => self.plain(parent),
        }
    }

    /// The next bytes, which are then done with.
    fn raw(&mut self, length: usize) -> &'s str {
        let raw = self.rest().get(..length).unwrap_or("");
        self.at += raw.len();
        raw
    }

    fn plain(&mut self, parent: Option<usize>) -> Read<(Node, Option<String>)> {
        let start = self.at;
        let mut end = start;
        let mut at = start;
        while let Some(rest) = self.text.get(at..).filter(|rest| !rest.is_empty()) {
            let line = rest.split('\n').next().unwrap_or("");
            let body = line.trim_start();
            let spaces = line.len() - body.len();
            let further = at > start;
            if further && !body.is_empty() {
                let outside = parent.is_some_and(|parent| spaces <= parent);
                let mark = spaces == 0 && (is_mark(line, "---") || is_mark(line, "..."));
                if body.starts_with('#') || outside || mark {
                    break;
                }
            }
            let comment = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
            let text = line.get(..comment.unwrap_or(line.len())).unwrap_or("");
            if !body.is_empty() {
                end = at + text.trim_end().len();
            }
            if comment.is_some() {
                break;
            }
            at += line.len() + 1;
        }
        let node = lines(self.raw(end - start));
        self.blanks();
        Ok((node, self.end_of_line()?))
    }

    fn literal(&mut self, parent: Option<usize>) -> Read<(Node, Option<String>)> {
        let line = self.line();
        let length = line.find([' ', '\t']).unwrap_or(line.len());
        let mut header = line.get(..length).unwrap_or("").to_owned();
        let comment = line.get(length..).map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned);
        let digit = header.bytes().find(u8::is_ascii_digit).map(|d| usize::from(d - b'0'));
        let least = parent.map_or(1, |parent| parent + 1);
        let mut indent = digit.map(|digit| parent.unwrap_or(0) + digit);
        self.at = (self.at + line.len() + 1).min(self.text.len());
        let mut lines: Vec<String> = Vec::new();
        while !self.rest().is_empty() {
            let line = self.line();
            let spaces = line.len() - line.trim_start_matches(' ').len();
            if spaces < line.len() && spaces < *indent.get_or_insert(spaces.max(least)) {
                break;
            }
            lines.push(line.get(indent.unwrap_or(line.len())..).unwrap_or("").to_owned());
            self.at = (self.at + line.len() + 1).min(self.text.len());
        }
        if !header.contains('+') {
            let kept = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
            if kept < lines.len() {
                self.gap.push(Line::Blank);
            }
            lines.truncate(kept);
        }
        // Without a line break at the end of the file the text has none either; the formatted file has one.
        if self.rest().is_empty() && !self.text.ends_with('\n') && !lines.is_empty() {
            header.retain(|c| c != '+' && c != '-');
            header.push('-');
        }
        self.advance();
        Ok((Node::Literal(Literal { header, digit, lines }), comment))
    }
}

/// Text over several lines: the first, and the others with the indentation that goes beyond the least one.
fn lines(raw: &str) -> Node {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = raw.split('\n').skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    let lines = raw.split('\n').enumerate().map(|(index, line)| match index {
        0 => line.to_owned(),
        _ if line.trim().is_empty() => String::new(),
        _ => line.get(least..).unwrap_or("").to_owned(),
    });
    Node::Lines(lines.collect())
}
