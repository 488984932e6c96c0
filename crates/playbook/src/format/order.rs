//! The order of keys: that of the guide, at the top and in steps. Other mappings are the author's.
//!
//! Keys that nobody knows stay behind the known ones in their own order: `check` will name them, and `fmt` does
//! not lose them.

use super::tree::{Block, Flow, Line, Node};
use crate::lower::TOP_KEYS;

/// What a step is, what it does, how, with what, and what follows.
const STEP: &[&str] = &[
    "id",
    "name",
    "needs",
    "join",
    "if",
    "uses",
    "set",
    "foreach",
    "while",
    "switch",
    "parallel",
    "dag",
    "try",
    "call",
    "approve",
    "ask",
    "wait",
    "assert",
    "return",
    "fail",
    "as",
    "max_parallel",
    "limit",
    "max",
    "state",
    "connection",
    "timeout",
    "retry",
    "rate_limit",
    "cache",
    "idempotency",
    "accept_untrusted",
    "on_error",
    "on_item_error",
    "on_branch_error",
    "with",
    "connections",
    "message",
    "do",
    "next",
    "output",
    "catch",
    "finally",
    "then",
];

const CASE: &[&str] = &["case", "default", "on", "do", "output"];

/// What stands at a place.
#[derive(Clone, Copy)]
enum Role {
    Top,
    Steps,
    Step,
    /// Names and their steps.
    Branches,
    /// A list of cases or handlers.
    Cases,
    Case,
    Other,
}

impl Role {
    fn keys(self) -> &'static [&'static str] {
        match self {
            Role::Top => &TOP_KEYS,
            Role::Step => STEP,
            Role::Case => CASE,
            _ => &[],
        }
    }

    /// What an item is.
    fn item(self) -> Role {
        match self {
            Role::Steps => Role::Step,
            Role::Cases => Role::Case,
            _ => Role::Other,
        }
    }

    /// What stands below a key.
    fn below(self, key: &str) -> Role {
        match (self, key) {
            (Role::Top, "steps" | "on_error" | "finally") => Role::Steps,
            (Role::Step, "do" | "try" | "finally" | "dag") => Role::Steps,
            (Role::Step, "parallel") => Role::Branches,
            (Role::Step, "switch" | "catch") => Role::Cases,
            (Role::Branches, _) | (Role::Case, "do") => Role::Steps,
            // Steps, or steps with an output.
            (Role::Case, "default") => Role::Steps,
            _ => Role::Other,
        }
    }
}

/// Puts the keys of the file into order.
pub(super) fn sort(root: &mut Node) {
    if let Node::Block(block) = root {
        head(block);
    }
    node(root, Role::Top);
}

/// What stands at the top of the file is about the file and not about its first key: everything up to the last
/// blank line, and the line that tells an editor where the schema is.
fn head(block: &mut Block) {
    let Some(first) = block.entries.first_mut() else { return };
    let blank = first.lead.iter().rposition(|line| *line == Line::Blank).map_or(0, |at| at + 1);
    let mode = first
        .lead
        .iter()
        .rposition(|line| matches!(line, Line::Comment(text, _) if text.contains("yaml-language-server:")));
    let head: Vec<Line> = first.lead.drain(..blank.max(mode.map_or(0, |at| at + 1))).collect();
    sort_by(&mut block.entries, |entry| entry.key.as_deref(), Role::Top);
    if let Some(first) = block.entries.first_mut() {
        first.lead.splice(0..0, head);
    }
}

fn sort_by<T>(entries: &mut [T], key: impl Fn(&T) -> Option<&str>, role: Role) {
    let keys = role.keys();
    if keys.is_empty() {
        return;
    }
    let rank = |entry: &T| {
        let key = key(entry).map(super::flow::key);
        keys.iter().position(|known| Some(*known) == key.as_deref()).unwrap_or(keys.len())
    };
    entries.sort_by_cached_key(rank);
}

fn node(node: &mut Node, role: Role) {
    match node {
        Node::Block(block) => {
            let is_map = block.entries.iter().all(|entry| entry.key.is_some());
            let role = if is_map { mapping(role) } else { role };
            sort_by(&mut block.entries, |entry| entry.key.as_deref(), role);
            for entry in &mut block.entries {
                let below = entry.key.as_deref().map_or(role.item(), |key| role.below(key));
                self::node(&mut entry.value, below);
            }
        }
        Node::Flow(value) => flow(value, role),
        _ => {}
    }
}

/// `default:` holds a list of steps, or a mapping as that of a case.
fn mapping(role: Role) -> Role {
    if matches!(role, Role::Steps) { Role::Case } else { role }
}

fn flow(value: &mut Flow, role: Role) {
    match value {
        Flow::List(items) => items.iter_mut().for_each(|item| flow(item, role.item())),
        Flow::Map(entries) => {
            let role = mapping(role);
            sort_by(entries, |(key, _)| Some(key.as_str()), role);
            for (key, value) in entries {
                let below = role.below(key);
                flow(value, below);
            }
        }
        _ => {}
    }
}
