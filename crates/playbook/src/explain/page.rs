//! One page, taken out of the Markdown of its family.
//!
//! ```text
//! ## P0301
//! Why there is such a rule.
//! ### Wrong
//! (a fenced example)
//! ### Right
//! (a fenced example, and the files beside both with their names on the fence)
//! ```
//!
//! An example that does not start with `playbook: 1` is a part of a playbook; [`Example::playbook`] gives the whole.
//! A character that cannot be shown stands as `<U+202E>`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codes::Code;

/// What there is to know about a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Such as `P0301`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What the rule is.
    pub what: &'static str,
    /// Why there is one, and what to do.
    pub why: String,
    /// Leads to this code.
    pub wrong: Example,
    /// Does not.
    pub right: Example,
}

/// A playbook or a part of one, and the files beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// As it is shown.
    pub text: String,
    /// By their path.
    pub files: BTreeMap<String, Arc<str>>,
}

impl Example {
    /// The whole playbook: with the head that the example leaves out, and with the characters that cannot be shown.
    pub fn playbook(&self) -> String {
        let text = characters(&self.text);
        if text.contains("playbook:") || text.lines().all(|line| line.starts_with('#')) {
            return text;
        }
        let mut head = String::from("playbook: 1\nid: example\n");
        if !text.contains("connections:") && text.contains("mail.") {
            head.push_str("connections: { mail: { kind: exchange } }\n");
        }
        let steps = if text.contains("\nsteps:") || text.starts_with("steps:") {
            ""
        } else {
            "steps:\n  - fail: Nothing to do.\n"
        };
        format!("{head}{text}{steps}")
    }
}

/// `<U+202E>` as the character.
fn characters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<U+") {
        out.push_str(before);
        let found = after.split_once('>').and_then(|(hex, after)| {
            let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?;
            Some((c, after))
        });
        match found {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push_str("<U+");
                rest = after;
            }
        }
    }
    out + rest
}

impl Page {
    /// The page of a code among those of its family.
    pub(super) fn find(pages: &str, code: &'static Code) -> Option<Page> {
        let heading = format!("## {}\n", code.code);
        let start = pages.find(&heading)? + heading.len();
        let text = pages.get(start..)?;
        let text = text.split("\n## ").next().unwrap_or(text);
        let (why, examples) = text.split_once("### Wrong\n")?;
        let (wrong, right) = examples.split_once("### Right\n")?;
        let why = why.trim().replace('\n', " ");
        let (mut wrong, mut right) = (example(wrong), example(right));
        // Files are written once and stand beside both examples; one that is written twice differs.
        for (path, text) in right.files.clone() {
            wrong.files.entry(path).or_insert(text);
        }
        for (path, text) in wrong.files.clone() {
            right.files.entry(path).or_insert(text);
        }
        Some(Page { code: code.code, title: code.title, what: code.explanation, why, wrong, right })
    }

    /// As plain text for a terminal.
    pub fn to_text(&self) -> String {
        let indented = |text: &str| -> String {
            text.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect()
        };
        let mut out = format!("{}: {}\n\n", self.code, self.title);
        for paragraph in [self.what, self.why.as_str()] {
            out.push_str(&wrapped(paragraph, 96));
            out.push('\n');
        }
        out.push_str(&format!(
            "Wrong:\n\n{}\nRight:\n\n{}",
            indented(&self.wrong.text),
            indented(&self.right.text)
        ));
        for (path, text) in &self.right.files {
            out.push_str(&format!("\nBeside it, {path}:\n\n{}", indented(text)));
        }
        out
    }

    /// As Markdown, without a heading.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("{}\n\n", self.what);
        if !self.why.is_empty() {
            out.push_str(&format!("{}\n\n", self.why));
        }
        out.push_str(&format!(
            "Wrong:\n\n```yaml\n{}```\n\nRight:\n\n```yaml\n{}```\n",
            self.wrong.text, self.right.text
        ));
        for (path, text) in &self.right.files {
            out.push_str(&format!("\nBeside it, `{path}`:\n\n```\n{text}```\n"));
        }
        out
    }
}

/// The fenced parts: the one without a name is the example.
fn example(text: &str) -> Example {
    let mut example = Example::default();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```") {
        let Some((info, after)) = after.split_once('\n') else { break };
        // The fence that closes stands at the beginning of a line.
        let (body, after) = match after.strip_prefix("```") {
            Some(after) => (String::new(), after),
            None => match after.split_once("\n```") {
                Some((body, after)) => (format!("{body}\n"), after),
                None => break,
            },
        };
        match info.split_whitespace().nth(1) {
            Some(path) => {
                example.files.insert(path.to_owned(), Arc::from(body));
            }
            None => example.text = body,
        }
        rest = after;
    }
    example
}

/// Words in lines of at most this many characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        }
        if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    if column > 0 {
        out.push('\n');
    }
    out
}
