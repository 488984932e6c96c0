//! `aqs.*`: what to look for in mailboxes, as a value of its own type and never as text.
//!
//! A query in text form has to be quoted, and whoever forgets it lets the sender of a mail decide what is found and
//! then deleted. So a restriction is built from parts: fields are written out and checked against [`FIELDS`], values
//! stay values. Nothing else has the type `restriction`; that is why text from a mail may stand inside of one. A
//! blank value is refused, because in every mail system it would find everything. Nothing is said here about how a
//! server is asked: that is the business of the action that takes the restriction.

use super::time::{format_timestamp, parse_timestamp};
use super::{Complaint, Context, Entry, Function, Param};
use crate::budget::{EvalError, EvalErrorKind};
use crate::source::is_deceptive;
use crate::suggest::nearest;
use crate::types::{Kind as K, Type};
use crate::val::{MAP_NODE, Map, Val};
use std::collections::BTreeMap;
use std::rc::Rc;

type Given<'a> = Result<Val<'a>, EvalError>;

/// What the values of a field are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Text,
    Words(&'static [&'static str]),
    Time,
    Int,
    Bool,
}

const FIELDS: [(&str, Values); 13] = [
    ("from", Values::Text),
    ("to", Values::Text),
    ("cc", Values::Text),
    ("subject", Values::Text),
    ("body", Values::Text),
    ("message_id", Values::Text),
    ("received", Values::Time),
    ("sent", Values::Time),
    ("size", Values::Int),
    ("has_attachments", Values::Bool),
    ("is_read", Values::Bool),
    ("importance", Values::Words(&["low", "normal", "high"])),
    ("category", Values::Text),
];

fn values_of(field: &str) -> Option<Values> {
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, values)| *values)
}

/// Which fields an operator can ask for.
fn takes(operator: &str, values: Values) -> bool {
    match operator {
        "contains" | "starts_with" => values == Values::Text,
        "before" | "after" => values == Values::Time,
        _ => true,
    }
}

const FIELD_AND_TEXT: &[Param] = &[Param::Text, Param::Text];
const FIELD_AND_TIME: &[Param] = &[Param::Text, Param::TextOrTimestamp];

const fn comparison(entry: Entry, params: &'static [Param]) -> Function {
    Function::new(entry, params, |_| Type::restriction(), compare).quotes().checked(check_comparison)
}

