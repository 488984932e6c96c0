//! `aqs.*`: nothing but the builder makes a restriction, and no value in it is ever read as a query.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Budget, EvalErrorKind, Expr, NameError, Type, TypeScope};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Names(Type);

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        let found = self.0.fields().find(|(name, _)| *name == path[0]);
        let unknown = || NameError { message: "unknown".to_owned(), help: None, segment: 0, code: "P0301" };
        found.map(|(_, field)| (1, field.ty.clone())).ok_or_else(unknown)
    }
}

fn schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["subject", "at", "n", "any", "field", "kept", "empty", "text", "maybe", "level", "key"],
        "properties": {
            "subject": {"type": "string", "x-untrusted": true}, "at": {"type": "string", "format": "date-time"},
            "n": {"type": "integer"}, "any": true, "field": {"type": "string"}, "text": {"type": "string"},
            "kept": {"type": "object", "x-type": "restriction"}, "empty": {"type": "array", "items": {"x-type": "restriction"}},
            "maybe": {"type": ["string", "null"]}, "level": {"enum": ["low", "high"]},
            "key": {"type": "string", "x-secret": true}
        }
    })
}

fn check(source: &str) -> (Type, Vec<String>) {
    let (ty, problems) = Expr::parse(source)
        .unwrap_or_else(|e| panic!("{source}: {e:?}"))
        .check(&Names(Type::from_schema(&schema())));
    let all = problems.into_iter().map(|p| {
        let place = &source[p.span.start..p.span.end];
        format!("{} `{place}` {} | {}", p.code, p.message, p.help.unwrap_or_default())
    });
    (ty, all.collect())
}

#[track_caller]
fn fine(source: &str) -> Type {
    let (ty, problems) = check(source);
    assert!(problems.is_empty(), "{source}: {problems:?}");
    ty
}

#[track_caller]
fn finds(source: &str, part: &str) {
    let (_, problems) = check(source);
    assert_eq!(problems.len(), 1, "{source}: {problems:?}");
    assert!(problems[0].contains(part), "{source}: {problems:?}");
}

fn eval(source: &str, names: &Value) -> Result<Value, EvalErrorKind> {
    let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    expr.eval(names, &mut Budget::new()).map_err(|error| error.kind)
}

#[test]
fn restrictions_have_a_type_of_their_own() {
    for source in [
        "aqs.eq('subject', subject)",
        "aqs.eq('received', at)",
        "aqs.after('sent', timestamp(at) - duration('7d'))",
        "aqs.before('sent', '2026-01-01T00:00:00Z')",
        "aqs.eq('importance', level)",
        "aqs.eq('size', n)",
        "aqs.eq(n > 1 ? 'from' : 'to', text)",
        "aqs.and([aqs.exists('cc'), kept], aqs.not(kept))",
        "aqs.or(empty)",
        "kept",
        "aqs.eq('subject', any)",
        "['a'].map(aqs, aqs.upper()).size() > 0 ? kept : kept",
    ] {
        assert_eq!(fine(source).to_string(), "restriction", "{source}");
    }
    assert!(!fine("aqs.eq('subject', subject)").contains_untrusted());
    assert!(fine("aqs.eq('subject', key)").contains_secret());
}

#[test]
fn nothing_else_is_a_restriction() {
    let restriction = Type::restriction();
    let object = Type::from_schema(&json!({"const": {"eq": {"field": "subject", "value": "x"}}}));
    for other in [Type::any(), Type::string(), Type::map(Type::any()), object, Type::null()] {
        assert!(other.assignable_to(&restriction).is_err(), "{other}");
        assert!(
            Type::list(other.clone()).assignable_to(&Type::list(restriction.clone())).is_err(),
            "{other}"
        );
    }
    let nullable = Type::nullable(Type::restriction());
    assert!(Type::any().assignable_to(&nullable).is_err());
    assert!(restriction.assignable_to(&nullable).is_ok() && nullable.assignable_to(&restriction).is_err());
    assert!(restriction.assignable_to(&Type::any()).is_ok());
    assert!(restriction.assignable_to(&Type::string()).is_err());
    assert!(restriction.assignable_to(&Type::map(Type::any())).is_err());
    finds("aqs.not(any)", "cannot take any");
    finds("aqs.and([{'eq': {'field': 'from', 'value': 'x'}}])", "cannot take");
    finds("aqs.eq('from', text) + 'x'", "cannot take restriction");
    finds("kept.eq", "has no members");
}

