//! The evaluator: a walk over the tree that borrows from the context and charges a budget.
//!
//! `&&` and `||` go from left to right and stop when the answer is known. An error on the left is an error, even
//! if the right side would have decided: CEL lets it be absorbed, but a condition over mail must not depend on
//! which half happened to be missing. Everything CEL accepts beyond that gives the same answer here.

mod members;
mod operators;

use crate::ast::{Call, Kind, Node, Segment};
use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::functions::{self, Context};
use crate::scope::{MAX_PATH, Scope};
use crate::source::Span;
use crate::suggest;
use crate::val::{MAP_NODE, Map, Text, Val};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) type Evaluated<'a> = Result<Val<'a>, EvalError>;

pub(crate) struct Evaluator<'a, 'b> {
    pub(crate) scope: &'a dyn Scope,
    pub(crate) budget: &'b mut Budget,
    pub(crate) locals: Vec<Val<'a>>,
}

pub(crate) fn type_error(message: impl Into<String>, span: Span) -> EvalError {
    EvalError::new(EvalErrorKind::Type, message, span)
}

impl<'a> Evaluator<'a, '_> {
    pub(crate) fn eval(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.budget.step(1, node.span)?;
        match &node.kind {
            Kind::Null => Ok(Val::Null),
            Kind::Bool(b) => Ok(Val::Bool(*b)),
            Kind::Int(int) => Ok(Val::Int(*int)),
            Kind::Double(double) => Ok(Val::Double(*double)),
            Kind::Text(text) => Ok(Val::Text(Text::Ref(text))),
            Kind::Path(path) => self.path(path),
            Kind::Local(slot) => self
                .locals
                .get(*slot)
                .cloned()
                .ok_or_else(|| EvalError::new(EvalErrorKind::Name, "the variable is not set", node.span)),
            Kind::List(items) => self.list(items, node.span),
            Kind::Map(entries) => self.map(entries, node.span),
            Kind::Not(inner) => Ok(Val::Bool(!self.condition(inner, "`!`")?)),
            Kind::Negate(inner) => self.negate(inner, node.span),
            Kind::And(parts) => self.all_of(parts, true, "`&&`"),
            Kind::Or(parts) => self.all_of(parts, false, "`||`"),
            Kind::Chain(first, rest) => self.chain(first, rest),
            Kind::Choose(branches, otherwise) => self.choose(branches, otherwise),
            Kind::Has(target, member) => self.has(target, member),
            Kind::Call(call) => self.call(None, call, node.span),
            Kind::Member(base, parts) => self.member(base, parts),
        }
    }

    /// A value that must be a bool.
    pub(super) fn condition(&mut self, node: &'a Node, place: &str) -> Result<bool, EvalError> {
        match self.eval(node)? {
            Val::Bool(b) => Ok(b),
            other => {
                Err(type_error(format!("{place} needs a bool, this is {}", other.type_name()), node.span))
            }
        }
    }

    fn all_of(&mut self, parts: &'a [Node], until: bool, place: &str) -> Evaluated<'a> {
        for part in parts {
            if self.condition(part, place)? != until {
                return Ok(Val::Bool(!until));
            }
        }
        Ok(Val::Bool(until))
    }

    fn choose(&mut self, branches: &'a [(Node, Node)], otherwise: &'a Node) -> Evaluated<'a> {
        for (condition, then) in branches {
            if self.condition(condition, "the condition")? {
                return self.eval(then);
            }
        }
        self.eval(otherwise)
    }

    fn list(&mut self, items: &'a [Node], span: Span) -> Evaluated<'a> {
        self.budget.alloc(64 + items.len() * size_of::<Val<'_>>(), span)?;
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.push(self.eval(item)?);
        }
        Ok(Val::list(out))
    }

    fn map(&mut self, entries: &'a [(Node, Node)], span: Span) -> Evaluated<'a> {
        // A node of the tree has room for eleven members from the start.
        self.budget.alloc(MAP_NODE, span)?;
        let mut out = BTreeMap::new();
        for (key, value) in entries {
            let Val::Text(name) = self.eval(key)? else {
                return Err(type_error("a key must be a string", key.span));
            };
            self.budget.alloc(name.as_str().len() + 80, span)?;
            let value = self.eval(value)?;
            if out.insert(name.as_str().to_owned(), value).is_some() {
                return Err(type_error("the same key stands twice in this object", key.span));
            }
        }
        Ok(Val::Map(Map::Own(Rc::new(out))))
    }

    /// A free name: the scope takes what it knows of the path, the rest is walked.
    fn path(&mut self, path: &'a [Segment]) -> Evaluated<'a> {
        let (taken, value) = self.resolve(path, None)?;
        self.walk(path, taken, value)
    }

    /// The value of `path`, for asking whether it has `member`; `None` if the scope knows the whole of it. The
    /// scope is asked with the member, because it may know the whole and nothing of its parts.
    pub(super) fn path_with(
        &mut self,
        path: &'a [Segment],
        member: &'a Segment,
    ) -> Result<Option<Val<'a>>, EvalError> {
        let (taken, value) = self.resolve(path, Some(member))?;
        if taken > path.len() {
            return Ok(None);
        }
        self.walk(path, taken, value).map(Some)
    }

    fn resolve(
        &self,
        path: &'a [Segment],
        member: Option<&'a Segment>,
    ) -> Result<(usize, &'a Value), EvalError> {
        let mut names = [""; MAX_PATH];
        let mut count = 0;
        for (slot, segment) in names.iter_mut().zip(path.iter().chain(member)) {
            *slot = &segment.name;
            count += 1;
        }
        self.scope.resolve(names.get(..count).unwrap_or(&[])).ok_or_else(|| {
            let first = path.first().map_or(Span::default(), |s| s.span);
            let span = path.last().map_or(first, |s| first.to(s.span));
            EvalError::new(EvalErrorKind::Name, format!("nothing is called `{}` here", dotted(path)), span)
        })
    }

    fn walk(&mut self, path: &'a [Segment], taken: usize, value: &'a Value) -> Evaluated<'a> {
        let mut found = Val::from_json(value);
        for segment in path.iter().skip(taken) {
            self.budget.step(1, segment.span)?;
            found = members::field(&found, segment)?;
        }
        Ok(found)
    }

    pub(super) fn call(&mut self, receiver: Option<Val<'a>>, call: &'a Call, span: Span) -> Evaluated<'a> {
        let Some(function) = call.function else {
            let message = match suggest::nearest(&call.name, functions::names()) {
                Some(near) => format!("there is no function `{}`; did you mean `{near}`?", call.name),
                None => format!("there is no function `{}`", call.name),
            };
            return Err(EvalError::new(EvalErrorKind::Name, message, call.name_span));
        };
        let mut args = Vec::with_capacity(call.args.len() + 1);
        args.extend(receiver);
        for arg in &call.args {
            args.push(self.eval(arg)?);
        }
        if let Some(problem) = function.arity_problem(args.len()) {
            return Err(type_error(problem, span));
        }
        let mut context =
            Context { budget: &mut *self.budget, span, pattern: call.pattern.as_ref(), name: function.name };
        (function.eval)(&mut context, &args)
    }
}

fn dotted(path: &[Segment]) -> String {
    let names: Vec<&str> = path.iter().map(|s| s.name.as_str()).collect();
    names.join(".")
}
