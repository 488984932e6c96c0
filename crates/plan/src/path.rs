//! Where a step stands in a run: `clean/per_mailbox[17]/delete`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest path that is read from a person, in bytes. A name has at most 64, and playbooks do not nest this deep.
const MAX_PATH: usize = 4096;

/// The place of one execution of a step: ids joined by `/`, loop items in brackets.
///
/// The same text is valid in every command, in the journal and in every message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(String);

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathError {
    text: String,
    reason: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no place in a playbook: {}; a place is written as `clean/per_mailbox[17]/delete`",
            self.text, self.reason
        )
    }
}

impl std::error::Error for PathError {}

/// One part of a path: `per_mailbox[17]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    /// The id of a step, or the name of a branch.
    pub(crate) name: &'a str,
    /// The number of an item or round.
    pub(crate) index: Option<usize>,
}

impl StepPath {
    /// The run itself, above every step.
    pub fn root() -> Self {
        StepPath::default()
    }

    /// A path that a person wrote. Whether a playbook has the place is another question: [`crate::find_place`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let wrong = |reason: String| PathError { text: shown(text), reason };
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        if text.len() > MAX_PATH {
            return Err(wrong(format!("it is longer than {MAX_PATH} bytes")));
        }
        for part in text.split('/') {
            segment(part).map_err(wrong)?;
        }
        Ok(StepPath(text.to_owned()))
    }

    /// Its parts from the outside in. What could not be read as one is an error, because a path may come from
    /// anywhere.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Result<Segment<'_>, String>> {
        self.0.split('/').filter(|_| !self.0.is_empty()).map(segment)
    }

    /// The path of a step, branch or case inside this one.
    #[must_use]
    pub fn child(&self, id: &str) -> Self {
        if self.0.is_empty() { StepPath(id.to_owned()) } else { StepPath(format!("{}/{id}", self.0)) }
    }

    /// The path of the loop item with this index.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        StepPath(format!("{}[{index}]", self.0))
    }

    /// Where the step stands in the playbook, without the numbers of items and rounds: `clean/per_mailbox/delete`.
    pub fn place(&self) -> String {
        let mut inside = false;
        let outside = |letter: &char| {
            inside |= *letter == '[';
            let keep = !inside;
            inside &= *letter != ']';
            keep
        };
        self.0.chars().filter(outside).collect()
    }

    /// The text, e.g. `clean/per_mailbox[17]/delete`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads `per_mailbox[17]`.
fn segment(part: &str) -> Result<Segment<'_>, String> {
    if part.is_empty() {
        return Err("a name is missing beside a `/`".to_owned());
    }
    let Some((name, rest)) = part.split_once('[') else {
        return is_name(part).map(|()| Segment { name: part, index: None });
    };
    is_name(name)?;
    let Some(number) = rest.strip_suffix(']') else {
        return Err(format!("`{}` does not end with `]`", shown(part)));
    };
    if number == "*" || number.is_empty() {
        return Err(format!("for every item, write `{name}` without brackets"));
    }
    match number.parse::<u32>() {
        Ok(index) if index.to_string() == number => Ok(Segment { name, index: usize::try_from(index).ok() }),
        Ok(index) => Err(format!("write `{name}[{index}]`")),
        Err(_) => Err(format!("`{}` is not the number of an item; the first one is 0", shown(number))),
    }
}

/// As the checker wants ids to be, and the ids it makes up itself.
fn is_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match name {
        "" => Err("a name is missing in front of `[`".to_owned()),
        _ if name.len() > 64 => Err(format!("`{}` is longer than a name can be", shown(name))),
        _ if !name.chars().all(fits) => {
            Err(format!("`{}` is no name: lower-case letters, digits and `_`", shown(name)))
        }
        _ => Ok(()),
    }
}

/// What is repeated of a text that may be anything.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(80).map(clean).collect();
    if shown.len() < text.len() && text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for StepPath {
    fn from(text: &str) -> Self {
        StepPath(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_path_that_is_written() {
        let path = StepPath::root().child("clean").child("per_mailbox").item(17).child("_uses2").item(0);
        assert_eq!(StepPath::parse(path.as_str()), Ok(path.clone()));
        let parts: Vec<_> = path.segments().map(|part| part.unwrap()).collect();
        assert_eq!(parts[1], Segment { name: "per_mailbox", index: Some(17) });
        assert_eq!(StepPath::root().segments().count(), 0);
    }

    #[test]
    fn says_what_is_wrong_with_anything_else() {
        for (text, wanted) in [
            ("", "it is empty"),
            ("/a", "a name is missing beside a `/`"),
            ("a//b", "a name is missing"),
            ("a/", "a name is missing"),
            ("a[*]/b", "for every item, write `a` without brackets"),
            ("a[]", "for every item, write `a` without brackets"),
            ("a[07]", "write `a[7]`"),
            ("a[-1]", "the first one is 0"),
            ("a[99999999999]", "the first one is 0"),
            ("a[1][2]", "is not the number of an item"),
            ("a[1", "does not end with `]`"),
            ("a[1]b", "does not end with `]`"),
            ("[1]", "a name is missing in front of `[`"),
            ("Clean", "lower-case letters"),
            ("a b", "lower-case letters"),
            ("a\u{1b}[31m", "lower-case letters"),
        ] {
            let error = StepPath::parse(text).unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains('\u{1b}'), "{text:?}: {error}");
        }
        assert!(StepPath::parse(&"a/".repeat(5000)).unwrap_err().to_string().contains("longer"));
    }
}
