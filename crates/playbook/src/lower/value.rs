//! Values with expressions in them, and the places they go to.
//!
//! What is written out is checked against the schema of its place as a whole; what is computed is checked by
//! type, because its value is not known yet. Trust is a matter of the place: a guarded one takes nothing
//! untrusted, an open one nothing secret.

use std::collections::BTreeMap;

use expr::{Expr, Severity, SyntaxError, Template, Type, nearest};
use plan::ValueExpr;
use serde_json::Value;

use super::Lower;
use super::text::{is_text_file, text_file};
use crate::codes;
use crate::report::{Mark, Raw};
use crate::source::text::shown;
use crate::source::tree::{Entry, Kind, Node};

/// Where a value goes.
#[derive(Debug, Clone)]
pub(super) struct Slot<'s> {
    /// What messages call it: "the input `to`".
    pub(super) what: &'s str,
    pub(super) ty: Type,
    /// The schema of the place and the document it stands in, to find marks further inside.
    pub(super) schema: Option<(&'s Value, &'s Value)>,
    /// The kind of guarded place, if it is one.
    pub(super) guard: Option<&'s str>,
    /// Whether a secret may go there.
    pub(super) secret: bool,
}

impl<'s> Slot<'s> {
    /// A place that takes a value of this type and nothing secret.
    pub(super) fn open(what: &'s str, ty: Type) -> Self {
        Slot { what, ty, schema: None, guard: None, secret: false }
    }

    fn inside(&self, ty: Type, key: Option<&str>) -> Slot<'s> {
        let schema = self.schema.and_then(|(schema, root)| Some((part(schema, root, key)?, root)));
        let marked = schema.map_or((None, false), |(schema, root)| marks(schema, root));
        Slot { what: self.what, ty, schema, guard: self.guard.or(marked.0), secret: self.secret || marked.1 }
    }
}

/// The marks of a schema, also of what it refers to.
pub(super) fn marks<'s>(schema: &'s Value, root: &'s Value) -> (Option<&'s str>, bool) {
    let mut guard = None;
    let mut secret = false;
    for part in variants(schema, root) {
        guard = guard.or_else(|| part.get("x-guard").and_then(Value::as_str));
        secret = secret || part.get("x-secret") == Some(&Value::Bool(true));
    }
    (guard, secret)
}

/// The kind of guarded place that a value, or each element of a list, is.
pub(super) fn guard_inside<'s>(schema: &'s Value, root: &'s Value) -> Option<&'s str> {
    marks(schema, root).0.or_else(|| marks(part(schema, root, None)?, root).0)
}

/// The kind of the guarded place that an untrusted part of a value would reach, in this schema or inside of it.
pub(super) fn reached<'s>(schema: &'s Value, root: &'s Value, ty: &Type, depth: usize) -> Option<&'s str> {
    // Schemas may refer to themselves.
    const DEEPEST: usize = 12;
    if depth > DEEPEST || !ty.contains_untrusted() {
        return None;
    }
    if let (Some(guard), _) = marks(schema, root) {
        return Some(guard);
    }
    variants(schema, root).into_iter().find_map(|schema| {
        let items = schema.get("items").and_then(|items| reached(items, root, &ty.element(), depth + 1));
        items.or_else(|| {
            let mut properties = schema.get("properties")?.as_object()?.iter();
            properties.find_map(|(name, property)| match ty.field(name)? {
                expr::Lookup::Present(ty) | expr::Lookup::Optional(ty) | expr::Lookup::Undeclared(ty) => {
                    reached(property, root, &ty, depth + 1)
                }
                expr::Lookup::Absent => None,
            })
        })
    })
}

/// The schema itself, what it refers to, and its alternatives; a few levels are all that real schemas have.
fn variants<'s>(schema: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    let mut found = vec![schema];
    let mut next = 0;
    while let Some(schema) = found.get(next).copied().filter(|_| found.len() < 32) {
        next += 1;
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
        found.extend(target.and_then(|pointer| root.pointer(pointer)));
        for word in ["anyOf", "oneOf", "allOf"] {
            found.extend(schema.get(word).and_then(Value::as_array).into_iter().flatten());
        }
    }
    found
}

