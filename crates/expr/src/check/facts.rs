//! What a condition proves about the values it asks for.
//!
//! A fact is about a *place*: a name or macro variable with the members and literal indexes that follow. Values do
//! not change while they can be named, so a fact holds wherever the condition has decided the way: on the other side
//! of `&&` and `? :`, and, carried on by the caller, in the steps under an `if`. Facts are read from the tree and
//! never guessed: what is not understood proves nothing.

use super::{Checker, normal};
use crate::ast::{Kind, Node, Operator, Part};
use crate::expression::Expr;
use crate::types::Type;

/// What is known to hold at some place of a playbook or expression.
///
/// Made by [`Expr::facts`] from a condition, joined with [`Facts::add`], given to the checker by
/// [`crate::TypeScope::facts`], and asked by whoever resolves names ([`crate::TypeScope::resolve_where`]). Places are
/// named by their path, as [`crate::Reference`] has it: `["steps", "gate", "status"]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    all: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq)]
enum Fact {
    /// The value of the place is not this one.
    Differs(String, Literal),
    /// The value of the place is one of these.
    OneOf(String, Vec<Literal>),
    /// The member is there.
    Present(String),
    /// The list has so many elements or more.
    AtLeast(String, usize),
    /// The value equals one that an attacker could not choose.
    Trusted(String),
    /// A condition, in normal form, came out like this.
    Came(String, bool),
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
}

impl Literal {
    /// The literal of a node. Doubles are left out: they are equal to ints as well.
    fn of(node: &Node) -> Option<Literal> {
        match &node.kind {
            Kind::Null => Some(Literal::Null),
            Kind::Bool(b) => Some(Literal::Bool(*b)),
            Kind::Int(int) => Some(Literal::Int(*int)),
            Kind::Text(text) => Some(Literal::Text(text.clone())),
            _ => None,
        }
    }

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }
}

/// Members are joined with a character that no name in the source can contain unescaped.
const JOINT: char = '\u{1f}';

pub(super) fn local_key(slot: usize) -> String {
    format!("{JOINT}{slot}")
}

pub(super) fn member_key(base: &str, name: &str) -> String {
    let mut key = String::with_capacity(base.len() + JOINT.len_utf8() + 1 + name.len());
    key.push_str(base);
    into_member(&mut key, name);
    key
}

/// The place of a member of the place that `key` is.
pub(super) fn into_member(key: &mut String, name: &str) {
    key.push(JOINT);
    key.push('.');
    key.push_str(name);
}

pub(super) fn index_key(base: &str, index: i64) -> String {
    format!("{base}{JOINT}[{index}")
}

fn path_key<'n>(mut names: impl Iterator<Item = &'n str>) -> Option<String> {
    let first = names.next()?.to_owned();
    Some(names.fold(first, |mut key, name| {
        into_member(&mut key, name);
        key
    }))
}

