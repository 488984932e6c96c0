//! Numbers and conversions. Nothing converts by itself; these are the only ways.

use super::{Context, Entry, Function, Param, time};
use crate::budget::{EvalError, EvalErrorKind};
use crate::types::Type;
use crate::val::{Val, order};
use std::cmp::Ordering;

type Given<'a> = Result<Val<'a>, EvalError>;

fn numeric(types: &[Type]) -> Type {
    Type::union(types.iter().map(|t| if t.is_list() { t.element() } else { t.clone() }))
}

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "int",
            signature: "int(value: number | string | timestamp) -> int",
            doc: "A whole number: a double loses its fraction, a string is read, a timestamp gives seconds since 1970.",
            example: "int(\"42\") + int(2.9)",
            result: "44",
        },
        &[Param::Numeric],
        |_| Type::int(),
        to_int,
    ),
    Function::new(
        Entry {
            name: "double",
            signature: "double(value: number | string) -> double",
            doc: "A number with fraction.",
            example: "double(1) / 4",
            result: "0.25",
        },
        &[Param::Numeric],
        |_| Type::double(),
        to_double,
    ),
    Function::new(
        Entry {
            name: "string",
            signature: "string(value: string | number | bool | timestamp | duration) -> string",
            doc: "The value as text.",
            example: "\"n=\" + string(3)",
            result: r#""n=3""#,
        },
        &[Param::Scalar],
        |_| Type::string(),
        |c, a| match a.first() {
            Some(value) => {
                let text = scalar_text(value)
                    .ok_or_else(|| c.wrong("a string, number, bool or time", Some(value)))?;
                c.give(text)
            }
            None => Err(c.wrong("a value", None)),
        },
    ),
    Function::new(
        Entry {
            name: "bool",
            signature: "bool(value: string | bool) -> bool",
            doc: "Reads \"true\" and \"false\"; anything else is an error.",
            example: "bool(\"true\")",
            result: "true",
        },
        &[Param::TextOrBool],
        |_| Type::bool(),
        |c, a| match a.first() {
            Some(Val::Bool(b)) => Ok(Val::Bool(*b)),
            Some(Val::Text(text)) => match text.as_str() {
                "true" => Ok(Val::Bool(true)),
                "false" => Ok(Val::Bool(false)),
                _ => Err(c.conversion("the text is neither \"true\" nor \"false\"")),
            },
            other => Err(c.wrong("a string or bool", other)),
        },
    ),
    Function::new(
        Entry {
            name: "min",
            signature: "min(number | list of numbers, ...) -> number",
            doc: "The smallest of the numbers and of the elements of the lists.",
            example: "min(3, [1, 2])",
            result: "1",
        },
        &[Param::NumberOrNumbers],
        numeric,
        |c, a| extreme(c, a, Ordering::Less),
    )
    .variadic(),
    Function::new(
        Entry {
            name: "max",
            signature: "max(number | list of numbers, ...) -> number",
            doc: "The largest of the numbers and of the elements of the lists.",
            example: "max([1, 2.5])",
            result: "2.5",
        },
        &[Param::NumberOrNumbers],
        numeric,
        |c, a| extreme(c, a, Ordering::Greater),
    )
    .variadic(),
    Function::new(
        Entry {
            name: "sum",
            signature: "sum(list of numbers) -> number",
            doc: "The sum of the elements; 0 of none.",
            example: "sum([1, 2, 4])",
            result: "7",
        },
        &[Param::NumberList],
        // An empty list has an int for its sum, whatever its elements would have been.
        |types| {
            let full = types.first().is_some_and(|list| list.at_least() > 0);
            Type::union([numeric(types)].into_iter().chain((!full).then(Type::int)))
        },
        sum,
    ),
    Function::new(
        Entry {
            name: "abs",
            signature: "abs(number) -> number",
            doc: "The number without its sign.",
            example: "abs(-3)",
            result: "3",
        },
        &[Param::Number],
        numeric,
        |c, a| match a.first() {
            Some(Val::Int(int)) => int
                .checked_abs()
                .map(Val::Int)
                .ok_or_else(|| c.error(EvalErrorKind::Arithmetic, "the result does not fit into 64 bits")),
            Some(Val::Double(double)) => Ok(Val::Double(double.abs())),
            Some(Val::Huge(huge)) => Ok(Val::Huge(*huge)),
            other => Err(c.wrong("a number", other)),
        },
    ),
];

