//! What the checker finds, and what it must let pass.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Expr, NameError, Severity, Template, Type, TypeScope};
use serde_json::json;

struct Names(Type);

impl TypeScope for Names {
    fn resolve(&self, path: &[&str]) -> Result<(usize, Type), NameError> {
        match self.0.fields().find(|(name, _)| *name == path[0]) {
            Some((_, field)) => Ok((1, field.ty.clone())),
            None => Err(NameError {
                message: format!("nothing is called `{}`", path[0]),
                help: None,
                segment: 0,
                code: "P0301",
            }),
        }
    }
}

fn names() -> Names {
    Names(Type::from_schema(&json!({
        "type": "object", "additionalProperties": false,
        "required": ["mail", "n", "d", "num", "s", "open", "any", "list", "maybe", "key", "map", "two"],
        "properties": {
            "mail": {
                "type": "object", "additionalProperties": false, "required": ["subject", "from", "score", "status", "reply_to", "files"],
                "properties": {
                    "subject": {"type": "string", "x-untrusted": true},
                    "from": {"type": "string"}, "score": {"type": "integer"},
                    "status": {"enum": ["new", "approved", "rejected"]},
                    "reply_to": {"type": ["string", "null"]},
                    "note": {"type": "string"},
                    "files": {"type": "array", "items": {"$ref": "#/$defs/file"}}
                }
            },
            "n": {"type": "integer"}, "d": {"type": "number", "const": 1.5}, "num": {"type": "number"}, "s": {"type": "string"},
            "open": {"type": "object", "properties": {"known": {"type": "string"}}, "required": ["known"]},
            "any": true, "list": {"type": "array", "items": {"type": "integer"}},
            "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/file"}]},
            "key": {"type": "string", "x-secret": true},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "two": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            "hostile": {"type": "object", "x-untrusted": true, "properties": {"a": {"type": "string"}}, "required": ["a"]}
        },
        "$defs": {"file": {
            "type": "object", "additionalProperties": false, "required": ["name", "size"],
            "properties": {"name": {"type": "string", "x-untrusted": true}, "size": {"type": "integer"}, "parent": {"$ref": "#/$defs/file"}}
        }}
    })))
}

