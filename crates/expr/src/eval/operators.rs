//! Operators: comparison, membership and arithmetic, with every overflow an error.

use super::{Evaluated, Evaluator, type_error};
use crate::ast::{Node, Operator};
use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::functions::time;
use crate::source::Span;
use crate::val::{Val, equal, order};
use std::cmp::Ordering;

impl<'a> Evaluator<'a, '_> {
    pub(super) fn chain(&mut self, first: &'a Node, rest: &'a [(Operator, Span, Node)]) -> Evaluated<'a> {
        let mut left = self.eval(first)?;
        for (operator, span, right) in rest {
            let right = self.eval(right)?;
            left = binary(*operator, left, right, self.budget, *span)?;
        }
        Ok(left)
    }

    pub(super) fn negate(&mut self, inner: &'a Node, span: Span) -> Evaluated<'a> {
        match self.eval(inner)? {
            Val::Int(int) => int.checked_neg().map(Val::Int).ok_or_else(|| overflow(span)),
            Val::Duration(long) => long.checked_neg().map(Val::Duration).ok_or_else(|| overflow(span)),
            other => match other.as_double() {
                Some(double) => Ok(Val::Double(-double)),
                None => Err(type_error(format!("`-` needs a number, this is {}", other.type_name()), span)),
            },
        }
    }
}

fn overflow(span: Span) -> EvalError {
    EvalError::new(EvalErrorKind::Arithmetic, "the result does not fit into 64 bits", span)
}

fn binary<'a>(
    operator: Operator,
    left: Val<'a>,
    right: Val<'a>,
    budget: &mut Budget,
    span: Span,
) -> Evaluated<'a> {
    budget.step(1, span)?;
    match operator {
        Operator::Equal => Ok(Val::Bool(equal(&left, &right, budget, span)?)),
        Operator::NotEqual => Ok(Val::Bool(!equal(&left, &right, budget, span)?)),
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            compare(operator, &left, &right, budget, span)
        }
        Operator::In => contains(&left, &right, budget, span),
        Operator::Add => add(left, right, budget, span),
        _ => arithmetic(operator, &left, &right, span),
    }
}

fn compare<'a>(
    operator: Operator,
    left: &Val<'_>,
    right: &Val<'_>,
    budget: &mut Budget,
    span: Span,
) -> Evaluated<'a> {
    if let (Some(a), Some(b)) = (left.as_text(), right.as_text()) {
        budget.step(a.len().min(b.len()) as u64 / 256, span)?;
    }
    let ordering = order(left, right).ok_or_else(|| mismatch(operator, left, right, span))?;
    Ok(Val::Bool(match operator {
        Operator::Less => ordering == Ordering::Less,
        Operator::LessEqual => ordering != Ordering::Greater,
        Operator::Greater => ordering == Ordering::Greater,
        _ => ordering != Ordering::Less,
    }))
}

fn mismatch(operator: Operator, left: &Val<'_>, right: &Val<'_>, span: Span) -> EvalError {
    let message =
        format!("`{}` cannot take {} and {}", operator.symbol(), left.type_name(), right.type_name());
    type_error(message, span)
}

fn contains<'a>(left: &Val<'a>, right: &Val<'a>, budget: &mut Budget, span: Span) -> Evaluated<'a> {
    match (left, right) {
        (_, Val::List(list)) => {
            for item in list.iter() {
                if equal(left, &item, budget, span)? {
                    return Ok(Val::Bool(true));
                }
            }
            Ok(Val::Bool(false))
        }
        (Val::Text(key), Val::Map(map)) => Ok(Val::Bool(map.get(key.as_str()).is_some())),
        _ => Err(mismatch(Operator::In, left, right, span)),
    }
}

fn add<'a>(left: Val<'a>, right: Val<'a>, budget: &mut Budget, span: Span) -> Evaluated<'a> {
    match (&left, &right) {
        (Val::Text(a), Val::Text(b)) => {
            let (a, b) = (a.as_str(), b.as_str());
            // Twice, because the joined text is copied once more into shared memory.
            budget.alloc((a.len() + b.len()) * 2, span)?;
            Ok(Val::text([a, b].concat()))
        }
        (Val::List(a), Val::List(b)) => {
            budget.alloc((a.len() + b.len()) * size_of::<Val<'_>>(), span)?;
            budget.step((a.len() + b.len()) as u64 / 4, span)?;
            let mut items = Vec::with_capacity(a.len() + b.len());
            items.extend(a.iter());
            items.extend(b.iter());
            Ok(Val::list(items))
        }
        _ => arithmetic(Operator::Add, &left, &right, span),
    }
}

fn arithmetic<'a>(operator: Operator, left: &Val<'_>, right: &Val<'_>, span: Span) -> Evaluated<'a> {
    if let (Val::Int(a), Val::Int(b)) = (left, right) {
        return whole(operator, *a, *b, span).map(Val::Int);
    }
    let wrong = || mismatch(operator, left, right, span);
    match (operator, left, right) {
        (Operator::Add, Val::Timestamp(a), Val::Duration(b))
        | (Operator::Add, Val::Duration(a), Val::Timestamp(b)) => {
            a.checked_add(*b).and_then(time::in_range).map(Val::Timestamp).ok_or_else(|| overflow(span))
        }
        (Operator::Subtract, Val::Timestamp(a), Val::Duration(b)) => {
            a.checked_sub(*b).and_then(time::in_range).map(Val::Timestamp).ok_or_else(|| overflow(span))
        }
        (Operator::Subtract, Val::Timestamp(a), Val::Timestamp(b))
        | (Operator::Subtract, Val::Duration(a), Val::Duration(b)) => {
            a.checked_sub(*b).map(Val::Duration).ok_or_else(|| overflow(span))
        }
        (Operator::Add, Val::Duration(a), Val::Duration(b)) => {
            a.checked_add(*b).map(Val::Duration).ok_or_else(|| overflow(span))
        }
        (Operator::Remainder, _, _) => match (left.as_int(), right.as_int()) {
            (Some(a), Some(b)) => whole(operator, a, b, span).map(Val::Int),
            _ => Err(wrong()),
        },
        _ => {
            let (Some(a), Some(b)) = (left.as_double(), right.as_double()) else { return Err(wrong()) };
            fraction(operator, a, b, span).map(Val::Double)
        }
    }
}

fn whole(operator: Operator, a: i64, b: i64, span: Span) -> Result<i64, EvalError> {
    if b == 0 && matches!(operator, Operator::Divide | Operator::Remainder) {
        return Err(divided_by_zero(span));
    }
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    }
    .ok_or_else(|| overflow(span))
}

fn fraction(operator: Operator, a: f64, b: f64, span: Span) -> Result<f64, EvalError> {
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        _ if b == 0.0 => return Err(divided_by_zero(span)),
        _ => a / b,
    };
    if result.is_finite() {
        Ok(result)
    } else {
        Err(EvalError::new(EvalErrorKind::Arithmetic, "the result is too large for a double", span))
    }
}

fn divided_by_zero(span: Span) -> EvalError {
    EvalError::new(EvalErrorKind::Arithmetic, "division by zero", span)
}
