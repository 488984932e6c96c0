//! One condition and one filter with map over a context of 50 KB and of 5 MB, beside the same written by hand in
//! Rust over the same `serde_json` value. The list that is looked at stays the same; what grows is everything else
//! a run has collected, because an expression must not pay for what it does not look at.
#![allow(missing_docs, clippy::unwrap_used, reason = "benchmark code")]

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_expr::{Budget, Expr, NameError, Type, TypeScope};
use serde_json::{Value, json};
use std::hint::black_box;

const CONDITION: &str = "steps.parse.output.score >= 80 && steps.parse.output.from.endsWith('.example') && \
                         'urgent' in steps.parse.output.labels";
const LIST: &str = "steps.rep.output.items.filter(i, i.malicious > 2).map(i, i.url)";

fn context(bytes: usize) -> Value {
    let items: Vec<Value> = (0..20)
        .map(|n| json!({"url": format!("https://host{n}.example/path"), "malicious": n % 6, "vendor": "x"}))
        .collect();
    let filler: Vec<Value> =
        (0..bytes / 100).map(|n| json!({"id": n, "text": "t".repeat(64), "flag": n % 2 == 0})).collect();
    json!({"steps": {
        "parse": {"output": {"score": 93, "from": "boss@evil.example", "labels": ["invoice", "urgent"]}},
        "rep": {"output": {"items": items}},
        "other": {"output": {"items": filler}}
    }})
}

fn condition_by_hand(context: &Value) -> Option<bool> {
    let output = context.get("steps")?.get("parse")?.get("output")?;
    Some(
        output.get("score")?.as_i64()? >= 80
            && output.get("from")?.as_str()?.ends_with(".example")
            && output.get("labels")?.as_array()?.iter().any(|label| label == "urgent"),
    )
}

fn list_by_hand(context: &Value) -> Option<Value> {
    let items = context.get("steps")?.get("rep")?.get("output")?.get("items")?.as_array()?;
    let kept =
        items.iter().filter(|item| item.get("malicious").and_then(Value::as_i64).is_some_and(|n| n > 2));
    Some(kept.filter_map(|item| item.get("url").cloned()).collect())
}

struct Anything;

impl TypeScope for Anything {
    fn resolve(&self, _path: &[&str]) -> Result<(usize, Type), NameError> {
        Ok((1, Type::any()))
    }
}

fn measure(criterion: &mut Criterion) {
    let (condition, list) = (Expr::parse(CONDITION).unwrap(), Expr::parse(LIST).unwrap());
    for (name, bytes) in [("50KB", 50_000), ("5MB", 5_000_000)] {
        let context = context(bytes);
        let mut group = criterion.benchmark_group(name);
        let eval = |expr: &Expr| expr.eval(black_box(&context), &mut Budget::new()).unwrap();
        assert_eq!(Some(eval(&condition)), condition_by_hand(&context).map(Value::Bool));
        assert_eq!(Some(eval(&list)), list_by_hand(&context));
        group.bench_function("condition", |b| b.iter(|| eval(&condition)));
        group.bench_function("condition by hand", |b| b.iter(|| condition_by_hand(black_box(&context))));
        group.bench_function("filter and map", |b| b.iter(|| eval(&list)));
        group.bench_function("filter and map by hand", |b| b.iter(|| list_by_hand(black_box(&context))));
        group.finish();
    }
    criterion.bench_function("parse", |b| b.iter(|| Expr::parse(black_box(CONDITION)).unwrap()));
    criterion.bench_function("check", |b| b.iter(|| condition.check(&Anything)));
}

criterion_group!(benches, measure);
criterion_main!(benches);
