//! What follows a value: members, indexes, methods, optional chains and macros.

use super::{Evaluated, Evaluator, type_error};
use crate::ast::{Kind, Macro, MacroKind, Node, Part, Segment};
use crate::budget::{EvalError, EvalErrorKind};
use crate::functions::lists;
use crate::source::Span;
use crate::suggest;
use crate::val::{List, Map, Val};

/// The member of a value that must have it.
pub(super) fn field<'a>(value: &Val<'a>, segment: &Segment) -> Evaluated<'a> {
    match value {
        Val::Map(map) => map.get(&segment.name).ok_or_else(|| missing(map, segment)),
        Val::Null => Err(type_error(format!("null has no member `{}`", segment.name), segment.span)),
        other => Err(type_error(
            format!("a value of type {} has no member `{}`", other.type_name(), segment.name),
            segment.span,
        )),
    }
}

fn missing(map: &Map<'_>, segment: &Segment) -> EvalError {
    let keys = map.keys();
    let near = suggest::nearest(&segment.name, keys.iter().take(64).map(|key| key.as_str()));
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    EvalError::new(
        EvalErrorKind::Missing,
        format!("there is no member `{}`{hint}", segment.name),
        segment.span,
    )
}

impl<'a> Evaluator<'a, '_> {
    pub(super) fn member(&mut self, base: &'a Node, parts: &'a [Part]) -> Evaluated<'a> {
        let mut value = Some(self.eval(base)?);
        let mut span = base.span;
        for part in parts {
            self.budget.step(1, span)?;
            value = match (value, part) {
                (Some(v), Part::Field { segment, optional }) => {
                    span = span.to(segment.span);
                    if *optional { optional_field(&v, segment)? } else { Some(field(&v, segment)?) }
                }
                (Some(v), Part::Index { index, span: place, optional }) => {
                    span = span.to(*place);
                    let index = self.eval(index)?;
                    element(&v, &index, *place, *optional)?
                }
                (Some(v), Part::Method(call)) => {
                    span = span.to(call.args.last().map_or(call.name_span, |a| a.span));
                    Some(self.call(Some(v), call, span)?)
                }
                (Some(v), Part::Macro(m)) => Some(self.comprehension(&v, m)?),
                (Some(v), Part::OrValue(_)) => Some(v),
                (None, Part::OrValue(default)) => Some(self.eval(default)?),
                (found, Part::HasValue) => Some(Val::Bool(found.is_some())),
                (None, _) => None,
            };
        }
        value.ok_or_else(|| EvalError::new(EvalErrorKind::Missing, "the optional value is absent", span))
    }

    pub(super) fn has(&mut self, target: &'a Node, member: &'a Segment) -> Evaluated<'a> {
        let found = match &target.kind {
            Kind::Path(path) => match self.path_with(path, member)? {
                Some(found) => found,
                None => return Ok(Val::Bool(true)),
            },
            _ => self.eval(target)?,
        };
        match found {
            Val::Map(map) => Ok(Val::Bool(map.get(&member.name).is_some())),
            Val::Null => Ok(Val::Bool(false)),
            other => {
                Err(type_error(format!("a value of type {} has no members", other.type_name()), target.span))
            }
        }
    }

    fn comprehension(&mut self, target: &Val<'a>, m: &'a Macro) -> Evaluated<'a> {
        match target {
            Val::List(list) => self.over(list.iter(), list.len(), m),
            Val::Map(map) => {
                let keys = map.keys();
                self.budget.alloc(keys.len() * 48, m.span)?;
                let count = keys.len();
                self.over(keys.into_iter().map(Val::Text), count, m)
            }
            other => {
                let message = format!("`{}` needs a list, this is {}", m.kind.name(), other.type_name());
                Err(type_error(message, m.span))
            }
        }
    }

    fn over(&mut self, items: impl Iterator<Item = Val<'a>>, count: usize, m: &'a Macro) -> Evaluated<'a> {
        let mut out = Vec::new();
        let mut matched = 0_usize;
        if m.kind == MacroKind::SortBy {
            return self.sort_by(items, count, m);
        }
        if m.kind == MacroKind::Map {
            self.budget.alloc(count * size_of::<Val<'_>>(), m.span)?;
            out.reserve_exact(count);
        }
        for item in items {
            self.budget.step(1, m.span)?;
            let kept = if m.kind == MacroKind::Filter { Some(item.clone()) } else { None };
            self.locals.push(item);
            let result = self.of_element(m);
            self.locals.pop();
            let Some(result) = result? else { continue };
            if m.kind == MacroKind::Map {
                out.push(result);
                continue;
            }
            let Val::Bool(holds) = result else {
                let message = format!(
                    "`{}` needs a bool for each element, this is {}",
                    m.kind.name(),
                    result.type_name()
                );
                return Err(type_error(message, m.body.span));
            };
            match (m.kind, holds) {
                (MacroKind::All, false) => return Ok(Val::Bool(false)),
                (MacroKind::Exists, true) => return Ok(Val::Bool(true)),
                _ => {}
            }
            matched += usize::from(holds);
            if holds && let Some(item) = kept {
                self.budget.alloc(size_of::<Val<'_>>(), m.span)?;
                out.push(item);
            }
        }
        Ok(match m.kind {
            MacroKind::All => Val::Bool(true),
            MacroKind::Exists => Val::Bool(false),
            MacroKind::ExistsOne => Val::Bool(matched == 1),
            MacroKind::Map | MacroKind::Filter | MacroKind::SortBy => Val::list(out),
        })
    }

    /// What the macro computes of the element on top of the locals; `None` if `map` does not take the element.
    fn of_element(&mut self, m: &'a Macro) -> Result<Option<Val<'a>>, EvalError> {
        match &m.condition {
            Some(condition) if !self.condition(condition, "`map`")? => Ok(None),
            _ => self.eval(&m.body).map(Some),
        }
    }

    fn sort_by(&mut self, items: impl Iterator<Item = Val<'a>>, count: usize, m: &'a Macro) -> Evaluated<'a> {
        self.budget.alloc(count * 2 * size_of::<Val<'_>>(), m.span)?;
        let mut keyed = Vec::with_capacity(count);
        for item in items {
            self.budget.step(1, m.span)?;
            self.locals.push(item.clone());
            let key = self.eval(&m.body);
            self.locals.pop();
            keyed.push((key?, item));
        }
        let sorted = lists::ordered(keyed, self.budget, m.span)?;
        sorted.map(Val::list).map_err(|wrong| {
            let message = format!(
                "`sortBy` needs numbers, strings, bools or times of one sort, this is {}",
                wrong.type_name()
            );
            type_error(message, m.body.span)
        })
    }
}

fn optional_field<'a>(value: &Val<'a>, segment: &Segment) -> Result<Option<Val<'a>>, EvalError> {
    match value {
        // Null has no members, so along an optional chain it is the same as absent.
        Val::Null => Ok(None),
        Val::Map(map) => Ok(map.get(&segment.name)),
        _ => field(value, segment).map(Some),
    }
}

