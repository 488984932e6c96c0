//! Calls, and what is written like a call but is part of the language: `has`, `choose`, the ends of optional chains.

use super::Parsed;
use crate::ast::{Call, Kind, MacroKind, Node, Part};
use crate::functions::{self, Pattern};
use crate::source::{Span, SyntaxError};
use crate::suggest;

pub(super) fn has(args: Vec<Node>, span: Span) -> Parsed<Node> {
    let wrong = || SyntaxError::new("`has` asks for one member", span).help("write `has(a.b)`");
    let mut args = args.into_iter();
    let (Some(mut target), None) = (args.next(), args.next()) else { return Err(wrong()) };
    let asked = match &mut target.kind {
        Kind::Path(path) if path.len() > 1 => path.pop(),
        Kind::Member(_, parts) => match parts.pop() {
            Some(Part::Field { segment, .. }) => Some(segment),
            _ => None,
        },
        _ => None,
    };
    let segment = asked.ok_or_else(wrong)?;
    Ok(Node { kind: Kind::Has(Box::new(target), segment), span })
}

pub(super) fn choose(args: Vec<Node>, span: Span) -> Parsed<Node> {
    match <[Node; 3]>::try_from(args) {
        Ok([condition, then, otherwise]) => {
            Ok(Node { kind: Kind::Choose(vec![(condition, then)], Box::new(otherwise)), span })
        }
        Err(_) => Err(SyntaxError::new("`choose` takes a condition and two results", span)
            .help("write `choose(condition, a, b)`")),
    }
}

pub(super) fn optional_end(name: &str, span: Span, args: Vec<Node>) -> Parsed<Part> {
    let mut args = args.into_iter();
    match (name, args.next(), args.next()) {
        ("orValue", Some(default), None) => Ok(Part::OrValue(default)),
        ("hasValue", None, None) => Ok(Part::HasValue),
        _ => Err(SyntaxError::new(format!("`.{name}()` cannot follow a member that may be absent"), span)
            .help("end the optional chain first: `.orValue(default)` or `.hasValue()`")),
    }
}

/// A call; `receiver` is 1 if a value in front of the dot is the first argument.
pub(super) fn call(name: &str, span: Span, args: Vec<Node>, receiver: usize) -> Parsed<Call> {
    if MacroKind::by_name(name).is_some() || (receiver == 1 && matches!(name, "has" | "choose")) {
        return Err(SyntaxError::new(format!("`{name}` cannot be called like this"), span)
            .help(suggest::macro_form(name)));
    }
    let mut pattern = None;
    if name == "matches"
        && let Some(Node { kind: Kind::Text(text), span }) = args.get(1 - receiver)
    {
        pattern = Some(Pattern::compile(text).map_err(|message| SyntaxError::new(message, *span))?);
    }
    Ok(Call { name: name.to_owned(), name_span: span, function: functions::find(name), args, pattern })
}