fn part<'s>(schema: &'s Value, root: &'s Value, key: Option<&str>) -> Option<&'s Value> {
    variants(schema, root).into_iter().find_map(|schema| match key {
        Some(key) => {
            schema.get("properties").and_then(|p| p.get(key)).or_else(|| schema.get("additionalProperties"))
        }
        None => schema.get("items"),
    })
}

impl Lower<'_> {
    /// Lowers a value for a place; gives its type.
    pub(super) fn value(&mut self, node: &Node, slot: &Slot<'_>) -> (ValueExpr, Type) {
        if let Some(entries) = text_file(node, slot) {
            return self.text_file(node, entries, slot);
        }
        if !has_expression(node) {
            return self.literal(node, slot);
        }
        match &node.kind {
            Kind::List(items) => self.list(items, slot),
            Kind::Map(entries) => self.map(entries, slot),
            _ => self.computed(node, slot),
        }
    }

    /// What is computed must fit its place and may go there.
    pub(super) fn placed(&mut self, node: &Node, ty: &Type, slot: &Slot<'_>) {
        self.fits(node, ty, slot);
        self.trusted(node, ty, slot);
    }

    fn literal(&mut self, node: &Node, slot: &Slot<'_>) -> (ValueExpr, Type) {
        self.ambiguous(node, &slot.ty);
        let Some(value) = node.to_json() else {
            self.sink.push(
                Raw::error(
                    codes::BAD_LITERAL,
                    format!("{} cannot hold this number: it is none, or has more than 64 bits", slot.what),
                )
                .node(node.id, ""),
            );
            return (ValueExpr::Literal(Value::Null), Type::any());
        };
        let ty = type_of(&value);
        (ValueExpr::Literal(value), ty)
    }

    /// As [`Lower::value`], and what is written out must fit the type of the place. For places without a
    /// schema of their own.
    pub(super) fn fitting(&mut self, node: &Node, slot: &Slot<'_>) -> (ValueExpr, Type) {
        let (value, ty) = self.value(node, slot);
        if matches!(value, ValueExpr::Literal(_)) {
            self.fits(node, &ty, slot);
        }
        (value, ty)
    }

    fn fits(&mut self, node: &Node, ty: &Type, slot: &Slot<'_>) {
        if let Err(mismatch) = ty.assignable_to(&slot.ty) {
            let place = match mismatch.path.is_empty() {
                true => String::new(),
                false => format!(" at `{}`", mismatch.path.join(".")),
            };
            let raw = Raw::error(codes::WRONG_TYPE, format!("{} has the wrong type{place}", slot.what))
                .node(node.id, mismatch.message);
            let raw = match node.text().map(Template::parse) {
                Some(Ok(template)) => self.with_origin(raw, &template, None),
                _ => raw,
            };
            self.sink.push(raw.maybe_help(conversion(ty, &slot.ty, node)));
        }
    }

    fn list(&mut self, items: &[Node], slot: &Slot<'_>) -> (ValueExpr, Type) {
        let inner = slot.inside(slot.ty.element(), None);
        let mut values = Vec::new();
        let mut types = Vec::new();
        for item in items {
            let (value, ty) =
                if has_expression(item) { self.value(item, &inner) } else { self.fitting(item, &inner) };
            values.push(value);
            types.push(ty);
        }
        let ty = Type::list_at_least(Type::union(types), values.len());
        (ValueExpr::List(values), ty)
    }

    fn map(&mut self, entries: &[Entry], slot: &Slot<'_>) -> (ValueExpr, Type) {
        let mut values = BTreeMap::new();
        let mut types = Vec::new();
        for Entry { key, value } in entries {
            let expected = match slot.ty.field(&key.text) {
                Some(
                    expr::Lookup::Present(ty) | expr::Lookup::Optional(ty) | expr::Lookup::Undeclared(ty),
                ) => ty,
                Some(expr::Lookup::Absent) => {
                    let known = slot.ty.field_names();
                    self.sink.push(super::fields::unknown_key(key.id, &key.text, slot.what, &known));
                    Type::any()
                }
                None => Type::any(),
            };
            let inner = slot.inside(expected, Some(&key.text));
            let (lowered, ty) =
                if has_expression(value) { self.value(value, &inner) } else { self.fitting(value, &inner) };
            values.insert(key.text.clone(), lowered);
            types.push((key.text.clone(), ty));
        }
        (ValueExpr::Map(values), Type::closed(types))
    }

    fn computed(&mut self, node: &Node, slot: &Slot<'_>) -> (ValueExpr, Type) {
        let Some((template, ty)) = self.template(node) else { return broken() };
        self.placed(node, &ty, slot);
        (ValueExpr::Template(template), ty)
    }

    /// Parses and checks a scalar with expressions; everything wrong is reported. `None` if it is not usable.
    pub(super) fn template(&mut self, node: &Node) -> Option<(Template, Type)> {
        let text = node.text()?;
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                self.syntax(node, &error);
                return None;
            }
        };
        let (ty, problems) = template.check(&self.names);
        let failed = problems.iter().any(|p| p.severity == Severity::Error);
        for problem in problems {
            let raw = match problem.severity {
                Severity::Error => Raw::error(problem.code, problem.message),
                Severity::Warning => Raw::warning(problem.code, problem.message),
            };
            let mark = Mark::Inside(node.id, problem.span.start..problem.span.end);
            let raw = raw.mark(mark, problem.label).maybe_help(problem.help);
            self.sink.push(self.with_origin(raw, &template, Some(problem.span)));
        }
        Some((template, if failed { Type::any() } else { ty }))
    }

    /// Adds where the values of an expression come from: the one at a place, or the only one.
    fn with_origin(&self, raw: Raw, template: &Template, at: Option<expr::Span>) -> Raw {
        let mut paths: Vec<Vec<String>> = Vec::new();
        for (offset, expr) in template.exprs() {
            for reference in expr.references() {
                let span = reference.span.shifted(offset);
                let meant = at.is_none_or(|at| span.start <= at.end && at.start <= span.end);
                let start: Vec<String> = reference.path.into_iter().take(2).collect();
                if meant && !paths.contains(&start) {
                    paths.push(start);
                }
            }
        }
        // More than two places are a list to read and no help.
        if paths.len() > 2 {
            return raw;
        }
        // What is unknown comes from nowhere.
        if matches!(raw.code, codes::UNKNOWN_NAME | codes::UNKNOWN_STEP) {
            return raw;
        }
        let about_the_step = raw.code.starts_with("P03");
        let origins = paths.iter().filter_map(|path| self.names.origin(path));
        origins.fold(raw, |raw, (id, text)| raw.node(id, if about_the_step { "this step" } else { text }))
    }

    fn syntax(&mut self, node: &Node, error: &SyntaxError) {
        let mark = Mark::Inside(node.id, error.span.start..error.span.end);
        self.sink.push(
            Raw::error(codes::EXPRESSION, &error.message).mark(mark, "").maybe_help(error.help.clone()),
        );
    }

    /// A scalar that is exactly one expression.
    pub(super) fn expression(&mut self, node: &Node, what: &str) -> Option<(Expr, Type)> {
        let help = "write the expression between `${{` and `}}`";
        match node.text() {
            Some(text) if Template::has_expression(text) => {
                let (template, ty) = self.template(node)?;
                let single = template.as_single().cloned();
                if single.is_none() {
                    let raw = Raw::error(codes::WRONG_KIND, format!("{what} must be exactly one expression"))
                        .node(node.id, "there is text beside it");
                    self.sink.push(raw.help(help));
                }
                Some((single?, ty))
            }
            _ => {
                let shown = node.text().map(|text| format!("{help}: `${{{{ {} }}}}`", shown(text.trim())));
                let raw = Raw::error(
                    codes::WRONG_KIND,
                    format!("{what} must be an expression, this is {}", node.what()),
                );
                self.sink.push(raw.node(node.id, "").help(shown.as_deref().unwrap_or(help)));
                None
            }
        }
    }

    /// A condition: an expression whose value is true or false.
    pub(super) fn condition(&mut self, node: &Node, what: &str) -> Option<Expr> {
        let (expr, ty) = self.expression(node, what)?;
        self.open_place(node, &ty, what);
        if let Err(mismatch) = ty.assignable_to(&Type::bool()) {
            self.sink.push(
                Raw::error(codes::WRONG_TYPE, format!("{what} must be true or false"))
                    .node(node.id, mismatch.message)
                    .help("compare it with something: `${{ size(list) > 0 }}`"),
            );
        }
        Some(expr)
    }

    /// A condition with which the author decides something: one with a single answer decides nothing.
    pub(super) fn decision(&mut self, node: &Node, what: &str) -> Option<Expr> {
        let before = self.sink.mark();
        let expr = self.condition(node, what)?;
        let answer = if self.sink.mark() == before { expr.constant(&self.names) } else { None };
        if let Some(answer) = answer {
            let label = if answer { "always true here" } else { "never true here" };
            self.sink.push(
                Raw::warning(codes::ALWAYS, format!("{what} has only one answer"))
                    .node(node.id, label)
                    .help("what it asks is written here, follows from types, or was decided around it; remove it or ask something else"),
            );
        }
        Some(expr)
    }

    /// Warns of text that other tools read as something else.
    pub(super) fn ambiguous(&mut self, node: &Node, expected: &Type) {
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| self.ambiguous(item, &expected.element())),
            Kind::Map(entries) => entries
                .iter()
                .for_each(|entry| self.ambiguous(&entry.value, &member(expected, &entry.key.text))),
            Kind::Text(text) if Type::string().assignable_to(expected).is_ok() => {
                if let Some(other) = other_reading(text) {
                    self.sink.push(
                        Raw::warning(
                            codes::AMBIGUOUS,
                            format!("`{}` is text here, but {other} for other tools", shown(text)),
                        )
                        .node(node.id, "")
                        .help(format!("put it in quotes: \"{}\"", shown(text))),
                    );
                }
            }
            _ => {}
        }
    }
}