fn element<'a>(
    value: &Val<'a>,
    index: &Val<'a>,
    span: Span,
    optional: bool,
) -> Result<Option<Val<'a>>, EvalError> {
    match (value, index) {
        (Val::List(list), _) => list_element(list, index, span, optional),
        (Val::Map(map), Val::Text(key)) => match map.get(key.as_str()) {
            // The key may be a secret or come from a mail, so the message does not repeat it.
            None if !optional => {
                Err(EvalError::new(EvalErrorKind::Missing, "the object has no member of this name", span))
            }
            found => Ok(found),
        },
        (Val::Null, _) if optional => Ok(None),
        (Val::Map(_), other) => Err(type_error(
            format!("members are asked for with a string, this is {}", other.type_name()),
            span,
        )),
        (other, _) => Err(type_error(format!("a value of type {} has no elements", other.type_name()), span)),
    }
}

fn list_element<'a>(
    list: &List<'a>,
    index: &Val<'a>,
    span: Span,
    optional: bool,
) -> Result<Option<Val<'a>>, EvalError> {
    let Some(at) = index.as_int() else {
        return Err(type_error(
            format!("a list is indexed with an int, this is {}", index.type_name()),
            span,
        ));
    };
    let found = usize::try_from(at).ok().and_then(|at| list.get(at));
    match found {
        None if !optional => {
            let message = format!("the index is outside the list of {} elements", list.len());
            Err(EvalError::new(EvalErrorKind::Index, message, span))
        }
        found => Ok(found),
    }
}