pub(super) const TABLE: &[Function] = &[
    comparison(
        Entry {
            name: "aqs.eq",
            signature: "aqs.eq(field: literal, value) -> restriction",
            doc: "The field is exactly this. The fields are `from`, `to`, `cc`, `subject`, `body`, `message_id`, \
                  `category` (text), `received`, `sent` (times), `size` (int, bytes), `has_attachments`, `is_read` \
                  (bool) and `importance` (`low`, `normal` or `high`). An empty or blank value is an error, because \
                  it would find everything. The result is trusted: a value can never become a part of a query.",
            example: "aqs.eq(\"subject\", \"Invoice \\\" OR 2041\")",
            result: r#"{"eq":{"field":"subject","value":"Invoice \" OR 2041"}}"#,
        },
        &[Param::Text, Param::Comparable],
    ),
    comparison(
        Entry {
            name: "aqs.contains",
            signature: "aqs.contains(field: literal, part: string) -> restriction",
            doc: "The text field contains this part.",
            example: "aqs.contains(\"body\", \"evil.example\")",
            result: r#"{"contains":{"field":"body","value":"evil.example"}}"#,
        },
        FIELD_AND_TEXT,
    ),
    comparison(
        Entry {
            name: "aqs.starts_with",
            signature: "aqs.starts_with(field: literal, start: string) -> restriction",
            doc: "The text field begins with this.",
            example: "aqs.starts_with(\"subject\", \"Invoice\")",
            result: r#"{"starts_with":{"field":"subject","value":"Invoice"}}"#,
        },
        FIELD_AND_TEXT,
    ),
    comparison(
        Entry {
            name: "aqs.before",
            signature: "aqs.before(field: literal, time: timestamp) -> restriction",
            doc: "`received` or `sent` lies before this time. Text must be RFC 3339.",
            example: "aqs.before(\"received\", timestamp(\"2026-03-01T01:00:00+01:00\"))",
            result: r#"{"before":{"field":"received","value":"2026-03-01T00:00:00Z"}}"#,
        },
        FIELD_AND_TIME,
    ),
    comparison(
        Entry {
            name: "aqs.after",
            signature: "aqs.after(field: literal, time: timestamp) -> restriction",
            doc: "`received` or `sent` lies after this time. Text must be RFC 3339.",
            example: "aqs.after(\"sent\", timestamp(\"2026-03-08T00:00:00Z\") - duration(\"7d\"))",
            result: r#"{"after":{"field":"sent","value":"2026-03-01T00:00:00Z"}}"#,
        },
        FIELD_AND_TIME,
    ),
    Function::new(
        Entry {
            name: "aqs.exists",
            signature: "aqs.exists(field: literal) -> restriction",
            doc: "The mail has the field.",
            example: "aqs.exists(\"category\")",
            result: r#"{"exists":{"field":"category"}}"#,
        },
        &[Param::Text],
        |_| Type::restriction(),
        |c, a| {
            let (name, _) = field(c, a)?;
            c.alloc(2 * MAP_NODE)?;
            Ok(wrapped("exists", object([("field", Val::text(name))])))
        },
    )
    .quotes()
    .checked(|name, types| known_fields(name, types).err()),
    Function::new(
        Entry {
            name: "aqs.and",
            signature: "aqs.and(restriction | list of restriction, ...) -> restriction",
            doc: "All of them hold. Of none at all it is an error, because it would find everything.",
            example: "aqs.and([aqs.eq(\"is_read\", false), aqs.exists(\"cc\")])",
            result: r#"{"and":[{"eq":{"field":"is_read","value":false}},{"exists":{"field":"cc"}}]}"#,
        },
        &[Param::RestrictionOrRestrictions],
        |_| Type::restriction(),
        combine,
    )
    .quotes()
    .variadic(),
    Function::new(
        Entry {
            name: "aqs.or",
            signature: "aqs.or(restriction | list of restriction, ...) -> restriction",
            doc: "At least one of them holds. Of none at all it is an error.",
            example: "aqs.or([\"a@evil.example\", \"b@evil.example\"].map(s, aqs.eq(\"from\", s)))",
            result: r#"{"or":[{"eq":{"field":"from","value":"a@evil.example"}},{"eq":{"field":"from","value":"b@evil.example"}}]}"#,
        },
        &[Param::RestrictionOrRestrictions],
        |_| Type::restriction(),
        combine,
    )
    .quotes()
    .variadic(),
    Function::new(
        Entry {
            name: "aqs.not",
            signature: "aqs.not(restriction) -> restriction",
            doc: "The restriction does not hold.",
            example: "aqs.not(aqs.eq(\"importance\", \"low\"))",
            result: r#"{"not":{"eq":{"field":"importance","value":"low"}}}"#,
        },
        &[Param::Restriction],
        |_| Type::restriction(),
        |c, a| {
            let inner = a.first().ok_or_else(|| c.wrong("a restriction", None))?;
            well_formed(c, inner, 0)?;
            c.alloc(MAP_NODE)?;
            Ok(wrapped("not", inner.clone()))
        },
    )
    .quotes(),
];

/// `eq` of `aqs.eq`.
fn operator(name: &'static str) -> &'static str {
    name.strip_prefix("aqs.").unwrap_or(name)
}

fn object<'a>(members: impl IntoIterator<Item = (&'static str, Val<'a>)>) -> Val<'a> {
    let members: BTreeMap<String, Val<'a>> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Val::Map(Map::Own(Rc::new(members)))
}

fn wrapped<'a>(operator: &'static str, inner: Val<'a>) -> Val<'a> {
    object([(operator, inner)])
}

fn field(c: &mut Context<'_>, args: &[Val<'_>]) -> Result<(&'static str, Values), EvalError> {
    let name = c.text(args, 0)?;
    let found = FIELDS.iter().find(|(known, _)| *known == name).copied();
    let (name, values) = found.ok_or_else(|| c.conversion("there is no such field of a mail"))?;
    if takes(operator(c.name), values) {
        Ok((name, values))
    } else {
        Err(c.conversion(&format!("this cannot be asked of `{name}`")))
    }
}

