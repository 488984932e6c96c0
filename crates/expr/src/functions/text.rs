//! Functions over strings. Positions and sizes count characters (Unicode code points), as in CEL.

use super::{Context, Entry, Function, Param, Pattern};
use crate::budget::{EvalError, EvalErrorKind};
use crate::types::Type;
use crate::val::Val;

type Given<'a> = Result<Val<'a>, EvalError>;

pub(super) const TABLE: &[Function] = &[
    Function::new(
        Entry {
            name: "size",
            signature: "size(value: string | list | object) -> int",
            doc: "The number of characters, elements or members.",
            example: "size(\"grün\")",
            result: "4",
        },
        &[Param::Sized],
        |_| Type::int(),
        size,
    )
    .structural(),
    Function::new(
        Entry {
            name: "contains",
            signature: "contains(text: string, part: string) -> bool",
            doc: "Whether the text contains the part. For lists write `x in list`.",
            example: "\"invoice.exe\".contains(\".exe\")",
            result: "true",
        },
        &[Param::Text, Param::Text],
        |_| Type::bool(),
        |c, a| Ok(Val::Bool(c.text(a, 0)?.contains(c.text(a, 1)?))),
    ),
    Function::new(
        Entry {
            name: "startsWith",
            signature: "startsWith(text: string, start: string) -> bool",
            doc: "Whether the text begins with this.",
            example: "\"Re: hello\".startsWith(\"Re:\")",
            result: "true",
        },
        &[Param::Text, Param::Text],
        |_| Type::bool(),
        |c, a| Ok(Val::Bool(c.text(a, 0)?.starts_with(c.text(a, 1)?))),
    ),
    Function::new(
        Entry {
            name: "endsWith",
            signature: "endsWith(text: string, end: string) -> bool",
            doc: "Whether the text ends with this.",
            example: "\"a@evil.example\".endsWith(\".example\")",
            result: "true",
        },
        &[Param::Text, Param::Text],
        |_| Type::bool(),
        |c, a| Ok(Val::Bool(c.text(a, 0)?.ends_with(c.text(a, 1)?))),
    ),
    Function::new(
        Entry {
            name: "matches",
            signature: "matches(text: string, pattern: string) -> bool",
            doc: "Whether the regular expression is found anywhere in the text. Time is linear in the text; there \
                  are no look-arounds and no back-references; `\\d`, `\\w`, `\\s` and `\\b` mean ASCII. Anchor with `^` and `$`.",
            example: r#""INV-2041".matches(r"^INV-\d+$")"#,
            result: "true",
        },
        &[Param::Text, Param::Text],
        |_| Type::bool(),
        matches,
    ),
    Function::new(
        Entry {
            name: "split",
            signature: "split(text: string, separator: string) -> list of string",
            doc: "The pieces between the separators. An empty separator gives the characters.",
            example: "\"a,b,,c\".split(\",\")",
            result: r#"["a","b","","c"]"#,
        },
        &[Param::Text, Param::Text],
        |_| Type::list(Type::string()),
        split,
    ),
    Function::new(
        Entry {
            name: "join",
            signature: "join(parts: list of string, separator: string = \"\") -> string",
            doc: "The strings of the list with the separator between them.",
            example: "[\"a\", \"b\"].join(\", \")",
            result: r#""a, b""#,
        },
        &[Param::TextList, Param::Text],
        |_| Type::string(),
        join,
    )
    .required(1),
    Function::new(
        Entry {
            name: "lower",
            signature: "lower(text: string) -> string",
            doc: "The text in lower case.",
            example: "\"User@Example.COM\".lower()",
            result: r#""user@example.com""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| {
            let text = c.text(a, 0)?;
            // One character can become three bytes longer, and the result is copied once.
            c.alloc(text.len() * 3)?;
            Ok(Val::text(text.to_lowercase()))
        },
    ),
    Function::new(
        Entry {
            name: "upper",
            signature: "upper(text: string) -> string",
            doc: "The text in upper case.",
            example: "\"ca0\".upper()",
            result: r#""CA0""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| {
            let text = c.text(a, 0)?;
            c.alloc(text.len() * 3)?;
            Ok(Val::text(text.to_uppercase()))
        },
    ),
    Function::new(
        Entry {
            name: "trim",
            signature: "trim(text: string) -> string",
            doc: "The text without white space at both ends.",
            example: "\"  x \\n\".trim()",
            result: r#""x""#,
        },
        &[Param::Text],
        |_| Type::string(),
        |c, a| {
            let text = c.text(a, 0)?.trim();
            c.give(text.to_owned())
        },
    ),
    Function::new(
        Entry {
            name: "replace",
            signature: "replace(text: string, part: string, by: string) -> string",
            doc: "The text with every occurrence of the part replaced. The part is plain text, no pattern.",
            example: "\"a.b.c\".replace(\".\", \"-\")",
            result: r#""a-b-c""#,
        },
        &[Param::Text, Param::Text, Param::Text],
        |_| Type::string(),
        replace,
    ),
    Function::new(
        Entry {
            name: "truncate",
            signature: "truncate(text: string, most: int) -> string",
            doc: "The text, cut to so many characters; what was cut ends with `…`. Below 1 it is an error.",
            example: "truncate(\"a very long subject\", 7)",
            result: "\"a very…\"",
        },
        &[Param::Text, Param::Int],
        |_| Type::string(),
        truncate,
    ),
    Function::new(
        Entry {
            name: "substring",
            signature: "substring(text: string, start: int, end: int = size(text)) -> string",
            doc: "The characters from `start` up to, not including, `end`, counted from 0.",
            example: "\"message\".substring(0, 4)",
            result: r#""mess""#,
        },
        &[Param::Text, Param::Int, Param::Int],
        |_| Type::string(),
        substring,
    )
    .required(2),
];