/// The type of a member, as far as the type of the whole says.
pub(super) fn member(whole: &Type, name: &str) -> Type {
    match whole.field(name) {
        Some(expr::Lookup::Present(ty) | expr::Lookup::Optional(ty) | expr::Lookup::Undeclared(ty)) => ty,
        _ => Type::any(),
    }
}

/// The validator's words, with the value in place of "value" where the value is a short word.
pub(super) fn said(message: &str, node: &Node) -> String {
    match (&node.kind, message.strip_prefix("value ")) {
        (Kind::Text(text), Some(rest)) if text.len() <= 40 => format!("\"{}\" {rest}", shown(text)),
        (Kind::Int(n), Some(rest)) => format!("{n} {rest}"),
        (Kind::Float(n), Some(rest)) => format!("{n} {rest}"),
        (Kind::Bool(b), Some(rest)) => format!("{b} {rest}"),
        (_, Some(rest)) => format!("the value {rest}"),
        _ => message.to_owned(),
    }
}

/// What to write instead of a value at this place of a type, if a word can say it.
pub(super) fn literal_help(node: &Node, whole: &Type, pointer: &str) -> Option<String> {
    let ty = pointer.split('/').skip(1).fold(whole.clone(), |ty, part| match part.parse::<usize>() {
        Ok(_) if ty.is_list() => ty.element(),
        _ => member(&ty, part),
    });
    if let (Kind::Text(text), Some(values)) = (&node.kind, ty.values()) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        return Some(nearest(text, values.iter().copied()).map_or_else(
            || format!("write one of {}", super::fields::quoted(&values)),
            |near| format!("did you mean `{near}`?"),
        ));
    }
    let fits = |wanted: Type| !ty.is_any() && wanted.assignable_to(&ty).is_ok();
    match &node.kind {
        Kind::Text(text) if fits(Type::bool()) => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "true" => Some("write `true` without quotes".into()),
            "no" | "off" | "false" => Some("write `false` without quotes".into()),
            _ => None,
        },
        Kind::Text(text) if fits(Type::int()) => {
            let plain = text.replace('_', "");
            let plain = plain.trim_start_matches('0');
            let number = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit());
            number.then(|| format!("write `{plain}` without quotes"))
        }
        Kind::Text(_) if ty.is_list() && fits(Type::list(Type::string())) => {
            Some("write a list: `[...]`".into())
        }
        Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) if fits(Type::string()) => {
            Some("put it in quotes".into())
        }
        _ => None,
    }
}