fn compare<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let (name, values) = field(c, args)?;
    let value = value(c, name, values, args)?;
    c.alloc(2 * MAP_NODE + 128)?;
    Ok(wrapped(operator(c.name), object([("field", Val::text(name)), ("value", value)])))
}

fn value<'a>(c: &mut Context<'_>, name: &str, values: Values, args: &[Val<'a>]) -> Given<'a> {
    let wanted = |c: &Context<'_>, what: &str| {
        c.error(
            EvalErrorKind::Type,
            format!(
                "`{}`: `{name}` is compared with {what}, this is {}",
                c.name,
                args.get(1).map_or("nothing", Val::type_name)
            ),
        )
    };
    match (values, args.get(1)) {
        (Values::Text, Some(Val::Text(text))) => {
            c.text(args, 1)?;
            if blank(text.as_str()) {
                let message = format!("the value for `{name}` is empty, which would find everything");
                return Err(c.conversion(&message));
            }
            Ok(Val::Text(text.clone()))
        }
        (Values::Text, _) => Err(wanted(c, "a string")),
        (Values::Words(words), Some(Val::Text(text))) => match words.iter().find(|w| **w == text.as_str()) {
            Some(word) => Ok(Val::text(*word)),
            None => Err(c.conversion(&format!("`{name}` is one of {}", words.join(", ")))),
        },
        (Values::Words(_), _) => Err(wanted(c, "a string")),
        (Values::Time, Some(Val::Timestamp(at))) => Ok(Val::text(format_timestamp(*at))),
        (Values::Time, Some(Val::Text(text))) => match parse_timestamp(text.as_str()) {
            Some(at) => Ok(Val::text(format_timestamp(at))),
            None => Err(c.conversion("the text is not a time like `2026-03-01T12:00:00Z`")),
        },
        (Values::Time, _) => Err(wanted(c, "a timestamp")),
        (Values::Int, value) => value.and_then(Val::as_int).map(Val::Int).ok_or_else(|| wanted(c, "an int")),
        (Values::Bool, Some(Val::Bool(b))) => Ok(Val::Bool(*b)),
        (Values::Bool, _) => Err(wanted(c, "a bool")),
    }
}

/// Whether a text says nothing: nothing visible, or only the sign that elsewhere stands for everything.
fn blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_deceptive(c) || c == '*')
}

