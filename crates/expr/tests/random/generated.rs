//! Soundness over generated schemas: what checks does not fail on a name, a type or a missing member, gives a value of
//! its type, and what conditions are said to prove is true of the values.

use crate::worlds::{Want, World};
use portcullis_expr::{Budget, EvalErrorKind, Expr, NameError, Problem, Severity, Type, TypeScope, codes};
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

/// Whether the checker promises that nothing is missing and nothing of a wrong type. The warnings let through here
/// promise it too; the others say "may be missing".
fn accepted(problems: &[Problem]) -> bool {
    let harmless = [codes::CONSTANT, codes::INDEX, codes::DIVISION];
    problems.iter().all(|p| p.severity == Severity::Warning && harmless.contains(&p.code))
}

/// Checks and evaluates one expression; whether it was accepted.
fn sound(source: &str, names: &Names, context: &Value) -> Result<bool, String> {
    let expr = Expr::parse(source).map_err(|error| format!("{source}: {error:?}"))?;
    let (ty, problems) = expr.check(names);
    if !accepted(&problems) {
        return Ok(false);
    }
    let always = expr.constant(names);
    match expr.eval(context, &mut Budget::new()) {
        Ok(value) => {
            let found = Type::from_schema(&json!({"const": value}));
            // Outside of an expression a time is text and a restriction an object.
            let outside = match ty.clone().without_untrusted() {
                t if t == Type::restriction() => value.as_object().is_some_and(|o| o.len() == 1),
                t if t == Type::timestamp() || t == Type::duration() => value.is_string(),
                _ => false,
            };
            if !outside && found.assignable_to(&ty).is_err() {
                return Err(format!("{source}\nis {ty}\ngave {value}\nover {context}"));
            }
            if let Value::Bool(answer) = value {
                let decided = expr.facts(names, answer).decide(&expr);
                if always.is_some_and(|known| known != answer) || decided != Some(answer) {
                    return Err(format!(
                        "{source}\ngave {answer}, said {always:?}, {decided:?}\nover {context}"
                    ));
                }
            }
        }
        Err(error) => {
            let excluded =
                matches!(error.kind, EvalErrorKind::Name | EvalErrorKind::Missing | EvalErrorKind::Type);
            if excluded {
                return Err(format!("{source}\nover {context}\n{error:?}"));
            }
        }
    }
    Ok(true)
}

/// What one condition proves about another one is so.
fn proved(known: &str, asked: &str, names: &Names, context: &Value) -> Result<bool, String> {
    let parse = |source: &str| Expr::parse(source).map_err(|error| format!("{source}: {error:?}"));
    let (known, asked) = (parse(known)?, parse(asked)?);
    if ![&known, &asked].iter().all(|expr| accepted(&expr.check(names).1)) {
        return Ok(false);
    }
    let eval = |expr: &Expr| expr.eval(context, &mut Budget::new());
    let (Ok(Value::Bool(first)), Ok(Value::Bool(second))) = (eval(&known), eval(&asked)) else {
        return Ok(false);
    };
    match known.facts(names, first).decide(&asked) {
        Some(said) if said != second => Err(format!(
            "{} gave {first}\n{} gave {second}, said {said}\nover {context}",
            known.source(),
            asked.source()
        )),
        said => Ok(said.is_some()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(4000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_checks_over_a_generated_schema_runs(bytes in prop::collection::vec(any::<u8>(), 20..200)) {
        let mut world = World::new(&bytes);
        let names = Names(Type::from_schema(&world.schema()));
        let context = world.values();
        let source = world.any();
        if let Err(failure) = sound(&source, &names, &context) {
            prop_assert!(false, "{failure}\nschema {}", world.schema());
        }
        let (known, asked) = (world.of(Want::Bool, 3), world.of(Want::Bool, 2));
        if let Err(failure) = proved(&known, &asked, &names, &context) {
            prop_assert!(false, "{failure}\nschema {}", world.schema());
        }
    }
}

/// A soundness test of which nothing passes the checker, or nothing is proved, would hold nothing.
#[test]
fn many_generated_cases_count() {
    let (mut accepted, mut decided) = (0, 0);
    for seed in 0..1000_u64 {
        let bytes = crate::bytes(seed, 160);
        let mut world = World::new(&bytes);
        let names = Names(Type::from_schema(&world.schema()));
        let context = world.values();
        let source = world.any();
        accepted += usize::from(sound(&source, &names, &context).unwrap());
        let (known, asked) = (world.condition(4), world.condition(4));
        decided += usize::from(proved(&known, &asked, &names, &context).unwrap());
    }
    assert!(accepted > 300 && decided > 20, "{accepted} accepted, {decided} decided");
}
