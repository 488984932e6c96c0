//! Reading a mapping with known keys: everything unknown is an error with a suggestion.
//!
//! The readers report what is wrong and return `None` or a default, so that one mistake does not hide the next.

use std::time::Duration;

use expr::{Template, nearest};

use crate::codes;
use crate::report::{Raw, Sink};
use crate::source::text::shown;
use crate::source::tree::{Entry, Id, Kind, Node};

/// A mapping that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'n> {
    /// The mapping, or the key in front of it.
    pub(crate) at: Id,
    pub(crate) entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The mapping with these keys and no others. `what` is what messages call it ("a step").
    pub(crate) fn read(node: &'n Node, what: &str, known: &[&str], sink: &mut Sink) -> Option<Self> {
        let fields = Self::open(node, what, sink)?;
        for Entry { key, .. } in fields.entries {
            if !known.contains(&key.text.as_str()) && key.text != "<<" {
                sink.push(unknown_key(key.id, &key.text, what, known));
            }
        }
        Some(fields)
    }

    /// The mapping, whatever its keys.
    pub(crate) fn open(node: &'n Node, what: &str, sink: &mut Sink) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Fields { at: node.id, entries }),
            _ => {
                sink.push(wrong_kind(node, what, "a mapping"));
                None
            }
        }
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|e| e.key.text == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|e| &e.value)
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&self, name: &str, what: &str, help: &str, sink: &mut Sink) -> Option<&'n Node> {
        let found = self.get(name);
        // A misspelt key has been reported with this one as the suggestion.
        let misspelt = || self.entries.iter().any(|e| nearest(&e.key.text, [name]).is_some());
        if found.is_none() && !misspelt() {
            sink.push(
                Raw::error(codes::MISSING_KEY, format!("{what} needs `{name}`")).node(self.at, "").help(help),
            );
        }
        found
    }

    /// Whether there is a key that is probably one of these; it has been reported as unknown.
    pub(crate) fn misspells(&self, names: &[&str]) -> bool {
        let known = |text: &str| names.contains(&text);
        self.entries
            .iter()
            .any(|e| !known(&e.key.text) && nearest(&e.key.text, names.iter().copied()).is_some())
    }

    /// Plain text without expressions.
    pub(crate) fn text(&self, name: &str, sink: &mut Sink) -> Option<&'n str> {
        let node = self.get(name)?;
        match node.text().filter(|text| !Template::has_expression(text)) {
            Some(text) => Some(text),
            None => plain_text(node, &format!("`{name}`"), sink),
        }
    }

    pub(crate) fn duration(&self, name: &str, limits: Limits, sink: &mut Sink) -> Option<Duration> {
        let node = self.get(name)?;
        duration(node, name, limits, sink)
    }

    /// One of a few words.
    pub(crate) fn word(&self, name: &str, known: &[&'static str], sink: &mut Sink) -> Option<&'static str> {
        let node = self.get(name)?;
        let said = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Bool(value) => value.to_string(),
            _ => {
                sink.push(wrong_kind(node, &format!("`{name}`"), &format!("one of {}", quoted(known))));
                return None;
            }
        };
        let found = known.iter().find(|word| **word == said).copied();
        if found.is_none() {
            let help = nearest(&said, known.iter().copied()).map_or_else(
                || format!("write one of {}", quoted(known)),
                |near| format!("did you mean `{near}`?"),
            );
            sink.push(
                Raw::error(codes::UNKNOWN_WORD, format!("`{name}` cannot be `{}`", shown(&said)))
                    .node(node.id, "")
                    .help(help),
            );
        }
        found
    }

    /// A whole number inside limits.
    pub(crate) fn number(&self, name: &str, least: u32, most: u32, sink: &mut Sink) -> Option<u32> {
        let node = self.get(name)?;
        let Kind::Int(value) = node.kind else {
            if matches!(node.kind, Kind::Unsigned(_)) {
                sink.push(out_of_range(node, name, &format!("from {least} to {most}")));
            } else if !no_expression(node, &format!("`{name}`"), sink) {
                sink.push(wrong_kind(node, &format!("`{name}`"), "a whole number"));
            }
            return None;
        };
        match u32::try_from(value) {
            Ok(value) if (least..=most).contains(&value) => Some(value),
            _ => {
                sink.push(out_of_range(node, name, &format!("from {least} to {most}")));
                None
            }
        }
    }
}