fn combine<'a>(c: &mut Context<'_>, args: &[Val<'a>]) -> Given<'a> {
    let mut parts = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match arg {
            Val::List(_) => {
                let list = c.list(args, at)?;
                c.alloc(list.len() * size_of::<Val<'_>>())?;
                parts.extend(list.iter());
            }
            other => parts.push(other.clone()),
        }
    }
    if parts.is_empty() {
        return Err(c.conversion("nothing to combine, which would find everything"));
    }
    for part in &parts {
        well_formed(c, part, 0)?;
    }
    c.alloc(MAP_NODE)?;
    Ok(wrapped(operator(c.name), Val::list(parts)))
}

/// Restrictions also come back from earlier steps as plain data; what is not one goes no further.
fn well_formed(c: &mut Context<'_>, value: &Val<'_>, depth: usize) -> Result<(), EvalError> {
    c.budget.step(4, c.span)?;
    let wrong = |c: &Context<'_>| c.wrong("restrictions made by `aqs`", Some(value));
    let Val::Map(map) = value else { return Err(wrong(c)) };
    let keys = map.keys();
    let (Some(name), true) = (keys.first().filter(|_| keys.len() == 1), depth < 64) else {
        return Err(wrong(c));
    };
    match (name.as_str(), map.get(name.as_str())) {
        ("and" | "or", Some(Val::List(parts))) if parts.len() > 0 => {
            parts.iter().try_for_each(|part| well_formed(c, &part, depth + 1))
        }
        ("not", Some(inner)) => well_formed(c, &inner, depth + 1),
        ("eq" | "contains" | "starts_with" | "before" | "after" | "exists", Some(Val::Map(inner))) => {
            let named =
                inner.get("field").is_some_and(|f| f.as_text().is_some_and(|f| values_of(f).is_some()));
            let full = inner.get("value").is_none_or(|v| v.as_text().is_none_or(|text| !blank(text)));
            if named && full { Ok(()) } else { Err(wrong(c)) }
        }
        _ => Err(wrong(c)),
    }
}

/// The fields that the first argument can be; all must be known when the playbook is checked.
fn known_fields(name: &'static str, types: &[Type]) -> Result<Vec<(String, Values)>, Complaint> {
    let complaint = |message: String, help: String| Complaint { at: 0, message, help: Some(help) };
    let all = || FIELDS.map(|(name, _)| name).join("`, `");
    let names = types.first().and_then(Type::values).ok_or_else(|| {
        complaint(format!("`{name}` needs the field written out"), format!("one of `{}`", all()))
    })?;
    let find = |field: &String| {
        let values = values_of(field).ok_or_else(|| {
            let help = match nearest(field, FIELDS.map(|(name, _)| name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of `{}`", all()),
            };
            complaint(format!("a mail has no field `{field}`"), help)
        })?;
        if takes(operator(name), values) {
            return Ok((field.clone(), values));
        }
        let fitting: Vec<&str> =
            FIELDS.iter().filter(|(_, v)| takes(operator(name), *v)).map(|(name, _)| *name).collect();
        Err(complaint(
            format!("`{name}` cannot be asked of `{field}`"),
            format!("it works with `{}`", fitting.join("`, `")),
        ))
    };
    names.iter().map(find).collect()
}

fn check_comparison(name: &'static str, types: &[Type]) -> Option<Complaint> {
    let fields = match known_fields(name, types) {
        Ok(fields) => fields,
        Err(complaint) => return Some(complaint),
    };
    let given = types.get(1)?;
    fields.into_iter().find_map(|(field, values)| {
        let complaint = |message: String, help: Option<&str>| {
            Some(Complaint { at: 1, message, help: help.map(str::to_owned) })
        };
        let (fits, what) = match values {
            Values::Text => (given.members().iter().all(is_text), "a string".to_owned()),
            Values::Words(words) => (
                given.assignable_to(&Type::one_of(words.iter().map(|w| (*w).to_owned()))).is_ok(),
                format!("one of {words:?}"),
            ),
            Values::Time => (given.members().iter().all(is_time), "a timestamp".to_owned()),
            Values::Int => (given.assignable_to(&Type::int()).is_ok(), "an int".to_owned()),
            Values::Bool => (given.assignable_to(&Type::bool()).is_ok(), "a bool".to_owned()),
        };
        if !fits {
            let help = (values == Values::Time).then_some("write `timestamp(...)`");
            return complaint(format!("`{field}` is compared with {what}, this is {given}"), help);
        }
        if values == Values::Text && given.values().is_some_and(|all| all.iter().any(|v| blank(v))) {
            let message = format!("an empty value for `{field}` would find everything");
            return complaint(message, Some("leave this restriction out, or ask with `aqs.exists`"));
        }
        None
    })
}

fn is_text(ty: &Type) -> bool {
    matches!(ty.kind, K::Any | K::Never | K::Text(_))
}

/// A time, or a text of which it is known that it is one.
fn is_time(ty: &Type) -> bool {
    match &ty.kind {
        K::Any | K::Never | K::Timestamp => true,
        K::Text(Some(facts)) => {
            facts.format.as_deref() == Some("date-time")
                || facts.values.as_ref().is_some_and(|all| all.iter().all(|v| parse_timestamp(v).is_some()))
        }
        _ => false,
    }
}
