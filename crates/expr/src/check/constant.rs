//! Conditions that always have the same answer, as far as types and facts show.
//!
//! No theorem prover: literals, comparisons of types that cannot be equal, members that are always or never there,
//! and the lengths that schemas promise. `None` means "may be either", never "is either".

use super::Checker;
use super::operators::comparable;
use crate::ast::{Kind, Node, Operator, Part, Segment};
use crate::budget::Budget;
use crate::eval::Evaluator;
use crate::expression::collect;
use crate::types::{Kind as K, Lookup, Type};
use crate::val::Val;
use serde_json::Value;

/// Enough for any comparison of literals that a person writes.
const STEPS: u64 = 10_000;

impl Checker<'_> {
    /// The answer of a condition if it is always the same.
    pub(super) fn constant(&mut self, node: &Node) -> Option<bool> {
        if let Some(known) = self.facts.decide_node(node) {
            return Some(known);
        }
        match &node.kind {
            Kind::Not(inner) => self.constant(inner).map(|b| !b),
            Kind::And(parts) => self.constant_parts(parts, true),
            Kind::Or(parts) => self.constant_parts(parts, false),
            Kind::Choose(branches, otherwise) => self.constant_choice(branches, otherwise),
            Kind::Has(target, member) => self.constant_has(target, member),
            Kind::Chain(left, rest) => match rest.as_slice() {
                [(operator, _, right)] => {
                    self.constant_comparison(left, *operator, right).or_else(|| evaluated(node))
                }
                _ => evaluated(node),
            },
            _ => evaluated(node),
        }
    }

    fn constant_parts(&mut self, parts: &[Node], until: bool) -> Option<bool> {
        let known = self.facts.len();
        let mut all = Some(until);
        for part in parts {
            match self.constant(part) {
                Some(answer) if answer != until => {
                    self.facts.truncate(known);
                    return Some(!until);
                }
                Some(_) => {}
                None => all = None,
            }
            self.check(part);
            self.learn(part, until);
        }
        self.facts.truncate(known);
        all
    }

    fn constant_choice(&mut self, branches: &[(Node, Node)], otherwise: &Node) -> Option<bool> {
        for (condition, then) in branches {
            match self.constant(condition) {
                Some(true) => return self.constant(then),
                Some(false) => {}
                None => return None,
            }
        }
        self.constant(otherwise)
    }

    fn constant_has(&mut self, target: &Node, member: &Segment) -> Option<bool> {
        // A place that cannot be resolved is `any`, which decides nothing.
        let whole = self.check(target);
        let lookups: Vec<Option<Lookup>> = whole.members().iter().map(|t| t.field(&member.name)).collect();
        if lookups.iter().all(|l| matches!(l, Some(Lookup::Present(_)))) {
            return Some(true);
        }
        lookups.iter().all(|l| matches!(l, Some(Lookup::Absent))).then_some(false)
    }

    fn constant_comparison(&mut self, left: &Node, operator: Operator, right: &Node) -> Option<bool> {
        let (a, b) = (self.check(left), self.check(right));
        match operator {
            Operator::Equal => equality(&a, &b),
            Operator::NotEqual => equality(&a, &b).map(|equal| !equal),
            Operator::In => {
                let K::List(list) = &b.kind else { return None };
                if matches!(list.element.kind, K::Never) || !comparable(&a, &list.element) {
                    return Some(false);
                }
                // The values of a list are known only if it is written out.
                let Kind::List(items) = &right.kind else { return None };
                let known: Vec<&str> = items
                    .iter()
                    .filter_map(|i| if let Kind::Text(t) = &i.kind { Some(t.as_str()) } else { None })
                    .collect();
                a.values()?.iter().all(|value| known.contains(&value.as_str())).then_some(true)
            }
            Operator::Greater | Operator::GreaterEqual => {
                let Kind::Int(bound) = right.kind else { return None };
                let least = i64::try_from(self.least_size(left)?).unwrap_or(i64::MAX);
                (if operator == Operator::Greater { least > bound } else { least >= bound }).then_some(true)
            }
            _ => None,
        }
        .or_else(|| self.never_so_small(left, operator, right))
    }

    /// `size(list) == 0` of a list that is never empty.
    fn never_so_small(&mut self, left: &Node, operator: Operator, right: &Node) -> Option<bool> {
        let Kind::Int(bound) = right.kind else { return None };
        let least = i64::try_from(self.least_size(left)?).unwrap_or(i64::MAX);
        match operator {
            Operator::Equal if bound < least => Some(false),
            Operator::NotEqual if bound < least => Some(true),
            Operator::Less if bound <= least => Some(false),
            Operator::LessEqual if bound < least => Some(false),
            _ => None,
        }
    }

    /// How long the list is at least whose size is asked for.
    fn least_size(&mut self, node: &Node) -> Option<usize> {
        let known = self.known_size(super::facts::sized(node).as_deref());
        let ty = match &node.kind {
            Kind::Call(call) if call.name == "size" => self.check(call.args.first()?),
            Kind::Member(base, parts) => match parts.as_slice() {
                [Part::Method(call)] if call.name == "size" => self.check(base),
                _ => return None,
            },
            _ => return None,
        };
        Some(known.max(ty.at_least()))
    }
}

/// Whether values of these types are always or never equal.
fn equality(a: &Type, b: &Type) -> Option<bool> {
    if !comparable(a, b) {
        return Some(false);
    }
    match (&a.kind, &b.kind) {
        (K::Null, K::Null) => Some(true),
        _ => match (a.values(), b.values()) {
            (Some([a]), Some([b])) => Some(a == b),
            _ => None,
        },
    }
}

/// The value of a condition without names.
fn evaluated(node: &Node) -> Option<bool> {
    let mut names = Vec::new();
    collect(node, &mut names);
    if !names.is_empty() {
        return None;
    }
    let mut budget = Budget::with_limits(STEPS, STEPS * 10);
    let nothing = Value::Null;
    let found = Evaluator { scope: &nothing, budget: &mut budget, locals: Vec::new() }.eval(node).ok()?;
    if let Val::Bool(answer) = found { Some(answer) } else { None }
}
