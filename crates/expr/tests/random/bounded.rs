//! Any expression ends within its budget or fails with `budget`, whatever it is and however large the values are.
//!
//! Expressions come from the grammar, glued together and nested in macros over long lists until they have up to 4 KB.
//! Here their cost is counted; that the counted cost is no lie is checked by the size of what came out.

use crate::grammar::Dice;
use portcullis_expr::{Budget, DEFAULT_BYTES, DEFAULT_STEPS, EvalErrorKind, Expr, MAX_SOURCE};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Values of the grammar's schema, but long.
static LARGE: LazyLock<Value> = LazyLock::new(|| {
    let object = |n: i64| json!({"x": n, "y": format!("text {n}"), "z": n % 3, "opt": n});
    let map: serde_json::Map<String, Value> = (0..500).map(|n| (format!("p{n}"), json!(n))).collect();
    json!({
        "n": 7, "m": -3, "d": 0.5, "b": true, "s": "some text, and more ".repeat(10_000), "t": "a,b".repeat(2000),
        "kind": "a", "l": (0..3000).collect::<Vec<i64>>(), "ls": vec!["word, of text"; 2000], "o": object(1),
        "lo": (0..1000).map(object).collect::<Vec<_>>(), "map": map, "un": "a".repeat(50_000)
    })
});

/// An expression of up to 4 KB.
fn source(seed: u64) -> String {
    let part = |at: u64| Dice::new(&crate::bytes(seed * 64 + at, 120)).any();
    let mut text = part(0);
    let mut at = 1;
    let wanted = usize::try_from(seed % 8).unwrap() * 512;
    while text.len() < wanted && at < 40 {
        let more = part(at);
        let next = match (seed / 8 + at) % 6 {
            0 => format!("[{text}, {more}]"),
            1 => format!("l.map(w{at}, {text})"),
            2 => format!("(({text}) == ({more}))"),
            3 => format!("ls.filter(w{at}, ({text}) != ({more}))"),
            4 => format!("{{'a': {text}, 'b': {more}}}"),
            _ => format!("flatten([[{text}], [{more}]])"),
        };
        if next.len() > MAX_SOURCE || Expr::parse(&next).is_err() {
            break;
        }
        text = next;
        at += 1;
    }
    text
}

#[test]
fn every_expression_ends_within_its_budget() {
    let (mut stopped, mut finished) = (0, 0);
    for seed in 0..u64::from(crate::cases(60)) {
        let text = source(seed);
        let expr = Expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let mut budget = Budget::new();
        let result = expr.eval(&*LARGE, &mut budget);
        assert!(budget.steps_used() <= DEFAULT_STEPS && budget.bytes_used() <= DEFAULT_BYTES, "{text}");
        match result {
            Ok(value) => {
                finished += 1;
                // What was made was paid for: each byte of text once, whatever shares it inside.
                let made = usize::try_from(budget.bytes_used()).unwrap();
                assert!(texts(&value) <= made, "{text}: {} bytes of text for {made}", texts(&value));
            }
            Err(error) => stopped += usize::from(error.kind == EvalErrorKind::Budget),
        }
    }
    assert!(stopped > 3 && finished > 3, "{stopped} stopped, {finished} finished");
}

fn texts(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(texts).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + texts(value)).sum(),
        _ => 0,
    }
}