fn check(source: &str) -> (Type, Vec<(&'static str, Severity, String)>) {
    let (ty, problems) = Expr::parse(source).unwrap_or_else(|e| panic!("{source}: {e:?}")).check(&names());
    for problem in &problems {
        assert!(
            problem.span.end <= source.len() && problem.span.start < problem.span.end,
            "{source}: {problem:?}"
        );
    }
    (
        ty,
        problems
            .into_iter()
            .map(|p| (p.code, p.severity, format!("{} | {}", p.message, p.help.unwrap_or_default())))
            .collect(),
    )
}

#[track_caller]
fn fine(source: &str, ty: &str) {
    let (found, problems) = check(source);
    assert!(problems.is_empty(), "{source}: {problems:?}");
    assert_eq!(found.to_string(), ty, "{source}");
}

#[track_caller]
fn finds(source: &str, code: &str, part: &str) {
    let (_, problems) = check(source);
    assert_eq!(problems.len(), 1, "{source}: {problems:?}");
    assert_eq!(problems[0].0, code, "{source}: {problems:?}");
    assert!(problems[0].2.contains(part), "{source}: {problems:?}");
}

#[test]
fn right_expressions_have_types_and_no_problems() {
    fine("mail.files.filter(f, f.size > 10).map(f, f.name.lower())", "list of string");
    fine("mail.files", "list of {name: string, parent?: any, size: int}");
    fine("n / 2 + n % 3", "int");
    fine("n + d", "number");
    fine("n * 1.5", "double");
    fine("mail.score > 80 ? 'high' : 'low'", "\"high\" | \"low\"");
    fine("{'a': n, 'b': [s]}", "{a: int, b: list of string}");
    fine("[1, 'a', null]", "list of (int | \"a\" | null)");
    fine("mail.status == 'approved' && mail.status in ['new', 'approved']", "bool");
    fine("any.deep.member[3] + 1", "any");
    fine("size(two) + list.map(x, x * 2).size()", "int");
    fine("flatten([[1], [2]])", "list of int");
    fine("distinct(flatten(mail.files.map(f, [f.name, s])))", "list of string");
    fine("map.?x.orValue(0) + map[?s].orValue(1)", "int");
    fine("timestamp(s) - timestamp('2026-01-01T00:00:00Z') < duration('1h')", "bool");
    fine("url(s).host + string(url(s).port)", "string");
    fine("[1, 2][1]", "int");
    fine("first(mail.files).size", "int");
    fine("[]", "list");
    fine("open.known", "string");
}

#[test]
fn mistakes_are_named_with_a_way_out() {
    finds("mail.subejct", "P0402", "did you mean `subject`?");
    finds("mail.xyz", "P0402", "it has `files`, `from`");
    finds("mail.files.name", "P0402", ".map(x, x.name)");
    finds("mail.files.map(f, f.nmae)", "P0402", "did you mean `name`?");
    finds("mail.note", "P0403", ".?note.orValue");
    finds("mail.reply_to + 'x'", "P0404", "may be null");
    finds("maybe.name", "P0404", "may be null");
    finds("open.knwon", "P0405", "did you mean `known`?");
    finds("len(s)", "P0406", "did you mean `size`?");
    finds("now()", "P0406", "run.started_at");
    finds("lowr(s)", "P0406", "did you mean `lower`?");
    finds("list[0]", "P0407", "too short");
    finds("s.split()", "P0408", "2 arguments, not 1");
    finds("n.lower()", "P0409", "cannot take int");
    finds("list.join(',')", "P0409", "cannot take list of int");
    finds("mail.status == 'aproved'", "P0410", "did you mean \"approved\"?");
    finds("n == '5'", "P0410", "never equal");
    finds("n in ['a']", "P0410", "never in");
    finds("s == null", "P0414", "never null");
    finds("'n=' + n", "P0401", "string(...)");
    finds("s in 'text'", "P0401", "contains");
    finds("s && true", "P0401", "needs a bool");
    finds("list.size() > 0 ? 1 : s.x", "P0402", "has no members");
    finds("n > '1'", "P0401", "cannot take int and \"1\"");
    finds("num / 2", "P0412", "double(a) / b");
    finds("s < timestamp(s)", "P0401", "timestamp(...)");
    finds("nobody.x", "P0301", "nobody");
    finds("two.lower()", "P0409", "cannot take");
    finds("{'a': 1, 'a': 2}", "P0413", "twice");
    finds("n.map(x, x)", "P0401", "needs a list");
    finds("has(mail.subejct)", "P0402", "did you mean `subject`?");
    finds("sort(mail.files)", "P0409", "cannot take");
    finds("string(list)", "P0409", "cannot take");
}

#[test]
fn all_problems_are_reported_and_one_slip_gives_one() {
    let (_, problems) = check("mail.subejct.lower() + n.lower() + nobody.a.b.c");
    let codes: Vec<&str> = problems.iter().map(|p| p.0).collect();
    assert_eq!(codes, ["P0402", "P0409", "P0301"]);
}

#[test]
fn conditions_prove_things() {
    fine("mail.reply_to != null ? mail.reply_to + 'x' : ''", "string");
    fine("mail.reply_to == null || mail.reply_to.lower() == s", "bool");
    fine("maybe != null && maybe.size > 3 && maybe.name != ''", "bool");
    fine("has(mail.note) ? mail.note : 'none'", "string");
    fine("!has(mail.note) || mail.note.size() > 3", "bool");
    fine("size(list) > 0 && list[0] == 1", "bool");
    fine("list.size() >= 2 ? list[1] : 0", "int");
    fine(
        "mail.files.filter(f, has(f.parent) && f.parent != null)",
        "list of {name: string, parent?: any, size: int}",
    );
    fine("'note' in mail && mail.note == ''", "bool");
    fine("mail.reply_to == 'x' ? mail.reply_to.size() : 0", "int");
    fine("choose(mail.reply_to == null, '', mail.reply_to)", "string");
    fine("[mail.reply_to, s].filter(t, t != null)", "list of string");
    fine("[mail.reply_to, s].filter(t, t != null && t.size() > 1).map(t, t.lower())", "list of string");
    fine("[[mail.reply_to].filter(t, n > 1 || t != null)]", "list of list of (string | null)");
    fine("[mail.reply_to].filter(t, t == null)", "list of (string | null)");
    fine("[mail.reply_to].filter(t, [mail.reply_to].exists(u, u != null))", "list of (string | null)");
    finds("mail.reply_to != null || mail.reply_to.lower() == s", "P0404", "may be null");
    finds("has(mail.note) || mail.note == ''", "P0403", "may be missing");
    finds("size(list) > 0 && list[1] == 1", "P0407", "too short");
    finds("(has(mail.note) && n > 1) ? mail.note : mail.note", "P0403", "may be missing");
}

#[test]
fn labels_travel() {
    let untrusted = |source: &str| check(source).0.contains_untrusted();
    let secret = |source: &str| check(source).0.contains_secret();
    for source in [
        "mail.subject",
        "mail.subject + 'x'",
        "'a' + mail.subject.lower().trim()",
        "[mail.subject][0]",
        "{'a': mail.subject}.a",
        "mail.files.map(f, f.name)",
        "first(mail.files).name",
        "mail.files.map(f, f.name).join(',')",
        "n > 1 ? mail.subject : 'x'",
        "mail.?note.orValue(mail.subject)",
        "mail.subject.split(' ')[?0].orValue('')",
        "size(mail.subject)",
        "hostile.a",
        "hostile.?zz.orValue('')",
        "hostile.map(k, k)",
        "keys(hostile)",
        "url(mail.subject).host",
        "domain_of(mail.subject)",
        "base64(mail.subject)",
        "urlEncode(mail.subject)",
        "mail.subject in [s]",
        "[1].map(x, mail.subject)",
        "{mail.subject: 1}",
    ] {
        assert!(untrusted(source), "{source}");
    }
    for source in [
        "mail.from",
        "mail.files.map(f, f.size)",
        "size(mail.files)",
        "base64url(mail.subject)",
        "sha256(mail.subject)",
        "mail.subject == 'x' ? 'a' : 'b'",
        "mail.files.filter(f, f.name == 'x').map(f, f.size)",
        "first(mail.files).size",
    ] {
        assert!(!untrusted(source), "{source}");
    }
    assert!(
        secret("key + 'x'")
            && secret("[key]")
            && secret("sha256(key)")
            && secret("base64url(key)")
            && !secret("key == 'x' ? 1 : 2")
    );
    let template = Template::parse("Subject: ${{ mail.subject }}, ${{ n }}").unwrap();
    let (ty, problems) = template.check(&names());
    assert!(ty.is_untrusted() && problems.is_empty());
}

#[test]
fn templates_are_checked_with_places_in_the_whole_text() {
    let text = "a ${{ list }} ${{ mail.subejct }}";
    let (ty, problems) = Template::parse(text).unwrap().check(&names());
    assert_eq!(ty.to_string(), "string");
    let found: Vec<(&str, &str)> =
        problems.iter().map(|p| (p.code, &text[p.span.start..p.span.end])).collect();
    assert_eq!(found, [("P0411", "list"), ("P0402", "subejct")]);
    let (ty, problems) = Template::parse("${{ list }}").unwrap().check(&names());
    assert_eq!((ty.to_string().as_str(), problems.len()), ("list of int", 0));
    assert_eq!(Template::parse("plain").unwrap().check(&names()).0.to_string(), "\"plain\"");
    let nullable = Template::parse("x ${{ mail.reply_to }}").unwrap().check(&names()).1;
    assert_eq!(nullable[0].code, "P0411");
}

#[test]
fn schemas_become_types() {
    let of = |schema: serde_json::Value| Type::from_schema(&schema).to_string();
    assert_eq!(of(json!({"type": ["string", "null"]})), "string | null");
    assert_eq!(of(json!({"enum": ["a", "b", null]})), "\"a\" | \"b\" | null");
    assert_eq!(of(json!({"type": "object"})), "object");
    assert_eq!(of(json!({"type": "object", "additionalProperties": {"type": "integer"}})), "object of int");
    assert_eq!(
        of(
            json!({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"const": 3}}, "required": ["a"]}]})
        ),
        "{a: string, b?: int}"
    );
    assert_eq!(
        of(
            json!({"properties": {"k": {"type": "string"}}, "oneOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": true}}]})
        ),
        "{a: int, k?: string} | {b?: any, k?: string}"
    );
    assert_eq!(of(json!({"$ref": "#/$defs/t", "$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}})), "list");
    assert_eq!(of(json!({"$ref": "http://elsewhere/x"})), "any");
    assert_eq!(of(json!(false)), "nothing");
    assert_eq!(of(json!({"anyOf": [{"type": "integer"}, {"type": "number"}]})), "number");
    // Definitions that multiply end in a type and not in an hour.
    let mut defs = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"properties": {"a": next, "b": next, "c": next}}));
    }
    of(json!({"$ref": "#/$defs/d0", "$defs": defs}));
}