fn size<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let count = match args.first() {
        Some(Val::List(list)) => list.len(),
        Some(Val::Map(map)) => map.len(),
        Some(Val::Text(_)) => c.text(args, 0)?.chars().count(),
        other => return Err(c.wrong("a string, list or object", other)),
    };
    Ok(Val::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn matches<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    let source = c.text(args, 1)?;
    if let Some(pattern) = c.pattern {
        return Ok(Val::Bool(pattern.is_match(text, c)?));
    }
    // Compiling takes up to a millisecond or two.
    c.budget.step(20_000, c.span)?;
    let compiled = Pattern::compile(source).map_err(|message| c.conversion(&message))?;
    Ok(Val::Bool(compiled.is_match(text, c)?))
}

fn split<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    let separator = c.text(args, 1)?;
    let pieces: Box<dyn Iterator<Item = &str>> = if separator.is_empty() {
        Box::new(text.split("").filter(|piece| !piece.is_empty()))
    } else {
        Box::new(text.split(separator))
    };
    let mut out = Vec::new();
    for piece in pieces {
        c.budget.step(1, c.span)?;
        c.alloc(piece.len() + 48 + size_of::<Val<'_>>())?;
        out.push(Val::text(piece));
    }
    Ok(Val::list(out))
}

fn join<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let separator = if args.len() > 1 { c.text(args, 1)? } else { "" };
    let mut out = String::new();
    for (at, part) in c.list(args, 0)?.iter().enumerate() {
        let Some(part) = part.as_text() else { return Err(c.wrong("a list of strings", Some(&part))) };
        c.budget.step(1, c.span)?;
        // Twice for growth, and once more for the copy into shared memory.
        c.alloc((part.len() + separator.len()) * 3)?;
        if at > 0 {
            out.push_str(separator);
        }
        out.push_str(part);
    }
    Ok(Val::text(out))
}

fn replace<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    let part = c.text(args, 1)?;
    let by = c.text(args, 2)?;
    let count = text.matches(part).count();
    c.budget.step(count as u64 / 4, c.span)?;
    c.alloc(text.len().saturating_add(count.saturating_mul(by.len())).saturating_mul(2))?;
    Ok(Val::text(text.replace(part, by)))
}

fn substring<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    c.budget.step(text.len() as u64 / 16, c.span)?;
    let outside = |c: &Context<'_>| c.error(EvalErrorKind::Index, "`substring` reaches outside the text");
    let place = |at: i64| {
        let at = usize::try_from(at).ok()?;
        text.char_indices().map(|(offset, _)| offset).chain([text.len()]).nth(at)
    };
    let start = place(c.int(args, 1)?).ok_or_else(|| outside(c))?;
    let end = if args.len() > 2 { place(c.int(args, 2)?).ok_or_else(|| outside(c))? } else { text.len() };
    let piece = text.get(start..end).ok_or_else(|| outside(c))?;
    c.give(piece.to_owned())
}

fn truncate<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let text = c.text(args, 0)?;
    c.budget.step(text.len() as u64 / 16, c.span)?;
    let most = usize::try_from(c.int(args, 1)?).ok().and_then(|most| most.checked_sub(1));
    let most =
        most.ok_or_else(|| c.error(EvalErrorKind::Index, "`truncate` to fewer characters than one"))?;
    let mut places = text.char_indices().map(|(at, _)| at).skip(most);
    match (places.next(), places.next()) {
        (Some(cut), Some(_)) => c.give(format!("{}…", text.get(..cut).unwrap_or(""))),
        _ => c.give(text.to_owned()),
    }
}