fn to_int<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    match args.first() {
        Some(Val::Int(int)) => Ok(Val::Int(*int)),
        Some(Val::Timestamp(at)) => Ok(Val::Int(at.div_euclid(time::SECOND))),
        Some(Val::Text(text)) => text
            .as_str()
            .parse()
            .map(Val::Int)
            .map_err(|_| c.conversion("the text is not a whole number of 64 bits")),
        Some(value @ (Val::Double(_) | Val::Huge(_))) => {
            let number = value.as_double().unwrap_or(f64::NAN).trunc();
            // 2^63 as a double is exact; the largest i64 is not.
            if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
                Ok(Val::Int(number as i64))
            } else {
                Err(c.error(EvalErrorKind::Arithmetic, "the number does not fit into 64 bits"))
            }
        }
        other => Err(c.wrong("a number, string or timestamp", other)),
    }
}

fn to_double<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    match args.first() {
        Some(Val::Text(text)) => match text.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Val::Double(number)),
            _ => Err(c.conversion("the text is not a number")),
        },
        Some(Val::Timestamp(at)) => Ok(Val::Double(*at as f64 / time::SECOND as f64)),
        value => match value.and_then(Val::as_double) {
            Some(number) => Ok(Val::Double(number)),
            None => Err(c.wrong("a number, string or timestamp", value)),
        },
    }
}

/// The text of a scalar, as `string()` and mixed templates write it.
pub(crate) fn scalar_text(value: &Val<'_>) -> Option<String> {
    Some(match value {
        Val::Text(text) => text.as_str().to_owned(),
        Val::Bool(b) => b.to_string(),
        Val::Int(int) => int.to_string(),
        Val::Huge(huge) => huge.to_string(),
        Val::Double(double) => double.to_string(),
        Val::Timestamp(at) => time::format_timestamp(*at),
        Val::Duration(long) => time::format_duration(*long),
        Val::Null | Val::List(_) | Val::Map(_) => return None,
    })
}

fn extreme<'a>(c: &mut Context<'_>, args: &[Val<'a>], wanted: Ordering) -> Given<'a> {
    let mut best: Option<Val<'a>> = None;
    for (at, arg) in args.iter().enumerate() {
        let single = [arg.clone()];
        let items: Box<dyn Iterator<Item = Val<'a>> + '_> = match arg {
            Val::List(_) => Box::new(c.list(args, at)?.iter()),
            _ => Box::new(single.iter().cloned()),
        };
        for item in items {
            if item.as_double().is_none() {
                return Err(c.wrong("numbers", Some(&item)));
            }
            let better = best.as_ref().is_none_or(|best| order(&item, best) == Some(wanted));
            if better {
                best = Some(item);
            }
        }
    }
    best.ok_or_else(|| c.error(EvalErrorKind::Index, format!("`{}` of no numbers", c.name)))
}

fn sum<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let mut whole: i64 = 0;
    let mut fraction: Option<f64> = None;
    for item in c.list(args, 0)?.iter() {
        match (item.as_double(), &item, fraction) {
            (Some(_), Val::Int(int), None) => {
                let too_large = || c.error(EvalErrorKind::Arithmetic, "the sum does not fit into 64 bits");
                whole = whole.checked_add(*int).ok_or_else(too_large)?;
            }
            (Some(number), _, sum) => fraction = Some(sum.unwrap_or(whole as f64) + number),
            (None, ..) => return Err(c.wrong("numbers", Some(&item))),
        }
    }
    match fraction {
        None => Ok(Val::Int(whole)),
        Some(sum) if sum.is_finite() => Ok(Val::Double(sum)),
        Some(_) => Err(c.error(EvalErrorKind::Arithmetic, "the sum is too large for a double")),
    }
}
