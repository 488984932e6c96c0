//! Where things stand: numbers of nodes to bytes of the file.
//!
//! The parser tells a place only in its errors. So the file is parsed a second time with a visitor that accepts
//! no scalar: every refusal carries the place of its scalar, and parsing goes on. That costs one more parse,
//! and only for a file with something to report. Places inside a scalar come from `align`.

use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::align;
use super::tree::{Id, Kind, Node};
use crate::report::{Diagnostic, Label, Mark, Raw};

/// Turns marks into places.
pub(crate) struct Places<'s> {
    text: &'s str,
    entries: Vec<Entry<'s>>,
}

struct Entry<'s> {
    /// Offset of the first byte, for scalars and keys.
    start: Option<usize>,
    what: What<'s>,
}

#[derive(Clone, Copy)]
enum What<'s> {
    Text(&'s str),
    Scalar,
    /// The number of the first key or item.
    Block(Option<Id>),
}

impl<'s> Places<'s> {
    /// Places in a text that has no tree: only ranges of bytes can be asked for.
    pub(crate) fn without_tree(text: &'s str) -> Self {
        Places { text, entries: Vec::new() }
    }

    /// Parses the text once more, along the tree it gave.
    pub(crate) fn new(text: &'s str, root: &'s Node) -> Self {
        let mut places = Places::without_tree(text);
        places.outline(root);
        let lines = line_starts(text);
        let mut walk = Walk { text, lines: &lines, entries: &mut places.entries };
        // The text has parsed before, and the walk accepts everything.
        let _ = Step { walk: &mut walk, node: root }.deserialize(serde_yaml::Deserializer::from_str(text));
        places
    }

    fn outline(&mut self, node: &'s Node) {
        let what = match &node.kind {
            Kind::Text(text) => What::Text(text),
            Kind::List(items) => What::Block(items.first().map(|n| n.id)),
            Kind::Map(entries) => What::Block(entries.first().map(|e| e.key.id)),
            _ => What::Scalar,
        };
        self.entries.push(Entry { start: None, what });
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.outline(item)),
            Kind::Map(entries) => {
                for entry in entries {
                    self.entries.push(Entry { start: None, what: What::Text(&entry.key.text) });
                    self.outline(&entry.value);
                }
            }
            _ => {}
        }
    }

    /// Whether a text scalar stands in the file without quotes on one line.
    pub(crate) fn is_plain(&self, id: Id) -> bool {
        let Some(Entry { start: Some(start), what: What::Text(text) }) = self.entries.get(id) else {
            return false;
        };
        self.text.get(*start..).is_some_and(|rest| rest.starts_with(text))
    }

    /// The problem with its places worked out.
    pub(crate) fn resolve(&self, raw: Raw) -> Diagnostic {
        let mut labels: Vec<Label> = Vec::new();
        for (index, (mark, text)) in raw.labels.into_iter().enumerate() {
            labels.push(self.label(&self.range(&mark), text, index == 0));
        }
        Diagnostic { code: raw.code, severity: raw.severity, message: raw.message, labels, help: raw.help }
    }

    fn range(&self, mark: &Mark) -> Range<usize> {
        match mark {
            Mark::Bytes(range) => range.clone(),
            Mark::Node(id) => self.node(*id),
            Mark::Inside(id, inner) => {
                let whole = self.node(*id);
                let Some(Entry { start: Some(start), what: What::Text(text) }) = self.entries.get(*id) else {
                    return whole;
                };
                align::inside(self.text, *start, text, inner).unwrap_or(whole)
            }
        }
    }

    fn node(&self, id: Id) -> Range<usize> {
        // A block is shown at its first key or item.
        let mut at = id;
        while let Some(Entry { what: What::Block(Some(first)), .. }) = self.entries.get(at) {
            at = *first;
        }
        // What is empty is shown at what stands in front of it, which mostly is its key.
        let before = self.entries.get(..=at).unwrap_or_default().iter().rev();
        before
            .filter_map(|entry| Some(self.scalar(entry.start?, entry.what)))
            .find(|range| !range.is_empty())
            .unwrap_or_default()
    }

    fn scalar(&self, start: usize, what: What<'_>) -> Range<usize> {
        let rest = self.text.get(start..).unwrap_or("");
        let length = match (what, rest.as_bytes().first()) {
            (_, Some(b'|' | b'>')) => 1,
            (What::Text(text), Some(b'"' | b'\'')) => align::inside(self.text, start, text, &(0..text.len()))
                .map_or(1, |inner| inner.end + 1 - start),
            (What::Text(text), _) => {
                align::inside(self.text, start, text, &(0..text.len())).map_or(1, |inner| inner.end - start)
            }
            _ => rest.find([' ', '\t', '\n', '\r', ',', ']', '}']).unwrap_or(rest.len()),
        };
        start..start + length
    }

    /// Clipped to its line and to whole characters: a place that is slightly wrong must not be a crash.
    fn label(&self, range: &Range<usize>, text: String, primary: bool) -> Label {
        let floor = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = floor(range.start);
        let rest = self.text.get(start..).unwrap_or("");
        let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
        let end = floor(range.end.max(start)).min(line_end.max(start)).max(start);
        let before = self.text.get(..start).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Label {
            start,
            end,
            line: before.bytes().filter(|b| *b == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
            text,
            primary,
        }
    }
}

