//! The commands that messages tell a person to type next: with the `--config` and `--data` that this one was given, so
//! that they reach the same runs and connections from where the person stands.
//!
//! Whether a run goes on with a simulator is in its history, so no command that goes on with one takes `--sim`.

use std::path::Path;
use std::sync::OnceLock;

use crate::wire::Shared;

/// What this command was given, ready to be put behind another one.
static GIVEN: OnceLock<String> = OnceLock::new();

/// What reads the configuration or the data folder.
const VERBS: [&str; 12] = [
    "action",
    "answer",
    "approve",
    "audit",
    "connection",
    "plan",
    "reject",
    "rerun",
    "run",
    "runs",
    "signal",
    "undo",
];

/// Remembers what was given.
pub(crate) fn remember(shared: &Shared) {
    let flag = |name: &str, place: Option<&Path>| {
        place.map_or_else(String::new, |place| format!(" --{name} {}", word(&place.display().to_string())))
    };
    let given = flag("config", shared.config.as_deref()) + &flag("data", shared.data.as_deref());
    // There is one command in a process.
    let _ = GIVEN.set(given);
}

/// A text in which every command in backticks, and every one that is a line of its own, has what was given.
pub(crate) fn carry(text: &str) -> String {
    match GIVEN.get() {
        Some(given) if !given.is_empty() => put(text, given),
        _ => text.to_owned(),
    }
}

fn put(text: &str, given: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        if is_command(content.trim_start()) && content.starts_with(' ') {
            out.push_str(content);
            out.push_str(given);
        } else {
            for (at, part) in content.split('`').enumerate() {
                if at > 0 {
                    out.push('`');
                }
                out.push_str(part);
                // Between two backticks.
                if at % 2 == 1 && is_command(part) {
                    out.push_str(given);
                }
            }
        }
        out.push_str(end);
    }
    out
}

fn is_command(text: &str) -> bool {
    let verb = text.strip_prefix("portcullis ").and_then(|rest| rest.split(' ').next());
    verb.is_some_and(|verb| VERBS.contains(&verb))
}

/// A path as a shell reads it back.
fn word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    match !path.is_empty() && path.chars().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_what_was_given() {
        let lines = "\n  portcullis approve r1 a/b\n  portcullis reject r1 a/b";
        let expected = "\n  portcullis approve r1 a/b --data d\n  portcullis reject r1 a/b --data d";
        assert_eq!(put(lines, " --data d"), expected);
        let sentence =
            "run r1 is kept; `portcullis runs resume r1` goes on, see `a` and `portcullis explain P1`\n";
        let expected = "run r1 is kept; `portcullis runs resume r1 --data d` goes on, see `a` and `portcullis explain P1`\n";
        assert_eq!(put(sentence, " --data d"), expected);
        assert_eq!(put("portcullis runs", " --data d"), "portcullis runs");
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(word("/var/lib/portcullis"), "/var/lib/portcullis");
        assert_eq!(word("my runs"), "'my runs'");
        assert_eq!(word("it's"), "'it'\\''s'");
    }
}
