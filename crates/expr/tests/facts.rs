//! What conditions prove beyond their own expression, and which of them are always true or never.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Expr, Facts, NameError, Type, TypeScope};
use serde_json::json;

/// A scope as the checker of playbooks has it: `steps.x.output` only where the step is known to have succeeded.
struct Names {
    ty: Type,
    facts: Facts,
}

const ALL: [&str; 3] = ["succeeded", "failed", "skipped"];

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        self.resolve_where(path, &Facts::default())
    }

    fn resolve_where(&self, path: &[&str], known: &Facts) -> Result<(usize, Type), NameError> {
        let error =
            |message: &str| NameError { message: message.into(), help: None, segment: 0, code: "P0301" };
        if let ["steps", id, part, ..] = path {
            let status = ["steps", id, "status"];
            return match *part {
                "status" => Ok((3, Type::one_of(ALL.map(str::to_owned)))),
                _ if known.possible(&status, &ALL) == ["succeeded"] => Ok((3, self.ty.clone())),
                _ => Err(error("may not have run")),
            };
        }
        let found = self.ty.fields().find(|(name, _)| *name == path[0]);
        found.map(|(_, field)| (1, field.ty.clone())).ok_or_else(|| error("unknown"))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

fn names() -> Names {
    let ty = Type::from_schema(&json!({
        "type": "object", "additionalProperties": false,
        "required": ["n", "s", "maybe", "mail", "list", "three", "allowed", "kind", "flag", "any"],
        "properties": {
            "n": {"type": "integer"}, "s": {"type": "string"}, "maybe": {"type": ["string", "null"]},
            "mail": {
                "type": "object", "additionalProperties": false, "required": ["from", "other"],
                "properties": {
                    "from": {"type": "string", "x-untrusted": true}, "other": {"type": "string", "x-untrusted": true},
                    "note": {"type": "string"}
                }
            },
            "list": {"type": "array", "items": {"type": "string"}},
            "three": {"type": "array", "items": {"type": "string"}, "minItems": 3},
            "allowed": {"type": "array", "items": {"type": "string"}},
            "kind": {"enum": ["a", "b", "c"]}, "flag": {"type": "boolean"}, "any": true
        }
    }));
    Names { ty, facts: Facts::default() }
}

fn parse(source: &str) -> Expr {
    Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"))
}

fn facts(condition: &str, truth: bool) -> Facts {
    parse(condition).facts(&names(), truth)
}

/// The problems of an expression under conditions that hold around it.
fn under(conditions: &[(&str, bool)], source: &str) -> Vec<String> {
    let mut names = names();
    for (condition, truth) in conditions {
        let more = parse(condition).facts(&names, *truth);
        names.facts.add(&more);
    }
    parse(source).check(&names).1.into_iter().map(|p| format!("{} {}", p.code, p.message)).collect()
}

#[test]
fn conditions_around_an_expression_narrow_its_types() {
    let fine = |conditions: &[(&str, bool)], source: &str| {
        assert_eq!(under(conditions, source), Vec::<String>::new(), "{conditions:?}: {source}");
        assert!(!under(&[], source).is_empty(), "{source} needs no condition");
    };
    fine(&[("maybe != null", true)], "maybe.lower()");
    fine(&[("null == maybe", false)], "maybe.lower()");
    fine(&[("maybe == null || n > 1", false)], "maybe.lower()");
    fine(&[("maybe == 'x' || maybe == 'y'", true)], "maybe.lower()");
    fine(&[("maybe in ['x', 'y']", true)], "maybe.lower()");
    fine(&[("has(mail.note) && n > 1", true)], "mail.note");
    fine(&[("size(list) >= 2", true)], "list[1]");
    fine(&[("n > 1", true), ("n < 3 && maybe != null", true)], "maybe.lower()");
    for (condition, source) in [
        ("maybe != null || n > 1", "maybe.lower()"),
        ("maybe == 'x' || n > 1", "maybe.lower()"),
        ("has(mail.note) || flag", "mail.note"),
        ("size(list) >= 1", "list[1]"),
        ("list.exists(x, x != null)", "maybe.lower()"),
    ] {
        assert!(!under(&[(condition, true)], source).is_empty(), "{condition}: {source}");
    }
}

#[test]
fn what_equals_something_trusted_is_trusted() {
    let trusted = |condition: &str| {
        let mut names = names();
        names.facts = parse(condition).facts(&names, true);
        !parse("mail.from").check(&names).0.contains_untrusted()
    };
    for condition in [
        "mail.from == 'a@b.example'",
        "mail.from in allowed",
        "mail.from in ['a', 'b'] && n > 1",
        "s == mail.from",
        "mail.from == 'a' || mail.from == 'b'",
        "mail.from in allowed + ['x']",
    ] {
        assert!(trusted(condition), "{condition}");
    }
    for condition in [
        "n > 1",
        "mail.from == mail.other",
        "mail.from in [mail.other, 'x']",
        "mail.from != 'a'",
        "!(mail.from in allowed)",
        "mail.from == 'a' || n > 1",
        "mail.other in allowed",
        "mail.from.contains('a')",
        "allowed.exists(x, mail.from == x)",
    ] {
        assert!(!trusted(condition), "{condition}");
    }
    let (ty, _) = parse("mail.from in allowed ? mail.from : ''").check(&names());
    assert!(!ty.contains_untrusted());
}

#[test]
fn names_are_resolved_with_what_is_known_there() {
    for source in [
        "steps.x.status == 'succeeded' && steps.x.output.n > 1",
        "steps.x.status != 'succeeded' ? 0 : steps.x.output.n",
        "steps.x.status != 'succeeded' || steps.x.output.n > 1",
        "steps.x.status in ['failed', 'skipped'] ? 0 : steps.x.output.n",
        "steps.x.status == 'failed' || steps.x.status == 'skipped' || steps.x.output.n > 1",
        "list.map(v, steps.x.status == 'succeeded', v + steps.x.output.s)",
        "1 + (\"succeeded\" == steps.x.status ? size(steps.x.output.list) : 0)",
    ] {
        assert_eq!(under(&[], source), Vec::<String>::new(), "{source}");
    }
    for source in [
        "steps.x.output.n",
        "steps.x.output.n > 1 && steps.x.status == 'succeeded'",
        "steps.x.status == 'succeeded' || steps.x.output.n > 1",
        "steps.y.status == 'succeeded' && steps.x.output.n > 1",
        "steps.x.status != 'failed' && steps.x.output.n > 1",
        "list.exists(v, steps.x.status == 'succeeded') && steps.x.output.n > 1",
    ] {
        assert_eq!(under(&[], source), ["P0301 may not have run"], "{source}");
    }
    assert!(under(&[("steps.x.status == 'succeeded'", true)], "steps.x.output.n").is_empty());
}

#[test]
fn one_condition_decides_another() {
    for (known, truth, asked, answer) in [
        ("n > 1", true, "(n > 1)", Some(true)),
        ("n > 1", false, "1 < n", Some(false)),
        ("n == 1", true, "1 == n", Some(true)),
        ("s == \"a\"", true, "s=='a'", Some(true)),
        ("s != 'a'", false, "s == 'a'", Some(true)),
        ("s != n", true, "n == s", Some(false)),
        ("kind == 'a'", true, "kind != 'b'", Some(true)),
        ("kind == 'a'", true, "kind in ['a', 'c']", Some(true)),
        ("kind in ['a', 'b']", true, "kind == 'c'", Some(false)),
        ("kind in ['a', 'b']", true, "kind == 'a'", None),
        ("flag && n > 1", true, "n > 1", Some(true)),
        ("flag && n > 1", false, "n > 1", None),
        ("flag && n > 1", false, "flag && n > 1", Some(false)),
        ("flag || n > 1", true, "flag || n > 1", Some(true)),
        ("flag || n > 1", true, "n > 1 || flag", None),
        ("flag", true, "flag || n > 1", Some(true)),
        ("!flag", true, "flag", Some(false)),
        ("has(mail.note)", true, "has(mail.note) && !flag", None),
        ("list.exists(x, x == 'a')", true, "list.exists(y, y == \"a\")", Some(true)),
        ("list.exists(x, x == 'a')", true, "list.exists(y, y != \"a\")", None),
        ("s.contains(' != ') != flag", true, "s.contains(' == ') == flag", None),
        ("mail.from == 'x'", true, "mail.other == 'x'", None),
        ("n == 1", true, "n == 1.0", None),
    ] {
        assert_eq!(facts(known, truth).decide(&parse(asked)), answer, "{known} is {truth}: {asked}");
    }
}

#[test]
fn a_name_that_means_something_else_is_forgotten() {
    let mut known = facts("mail.from == 'x' && maybe != null && mail.from.size() > n", true);
    assert!(known.equals(&["mail", "from"], "x") && known.not_null(&["maybe"]));
    known.forget("mail");
    assert!(!known.equals(&["mail", "from"], "x") && known.not_null(&["maybe"]));
    assert_eq!(known.decide(&parse("mail.from.size() > n")), None);
    known.forget("maybe");
    assert!(known.is_empty(), "{known:?}");
    assert!(facts("has(mail.note)", true).present(&["mail", "note"]));
    assert_eq!(facts("kind != 'a'", true).possible(&["kind"], &["a", "b", "c"]), ["b", "c"]);
}

#[test]
fn conditions_with_one_answer_are_known() {
    let names = names();
    for source in [
        "true",
        "1 < 2",
        "'a' + 'b' == 'ab'",
        "size([1, 2]) == 2",
        "kind != 'd'",
        "kind in ['a', 'b', 'c', 'd']",
        "has(mail.from)",
        "!(s == null)",
        "size(three) > 2",
        "three.size() >= 3",
        "n > 1 || true",
        "kind == 'a' && kind == 'a' || !(kind == 'a')",
    ] {
        assert_eq!(parse(source).constant(&names), Some(true), "{source}");
    }
    for source in [
        "false",
        "kind == 'd'",
        "kind in ['d', 'e']",
        "n in []",
        "n == 'a'",
        "s == null",
        "three.size() == 0",
        "size(three) < 3",
        "flag && false",
        "kind == 'a' && kind == 'b'",
        "flag && !flag",
        "n > 1 && n <= 0 && kind == 'd'",
        "[1, 2].all(x, x > 1)",
    ] {
        assert_eq!(parse(source).constant(&names), Some(false), "{source}");
    }
    for source in [
        "flag",
        "n > 1",
        "kind == 'a'",
        "maybe == null",
        "any == 3",
        "has(mail.note)",
        "size(list) > 0",
        "s in allowed",
        "unknown.x == 1",
        "1 / 0 == 1",
        "has(any.x)",
        "list.exists(x, x == 'a')",
    ] {
        assert_eq!(parse(source).constant(&names), None, "{source}");
    }
}
