//! Differential test against the `cel` crate: what both accept has one answer.
//!
//! What only this language accepts (mixed numbers, functions CEL does not have) is not compared. What only CEL
//! accepts must have one of the documented reasons: an error that CEL absorbs in `&&`, `||`, `all` and `exists`,
//! a double that is no number, or a key that no object can have.

use crate::grammar::Dice;
use portcullis_expr::{Budget, EvalErrorKind, Expr};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashMap;

fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        // The crate's own conversion makes non-negative JSON numbers unsigned, which nothing in CEL mixes with ints.
        Value::Number(n) => {
            n.as_i64().map_or_else(|| cel::Value::Float(n.as_f64().unwrap()), cel::Value::Int)
        }
        Value::String(s) => cel::Value::String(s.clone().into()),
        Value::Array(items) => cel::Value::List(items.iter().map(to_cel).collect::<Vec<_>>().into()),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), to_cel(value)))
            .collect::<HashMap<String, cel::Value>>()
            .into(),
    }
}

fn same(cel: &cel::Value, ours: &Value) -> bool {
    match (cel, ours) {
        (cel::Value::Null, Value::Null) => true,
        (cel::Value::Bool(a), Value::Bool(b)) => a == b,
        (cel::Value::Int(a), Value::Number(b)) => b.as_i64() == Some(*a),
        (cel::Value::UInt(a), Value::Number(b)) => b.as_u64() == Some(*a),
        (cel::Value::Float(a), Value::Number(b)) => b.is_f64() && b.as_f64() == Some(*a),
        (cel::Value::String(a), Value::String(b)) => **a == *b,
        (cel::Value::List(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (cel::Value::Map(a), Value::Object(b)) => {
            a.map.len() == b.len()
                && b.iter().all(|(key, b)| {
                    a.map.get(&cel::objects::Key::from(key.clone())).is_some_and(|a| same(a, b))
                })
        }
        _ => false,
    }
}

/// Compares one expression: whether both gave an answer; `Err` says how the two differ.
fn compare(source: &str, context: &Value) -> Result<bool, String> {
    let Ok(program) = cel::Program::compile(source) else { return Ok(false) };
    let mut names = cel::Context::default();
    for (name, value) in context.as_object().unwrap() {
        names.add_variable_from_value(name.clone(), to_cel(value));
    }
    let Ok(theirs) = program.execute(&names) else { return Ok(false) };
    let ours = Expr::parse(source).map_err(|error| format!("does not parse: {error:?}"))?;
    match ours.eval(context, &mut Budget::new()) {
        Ok(ours) if same(&theirs, &ours) => Ok(true),
        Ok(ours) => Err(format!("theirs {theirs:?}, ours {ours}")),
        Err(error) => {
            let absorbs = ["&&", "||", ".all(", ".exists("].iter().any(|mark| source.contains(mark));
            let number = error.kind == EvalErrorKind::Arithmetic && source.contains(['.', 'd']);
            // CEL's maps may have keys of any type, so it looks for one; an object's are strings.
            let key = error.message.starts_with("`in` cannot take") && error.message.ends_with("and object");
            if absorbs || number || key {
                Ok(false)
            } else {
                Err(format!("theirs {theirs:?}, ours {error:?}"))
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(4000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_answer(values in prop::collection::vec(any::<u8>(), 40), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let context = Dice::new(&values).context();
        let source = Dice::new(&bytes).any();
        if let Err(difference) = compare(&source, &context) {
            prop_assert!(false, "{source}\nover {context}\n{difference}");
        }
    }
}

#[test]
fn written_cases() {
    let context = Dice::new(&[1; 40]).context();
    let sources = [
        "1 + 2 * 3",
        "7 / -2",
        "-7 % 3",
        "'a' < 'b'",
        "size('ü€')",
        "[1, 2] + [3]",
        "1 in [1, 2]",
        "'k' in {'k': 1}",
        "true ? 1 : 2",
        "\"\\u00e4\\x41\\101\\n\" + r'\\n'",
        "[1, 2, 3].filter(x, x > 1).map(x, x * x)",
        "{'a': {'b': 1}}.a['b']",
        "has({'a': 1}.b)",
        "'abc'.matches('b')",
        "string(1.5) + string(10)",
        "int('12') + int(3.7)",
        "double('1.5') * 2.0",
        "!(1 == 2) && 3 != 4",
        "1 == 1.0",
        "2 < 2.5",
        "1.0 == 1",
        "null == null",
        "[1] == [1.0]",
        "'a' == 'a' ? [1] : [2]",
        "1 != 'a'",
        "[[1, 2], [3]].map(x, x.map(y, y + 1))",
        "{'a': 1}.map(k, k)",
        "1 < 2 == true",
        "--1",
        "0x1F + 1",
        ".5 + 1e1",
        "'''a'b'''",
    ];
    let both = sources
        .iter()
        .filter(|source| {
            compare(source, &context).unwrap_or_else(|difference| panic!("{source}: {difference}"))
        })
        .count();
    // The oracle itself cannot evaluate every one of them, but a test in which it answers nothing tests nothing.
    assert!(both >= sources.len() - 4, "only {both} compared");
}

/// A differential test over expressions that one side refuses would compare nothing.
#[test]
fn many_random_cases_are_compared() {
    let both = (0..2000_u64)
        .filter(|seed| {
            let bytes = crate::bytes(*seed, 60);
            let context = Dice::new(&crate::bytes(seed + 1_000_000, 40)).context();
            compare(&Dice::new(&bytes).any(), &context).unwrap()
        })
        .count();
    assert!(both > 400, "{both}");
}
