//! Arbitrary text as an expression and as a template: parse, check, evaluate. Nothing may panic, and every span
//! must lie inside the text on character boundaries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_expr::{Budget, EvalErrorKind, Expr, NameError, Problem, Template, Type, TypeScope};
use serde_json::{Value, json};
use std::sync::LazyLock;

struct Names;

static CONTEXT: LazyLock<Value> = LazyLock::new(
    || json!({"a": 1, "b": [1, 2, {"c": "text"}], "s": "some text", "o": {"x": null, "y": 1.5}, "l": (0..50).collect::<Vec<u32>>()}),
);

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        let value = path.first().and_then(|name| CONTEXT.get(*name));
        let unknown = || NameError { message: String::new(), help: None, segment: 0, code: "P0301" };
        value.map(|value| (1, Type::from_schema(&json!({"const": value})))).ok_or_else(unknown)
    }
}

fn inside(text: &str, problems: &[Problem]) {
    for problem in problems {
        assert!(text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
    }
}

fuzz_target!(|text: &str| {
    match Expr::parse(text) {
        Ok(expr) => {
            let (_, problems) = expr.check(&Names);
            inside(text, &problems);
            let always = expr.constant(&Names);
            let facts = [false, true].map(|truth| expr.facts(&Names, truth));
            let result = expr.eval(&*CONTEXT, &mut Budget::with_limits(20_000, 1 << 20));
            match (result, problems.is_empty()) {
                (Err(error), true) => {
                    let excluded = matches!(
                        error.kind,
                        EvalErrorKind::Name | EvalErrorKind::Missing | EvalErrorKind::Type
                    );
                    assert!(!excluded, "{error:?}");
                }
                (Ok(Value::Bool(answer)), true) => {
                    assert!(always.is_none_or(|known| known == answer));
                    assert_eq!(facts[usize::from(answer)].decide(&expr), Some(answer));
                }
                _ => {}
            }
        }
        Err(error) => assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?}"),
    }
    if let Ok(template) = Template::parse(text) {
        inside(text, &template.check(&Names).1);
        let _ = template.eval(&*CONTEXT, &mut Budget::with_limits(20_000, 1 << 20));
    }
});
