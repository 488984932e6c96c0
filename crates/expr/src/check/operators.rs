//! Types of operators. For unions every pair of members must work, because any of them may turn up.

use super::{Checker, codes};
use crate::ast::{Kind, Node, Operator};
use crate::source::Span;
use crate::suggest;
use crate::types::{Kind as K, Type};

/// Types whose values are ordered among each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Timestamp,
    Duration,
    Restriction,
    List,
    Object,
}

fn sort(ty: &Type) -> Sort {
    match ty.kind {
        K::Any | K::Never | K::Union(_) => Sort::Any,
        K::Null => Sort::Null,
        K::Bool => Sort::Bool,
        K::Int | K::Double | K::Number => Sort::Number,
        K::Text(_) => Sort::Text,
        K::Timestamp => Sort::Timestamp,
        K::Duration => Sort::Duration,
        K::Restriction => Sort::Restriction,
        K::List(_) => Sort::List,
        K::Map(_) | K::Object(_) => Sort::Object,
    }
}

impl Checker<'_> {
    pub(super) fn chain(&mut self, first: &Node, rest: &[(Operator, Span, Node)]) -> Type {
        let mut ty = self.check(first);
        let mut left_span = first.span;
        let mut left_null = matches!(first.kind, Kind::Null);
        for (operator, _, right) in rest {
            let right_type = self.check(right);
            let span = left_span.to(right.span);
            ty = match operator {
                Operator::Equal | Operator::NotEqual => {
                    self.note_trust(&ty, left_span);
                    self.note_trust(&right_type, right.span);
                    let null = left_null || matches!(right.kind, Kind::Null);
                    self.equality(*operator, &ty, &right_type, span, null)
                }
                Operator::In => {
                    self.note_trust(&right_type, right.span);
                    self.membership(ty, right_type, span, right.span)
                }
                _ => {
                    let left = self.not_null(ty, left_span);
                    let right = self.not_null(right_type, right.span);
                    self.pairs(*operator, &left, &right, span)
                }
            };
            left_span = span;
            left_null = false;
        }
        ty
    }

    fn note_trust(&mut self, ty: &Type, span: Span) {
        if !ty.contains_untrusted() {
            self.trusted.push(span);
        }
    }

    pub(super) fn negate(&mut self, inner: &Node) -> Type {
        let ty = self.check(inner);
        let ty = self.not_null(ty, inner.span);
        if ty.members().iter().all(|t| matches!(sort(t), Sort::Any | Sort::Number | Sort::Duration)) {
            return ty;
        }
        self.report(codes::OPERANDS, inner.span, format!("`-` needs a number, this is {ty}"))
            .label(format!("this is {ty}"));
        Type::any().with_labels_of(&ty)
    }

    fn equality(&mut self, operator: Operator, left: &Type, right: &Type, span: Span, null: bool) -> Type {
        if !comparable(left, right) {
            let answer = if operator == Operator::Equal { "never" } else { "always" };
            if null {
                self.report(
                    codes::CONSTANT,
                    span,
                    format!("this value is never null, so `{}` {answer} holds", operator.symbol()),
                )
                .warning();
            } else {
                let help = never_equal_help(left, right);
                let report = self
                    .report(codes::NEVER_EQUAL, span, format!("{left} and {right} are never equal"))
                    .label(format!("`{}` {answer} holds", operator.symbol()));
                if let Some(help) = help {
                    report.help(help);
                }
            }
        }
        Type::bool().with_labels_of(left).with_labels_of(right)
    }

    fn membership(&mut self, left: Type, right: Type, span: Span, right_span: Span) -> Type {
        let right = self.not_null(right, right_span);
        let labels = Type::bool().with_labels_of(&left).inside(&right);
        for member in right.members() {
            match sort(member) {
                Sort::Any => {}
                Sort::List => {
                    let element = member.element();
                    if !comparable(&left, &element) {
                        let help = never_equal_help(&left, &element);
                        let report =
                            self.report(codes::NEVER_EQUAL, span, format!("{left} is never in {member}"));
                        if let Some(help) = help {
                            report.help(help);
                        }
                    }
                }
                Sort::Object if super::fits(&left, &Type::string()).is_ok() => {}
                Sort::Object => {
                    self.report(codes::OPERANDS, span, format!("member names are strings, this is {left}"));
                }
                other => {
                    let report = self.report(
                        codes::OPERANDS,
                        right_span,
                        format!("`in` needs a list or an object, this is {member}"),
                    );
                    if other == Sort::Text {
                        report.help("for a part of a text write `text.contains(part)`");
                    }
                }
            }
        }
        labels.with_labels_of(&right.element())
    }

    /// Order and arithmetic.
    fn pairs(&mut self, operator: Operator, left: &Type, right: &Type, span: Span) -> Type {
        let mut results = Vec::new();
        let mut rounds = false;
        for a in left.members() {
            for b in right.members() {
                match pair(operator, a, b) {
                    Some(ty) => results.push(ty),
                    None => {
                        self.bad_operands(operator, left, right, span);
                        return Type::any().with_labels_of(left).with_labels_of(right);
                    }
                }
                let maybe_int = |t: &Type| matches!(t.kind, K::Int | K::Number);
                let unknown = matches!(a.kind, K::Number) || matches!(b.kind, K::Number);
                rounds |= operator == Operator::Divide && unknown && maybe_int(a) && maybe_int(b);
            }
        }
        if rounds {
            self.report(
                codes::DIVISION,
                span,
                "this division drops the fraction if both numbers happen to be whole",
            )
            .help("write `double(a) / b` for a fraction, `int(a) / int(b)` without")
            .warning();
        }
        let result = Type::union(results);
        // Elements of joined lists carry their labels themselves.
        if result.is_list() {
            result.inside(left).inside(right)
        } else {
            result.with_labels_of(left).with_labels_of(right)
        }
    }

    fn bad_operands(&mut self, operator: Operator, left: &Type, right: &Type, span: Span) {
        let text = |t: &Type| t.members().iter().any(|m| sort(m) == Sort::Text);
        let mixed = operator == Operator::Add && (text(left) || text(right));
        let time = |t: &Type| matches!(sort(t), Sort::Timestamp | Sort::Duration);
        let times = (time(left) && text(right)) || (text(left) && time(right));
        let report = self
            .report(codes::OPERANDS, span, format!("`{}` cannot take {left} and {right}", operator.symbol()))
            .label("these types do not go together");
        if times {
            report.help("texts become times with `timestamp(...)` and `duration(...)`");
        } else if mixed {
            report.help("nothing becomes text by itself: write `string(...)`");
        }
    }
}

