//! The checker: finds the type of an expression and everything that is wrong with it, without a value.
//!
//! It never stops at the first mistake: what is wrong becomes `any`, so that one slip gives one message. It knows
//! what a condition proves (`x != null && x.size() > 0`, `has(a.b) ? a.b : ...`), because without that a language
//! without silent nulls could not be written in.

pub mod codes;
mod constant;
mod facts;
mod members;
mod normal;
mod operators;

use crate::ast::{Call, Kind, Node};
use crate::functions::{self, Complaint, Function};
use crate::scope::TypeScope;
use crate::source::Span;
use crate::suggest;
use crate::types::Type;
pub use facts::Facts;

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It may be meant so.
    Warning,
    /// It is refused.
    Error,
}

/// Something that is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A code of [`codes`], or that of a [`crate::NameError`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to write beside the marked place.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

pub(crate) fn check(root: &Node, scope: &dyn TypeScope) -> (Type, Vec<Problem>) {
    let mut checker = Checker::new(scope);
    let ty = checker.check(root);
    (ty, checker.problems)
}

/// See [`crate::Expr::facts`].
pub(crate) fn facts(root: &Node, scope: &dyn TypeScope, truth: bool) -> Facts {
    let mut checker = Checker::new(scope);
    // For the types of operands: what is compared with something untrusted proves no trust.
    checker.check(root);
    checker.facts = Facts::default();
    checker.learn(root, truth);
    checker.facts
}

/// See [`crate::Expr::constant`].
pub(crate) fn constant(root: &Node, scope: &dyn TypeScope) -> Option<bool> {
    Checker::new(scope).constant(root)
}

struct Checker<'t> {
    scope: &'t dyn TypeScope,
    problems: Vec<Problem>,
    locals: Vec<Type>,
    /// What is known to hold where the checker stands.
    facts: Facts,
    /// Operands of comparisons whose values no attacker could choose.
    trusted: Vec<Span>,
}

/// The problem that was reported last, to say more about it.
struct Report<'p> {
    problems: &'p mut [Problem],
}

impl Report<'_> {
    fn label(self, label: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.label = label.into();
        }
        self
    }

    fn help(self, help: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.help = Some(help.into());
        }
        self
    }

    fn warning(self) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.severity = Severity::Warning;
        }
        self
    }
}

