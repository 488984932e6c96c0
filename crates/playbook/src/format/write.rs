//! The tree of the spelling back into text: two spaces a level, one space behind a colon, no trailing blanks.

use super::flow::{key, unquoted};
use super::tree::{Block, Entry, Flow, Line, Literal, Node};

/// A flow value that would end behind this column is written over several lines.
const WIDTH: usize = 100;

/// The text of a file.
pub(super) fn write(root: Entry, tail: &[Line]) -> String {
    let mut writer = Writer { out: String::new(), keep: false };
    let mut lead = root.lead;
    match root.value {
        Node::Block(mut block) => {
            settle(&mut block, 0);
            writer.block(&block, 0, false);
        }
        Node::Flow(value) => {
            lead.extend(root.comment.map(|comment| Line::Comment(comment, 0)));
            let mut block = spread(value);
            if let Some(first) = block.entries.first_mut() {
                first.lead = lead;
            }
            settle(&mut block, 0);
            writer.block(&block, 0, false);
        }
        // Only a mapping is a playbook; anything else is refused before.
        _ => {}
    }
    writer.lead(tail, 0);
    writer.out
}

/// Decides what needs several lines, and moves comments to where they can stand.
fn settle(block: &mut Block, indent: usize) {
    for entry in &mut block.entries {
        entry.value = match std::mem::replace(&mut entry.value, Node::Empty) {
            Node::Flow(value) if !fits(entry.key.as_deref(), &value, indent) => Node::Block(spread(value)),
            other => other,
        };
        let Node::Block(inner) = &mut entry.value else { continue };
        settle(inner, indent + 2);
        // The first key of an item stands behind the dash, so what comes before it comes before the dash.
        if let (None, Some(first)) = (&entry.key, inner.entries.first_mut()) {
            entry.lead.extend(entry.comment.take().map(|comment| Line::Comment(comment, indent)));
            let before = std::mem::take(&mut first.lead);
            entry.lead.extend(before.into_iter().skip_while(|line| *line == Line::Blank));
        }
    }
}

fn fits(key_text: Option<&str>, value: &Flow, indent: usize) -> bool {
    let empty = match value {
        Flow::List(items) => items.is_empty(),
        Flow::Map(entries) => entries.is_empty(),
        _ => true,
    };
    let prefix = key_text.map_or(1, |raw| key(raw).chars().count() + 1);
    empty || indent + prefix + 1 + one_line(value).chars().count() <= WIDTH
}

/// A flow value as a block; what is inside stays between brackets as long as it fits.
fn spread(value: Flow) -> Block {
    let entry = |key: Option<String>, value: Flow| {
        let value = match value {
            Flow::Plain(text) => Node::Lines(vec![text]),
            Flow::Quoted(raw) => Node::Quoted(raw),
            deeper => Node::Flow(deeper),
        };
        Entry { lead: Vec::new(), key, comment: None, value }
    };
    let entries = match value {
        Flow::List(items) => items.into_iter().map(|item| entry(None, item)).collect(),
        Flow::Map(entries) => entries.into_iter().map(|(key, value)| entry(Some(key), value)).collect(),
        scalar => vec![entry(None, scalar)],
    };
    Block { entries, tail: Vec::new() }
}

fn one_line(value: &Flow) -> String {
    match value {
        Flow::Plain(text) | Flow::Quoted(text) => text.clone(),
        Flow::List(items) => {
            let items: Vec<String> = items.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Flow::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Flow::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key}: {}", one_line(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

struct Writer {
    out: String,
    /// The last text keeps its blank lines at the end (`|+`), so none may be added.
    keep: bool,
}

impl Writer {
    fn pad(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// Comments and blank lines, of which at most one in a row and none at the top of a block.
    fn lead(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            match line {
                Line::Blank => {
                    let needless = self.keep || self.out.is_empty() || self.out.ends_with("\n\n");
                    if !needless {
                        self.out.push('\n');
                    }
                }
                Line::Comment(text, _) => {
                    self.pad(indent);
                    self.out.push_str(text);
                    self.out.push('\n');
                    self.keep = false;
                }
            }
        }
    }

    fn block(&mut self, block: &Block, indent: usize, behind_dash: bool) {
        for (index, entry) in block.entries.iter().enumerate() {
            if index > 0 || !behind_dash {
                let blank = entry.lead.iter().take_while(|line| **line == Line::Blank).count();
                let lead = if index == 0 { entry.lead.get(blank..).unwrap_or_default() } else { &entry.lead };
                self.lead(lead, indent);
                self.pad(indent);
            }
            self.entry(entry, indent);
        }
        self.lead(&block.tail, indent);
    }

    fn entry(&mut self, entry: &Entry, indent: usize) {
        match &entry.key {
            Some(raw) => self.out.push_str(&format!("{}:", key(raw))),
            None => self.out.push('-'),
        }
        self.keep = false;
        match &entry.value {
            Node::Empty => self.end(entry),
            Node::Quoted(raw) => {
                self.out.push_str(&format!(" {}", unquoted(raw, false)));
                self.end(entry);
            }
            Node::Flow(value) => {
                self.out.push_str(&format!(" {}", one_line(value)));
                self.end(entry);
            }
            Node::Lines(lines) => {
                self.out.push(' ');
                for (index, line) in lines.iter().enumerate() {
                    if index > 0 {
                        self.out.push('\n');
                        self.pad(if line.is_empty() { 0 } else { indent + 2 });
                    }
                    self.out.push_str(line);
                }
                self.end(entry);
            }
            Node::Literal(literal) => {
                self.out.push_str(&format!(" {}", literal.header));
                self.end(entry);
                self.literal(literal, indent);
            }
            Node::Block(block) if entry.key.is_none() => {
                self.out.push(' ');
                self.block(block, indent + 2, true);
            }
            Node::Block(block) => {
                self.end(entry);
                self.block(block, indent + 2, false);
            }
        }
    }

    /// The comment behind an entry, and the end of its line.
    fn end(&mut self, entry: &Entry) {
        if let Some(comment) = &entry.comment {
            self.out.push_str(&format!(" {comment}"));
        }
        self.out.push('\n');
    }

    fn literal(&mut self, literal: &Literal, indent: usize) {
        for line in &literal.lines {
            if !line.is_empty() {
                self.pad(indent + literal.digit.unwrap_or(2));
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
        self.keep = literal.header.contains('+');
    }
}
