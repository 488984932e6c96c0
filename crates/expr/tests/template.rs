//! Scalars with `${{ }}` in them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Budget, EvalErrorKind, Template};
use serde_json::{Value, json};

fn context() -> Value {
    json!({"n": 3, "d": 1.5, "b": true, "l": [1], "z": null, "evil": "${{ n }} $${{ {{ n }} #{n} <% n %>"})
}

fn eval(text: &str) -> Result<Value, EvalErrorKind> {
    let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    template.eval(&context(), &mut Budget::new()).map_err(|error| error.kind)
}

#[test]
fn one_expression_keeps_its_type_and_a_mixture_is_text() {
    assert_eq!(eval("${{ l }}"), Ok(json!([1])));
    assert_eq!(eval("${{ z }}"), Ok(json!(null)));
    assert_eq!(eval("${{ n > 2 }}\n"), Ok(json!(true)));
    assert_eq!(eval("n=${{ n }}, d=${{d}}, b=${{ b }}"), Ok(json!("n=3, d=1.5, b=true")));
    assert_eq!(eval(" ${{ n }}"), Ok(json!(" 3")));
    assert_eq!(eval("${{ n }}${{ n }}"), Ok(json!("33")));
    assert_eq!(eval("l=${{ l }}"), Err(EvalErrorKind::Type));
    assert_eq!(eval("z=${{ z }}"), Err(EvalErrorKind::Type));
    assert_eq!(eval("plain $ { text }}"), Ok(json!("plain $ { text }}")));
    assert_eq!(eval(""), Ok(json!("")));
}

#[test]
fn text_that_comes_out_is_never_read_again() {
    let evil = context()["evil"].clone();
    assert_eq!(eval("${{ evil }}"), Ok(evil.clone()));
    assert_eq!(eval("a ${{ evil }}"), Ok(json!(format!("a {}", evil.as_str().unwrap()))));
}

#[test]
fn the_end_is_found_past_strings_and_maps() {
    assert_eq!(eval("${{ {'a': {'b': n}} }}"), Ok(json!({"a": {"b": 3}})));
    assert_eq!(eval("${{ {'a': {'b': n}}.a.b}}!"), Ok(json!("3!")));
    assert_eq!(eval("${{ '}}' + \"${{\" }}"), Ok(json!("}}${{")));
    assert_eq!(eval("$${{ n }} ${{ n }}"), Ok(json!("${{ n }} 3")));
    assert_eq!(eval("$${{ n }}"), Ok(json!("${{ n }}")));
}

#[test]
fn errors_point_into_the_whole_text() {
    let error = Template::parse("äb ${{ 1 + }} c").unwrap_err();
    assert_eq!(&"äb ${{ 1 + }} c"[..error.span.start], "äb ${{ 1 + ");
    assert!(Template::parse("a ${{ n").unwrap_err().help.unwrap().contains("}}"));
    assert!(Template::parse("${{ }}").is_err());
    assert!(Template::parse("${{ n } }").is_err());
    assert!(Template::parse(&format!("${{{{ {} }}}}", "1+".repeat(4000))).is_err());
    let text = "a ${{ n }} ${{ nobody.x }}";
    let error = Template::parse(text).unwrap().eval(&context(), &mut Budget::new()).unwrap_err();
    assert_eq!(&text[error.span.start..error.span.end], "nobody.x");
}

#[test]
fn parts_are_visible() {
    let text = "a ${{ n }} b ${{d}}";
    let template = Template::parse(text).unwrap();
    let sources: Vec<(usize, &str)> = template.exprs().map(|(at, expr)| (at, expr.source())).collect();
    assert_eq!(sources, [(5, " n "), (16, "d")]);
    assert!(sources.iter().all(|(at, source)| text[*at..].starts_with(source)));
    assert!(!template.is_literal() && template.as_single().is_none());
    assert!(Template::parse("${{ n }}").unwrap().as_single().is_some());
    assert!(Template::parse("$${{ n }}").unwrap().is_literal());
    assert!(Template::has_expression(text) && !Template::has_expression("a {{ b }}"));
}
