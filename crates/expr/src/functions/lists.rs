//! Functions over lists and objects. They share the elements and copy none of them.

use super::{Context, Entry, Function, Param};
use crate::budget::{Budget, EvalError, EvalErrorKind};
use crate::source::Span;
use crate::types::Type;
use crate::val::{Val, equal, order};
use std::cmp::Ordering;
use std::collections::HashSet;

type Given<'a> = Result<Val<'a>, EvalError>;

fn same(types: &[Type]) -> Type {
    types.first().map_or_else(Type::any, |list| Type::list(list.element()))
}

fn element(types: &[Type]) -> Type {
    types.first().map_or_else(Type::any, Type::element)
}

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "distinct",
            signature: "distinct(list) -> list",
            doc: "The elements without repetitions, in the order in which they first stand.",
            example: "distinct([3, 1, 3, 1])",
            result: "[3,1]",
        },
        &[Param::List],
        same,
        distinct,
    )
    .structural(),
    Function::new(
        Entry {
            name: "flatten",
            signature: "flatten(list of lists) -> list",
            doc: "One list of the elements of the inner lists; one level is removed. What is not a list stays.",
            example: "flatten([[1, 2], [], [3]])",
            result: "[1,2,3]",
        },
        &[Param::List],
        |types| Type::list(element(types).flattened()),
        flatten,
    )
    .structural(),
    Function::new(
        Entry {
            name: "sort",
            signature: "sort(list of numbers | strings | bools | times) -> list",
            doc: "The elements in ascending order; strings by code point.",
            example: "sort([\"b\", \"a\"])",
            result: r#"["a","b"]"#,
        },
        &[Param::SortableList],
        same,
        sort,
    )
    .structural(),
    Function::new(
        Entry {
            name: "reverse",
            signature: "reverse(list) -> list",
            doc: "The elements from the last to the first.",
            example: "reverse([3, 1, 2])",
            result: "[2,1,3]",
        },
        &[Param::List],
        |types| types.first().map_or_else(Type::any, |list| Type::list_at_least(list.element(), list.at_least())),
        |c, a| {
            let list = c.list(a, 0)?;
            c.alloc(list.len() * size_of::<Val<'_>>())?;
            Ok(Val::list(list.iter().rev().collect()))
        },
    )
    .structural(),
    Function::new(
        Entry {
            name: "take",
            signature: "take(list, count: int) -> list",
            doc: "The first so many elements, or all of a shorter list. A count below 0 is an error.",
            example: "[7, 8, 9].take(2)",
            result: "[7,8]",
        },
        &[Param::List, Param::Int],
        same,
        |c, a| {
            let list = c.list(a, 0)?;
            let count = usize::try_from(c.int(a, 1)?)
                .map_err(|_| c.error(EvalErrorKind::Index, "`take` of fewer than none"))?;
            let count = count.min(list.len());
            c.alloc(count * size_of::<Val<'_>>())?;
            Ok(Val::list(list.iter().take(count).collect()))
        },
    )
    .structural(),
    Function::new(
        Entry {
            name: "first",
            signature: "first(list) -> element",
            doc: "The first element. An error if the list is empty: use `list[?0].orValue(...)` if it may be.",
            example: "[7, 8].first()",
            result: "7",
        },
        &[Param::List],
        element,
        |c, a| {
            let found = c.list(a, 0)?.get(0);
            found.ok_or_else(|| c.error(EvalErrorKind::Index, "`first` of an empty list"))
        },
    )
    .structural(),
    Function::new(
        Entry {
            name: "last",
            signature: "last(list) -> element",
            doc: "The last element. An error if the list is empty.",
            example: "[7, 8].last()",
            result: "8",
        },
        &[Param::List],
        element,
        |c, a| {
            let list = c.list(a, 0)?;
            list.len()
                .checked_sub(1)
                .and_then(|at| list.get(at))
                .ok_or_else(|| c.error(EvalErrorKind::Index, "`last` of an empty list"))
        },
    )
    .structural(),
    Function::new(
        Entry {
            name: "keys",
            signature: "keys(object) -> list of string",
            doc: "The names of the members, in the order of their bytes.",
            example: "keys({\"b\": 1, \"a\": 2})",
            result: r#"["a","b"]"#,
        },
        &[Param::Object],
        |_| Type::list(Type::string()),
        |c, a| {
            let map = c.object(a, 0)?;
            c.alloc(map.len() * 64)?;
            Ok(Val::list(map.keys().into_iter().map(Val::Text).collect()))
        },
    )
    .structural(),
    Function::new(
        Entry {
            name: "values",
            signature: "values(object) -> list",
            doc: "The values of the members, in the order of `keys`.",
            example: "values({\"b\": 1, \"a\": 2})",
            result: "[2,1]",
        },
        &[Param::Object],
        |types| Type::list(element(types)),
        |c, a| {
            let map = c.object(a, 0)?;
            c.alloc(map.len() * 64)?;
            Ok(Val::list(map.keys().iter().filter_map(|key| map.get(key.as_str())).collect()))
        },
    )
    .structural(),
];

fn distinct<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let list = c.list(args, 0)?;
    c.alloc(list.len() * 2 * size_of::<Val<'_>>())?;
    c.budget.step(list.len() as u64 * 2, c.span)?;
    let mut out: Vec<Val<'a>> = Vec::new();
    let mut texts: HashSet<String> = HashSet::new();
    let mut others: Vec<Val<'a>> = Vec::new();
    'items: for item in list.iter() {
        if let Some(text) = item.as_text() {
            c.alloc(text.len() + 32)?;
            if !texts.insert(text.to_owned()) {
                continue;
            }
        } else {
            for other in &others {
                if equal(other, &item, c.budget, c.span)? {
                    continue 'items;
                }
            }
            others.push(item.clone());
        }
        out.push(item);
    }
    Ok(Val::list(out))
}

