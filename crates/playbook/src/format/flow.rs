//! Values between brackets, and quotes.
//!
//! A flow value that holds a comment or a scalar over several lines is not taken apart: it stays as it is written.

use super::tree::Flow;
use crate::source::tree::{self, Kind};
use crate::source::{MAX_DEPTH, scan};

/// Where the quoted scalar at the start of the text ends.
pub(super) fn quoted_end(text: &str, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        if byte == b'\\' && quote == b'"' {
            at += 1;
        } else if byte == quote {
            if quote == b'\'' && bytes.get(at) == Some(&quote) {
                at += 1;
            } else {
                return Some(at);
            }
        }
    }
}

/// Where the list or mapping at the start of the text ends.
pub(super) fn extent(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut node_start) = (0, 0usize, true);
    loop {
        let byte = *bytes.get(at)?;
        match byte {
            b' ' | b'\t' | b'\n' => {}
            b'#' if matches!(at.checked_sub(1).and_then(|at| bytes.get(at)), Some(b' ' | b'\t' | b'\n')) => {
                at += text.get(at..)?.find('\n')?;
            }
            b'[' | b'{' => {
                depth += 1;
                node_start = true;
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                node_start = false;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' => node_start = true,
            // Inside plain text a colon with something right behind it is text.
            b':' => {
                let quoted = matches!(at.checked_sub(1).and_then(|at| bytes.get(at)), Some(b'"' | b'\''));
                let ends = matches!(bytes.get(at + 1), None | Some(b' ' | b'\t' | b'\n' | b'[' | b'{'));
                node_start = quoted || ends;
            }
            b'"' | b'\'' if node_start => {
                at += quoted_end(text.get(at..)?, byte)? - 1;
                node_start = false;
            }
            _ => node_start = false,
        }
        at += 1;
    }
}

/// The value with its quotes in canonical form, unless something in it must stay where it stands.
pub(super) fn parse(raw: &str) -> Option<Flow> {
    read(raw).map(canonical)
}

/// Quotes are looked at once here, because the width of a line is asked for again at every level.
fn canonical(value: Flow) -> Flow {
    match value {
        Flow::Quoted(raw) => match unquoted(&raw, true) {
            text if text.starts_with(['"', '\'']) => Flow::Quoted(text),
            text => Flow::Plain(text),
        },
        Flow::List(items) => Flow::List(items.into_iter().map(canonical).collect()),
        Flow::Map(entries) => {
            Flow::Map(entries.into_iter().map(|(raw, value)| (key(&raw), canonical(value))).collect())
        }
        plain @ Flow::Plain(_) => plain,
    }
}

/// The value as it is written.
fn read(raw: &str) -> Option<Flow> {
    let mut parser = Parser { text: raw, at: 0 };
    let value = parser.value(0)?;
    (parser.at == raw.len()).then_some(value)
}

struct Parser<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Parser<'s> {
    fn rest(&self) -> &'s str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n']).len();
    }

    fn byte(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.byte() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Option<Flow> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.byte()? {
            b'[' => self.list(depth + 1),
            b'{' => self.mapping(depth + 1),
            quote @ (b'"' | b'\'') => self.quoted(quote).map(Flow::Quoted),
            _ => self.plain().map(Flow::Plain),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Flow> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip();
            if self.eat(b']') {
                return Some(Flow::List(items));
            }
            items.push(self.value(depth)?);
            self.skip();
            if !self.eat(b',') && self.byte() != Some(b']') {
                return None;
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Option<Flow> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            self.skip();
            if self.eat(b'}') {
                return Some(Flow::Map(entries));
            }
            let key = match self.byte()? {
                quote @ (b'"' | b'\'') => self.quoted(quote)?,
                _ => self.plain()?,
            };
            self.skip();
            if !self.eat(b':') {
                return None;
            }
            self.skip();
            entries.push((key, self.value(depth)?));
            self.skip();
            if !self.eat(b',') && self.byte() != Some(b'}') {
                return None;
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Option<String> {
        let raw = self.rest().get(..quoted_end(self.rest(), quote)?)?;
        self.at += raw.len();
        (!raw.contains('\n')).then(|| raw.to_owned())
    }

    fn plain(&mut self) -> Option<String> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let ends = |at: usize, byte: u8| match byte {
            b',' | b'[' | b']' | b'{' | b'}' | b'\n' => true,
            b':' => matches!(
                bytes.get(at + 1),
                None | Some(b' ' | b'\t' | b'\n' | b',' | b'[' | b']' | b'{' | b'}')
            ),
            _ => false,
        };
        let length = bytes.iter().enumerate().find(|(at, byte)| ends(*at, **byte)).map(|(at, _)| at)?;
        let text = rest.get(..length)?.trim_end();
        let odd = text.is_empty()
            || text.starts_with(['#', '!', '&', '*', '?', '|', '>', '%', '@', '`'])
            || text == "-"
            || text.starts_with("- ")
            || text.contains(" #")
            || text.contains("\t#");
        self.at += length;
        (!odd).then(|| text.to_owned())
    }
}

/// The shortest spelling of what stands between quotes: none if the parser reads the same text without them.
pub(super) fn unquoted(raw: &str, flow: bool) -> String {
    match inner(raw) {
        Some(text) if is_plain(&text, flow) => text,
        // An expression with double quotes in it is easier to read between single ones.
        Some(text) if raw.starts_with('\'') && !text.contains(['"', '\\']) => format!("\"{text}\""),
        _ => raw.to_owned(),
    }
}

/// The shortest spelling of a key.
pub(super) fn key(raw: &str) -> String {
    let short =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    match inner(raw) {
        Some(text) if short(&text) && is_plain(&text, true) => text,
        Some(text) if raw.starts_with('\'') && !text.contains(['"', '\\']) => format!("\"{text}\""),
        _ => raw.to_owned(),
    }
}

/// What stands between quotes, if that is no matter of escapes.
fn inner(raw: &str) -> Option<String> {
    let single =
        raw.strip_prefix('\'').and_then(|raw| raw.strip_suffix('\'')).map(|raw| raw.replace("''", "'"));
    single.or_else(|| {
        let double = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'))?;
        (!double.contains('\\')).then(|| double.to_owned())
    })
}

/// Whether the text is read as itself without quotes, here and by tools of YAML 1.1.
fn is_plain(text: &str, flow: bool) -> bool {
    if text.is_empty()
        || text.trim() != text
        || text.contains(|c: char| c.is_control())
        || is_other_word(text)
    {
        return false;
    }
    let document = if flow { format!("[{text}]") } else { format!("k: {text}\n") };
    // Read back by this reader, by the scan and by the parser.
    let again = |value: Option<Flow>| match value {
        Some(Flow::List(items)) => matches!(items.as_slice(), [Flow::Plain(found)] if found == text),
        _ => false,
    };
    let ours = !flow || (extent(&document) == Some(document.len()) && again(read(&document)));
    if !ours || !scan::problems(&document).is_empty() {
        return false;
    }
    let same = |node: &tree::Node| node.text() == Some(text);
    tree::parse(&document).is_ok_and(|tree| match &tree.root.kind {
        Kind::List(items) => matches!(items.as_slice(), [item] if same(item)),
        Kind::Map(entries) => matches!(entries.as_slice(), [entry] if same(&entry.value)),
        _ => false,
    })
}

/// What tools of YAML 1.1 take for a boolean or a number, generously.
fn is_other_word(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    matches!(word.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~")
        || text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'_' | b':' | b'.' | b'-' | b'+' | b','))
}
