//! What a condition proves about the values it asks for.
//!
//! A fact is about a *place*: a name or macro variable with the members and literal indexes that follow. Values do
//! not change during an evaluation, so a fact holds wherever the condition has decided the way.

use super::Checker;
use crate::ast::{Kind, Node, Operator, Part};
use crate::types::Type;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    NotNull(String),
    Present(String),
    AtLeast(String, usize),
}

/// Members are joined with a character that no name in the source can contain unescaped.
const JOINT: char = '\u{1f}';

pub(super) fn local_key(slot: usize) -> String {
    format!("{JOINT}{slot}")
}

pub(super) fn member_key(base: &str, name: &str) -> String {
    format!("{base}{JOINT}.{name}")
}

pub(super) fn index_key(base: &str, index: i64) -> String {
    format!("{base}{JOINT}[{index}")
}

/// The place a node stands for, if it is one.
pub(super) fn key_of(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Path(path) => {
            let (first, rest) = path.split_first()?;
            Some(rest.iter().fold(first.name.clone(), |key, segment| member_key(&key, &segment.name)))
        }
        Kind::Local(slot) => Some(local_key(*slot)),
        Kind::Member(base, parts) => key_of_parts(base, parts),
        _ => None,
    }
}

fn key_of_parts(base: &Node, parts: &[Part]) -> Option<String> {
    parts.iter().try_fold(key_of(base)?, |key, part| match part {
        Part::Field { segment, optional: false } => Some(member_key(&key, &segment.name)),
        Part::Index { index: Node { kind: Kind::Int(at), .. }, optional: false, .. } => {
            Some(index_key(&key, *at))
        }
        _ => None,
    })
}

/// Adds what holds if `condition` turned out as `truth`.
pub(super) fn learn(condition: &Node, truth: bool, facts: &mut Vec<Fact>) {
    match &condition.kind {
        Kind::Not(inner) => learn(inner, !truth, facts),
        Kind::And(parts) if truth => parts.iter().for_each(|part| learn(part, true, facts)),
        Kind::Or(parts) if !truth => parts.iter().for_each(|part| learn(part, false, facts)),
        Kind::Has(target, member) if truth => {
            if let Some(key) = key_of(target) {
                facts.push(Fact::Present(member_key(&key, &member.name)));
                facts.push(Fact::NotNull(key));
            }
        }
        Kind::Chain(left, rest) => {
            if let [(operator, _, right)] = rest.as_slice() {
                compared(left, *operator, right, truth, facts);
            }
        }
        _ => {}
    }
}

fn compared(left: &Node, operator: Operator, right: &Node, truth: bool, facts: &mut Vec<Fact>) {
    if operator == Operator::In {
        if let (true, Kind::Text(name), Some(key)) = (truth, &left.kind, key_of(right)) {
            facts.push(Fact::Present(member_key(&key, name)));
        }
        return;
    }
    let equal = match operator {
        Operator::Equal => Some(truth),
        Operator::NotEqual => Some(!truth),
        _ => None,
    };
    for (place, other) in [(left, right), (right, left)] {
        let proves = match (&other.kind, equal) {
            (Kind::Null, Some(equal)) => !equal,
            (Kind::Bool(_) | Kind::Int(_) | Kind::Double(_) | Kind::Text(_), Some(equal)) => equal,
            _ => false,
        };
        if let (true, Some(key)) = (proves, key_of(place)) {
            facts.push(Fact::NotNull(key));
        }
    }
    if let (Some(key), Kind::Int(bound)) = (sized(left), &right.kind) {
        let least = match (operator, truth) {
            (Operator::Greater, true) | (Operator::LessEqual, false) => bound.saturating_add(1),
            (Operator::GreaterEqual, true) | (Operator::Less, false) => *bound,
            (Operator::Equal, true) | (Operator::NotEqual, false) => *bound,
            (Operator::NotEqual, true) | (Operator::Equal, false) if *bound == 0 => 1,
            _ => 0,
        };
        if let Ok(least) = usize::try_from(least) {
            facts.push(Fact::AtLeast(key, least));
        }
    }
}

/// The place whose size is asked for: `size(place)` or `place.size()`.
fn sized(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Call(call) if call.name == "size" => key_of(call.args.first()?),
        Kind::Member(base, parts) => match parts.split_last()? {
            (Part::Method(call), before) if call.name == "size" => key_of_parts(base, before),
            _ => None,
        },
        _ => None,
    }
}

impl Checker<'_> {
    /// The type of a place, narrowed by what is known about it.
    pub(super) fn apply_facts(&self, ty: Type, key: Option<&str>) -> Type {
        let known = |fact: &Fact| matches!((fact, key), (Fact::NotNull(place), Some(key)) if place == key);
        if ty.is_nullable() && self.facts.iter().any(known) { ty.without_null() } else { ty }
    }

    pub(super) fn is_present(&self, key: Option<&str>) -> bool {
        self.facts.iter().any(|fact| matches!((fact, key), (Fact::Present(place), Some(key)) if place == key))
    }

    pub(super) fn known_size(&self, key: Option<&str>) -> usize {
        let sizes = self.facts.iter().filter_map(|fact| match (fact, key) {
            (Fact::AtLeast(place, size), Some(key)) if place == key => Some(*size),
            _ => None,
        });
        sizes.max().unwrap_or(0)
    }
}
