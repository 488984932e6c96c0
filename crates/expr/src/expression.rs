//! The parsed expression: what other crates hold, share between threads and evaluate.

use crate::ast::{Kind, Node, Part, Segment};
use crate::budget::{Budget, EvalError};
use crate::check;
use crate::eval::Evaluator;
use crate::scope::{Scope, TypeScope};
use crate::source::{Span, SyntaxError};
use crate::types::Type;
use crate::val::Val;
use crate::{Facts, Problem, parser};
use serde_json::Value;
use std::sync::Arc;

/// A parsed expression. Cloning shares the tree.
#[derive(Clone, Debug)]
pub struct Expr {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: String,
    root: Node,
}

/// A free name and the members after it that are known without evaluating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `["steps", "parse", "output", "urls"]`
    pub path: Vec<String>,
    /// Where the whole path stands in the source.
    pub span: Span,
}

impl Expr {
    /// Parses one expression of at most [`crate::MAX_SOURCE`] bytes and [`crate::MAX_DEPTH`] nested brackets.
    ///
    /// # Errors
    /// The text is not an expression; the first mistake is reported.
    pub fn parse(src: &str) -> Result<Expr, SyntaxError> {
        Expr::parse_with_lookups(src, &[])
    }

    /// As [`Expr::parse`], with words that look something up by name: `word("name")` is then the path
    /// `["word()", "name"]`, which a scope resolves as it does any other. No name of a playbook is like that, so
    /// the words take nothing away; with anything but one text in quotes they are a mistake.
    ///
    /// # Errors
    /// As [`Expr::parse`].
    pub fn parse_with_lookups(src: &str, lookups: &[&str]) -> Result<Expr, SyntaxError> {
        let root = parser::parse(src, lookups)?;
        Ok(Expr { inner: Arc::new(Inner { source: src.to_owned(), root }) })
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// All free names, in the order of the text, with repetitions.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        collect(&self.inner.root, &mut found);
        found
    }

    /// Evaluates over the names of `scope`.
    ///
    /// # Errors
    /// See [`crate::EvalErrorKind`]. Never panics, and never takes longer than the budget allows.
    pub fn eval(&self, scope: &dyn Scope, budget: &mut Budget) -> Result<Value, EvalError> {
        self.eval_val(scope, budget)?.into_json(budget, self.inner.root.span)
    }

    pub(crate) fn eval_val<'a>(
        &'a self,
        scope: &'a dyn Scope,
        budget: &mut Budget,
    ) -> Result<Val<'a>, EvalError> {
        Evaluator { scope, budget, locals: Vec::new() }.eval(&self.inner.root)
    }

    /// The type of the result and everything that is wrong. Without a problem, an evaluation over values of the
    /// declared types fails neither on a name nor on a type nor on a missing member. Nor does it with the warnings
    /// [`crate::codes::CONSTANT`], [`crate::codes::INDEX`] and [`crate::codes::DIVISION`]; the other warnings are
    /// about exactly that. What the type is `any` of is checked when it is there.
    pub fn check(&self, scope: &dyn TypeScope) -> (Type, Vec<Problem>) {
        check::check(&self.inner.root, scope)
    }

    /// The operator that is applied last and where its operands stand, if it is `&&`, `||` or one comparison:
    /// for whoever explains why a condition does not hold.
    pub fn operands(&self) -> Option<(&'static str, Vec<Span>)> {
        let spans = |nodes: &[Node]| nodes.iter().map(|node| node.span).collect();
        match &self.inner.root.kind {
            Kind::And(nodes) => Some(("&&", spans(nodes))),
            Kind::Or(nodes) => Some(("||", spans(nodes))),
            Kind::Chain(left, rest) => match rest.as_slice() {
                [(operator, _, right)] if operator.compares() => {
                    Some((operator.symbol(), vec![left.span, right.span]))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What holds if this condition came out as `truth`, beside what `scope` knows already.
    ///
    /// So a condition narrows types across steps: `steps.a.output.note != null` on an `if` makes the facts of which
    /// [`Facts::not_null`] is one, and a [`TypeScope`] that gives them back by [`TypeScope::facts`] has the checker
    /// accept the note inside. What is proved: not null, present (`has`), equal to a literal or one of several, the
    /// least length of a list, trusted (equal to, or in a list of, values no attacker could choose), and the
    /// condition itself, so that a second step under the same one is known to run with the first.
    pub fn facts(&self, scope: &dyn TypeScope, truth: bool) -> Facts {
        check::facts(&self.inner.root, scope, truth)
    }

    /// The answer of this condition if it is always the same by types and known facts: a comparison with a value the
    /// enumeration does not have, `has` of a required member, literals. `None` if it may be either.
    pub fn constant(&self, scope: &dyn TypeScope) -> Option<bool> {
        check::constant(&self.inner.root, scope)
    }

    pub(crate) fn root(&self) -> &Node {
        &self.inner.root
    }

    /// Where the expression itself stands in its source, without blanks around it.
    pub fn span(&self) -> Span {
        self.inner.root.span
    }
}

pub(crate) fn collect(node: &Node, found: &mut Vec<Reference>) {
    match &node.kind {
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Double(_) | Kind::Text(_) | Kind::Local(_) => {}
        Kind::Path(path) => found.push(reference(path, None)),
        Kind::List(items) | Kind::And(items) | Kind::Or(items) => {
            items.iter().for_each(|n| collect(n, found))
        }
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            collect(key, found);
            collect(value, found);
        }),
        Kind::Not(inner) | Kind::Negate(inner) => collect(inner, found),
        Kind::Chain(first, rest) => {
            collect(first, found);
            rest.iter().for_each(|(_, _, n)| collect(n, found));
        }
        Kind::Choose(branches, otherwise) => {
            for (condition, then) in branches {
                collect(condition, found);
                collect(then, found);
            }
            collect(otherwise, found);
        }
        Kind::Has(target, member) => match &target.kind {
            Kind::Path(path) => found.push(reference(path, Some(member))),
            _ => collect(target, found),
        },
        Kind::Call(call) => call.args.iter().for_each(|n| collect(n, found)),
        Kind::Member(base, parts) => {
            collect(base, found);
            for part in parts {
                match part {
                    Part::Field { .. } | Part::HasValue => {}
                    Part::Index { index, .. } => collect(index, found),
                    Part::Method(call) => call.args.iter().for_each(|n| collect(n, found)),
                    Part::Macro(m) => {
                        m.condition.iter().for_each(|n| collect(n, found));
                        collect(&m.body, found);
                    }
                    Part::OrValue(default) => collect(default, found),
                }
            }
        }
    }
}

fn reference(path: &[Segment], more: Option<&Segment>) -> Reference {
    let mut span = path.first().map_or(Span::default(), |s| s.span);
    let mut names = Vec::with_capacity(path.len() + 1);
    for segment in path.iter().chain(more) {
        span = span.to(segment.span);
        names.push(segment.name.clone());
    }
    Reference { path: names, span }
}