/// Where the parser's lines start. It breaks lines at more characters than we do.
fn line_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = at + c.len_utf8();
        match c {
            '\r' if chars.peek().is_some_and(|(_, c)| *c == '\n') => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => starts.push(next),
            _ => {}
        }
    }
    starts
}

struct Walk<'w, 's> {
    text: &'s str,
    lines: &'w [usize],
    entries: &'w mut Vec<Entry<'s>>,
}

impl Walk<'_, '_> {
    /// Reads the place out of the parser's message, which ends in `at line 3 column 5` unless it is the start.
    fn found(&mut self, id: Id, error: &impl fmt::Display) {
        let message = error.to_string();
        let place = message.rsplit_once(" at line ").and_then(|(_, place)| {
            let (line, column) = place.split_once(" column ")?;
            Some((line.parse::<usize>().ok()?, column.parse::<usize>().ok()?))
        });
        let (line, column) = place.unwrap_or((1, 1));
        let Some(start) = self.lines.get(line.saturating_sub(1)) else { return };
        let rest = self.text.get(*start..).unwrap_or("");
        let offset = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        if let Some(entry) = self.entries.get_mut(id) {
            entry.start = Some(start + offset);
        }
    }
}

struct Step<'w, 'x, 's> {
    walk: &'w mut Walk<'x, 's>,
    node: &'s Node,
}

impl<'de> DeserializeSeed<'de> for Step<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &self.node.kind {
            Kind::List(_) | Kind::Map(_) => deserializer.deserialize_any(self),
            _ => Refused(self.walk, self.node.id).deserialize(deserializer),
        }
    }
}

impl<'de> Visitor<'de> for Step<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the same as before")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if let Kind::List(items) = &self.node.kind {
            for node in items {
                list.next_element_seed(Step { walk: &mut *self.walk, node })?;
            }
        }
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if let Kind::Map(entries) = &self.node.kind {
            for entry in entries {
                map.next_key_seed(Refused(&mut *self.walk, entry.key.id))?;
                map.next_value_seed(Step { walk: &mut *self.walk, node: &entry.value })?;
            }
        }
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Refuses a scalar to learn where it stands.
struct Refused<'w, 'x, 's>(&'w mut Walk<'x, 's>, Id);

impl<'de> DeserializeSeed<'de> for Refused<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Err(error) = deserializer.deserialize_any(Nothing) {
            self.0.found(self.1, &error);
        }
        Ok(())
    }
}

struct Nothing;

impl Visitor<'_> for Nothing {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("nothing")
    }
}