fn flatten<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let mut out = Vec::new();
    for item in c.list(args, 0)?.iter() {
        match item {
            Val::List(inner) => {
                c.budget.step(1 + inner.len() as u64 / 4, c.span)?;
                c.alloc(inner.len() * 2 * size_of::<Val<'_>>())?;
                out.extend(inner.iter());
            }
            other => {
                c.alloc(2 * size_of::<Val<'_>>())?;
                out.push(other);
            }
        }
    }
    Ok(Val::list(out))
}

fn sort<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let list = c.list(args, 0)?;
    c.alloc(list.len() * size_of::<Val<'_>>() * 3)?;
    let keyed = list.iter().map(|item| (item.clone(), item)).collect();
    ordered(keyed, c.budget, c.span)?
        .map(Val::list)
        .map_err(|wrong| c.wrong("elements of one type that has an order", Some(&wrong)))
}

/// The values in the order of their keys, or a key that has no order with the others. Memory is the caller's.
pub(crate) fn ordered<'a>(
    mut keyed: Vec<(Val<'a>, Val<'a>)>,
    budget: &mut Budget,
    span: Span,
) -> Result<Result<Vec<Val<'a>>, Val<'a>>, EvalError> {
    let count = keyed.len();
    let rounds = u64::from(count.max(2).ilog2()) + 1;
    let text = |key: &Val<'_>| key.as_text().map_or(0, |text| text.len() as u64 / 256 * rounds);
    budget.step(keyed.iter().fold(count as u64 * rounds, |cost, (key, _)| cost + text(key)), span)?;
    if let Some((first, _)) = keyed.first() {
        let wrong = keyed.iter().find(|(key, _)| order(first, key).is_none() || order(key, key).is_none());
        if let Some((wrong, _)) = wrong {
            return Ok(Err(wrong.clone()));
        }
    }
    keyed.sort_by(|(a, _), (b, _)| order(a, b).unwrap_or(Ordering::Equal));
    Ok(Ok(keyed.into_iter().map(|(_, value)| value).collect()))
}