/// The place a node stands for, if it is one.
pub(super) fn key_of(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Path(path) => path_key(path.iter().map(|segment| segment.name.as_str())),
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

impl Facts {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds what holds as well.
    pub fn add(&mut self, more: &Facts) {
        self.all.extend(more.all.iter().filter(|fact| !self.all.contains(fact)).cloned().collect::<Vec<_>>());
    }

    /// Drops everything about a name, because from here on the same name means something else.
    pub fn forget(&mut self, name: &str) {
        let inner = format!("{name}{JOINT}");
        let quoted = format!(".{name:?}");
        self.all.retain(|fact| match fact {
            Fact::Differs(key, _)
            | Fact::OneOf(key, _)
            | Fact::Present(key)
            | Fact::AtLeast(key, _)
            | Fact::Trusted(key) => key != name && !key.starts_with(&inner),
            // A member of this name somewhere else is dropped with it, which is safe.
            Fact::Came(text, _) => !text.contains(&quoted),
        });
    }

    /// Whether the value at the path is surely not null.
    pub fn not_null(&self, path: &[&str]) -> bool {
        path_key(path.iter().copied()).is_some_and(|key| self.key_not_null(&key))
    }

    /// Whether the member at the path is surely there.
    pub fn present(&self, path: &[&str]) -> bool {
        path_key(path.iter().copied()).is_some_and(|key| self.key_present(&key))
    }

    /// Whether the text at the path is surely this one, such as a status `"succeeded"`.
    pub fn equals(&self, path: &[&str], text: &str) -> bool {
        let key = path_key(path.iter().copied());
        key.is_some_and(|key| self.compare(&key, &Literal::text(text)) == Some(true))
    }

    /// Which of all its values the text at the path can still have. One that is left is a proof as good as
    /// [`Facts::equals`].
    pub fn possible<'v>(&self, path: &[&str], all: &[&'v str]) -> Vec<&'v str> {
        let Some(key) = path_key(path.iter().copied()) else { return all.to_vec() };
        all.iter().filter(|text| self.compare(&key, &Literal::text(text)) != Some(false)).copied().collect()
    }

    /// Whether the condition surely holds (`Some(true)`) or surely does not, by these facts alone. The same
    /// condition written with other blanks, brackets or quotes is the same.
    pub fn decide(&self, condition: &Expr) -> Option<bool> {
        self.decide_node(condition.root())
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.all.truncate(len);
    }

    fn key_not_null(&self, key: &str) -> bool {
        self.compare(key, &Literal::Null) == Some(false)
    }

    fn key_present(&self, key: &str) -> bool {
        self.all.iter().any(|fact| matches!(fact, Fact::Present(place) if place == key))
    }

    /// Whether the value of a place equals the literal, if that is known.
    fn compare(&self, key: &str, literal: &Literal) -> Option<bool> {
        self.all.iter().find_map(|fact| match fact {
            Fact::OneOf(place, values) if place == key => match values.as_slice() {
                [only] if only == literal => Some(true),
                values if !values.contains(literal) => Some(false),
                _ => None,
            },
            Fact::Differs(place, value) if place == key && value == literal => Some(false),
            _ => None,
        })
    }

    pub(super) fn decide_node(&self, node: &Node) -> Option<bool> {
        match &node.kind {
            Kind::Bool(b) => return Some(*b),
            Kind::Not(inner) => return self.decide_node(inner).map(|b| !b),
            Kind::And(parts) => {
                return all_of(parts, true, |part| self.decide_node(part)).or_else(|| self.came(node));
            }
            Kind::Or(parts) => {
                return all_of(parts, false, |part| self.decide_node(part)).or_else(|| self.came(node));
            }
            _ => {}
        }
        self.came(node).or_else(|| match &node.kind {
            Kind::Has(target, member) => {
                let key = member_key(&key_of(target)?, &member.name);
                self.key_present(&key).then_some(true)
            }
            Kind::Chain(left, rest) => match rest.as_slice() {
                [(operator, _, right)] => self.decide_comparison(left, *operator, right),
                _ => None,
            },
            _ => None,
        })
    }

    fn came(&self, node: &Node) -> Option<bool> {
        if self.all.is_empty() {
            return None;
        }
        let (text, turned) = condition_text(node);
        self.all.iter().find_map(|fact| match fact {
            Fact::Came(known, truth) if *known == text => Some(*truth != turned),
            _ => None,
        })
    }

    fn decide_comparison(&self, left: &Node, operator: Operator, right: &Node) -> Option<bool> {
        match operator {
            Operator::Equal | Operator::NotEqual => {
                let (key, literal) = match (key_of(left), Literal::of(right)) {
                    (Some(key), Some(literal)) => (key, literal),
                    _ => (key_of(right)?, Literal::of(left)?),
                };
                Some(self.compare(&key, &literal)? == (operator == Operator::Equal))
            }
            Operator::In => {
                let key = key_of(left)?;
                let Kind::List(items) = &right.kind else { return None };
                let values: Vec<Literal> = items.iter().map(Literal::of).collect::<Option<_>>()?;
                if values.iter().all(|value| self.compare(&key, value) == Some(false)) {
                    return Some(false);
                }
                let inside = |fact: &Fact| match fact {
                    Fact::OneOf(place, known) => *place == key && known.iter().all(|v| values.contains(v)),
                    _ => false,
                };
                self.all.iter().any(inside).then_some(true)
            }
            _ => None,
        }
    }
}