pub(crate) fn unknown_key(key: Id, text: &str, what: &str, known: &[&str]) -> Raw {
    let help = nearest(text, known.iter().copied()).map_or_else(
        || format!("known keys: {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    Raw::error(codes::UNKNOWN_KEY, format!("{what} has no key `{}`", shown(text)))
        .node(key, "unknown key")
        .help(help)
}

/// `1 error`, `2 errors`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(crate) fn quoted(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn wrong_kind(node: &Node, what: &str, wanted: &str) -> Raw {
    Raw::error(codes::WRONG_KIND, format!("{what} must be {wanted}, this is {}", node.what()))
        .node(node.id, "")
}

fn out_of_range(node: &Node, name: &str, range: &str) -> Raw {
    Raw::error(codes::OUT_OF_RANGE, format!("`{name}` must be {range}")).node(node.id, "")
}

/// Text that is not computed.
pub(crate) fn plain_text<'n>(node: &'n Node, what: &str, sink: &mut Sink) -> Option<&'n str> {
    let Some(text) = node.text() else {
        let raw = wrong_kind(node, what, "text");
        let scalar = !matches!(node.kind, Kind::List(_) | Kind::Map(_) | Kind::Null);
        sink.push(raw.maybe_help(scalar.then_some("put it in quotes")));
        return None;
    };
    if no_expression(node, what, sink) {
        return None;
    }
    Some(text)
}

/// Reports an expression where none can be.
pub(crate) fn no_expression(node: &Node, what: &str, sink: &mut Sink) -> bool {
    let found = node.text().is_some_and(Template::has_expression);
    if found {
        sink.push(
            Raw::error(codes::NO_EXPRESSION, format!("{what} cannot be computed"))
                .node(node.id, "needed before the run starts")
                .help("write the value itself"),
        );
    }
    found
}

/// A name that can stand in expressions and paths.
pub(crate) fn name_problem(text: &str) -> Option<Option<String>> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if first && rest && text.len() <= 64 {
        return None;
    }
    let mut better = String::new();
    for c in text.chars().take(64) {
        match c {
            'a'..='z' | '0'..='9' | '_' => better.push(c),
            'A'..='Z' => better.push(c.to_ascii_lowercase()),
            '-' | ' ' | '.' => better.push('_'),
            _ => return Some(None),
        }
    }
    let usable = better.starts_with(|c: char| c.is_ascii_lowercase());
    Some(usable.then_some(better))
}

/// Reports a name that is none; `what` is what it names.
pub(crate) fn check_name(at: Id, text: &str, what: &str, sink: &mut Sink) -> bool {
    let Some(better) = name_problem(text) else { return true };
    let help = match better {
        Some(better) => {
            format!("write `{better}`: lower-case letters, digits and `_`, starting with a letter")
        }
        None => "use lower-case letters, digits and `_`, starting with a letter; at most 64".to_owned(),
    };
    sink.push(
        Raw::error(codes::BAD_NAME, format!("`{}` cannot be the name of {what}", shown(text)))
            .node(at, "")
            .help(help),
    );
    false
}

/// The shortest and longest duration allowed somewhere.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) least: u64,
    pub(crate) most: u64,
    pub(crate) words: &'static str,
}

const DAY: u64 = 24 * 60 * 60;
pub(crate) const STEP_TIMEOUT: Limits = Limits { least: 1, most: DAY, words: "from 1s to 24h" };
pub(crate) const RUN_DEADLINE: Limits = Limits { least: 1, most: 30 * DAY, words: "from 1s to 30d" };
pub(crate) const EVERY: Limits = Limits { least: 5, most: DAY, words: "from 5s to 24h" };
pub(crate) const CACHE: Limits = Limits { least: 1, most: 30 * DAY, words: "from 1s to 30d" };
pub(crate) const WINDOW: Limits = Limits { least: 1, most: DAY, words: "from 1s to 24h" };
pub(crate) const RETRY_WAIT: Limits = Limits { least: 1, most: 3600, words: "from 1s to 1h" };

pub(crate) fn duration(node: &Node, name: &str, limits: Limits, sink: &mut Sink) -> Option<Duration> {
    if no_expression(node, &format!("`{name}`"), sink) {
        return None;
    }
    let wrong = |said: &str| {
        Raw::error(codes::DURATION, format!("`{name}` is not a duration: {said}"))
            .node(node.id, "")
            .help("write a number with a unit: `30s`, `5m`, `1h30m`, `2d`")
    };
    let text = match &node.kind {
        Kind::Text(text) => text,
        Kind::Int(n) => {
            sink.push(wrong(&format!("{n} of what?")));
            return None;
        }
        _ => {
            sink.push(wrong(&format!("this is {}", node.what())));
            return None;
        }
    };
    let Some(seconds) = seconds(text) else {
        sink.push(wrong(&format!("`{}`", shown(text))));
        return None;
    };
    if seconds < limits.least || seconds > limits.most {
        sink.push(out_of_range(node, name, limits.words));
        return None;
    }
    Some(Duration::from_secs(seconds))
}

/// `1h30m` in seconds. Units go from large to small, each at most once.
fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b'd' => DAY,
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        if unit >= last {
            return None;
        }
        last = unit;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = rest.get(digits + 1..)?;
    }
    (last != u64::MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("2d"), Some(172_800));
        for wrong in
            ["", "5", "s", "5x", "5m1h", "1m1m", "-1s", "1.5s", "99999999999999999999s", "99999999999999999d"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