#[test]
fn fields_are_written_out_and_their_values_fit() {
    finds("aqs.eq('subjct', text)", "did you mean `subject`?");
    finds("aqs.eq(field, text)", "written out");
    finds("aqs.contains('received', text)", "it works with `from`");
    finds("aqs.before('subject', at)", "it works with `received`, `sent`");
    finds("aqs.eq('received', text)", "write `timestamp(...)`");
    finds("aqs.eq('size', text)", "compared with an int");
    finds("aqs.eq('is_read', 'yes')", "compared with a bool");
    finds("aqs.eq('importance', 'urgent')", "compared with one of");
    finds("aqs.eq('subject', n)", "compared with a string");
    finds("aqs.eq('subject', ' ')", "would find everything");
    finds("aqs.eq('subject', maybe)", "may be null");
    finds("aqs.equals('subject', text)", "did you mean `aqs.eq`?");
    finds("aqs.starts_wth('subject', text)", "did you mean `aqs.starts_with`?");
    finds("aqs.eq('subject')", "2 arguments");
    let (_, problems) = check("aqs");
    assert!(problems[0].starts_with("P0301"), "{problems:?}");
}

#[test]
fn what_would_find_everything_is_refused() {
    for value in ["", " ", "\t\r\n", "\u{200b}", "\u{a0}", "*", " ** ", "\u{0}"] {
        for source in ["aqs.eq('subject', v)", "aqs.contains('from', v)", "aqs.starts_with('body', v)"] {
            assert_eq!(
                eval(source, &json!({"v": value})),
                Err(EvalErrorKind::Conversion),
                "{source} {value:?}"
            );
        }
    }
    for source in ["aqs.and([])", "aqs.or(v)", "aqs.and(v, v)"] {
        assert_eq!(eval(source, &json!({"v": []})), Err(EvalErrorKind::Conversion), "{source}");
    }
    assert_eq!(eval("aqs.eq('subject', v)", &json!({"v": null})), Err(EvalErrorKind::Type));
    let message = Expr::parse("aqs.eq('subject', v)")
        .unwrap()
        .eval(&json!({"v": ""}), &mut Budget::new())
        .unwrap_err()
        .message;
    assert_eq!(message, "`aqs.eq`: the value for `subject` is empty, which would find everything");
}

#[test]
fn data_that_only_looks_like_a_restriction_goes_no_further() {
    let good = json!({"not": {"or": [{"eq": {"field": "from", "value": "x"}}, {"exists": {"field": "cc"}}]}});
    assert_eq!(eval("aqs.not(v)", &json!({"v": good})), Ok(json!({"not": good})));
    for bad in [
        json!("subject:*"),
        json!({}),
        json!({"and": []}),
        json!({"not": {}}),
        json!({"eq": {"field": "password", "value": "x"}}),
        json!({"eq": {"field": "from", "value": " "}}),
        json!({"eq": {"field": "from", "value": "x"}, "or": []}),
        json!({"query": "subject:*"}),
        json!([]),
        json!(null),
    ] {
        for source in ["aqs.not(v)", "aqs.and([v])"] {
            assert_eq!(eval(source, &json!({"v": bad})), Err(EvalErrorKind::Type), "{source} {bad}");
        }
    }
}

proptest! {
    /// Whatever the text is, it comes out as the value and changes nothing around it.
    #[test]
    fn values_stay_values(text in "\\PC{0,20}[\"'():*]{0,4}( OR | AND |\\n)?\\PC{0,10}") {
        let found = eval("aqs.and([aqs.eq('subject', v), aqs.contains('from', v)])", &json!({"v": text}));
        match found {
            Ok(found) => prop_assert_eq!(found, json!({"and": [
                {"eq": {"field": "subject", "value": text}}, {"contains": {"field": "from", "value": text}}
            ]})),
            Err(kind) => {
                prop_assert_eq!(kind, EvalErrorKind::Conversion);
                prop_assert!(!text.chars().any(char::is_alphanumeric), "{:?}", text);
            }
        }
    }
}
