//! Bombs end in `Budget`, after a counted number of steps and bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Budget, DEFAULT_BYTES, DEFAULT_STEPS, EvalErrorKind, Expr};
use serde_json::{Value, json};

fn bombs() -> Vec<(String, Value)> {
    let numbers: Vec<u32> = (0..200).collect();
    let million: Vec<String> = (0..400_000).map(|n| format!("{n:08}")).collect();
    let long = "a".repeat(10 * 1024 * 1024);
    let context = json!({"l": numbers, "million": million, "long": long, "control": "\u{1}".repeat(2 << 20), "ten": (0..10).collect::<Vec<u32>>()});
    let nested = |depth: usize| {
        (0..depth).rev().fold("1".to_owned(), |inner, level| format!("l.map(x{level}, {inner})"))
    };
    let doubling = (0..30).fold("'ab'".to_owned(), |inner, _| format!("[{inner}].map(t, t + t)[0]"));
    let sharing = (0..28)
        .fold("[1]".to_owned(), |inner, level| format!("[{inner}].map(t{level}, [t{level}, t{level}])[0]"));
    let equality = (0..14).fold("[1]".to_owned(), |inner, level| {
        format!("[{inner}].map(t{level}, [t{level}, t{level}, t{level}, t{level}])[0]")
    });
    let sources = [
        nested(3),
        nested(6),
        nested(8),
        doubling,
        sharing.clone(),
        format!("size({sharing}.map(x, 1)) == 2 && {equality} == {equality}"),
        "million.join(long)".to_owned(),
        "million.map(m, m + long)".to_owned(),
        "sort(million + million + million + million)".to_owned(),
        "long.matches('(a+)+$')".to_owned(),
        "long.matches('^' + '(a|aa)+$')".to_owned(),
        "ten.map(x, long.split(''))".to_owned(),
        "long.replace('a', long)".to_owned(),
        "ten.all(x, ten.all(y, ten.all(z, !long.contains('ab'))))".to_owned(),
        "distinct(million.map(m, [m]))".to_owned(),
        "ten.map(x, sha256(long))".to_owned(),
        "l.map(x, long.lower())".to_owned(),
        "l.all(x, l.all(y, l.all(z, !'x'.matches('(' + string(z) + ')'))))".to_owned(),
        "long + long".to_owned(),
        "l.map(x, long)".to_owned(),
        "l.all(a, million.all(b, million.all(c, a in l)))".to_owned(),
        "l.map(x, refang(long))".to_owned(),
        "l.map(x, json(long))".to_owned(),
        "json([control, control, control])".to_owned(),
        "million.sortBy(m, m + long)".to_owned(),
        "l.map(x, million.sortBy(m, m))".to_owned(),
        "l.map(x, urlParams('http://a/?' + long))".to_owned(),
        "urlParams('http://a/?' + million.join('&'))".to_owned(),
        "l.map(x, urlDecode(long))".to_owned(),
        "l.map(x, truncate(long, 5))".to_owned(),
        "l.map(x, reverse(million).take(3))".to_owned(),
        "l.map(x, sum(million.map(m, 1)))".to_owned(),
        "aqs.or(million.map(m, aqs.eq('subject', m)))".to_owned(),
        "l.map(x, aqs.eq('subject', long))".to_owned(),
        "l.exists(x, url('http://a/' + long).host == '')".to_owned(),
    ];
    sources.into_iter().map(|source| (source, context.clone())).collect()
}

#[test]
fn bombs_end_in_budget() {
    for (source, context) in bombs() {
        let expr = Expr::parse(&source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        let mut budget = Budget::new();
        let error = expr.eval(&context, &mut budget).map(|_| ()).expect_err(&source);
        assert_eq!(error.kind, EvalErrorKind::Budget, "{source}: {error:?}");
        assert!(budget.steps_used() <= DEFAULT_STEPS && budget.bytes_used() <= DEFAULT_BYTES);
    }
}

#[test]
fn the_same_expression_costs_the_same_every_time() {
    let context = json!({"l": [3, 1, 2], "s": "text"});
    let expr = Expr::parse("sort(l).map(x, s + string(x)).join('-')").unwrap();
    let costs: Vec<(u64, u64)> = (0..3)
        .map(|_| {
            let mut budget = Budget::new();
            expr.eval(&context, &mut budget).unwrap();
            (budget.steps_used(), budget.bytes_used())
        })
        .collect();
    assert!(costs[0].0 > 0 && costs[0].0 < 200 && costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
}

#[test]
fn a_budget_can_be_shared_and_runs_out() {
    let context = json!({});
    let expr = Expr::parse("[1, 2, 3].map(x, x)").unwrap();
    let mut budget = Budget::with_limits(40, 10_000);
    let results: Vec<bool> = (0..10).map(|_| expr.eval(&context, &mut budget).is_ok()).collect();
    assert!(results[0] && !results[9]);
}

#[test]
fn the_cost_does_not_depend_on_what_is_not_looked_at() {
    let expr = Expr::parse("small.filter(x, x > 1)").unwrap();
    let mut used = Vec::new();
    for size in [1, 100_000] {
        let context = json!({"small": [1, 2, 3], "large": vec!["some text"; size]});
        let mut budget = Budget::new();
        expr.eval(&context, &mut budget).unwrap();
        used.push((budget.steps_used(), budget.bytes_used()));
    }
    assert_eq!(used[0], used[1]);
}