/// The answer of `&&` (`until` is true) or `||` from what is known about the parts.
pub(super) fn all_of(
    parts: &[Node],
    until: bool,
    mut decide: impl FnMut(&Node) -> Option<bool>,
) -> Option<bool> {
    let mut all = Some(until);
    for part in parts {
        match decide(part) {
            Some(known) if known != until => return Some(!until),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

/// The normal form of a condition, and whether it is that of its opposite.
fn condition_text(node: &Node) -> (String, bool) {
    match &node.kind {
        Kind::Not(inner) => {
            let (text, turned) = condition_text(inner);
            (text, !turned)
        }
        Kind::Chain(left, rest) => match rest.as_slice() {
            [(Operator::NotEqual, _, right)] => (normal::of_equal(left, right), true),
            _ => (normal::of(node), false),
        },
        _ => (normal::of(node), false),
    }
}

/// Adds what holds if `condition` turned out as `truth`. `trusted` says of an operand whether its value is one that
/// no attacker could choose.
pub(super) fn learn(condition: &Node, truth: bool, trusted: &dyn Fn(&Node) -> bool, facts: &mut Facts) {
    match &condition.kind {
        Kind::Not(inner) => return learn(inner, !truth, trusted, facts),
        Kind::And(parts) if truth => {
            return parts.iter().for_each(|part| learn(part, true, trusted, facts));
        }
        Kind::Or(parts) if !truth => {
            return parts.iter().for_each(|part| learn(part, false, trusted, facts));
        }
        Kind::And(parts) | Kind::Or(parts) => either(parts, truth, trusted, facts),
        Kind::Has(target, member) if truth => {
            if let Some(key) = key_of(target) {
                facts.all.push(Fact::Present(member_key(&key, &member.name)));
                facts.all.push(Fact::Differs(key, Literal::Null));
            }
        }
        Kind::Chain(left, rest) => {
            if let [(operator, _, right)] = rest.as_slice() {
                compared(left, *operator, right, truth, trusted, facts);
            }
        }
        Kind::Call(call) if truth && call.pattern.is_some() => {
            facts.all.extend(call.args.first().and_then(key_of).map(Fact::Trusted));
        }
        Kind::Member(base, parts) if truth => {
            // The author wrote down what the text looks like.
            if let Some((Part::Method(call), before)) = parts.split_last()
                && call.pattern.is_some()
            {
                facts.all.extend(key_of_parts(base, before).map(Fact::Trusted));
            }
        }
        _ => {}
    }
    // A place that is itself a condition (`inputs.dry_run`) is caught here as well.
    let (text, turned) = condition_text(condition);
    facts.all.push(Fact::Came(text, truth != turned));
}

/// One of several conditions decided: what all of them prove is proved.
fn either(parts: &[Node], truth: bool, trusted: &dyn Fn(&Node) -> bool, facts: &mut Facts) {
    let mut ways = parts.iter().map(|part| {
        let mut way = Facts::default();
        learn(part, truth, trusted, &mut way);
        way.all
    });
    let Some(first) = ways.next() else { return };
    let rest: Vec<Vec<Fact>> = ways.collect();
    for fact in first {
        if let Fact::OneOf(key, mut values) = fact {
            let found = rest.iter().all(|way| {
                let same = way.iter().find_map(|other| match other {
                    Fact::OneOf(place, values) if *place == key => Some(values),
                    _ => None,
                });
                same.map(|more| values.extend(more.iter().cloned())).is_some()
            });
            if found {
                facts.all.push(Fact::OneOf(key, values));
            }
        } else if rest.iter().all(|way| way.contains(&fact)) {
            facts.all.push(fact);
        }
    }
}

fn compared(
    left: &Node,
    operator: Operator,
    right: &Node,
    truth: bool,
    trusted: &dyn Fn(&Node) -> bool,
    facts: &mut Facts,
) {
    if operator == Operator::In {
        return if truth { member_of(left, right, trusted, facts) } else { no_member_of(left, right, facts) };
    }
    let equal = match operator {
        Operator::Equal => Some(truth),
        Operator::NotEqual => Some(!truth),
        _ => None,
    };
    for (place, other) in [(left, right), (right, left)] {
        let (Some(equal), Some(key)) = (equal, key_of(place)) else { continue };
        if equal && trusted(other) {
            facts.all.push(Fact::Trusted(key.clone()));
        }
        match (Literal::of(other), equal) {
            (Some(literal), true) => facts.all.push(Fact::OneOf(key, vec![literal])),
            (Some(literal), false) => facts.all.push(Fact::Differs(key, literal)),
            (None, true) if matches!(other.kind, Kind::Double(_)) => {
                facts.all.push(Fact::Differs(key, Literal::Null));
            }
            (None, _) => {}
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
            facts.all.push(Fact::AtLeast(key, least));
        }
    }
}

/// `left in right` holds.
fn member_of(left: &Node, right: &Node, trusted: &dyn Fn(&Node) -> bool, facts: &mut Facts) {
    if let (Kind::Text(name), Some(key)) = (&left.kind, key_of(right)) {
        facts.all.push(Fact::Present(member_key(&key, name)));
    }
    let Some(key) = key_of(left) else { return };
    if let Kind::List(items) = &right.kind
        && let Some(values) = items.iter().map(Literal::of).collect::<Option<Vec<_>>>()
    {
        facts.all.push(Fact::OneOf(key.clone(), values));
    }
    if trusted(right) {
        facts.all.push(Fact::Trusted(key));
    }
}

/// `left in right` does not hold.
fn no_member_of(left: &Node, right: &Node, facts: &mut Facts) {
    let (Some(key), Kind::List(items)) = (key_of(left), &right.kind) else { return };
    let values = items.iter().filter_map(Literal::of);
    facts.all.extend(values.map(|value| Fact::Differs(key.clone(), value)));
}

/// The place whose size is asked for: `size(place)` or `place.size()`.
pub(super) fn sized(node: &Node) -> Option<String> {
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
    /// Takes note of what a condition proves that has been checked.
    pub(super) fn learn(&mut self, condition: &Node, truth: bool) {
        let Checker { trusted, facts, .. } = self;
        learn(condition, truth, &|operand| trusted.contains(&operand.span), facts);
    }

    /// The type of a place, narrowed by what is known about it.
    pub(super) fn apply_facts(&self, ty: Type, key: Option<&str>) -> Type {
        let Some(key) = key.filter(|_| !self.facts.is_empty()) else { return ty };
        let ty = if ty.is_nullable() && self.facts.key_not_null(key) { ty.without_null() } else { ty };
        let known = |fact: &Fact| matches!(fact, Fact::Trusted(place) if place == key);
        if ty.is_untrusted() && self.facts.all.iter().any(known) { ty.without_untrusted() } else { ty }
    }

    pub(super) fn is_present(&self, key: Option<&str>) -> bool {
        key.is_some_and(|key| self.facts.key_present(key))
    }

    pub(super) fn known_size(&self, key: Option<&str>) -> usize {
        let sizes = self.facts.all.iter().filter_map(|fact| match (fact, key) {
            (Fact::AtLeast(place, size), Some(key)) if place == key => Some(*size),
            _ => None,
        });
        sizes.max().unwrap_or(0)
    }
}
