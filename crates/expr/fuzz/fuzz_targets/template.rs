//! Arbitrary text as a text template: parse and render. Nothing may panic or run long, an error has its place, and
//! what an attacker writes into a value comes out as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_expr::{Budget, DEFAULT_BYTES, MAX_TEXT, TextTemplate};
use serde_json::{Value, json};
use std::sync::LazyLock;

static VALUES: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "a": 1, "b": [1, 2, {"c": "text"}], "s": "2026-03-01T00:30:00Z", "o": {"x": null, "y": 1.5, "z": "{{ a }}"},
        "l": (0..50).map(|n| n.to_string()).collect::<Vec<_>>(), "long": "x".repeat(10_000)
    })
});

fuzz_target!(|text: &str| {
    for name in ["x.j2", "x.html.j2"] {
        match TextTemplate::parse(name, text) {
            Ok(template) => {
                template.variables();
                let mut budget = Budget::with_limits(50_000, 1 << 20);
                match template.render(&VALUES, &mut budget) {
                    Ok(text) => assert!(text.len() <= MAX_TEXT),
                    Err(error) => assert!(!error.message.is_empty()),
                }
                assert!(budget.bytes_used() <= DEFAULT_BYTES);
            }
            Err(problem) => {
                assert!(problem.line.is_some() || problem.message.contains("at most"), "{problem:?}")
            }
        }
    }
    // The same text as a value is never read.
    let template = TextTemplate::parse("x.j2", "{{ s }}").map_err(|_| ());
    let shown = template.and_then(|t| t.render(&json!({ "s": text }), &mut Budget::new()).map_err(|_| ()));
    assert!(text.len() > MAX_TEXT || shown.as_deref() == Ok(text));
});
