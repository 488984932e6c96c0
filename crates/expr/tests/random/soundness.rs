//! What checks without a problem does not fail on a name, a type or a missing member, and gives a value of its type.

use crate::grammar::{Dice, schema};
use portcullis_expr::{Budget, EvalErrorKind, Expr, NameError, Template, Type, TypeScope};
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

struct Names(Type);

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        let found = self.0.fields().find(|(name, _)| *name == path[0]);
        let unknown = || NameError { message: "unknown".to_owned(), help: None, segment: 0, code: "P0301" };
        found.map(|(_, field)| (1, field.ty.clone())).ok_or_else(unknown)
    }
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names(Type::from_schema(&schema())));

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(6000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_checks_runs(values in prop::collection::vec(any::<u8>(), 40), bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let context = Dice::new(&values).context();
        let source = Dice::new(&bytes).any();
        let expr = Expr::parse(&source).unwrap();
        let (ty, problems) = expr.check(&*NAMES);
        for problem in &problems {
            prop_assert!(source.get(problem.span.start..problem.span.end).is_some(), "{source}: {problem:?}");
        }
        if problems.is_empty() {
            match expr.eval(&context, &mut Budget::new()) {
                Ok(value) => {
                    let found = Type::from_schema(&json!({"const": value}));
                    prop_assert!(found.assignable_to(&ty).is_ok(), "{source}\nis {ty}\ngave {value}");
                }
                Err(error) => prop_assert!(
                    !matches!(error.kind, EvalErrorKind::Name | EvalErrorKind::Missing | EvalErrorKind::Type),
                    "{source}\nover {context}\n{error:?}"
                ),
            }
        }
    }

    #[test]
    fn any_text_is_handled(text in "\\PC{0,60}", template in "(\\$?\\$\\{\\{|\\}\\}|[a-z0-9 .+'\"{}()\\[\\]?:,!&|-]){0,12}") {
        for text in [text, template] {
            if let Ok(template) = Template::parse(&text) {
                template.check(&*NAMES);
                let _ = template.eval(&json!({"a": 1}), &mut Budget::with_limits(10_000, 100_000));
            }
            if let Ok(expr) = Expr::parse(&text) {
                for problem in expr.check(&*NAMES).1 {
                    prop_assert!(text.get(problem.span.start..problem.span.end).is_some());
                }
                let _ = expr.eval(&json!({"a": 1}), &mut Budget::with_limits(10_000, 100_000));
            }
        }
    }
}

/// A soundness test over expressions of which none passes the checker would prove nothing.
#[test]
fn many_expressions_check() {
    let good = (0..2000_u64)
        .filter(|seed| {
            Expr::parse(&Dice::new(&crate::bytes(*seed, 40)).any()).unwrap().check(&*NAMES).1.is_empty()
        })
        .count();
    assert!(good > 200, "{good}");
}