#[test]
fn assignment_names_the_place() {
    let ty = |schema| Type::from_schema(&schema);
    let wanted = ty(
        json!({"type": "object", "required": ["to"], "additionalProperties": false, "properties": {
        "to": {"type": "array", "items": {"type": "string"}}, "subject": {"type": "string"}, "level": {"enum": ["low", "high"]}}}),
    );
    let fails = |schema| ty(schema).assignable_to(&wanted).unwrap_err();
    let wrong = fails(json!({"properties": {"to": {"items": {"type": "integer"}}}, "required": ["to"]}));
    assert_eq!(
        (wrong.path.join("/"), wrong.message),
        ("to/[]".to_owned(), "expected string, found int".to_owned())
    );
    assert_eq!(
        fails(json!({"properties": {"to": {"type": "array"}}})).message,
        "the required member `to` may be missing"
    );
    let extra = fails(json!({"properties": {"to": {"type": "array"}, "subjct": true}, "required": ["to"]}));
    assert!(extra.message.contains("did you mean `subject`?"));
    let level = fails(
        json!({"properties": {"to": {"type": "array"}, "level": {"const": "hihg"}}, "required": ["to"]}),
    );
    assert_eq!(level.message, "expected \"low\" | \"high\", found \"hihg\"");
    assert!(
        Type::nullable(Type::int()).assignable_to(&Type::int()).unwrap_err().message.contains("may be null")
    );
    assert!(
        Type::int().assignable_to(&Type::double()).is_ok()
            && Type::double().assignable_to(&Type::int()).is_err()
    );
    assert!(
        Type::any().assignable_to(&Type::int()).is_ok() && Type::int().assignable_to(&Type::any()).is_ok()
    );
}
