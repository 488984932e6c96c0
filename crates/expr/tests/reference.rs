//! `docs/reference/functions.md` is made from the table of functions and is fresh.
//!
//! A stale file is rewritten and the test passes, so that a change is one run away from being right; where `CI`
//! is set it fails instead. That the examples in it are true is tested in `language.rs`; those of
//! `docs/expressions.md` are tried here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use portcullis_expr::{Budget, Expr, TextTemplate, function_groups, text_filters};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Functions\n\n\
    Made from the table in `crates/expr/src/functions`; not written by hand. Every example is a test.\n\n\
    `a.f(b)` and `f(a, b)` are the same call. A parameter with `=` may be left out.\n";

const FILTERS: &str = "\n## Filters of text templates\n\n\
    Each is the function beside it: `{{ names | join(\", \") }}` is `names.join(\", \")`.\n\n\
    | filter | function |\n|---|---|\n";

fn markdown() -> String {
    let mut out = HEAD.to_owned();
    for (title, entries) in function_groups() {
        write!(out, "\n## {title}\n").unwrap();
        for entry in entries {
            write!(
                out,
                "\n### `{}`\n\n`{}`\n\n{}\n\n```text\n{}\n-> {}\n```\n",
                entry.name, entry.signature, entry.doc, entry.example, entry.result
            )
            .unwrap();
        }
    }
    out.push_str(FILTERS);
    for (filter, function) in text_filters() {
        writeln!(out, "| `{filter}` | `{function}` |").unwrap();
    }
    out
}

#[test]
fn the_reference_of_functions_is_fresh() {
    let text = markdown();
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/functions.md");
    if std::fs::read_to_string(&place).unwrap_or_default() != text {
        assert!(
            std::env::var_os("CI").is_none(),
            "docs/reference/functions.md is stale: run `cargo test -p portcullis-expr --test reference` and commit it"
        );
        std::fs::write(&place, &text).unwrap();
    }
    for name in ["size", "in_cidr", "aqs.eq", "has"] {
        assert!(text.contains(&format!("### `{name}`\n")), "{name} is missing");
    }
}

fn guide() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/expressions.md")).unwrap()
}

/// The blocks of one language, such as `text`.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let begin = format!("```{language}\n");
    guide.split(&begin).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_examples_of_the_guide_are_true() {
    let guide = guide();
    let values: Value = serde_json::from_str(blocks(&guide, "json").first().unwrap()).unwrap();
    let lines: Vec<&str> = blocks(&guide, "text").into_iter().flat_map(str::lines).collect();
    assert!(lines.len() > 20);
    for line in lines {
        let (source, result) = line.rsplit_once(" -> ").unwrap_or_else(|| panic!("{line}"));
        let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        let found =
            expr.eval(&values, &mut Budget::new()).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        assert_eq!(found, serde_json::from_str::<Value>(result).unwrap(), "{source}");
    }
}

#[test]
fn the_template_of_the_guide_renders() {
    let guide = guide();
    let template = TextTemplate::parse("report.j2", blocks(&guide, "jinja").first().unwrap()).unwrap();
    assert_eq!(template.variables(), ["mails", "moved", "name", "urgent"]);
    let values = json!({"name": "SOC", "moved": 2, "urgent": false, "mails": [
        {"subject": "Invoice", "sender": "a@evil.example"}, {"subject": "{{ x }}", "sender": "b"}
    ]});
    let text = template.render(&values, &mut Budget::new()).unwrap();
    assert_eq!(
        text,
        "Report for SOC\n\n1. Invoice from a[@]evil[.]example\n2. {{ x }} from b\n2 were moved."
    );
}