impl<'t> Checker<'t> {
    fn new(scope: &'t dyn TypeScope) -> Checker<'t> {
        let facts = scope.facts();
        Checker { scope, problems: Vec::new(), locals: Vec::new(), facts, trusted: Vec::new() }
    }

    fn report(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Report<'_> {
        let message = message.into();
        let problem =
            Problem { code, severity: Severity::Error, message, span, label: String::new(), help: None };
        self.problems.push(problem);
        Report { problems: &mut self.problems }
    }

    fn check(&mut self, node: &Node) -> Type {
        match &node.kind {
            Kind::Null => Type::null(),
            Kind::Bool(_) => Type::bool(),
            Kind::Int(_) => Type::int(),
            Kind::Double(_) => Type::double(),
            Kind::Text(text) => Type::literal(text),
            Kind::Path(path) => self.path(path),
            Kind::Local(slot) => self.local(*slot),
            Kind::List(items) => {
                let types: Vec<Type> = items.iter().map(|item| self.check(item)).collect();
                Type::list_at_least(Type::union(types), items.len())
            }
            Kind::Map(entries) => self.map(entries),
            Kind::Not(inner) => self.condition(inner, "`!`"),
            Kind::Negate(inner) => self.negate(inner),
            Kind::And(parts) => self.all_of(parts, true, "`&&`"),
            Kind::Or(parts) => self.all_of(parts, false, "`||`"),
            Kind::Chain(first, rest) => self.chain(first, rest),
            Kind::Choose(branches, otherwise) => self.choose(branches, otherwise),
            Kind::Has(target, member) => self.has(target, member),
            Kind::Call(call) => self.call(None, call, node.span),
            Kind::Member(base, parts) => self.member(base, parts),
        }
    }

    fn local(&self, slot: usize) -> Type {
        let ty = self.locals.get(slot).cloned().unwrap_or_else(Type::any);
        self.apply_facts(ty, Some(&facts::local_key(slot)))
    }

    /// A value that must be a bool; the result has its labels.
    fn condition(&mut self, node: &Node, place: &str) -> Type {
        let ty = self.check(node);
        let inner = self.not_null(ty, node.span);
        if inner.assignable_to(&Type::bool()).is_err() {
            let report =
                self.report(codes::OPERANDS, node.span, format!("{place} needs a bool, this is {inner}"));
            let report = report.label(format!("this is {inner}"));
            if inner.is_list() || inner.assignable_to(&Type::string()).is_ok() {
                report.help("there is no truth of other types; ask for what you mean, such as `size(x) > 0`");
            }
        }
        Type::bool().with_labels_of(&inner)
    }

    fn all_of(&mut self, parts: &[Node], until: bool, place: &str) -> Type {
        let known = self.facts.len();
        let mut ty = Type::bool();
        for part in parts {
            let found = self.condition(part, place);
            ty = ty.with_labels_of(&found);
            self.learn(part, until);
        }
        self.facts.truncate(known);
        ty
    }

    fn choose(&mut self, branches: &[(Node, Node)], otherwise: &Node) -> Type {
        let known = self.facts.len();
        let mut types = Vec::new();
        for (condition, then) in branches {
            self.condition(condition, "the condition");
            let before = self.facts.len();
            self.learn(condition, true);
            types.push(self.check(then));
            self.facts.truncate(before);
            self.learn(condition, false);
        }
        types.push(self.check(otherwise));
        self.facts.truncate(known);
        Type::union(types)
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Type {
        let mut fields: Vec<(String, Type)> = Vec::new();
        let mut open = Vec::new();
        let mut keys = Type::never();
        for (key, value) in entries {
            let key_type = self.check(key);
            let value_type = self.check(value);
            if key_type.assignable_to(&Type::string()).is_err() {
                self.report(codes::OPERANDS, key.span, format!("a key must be a string, this is {key_type}"));
            }
            match &key.kind {
                Kind::Text(name) => {
                    if fields.iter().any(|(known, _)| known == name) {
                        self.report(
                            codes::DUPLICATE_KEY,
                            key.span,
                            format!("the key `{name}` stands twice in this object"),
                        );
                    }
                    fields.push((name.clone(), value_type));
                }
                _ => {
                    if key_type.is_any() || entries.len() > 1 {
                        self.report(
                            codes::DUPLICATE_KEY,
                            key.span,
                            "this key may be the same as another one, which would be an error",
                        )
                        .warning();
                    }
                    keys = keys.with_labels_of(&key_type);
                    open.push(value_type);
                }
            }
        }
        let ty = if open.is_empty() {
            Type::closed(fields)
        } else {
            Type::map(Type::union(fields.into_iter().map(|(_, ty)| ty).chain(open)))
        };
        ty.with_labels_of(&keys)
    }

    /// The type without null, and a problem if it could be null.
    fn not_null(&mut self, ty: Type, span: Span) -> Type {
        if !ty.is_nullable() {
            return ty;
        }
        let inner = ty.without_null();
        self.report(codes::MAY_BE_NULL, span, "this value may be null")
            .label(format!("{ty}"))
            .help("ask first: `x != null && ...` or `x == null ? default : x`");
        if matches!(inner.kind, crate::types::Kind::Null | crate::types::Kind::Never) {
            return Type::any().with_labels_of(&ty);
        }
        inner
    }

    /// A call; `receiver` is the type of what stands before the dot, with its place.
    fn call(&mut self, receiver: Option<(Type, Span)>, call: &Call, span: Span) -> Type {
        let mut args: Vec<(Type, Span)> = receiver.into_iter().collect();
        for arg in &call.args {
            let ty = self.check(arg);
            args.push((ty, arg.span));
        }
        let types: Vec<Type> = args.iter().map(|(ty, _)| ty.clone()).collect();
        let joined = types.iter().fold(Type::any(), |all, ty| all.with_labels_of(ty));
        let Some(function) = call.function else {
            let help = unknown_function(&call.name);
            let report = self.report(
                codes::NO_FUNCTION,
                call.name_span,
                format!("there is no function `{}`", call.name),
            );
            if let Some(help) = help {
                report.help(help);
            }
            return joined;
        };
        if let Some(problem) = function.arity_problem(args.len()) {
            self.report(codes::ARGUMENT_COUNT, span, problem).help(function.entry.signature);
            return joined;
        }
        let types = self.arguments(function, args);
        let result = (function.returns)(&types);
        if function.quotes {
            return if joined.is_secret() { result.with_secret() } else { result };
        }
        if function.structural {
            return types.iter().fold(result, |all, ty| all.inside(ty));
        }
        result.with_labels_of(&joined)
    }

    fn arguments(&mut self, function: &'static Function, args: Vec<(Type, Span)>) -> Vec<Type> {
        let mut types = Vec::with_capacity(args.len());
        let spans: Vec<Span> = args.iter().map(|(_, span)| *span).collect();
        let before = self.problems.len();
        for (at, (ty, span)) in args.into_iter().enumerate() {
            let expected = function.param(at).map_or_else(Type::any, functions::Param::expected);
            let ty = if expected.is_nullable() || expected.is_any() { ty } else { self.not_null(ty, span) };
            if let Err(mismatch) = fits(&ty, &expected) {
                self.report(codes::ARGUMENT, span, format!("`{}` cannot take {ty}", function.name))
                    .label(mismatch)
                    .help(function.entry.signature);
            }
            types.push(ty);
        }
        let wrong = function.check.filter(|_| self.problems.len() == before);
        if let Some(Complaint { at, message, help }) = wrong.and_then(|check| check(function.name, &types)) {
            let span = spans.get(at).copied().unwrap_or_default();
            let report = self.report(codes::ARGUMENT, span, message);
            if let Some(help) = help {
                report.help(help);
            }
        }
        types
    }
}

/// Whether a type fits a parameter. Times have a text form outside expressions, but a function sees them as they
/// are, so here they are no texts.
fn fits(found: &Type, expected: &Type) -> Result<(), String> {
    use crate::types::Kind as K;
    let time = |ty: &Type| matches!(ty.kind, K::Timestamp | K::Duration);
    let same_time = |a: &Type, b: &Type| {
        matches!((&a.kind, &b.kind), (K::Timestamp, K::Timestamp) | (K::Duration, K::Duration))
    };
    for member in found.members() {
        let strict = match &member.kind {
            K::List(list) => list.element.members().iter().any(time),
            _ => time(member),
        };
        let allowed = expected.members().iter().any(|wanted| match (&member.kind, &wanted.kind) {
            (K::List(a), K::List(b)) => {
                b.element.is_any() || a.element.members().iter().all(|a| same_time(a, &b.element))
            }
            _ => same_time(member, wanted),
        });
        if strict && !expected.is_any() && !allowed {
            return Err(format!("expected {expected}, found {found}"));
        }
    }
    found.assignable_to(expected).map_err(|mismatch| mismatch.message)
}

/// What the author of an unknown function name probably wants.
fn unknown_function(name: &str) -> Option<String> {
    let known = match name {
        "len" | "length" | "count" => "size",
        "toLowerCase" | "lowerAscii" | "toLower" => "lower",
        "toUpperCase" | "upperAscii" | "toUpper" => "upper",
        "includes" => "contains",
        "unique" | "uniq" => "distinct",
        "regex" | "match" | "test" => "matches",
        "str" | "toString" | "format" => "string",
        "float" | "number" => "double",
        "any" | "some" => "exists",
        "every" => "all",
        "find" | "select" => "filter",
        "aqs.equals" | "aqs.is" => "aqs.eq",
        "aqs.startsWith" => "aqs.starts_with",
        "aqs.all" => "aqs.and",
        "aqs.any" => "aqs.or",
        "strip" => "trim",
        "now" | "today" => return Some("there is no clock in expressions; use `run.started_at`".to_owned()),
        "default" | "coalesce" => {
            return Some("write `a.?b.orValue(default)` for a member that may be missing".to_owned());
        }
        _ => suggest::nearest(name, functions::names())?,
    };
    Some(format!("did you mean `{known}`?"))
}