/// Whether two values can be equal.
pub(super) fn comparable(left: &Type, right: &Type) -> bool {
    left.members().iter().any(|a| {
        right.members().iter().any(|b| match (sort(a), sort(b)) {
            (Sort::Any, _) | (_, Sort::Any) => true,
            (Sort::Text, Sort::Text) => match (a.values(), b.values()) {
                (Some(a), Some(b)) => a.iter().any(|value| b.contains(value)),
                _ => true,
            },
            (a, b) => a == b,
        })
    })
}

fn never_equal_help(left: &Type, right: &Type) -> Option<String> {
    let (known, wanted) = match (left.without_null().values(), right.without_null().values()) {
        (Some(known), Some([wanted])) | (Some([wanted]), Some(known)) => (known.to_vec(), wanted.clone()),
        _ => return None,
    };
    if let Some(near) = suggest::nearest(&wanted, known.iter().map(String::as_str)) {
        return Some(format!("did you mean {near:?}?"));
    }
    let quoted: Vec<String> = known.iter().take(8).map(|value| format!("{value:?}")).collect();
    Some(format!("possible values: {}", quoted.join(", ")))
}

/// The type of one pair of operands, `None` if they do not work.
fn pair(operator: Operator, a: &Type, b: &Type) -> Option<Type> {
    use Operator::{Add, Divide, Greater, GreaterEqual, Less, LessEqual, Multiply, Remainder, Subtract};
    let order = matches!(operator, Less | LessEqual | Greater | GreaterEqual);
    Some(match (operator, sort(a), sort(b)) {
        (_, Sort::Any, _) | (_, _, Sort::Any) if order => Type::bool(),
        (_, Sort::Any, _) | (_, _, Sort::Any) => Type::any(),
        (_, x, y)
            if order
                && x == y
                && !matches!(x, Sort::List | Sort::Object | Sort::Null | Sort::Restriction) =>
        {
            Type::bool()
        }
        (Remainder, ..) if matches!((&a.kind, &b.kind), (K::Int, K::Int)) => Type::int(),
        (Add | Subtract | Multiply | Divide, Sort::Number, Sort::Number) => match (&a.kind, &b.kind) {
            (K::Int, K::Int) => Type::int(),
            (K::Double, _) | (_, K::Double) => Type::double(),
            _ => Type::number(),
        },
        (Add, Sort::Text, Sort::Text) => Type::string(),
        (Add, Sort::List, Sort::List) => Type::list_at_least(
            Type::union([a.element(), b.element()]),
            a.at_least().saturating_add(b.at_least()),
        ),
        (Add, Sort::Timestamp, Sort::Duration)
        | (Add, Sort::Duration, Sort::Timestamp)
        | (Subtract, Sort::Timestamp, Sort::Duration) => Type::timestamp(),
        (Subtract, Sort::Timestamp, Sort::Timestamp) | (Add | Subtract, Sort::Duration, Sort::Duration) => {
            Type::duration()
        }
        _ => return None,
    })
}