/// What a YAML 1.1 tool makes of a plain scalar that is text here.
pub(super) fn other_reading(text: &str) -> Option<&'static str> {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off") {
        return Some("a boolean");
    }
    let clock = text
        .split_once(':')
        .is_some_and(|(h, rest)| digits(h) && rest.split(':').all(|m| m.len() == 2 && digits(m)));
    let grouped = text.contains('_')
        && text.starts_with(|c: char| c.is_ascii_digit())
        && digits(&text.replace('_', ""));
    let octal = text.len() > 1 && text.starts_with('0') && digits(text);
    // `1e400`: larger than any number that can be kept, so the parser left it as it was.
    let huge = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit())
        && text.parse::<f64>().is_ok_and(f64::is_infinite);
    (clock || grouped || octal || huge).then_some("a number")
}

/// How to make the value fit, if a word can do it.
fn conversion(found: &Type, wanted: &Type, node: &Node) -> Option<String> {
    let fits = |ty: Type| ty.assignable_to(wanted).is_ok();
    if let Some(text) = node.text().filter(|t| !Template::has_expression(t)) {
        return match text.to_ascii_lowercase().as_str() {
            "yes" | "on" if fits(Type::bool()) => Some("write `true`".into()),
            "no" | "off" if fits(Type::bool()) => Some("write `false`".into()),
            _ if fits(Type::list(Type::string())) => Some("write a list: `[...]`".into()),
            _ => None,
        };
    }
    let scalar = matches!(node.kind, Kind::Int(_) | Kind::Unsigned(_) | Kind::Float(_) | Kind::Bool(_));
    if scalar && fits(Type::string()) {
        return Some("put it in quotes".into());
    }
    if found.is_nullable() && found.without_null().assignable_to(wanted).is_ok() {
        return Some(
            "stand it under `if: ${{ x != null }}`, or give a default: `${{ x == null ? other : x }}`".into(),
        );
    }
    let printable = [Type::number(), Type::bool()].iter().any(|ty| found.assignable_to(ty).is_ok());
    if printable && fits(Type::string()) {
        return Some("make it text: `${{ string(...) }}`, or write words around it".into());
    }
    let single = node.text().is_some();
    if single && found.assignable_to(&wanted.element()).is_ok() && wanted.is_list() {
        return Some("write a list: `[\"${{ ... }}\"]`".into());
    }
    None
}

/// What stands for a value that is wrong: nothing that a schema would complain about once more.
pub(super) fn broken() -> (ValueExpr, Type) {
    (ValueExpr::Map(BTreeMap::new()), Type::any())
}

/// Whether anything in the value is computed. A template file is.
pub(super) fn has_expression(node: &Node) -> bool {
    match &node.kind {
        Kind::Map(entries) if is_text_file(entries) => true,
        Kind::Text(text) => Template::has_expression(text),
        Kind::List(items) => items.iter().any(has_expression),
        Kind::Map(entries) => entries.iter().any(|e| has_expression(&e.value)),
        _ => false,
    }
}

/// The type of a value that is written out.
pub(super) fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::null(),
        Value::Bool(_) => Type::bool(),
        Value::Number(number) if number.is_i64() => Type::int(),
        Value::Number(_) => Type::double(),
        Value::String(text) => Type::literal(text),
        Value::Array(items) => Type::list_at_least(Type::union(items.iter().map(type_of)), items.len()),
        Value::Object(map) => Type::closed(map.iter().map(|(name, value)| (name.clone(), type_of(value)))),
    }
}
