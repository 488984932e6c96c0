//! What expressions mean: values, errors, and text that is no expression.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Budget, EvalErrorKind, Expr, functions};
use serde_json::{Value, json};

fn context() -> Value {
    json!({
        "mail": {
            "subject": "Invoice ${{ secrets.x }} {{ 7*7 }}",
            "from": "a@evil.example",
            "score": 7, "ratio": 0.5, "whole": 4.0, "huge": 18446744073709551615_u64,
            "to": ["x@a.example", "y@b.example"],
            "nothing": null,
            "attachments": [
                {"name": "a.exe", "size": 10}, {"name": "b.txt", "size": 2000}, {"name": "c.exe", "size": 5}
            ],
            "__proto__": 1, "constructor": "c", "size": 3, "odd-name": {"x": 1}
        },
        "empty": [], "n": 5, "s": "text"
    })
}

fn eval(source: &str) -> Result<Value, EvalErrorKind> {
    let expr = Expr::parse(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    expr.eval(&context(), &mut Budget::new()).map_err(|error| error.kind)
}

#[track_caller]
fn gives(source: &str, expected: Value) {
    assert_eq!(eval(source), Ok(expected), "{source}");
}

#[track_caller]
fn fails(source: &str, kind: EvalErrorKind) {
    assert_eq!(eval(source), Err(kind), "{source}");
}

#[test]
fn every_example_of_the_function_table_is_true() {
    for entry in functions() {
        let expected: Value = serde_json::from_str(entry.result).unwrap();
        gives(entry.example, expected);
        assert!(entry.example.contains(entry.name), "{}", entry.name);
        assert!(entry.doc.ends_with('.'), "{}", entry.name);
    }
}

#[test]
fn the_callable_functions_are_exactly_these() {
    let mut names: Vec<&str> = functions().map(|entry| entry.name).collect();
    names.sort_unstable();
    let expected = "abs all aqs.after aqs.and aqs.before aqs.contains aqs.eq aqs.exists aqs.not aqs.or \
                    aqs.starts_with base64 base64Decode base64url bool choose contains date datetime defang distinct \
                    domain_of double duration endsWith exists exists_one filter first flatten getDate getDayOfMonth \
                    getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has \
                    hasValue in_cidr int join json keys last lower map matches max min orValue refang replace reverse \
                    sha256 size sort sortBy split startsWith string substring sum take timestamp trim truncate upper \
                    url urlDecode urlEncode urlParams values";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn operators_follow_cel() {
    gives("1 + 2 * 3 - -4", json!(11));
    gives("7 / 2", json!(3));
    gives("-7 / 2", json!(-3));
    gives("-7 % 3", json!(-1));
    gives("7 / 2.0", json!(3.5));
    gives("n * mail.ratio", json!(2.5));
    gives("1 == 1.0 && 1 < 1.5 && 2 > 1.5", json!(true));
    gives("'a' + \"b\" + 'c'", json!("abc"));
    gives("[1] + [2, 3]", json!([1, 2, 3]));
    gives("!true || false == false", json!(true));
    gives("n > 3 ? 'many' : n > 1 ? 'some' : 'none'", json!("many"));
    gives("2 in [1, 2] && !(3 in [1, 2]) && 'score' in mail", json!(true));
    gives("1 == 'a'", json!(false));
    gives("[1, 'a'] != [1, 'b']", json!(true));
    gives("{'a': [1.0]} == {'a': [1]}", json!(true));
    gives("9007199254740993 == 9007199254740992.0", json!(false));
    gives("-9223372036854775808", json!(i64::MIN));
    gives("!!true", json!(true));
    gives("---5", json!(-5));
    gives("{'a': 1, 'b': {'c': [true, null]}}", json!({"a": 1, "b": {"c": [true, null]}}));
}

#[test]
fn names_members_and_indexes() {
    gives("mail.to[1]", json!("y@b.example"));
    gives("mail['odd-name'].x", json!(1));
    gives("mail[s == 'text' ? 'score' : 'from']", json!(7));
    // Members called like functions or like traps of other languages are plain members.
    gives("mail.__proto__ + mail.size", json!(4));
    gives("mail.constructor", json!("c"));
    fails("mail.__class__", EvalErrorKind::Missing);
    fails("mail.subejct", EvalErrorKind::Missing);
    fails("nobody", EvalErrorKind::Name);
    fails("mail.nothing.x", EvalErrorKind::Type);
    fails("mail.to[2]", EvalErrorKind::Index);
    fails("mail.to[-1]", EvalErrorKind::Index);
    fails("n[0]", EvalErrorKind::Type);
    fails("n.x", EvalErrorKind::Type);
    fails("nofunction(1)", EvalErrorKind::Name);
}

#[test]
fn a_missing_member_says_what_is_there() {
    let error = Expr::parse("mail.subejct").unwrap().eval(&context(), &mut Budget::new()).unwrap_err();
    assert_eq!(error.message, "there is no member `subejct`; did you mean `subject`?");
    assert_eq!((error.span.start, error.span.end), (5, 12));
}

#[test]
fn optional_members() {
    gives("mail.?subejct.orValue('-')", json!("-"));
    gives("mail.?from.orValue('-')", json!("a@evil.example"));
    gives("mail.?nothing.orValue(1)", json!(null));
    gives("mail.?nothing.deep.orValue(1)", json!(1));
    gives("mail.?a.b.c[3].orValue(n)", json!(5));
    gives("mail.to[?5].orValue('none')", json!("none"));
    gives("mail.?from.hasValue() && !mail.?x.hasValue()", json!(true));
    gives("has(mail.from) && !has(mail.x) && has(mail.nothing)", json!(true));
    fails("has(nobody.x)", EvalErrorKind::Name);
    for source in
        ["mail.?from", "mail.?from.size()", "mail.from.orValue(1)", "has(mail)", "has(1)", "mail.?x + 1"]
    {
        assert!(Expr::parse(source).is_err(), "{source}");
    }
}

#[test]
fn macros() {
    gives("mail.attachments.filter(a, a.name.endsWith('.exe')).map(a, a.size)", json!([10, 5]));
    gives("mail.attachments.map(a, mail.attachments.map(b, a.size + b.size)[0])[1]", json!(2010));
    gives("[1, 2].map(x, [3].map(x, x))", json!([[3], [3]]));
    gives("{'b': 1, 'a': 2}.map(k, k)", json!(["a", "b"]));
    gives("[3, 1, 2].map(x, x > 1, x * 10)", json!([30, 20]));
    gives("mail.attachments.sortBy(a, a.size).map(a, a.name)", json!(["c.exe", "a.exe", "b.txt"]));
    gives("[['b', 1], ['a', 1], ['c', 0]].sortBy(p, p[1]).map(p, p[0])", json!(["c", "b", "a"]));
    gives("{'b': 1, 'a': 2}.sortBy(k, -size(k))", json!(["a", "b"]));
    fails("[1, 2].map(x, x, x)", EvalErrorKind::Type);
    fails("[1, 'a'].sortBy(x, x)", EvalErrorKind::Type);
    fails("[null].sortBy(x, x)", EvalErrorKind::Type);
    gives("empty.all(x, false) && !empty.exists(x, true) && !empty.exists_one(x, true)", json!(true));
    gives("distinct(flatten(mail.attachments.map(a, [a.size, 5])))", json!([10, 5, 2000]));
    fails("n.map(x, x)", EvalErrorKind::Type);
    fails("[1].filter(x, x)", EvalErrorKind::Type);
    for source in [
        "[1].map(x)",
        "[1].map(x, x, x, x)",
        "[1].filter(x, x, x)",
        "map([1], x, x)",
        "[1].map('x', 1)",
        "[1].map(x.y, 1)",
        "[1].map(true, 1)",
    ] {
        assert!(Expr::parse(source).is_err(), "{source}");
    }
}

#[test]
fn failures_are_typed() {
    for source in [
        "9223372036854775807 + 1",
        "1 / 0",
        "1 % 0",
        "1.5 / 0.0",
        "1e308 * 10.0",
        "-(-9223372036854775808)",
        "abs(-9223372036854775808)",
        "int(1e300)",
    ] {
        fails(source, EvalErrorKind::Arithmetic);
    }
    for source in [
        "1 + 'a'",
        "'n=' + 1",
        "1 < 'a'",
        "null + 1",
        "!1",
        "1 && true",
        "s ? 1 : 2",
        "[1] < [2]",
        "size(1)",
        "'a' in 'abc'",
        "{1: 2}",
        "{'a': 1, 'a': 2}",
        "1.5 % 2",
        "-'a'",
        "s.matches(1)",
        "size()",
        "sort([1, 'a'])",
        "[1].join()",
        "null == null && null",
    ] {
        fails(source, EvalErrorKind::Type);
    }
    for source in [
        "int('x')",
        "double('inf')",
        "bool('yes')",
        "base64Decode('*')",
        "url('no url')",
        "in_cidr('x', '10.0.0.0/8')",
        "in_cidr('10.0.0.1', '10.0.0.0/33')",
        "timestamp('now')",
        "duration('1 hour')",
        "s.matches('(' + s)",
        "domain_of('')",
    ] {
        fails(source, EvalErrorKind::Conversion);
    }
    for source in ["first(empty)", "last([])", "max(empty)", "'abc'.substring(2, 1)", "'abc'.substring(4)"] {
        fails(source, EvalErrorKind::Index);
    }
}

#[test]
fn messages_never_show_values() {
    let secret = json!({"s": "hunter2-secret", "n": {"a": 1}});
    for source in [
        "int(s)",
        "s + 1",
        "s.x",
        "n[s]",
        "s.matches('(' + s)",
        "[s][5]",
        "url(s)",
        "s ? 1 : 2",
        "timestamp(s)",
    ] {
        let error = Expr::parse(source).unwrap().eval(&secret, &mut Budget::new()).unwrap_err();
        assert!(!error.message.contains("hunter2"), "{source}: {}", error.message);
    }
}

#[test]
fn evaluation_stops_when_the_answer_is_known() {
    gives("false && 1 / 0 == 1", json!(false));
    gives("true || 1 / 0 == 1", json!(true));
    gives("true ? 1 : 1 / 0", json!(1));
    gives("choose(false, 1 / 0, 2)", json!(2));
    gives("[1, 0].exists(x, 4 / x == 4)", json!(true));
    fails("1 / 0 == 1 || true", EvalErrorKind::Arithmetic);
}

#[test]
fn numbers_keep_their_kind() {
    gives("mail.huge", json!(18446744073709551615_u64));
    gives("[mail.huge]", json!([18446744073709551615_u64]));
    gives("mail.huge > 9223372036854775807", json!(true));
    gives("mail.whole", json!(4.0));
    gives("mail.to[int(1.0)] == mail.to[1] && mail.whole % 3 == 1", json!(true));
    gives("string(1.0) + string(mail.ratio) + string(7)", json!("10.57"));
}

#[test]
fn times() {
    gives(
        "timestamp('2026-01-01T00:00:00Z') - timestamp('2025-12-31T22:30:00Z') > duration('1h')",
        json!(true),
    );
    gives("timestamp('2026-01-01T00:00:00+02:00') == timestamp('2025-12-31T22:00:00Z')", json!(true));
    gives("string(duration('90m')) + int(timestamp('1970-01-01T00:01:00Z')).string()", json!("5400s60"));
    gives("[timestamp('2026-01-01T00:00:00Z')].map(t, t + duration('1d'))", json!(["2026-01-02T00:00:00Z"]));
    fails("timestamp('9999-12-31T23:59:59Z') + duration('1d')", EvalErrorKind::Arithmetic);
    fails("timestamp('2026-01-01T00:00:00Z') < '2027'", EvalErrorKind::Type);
}

#[test]
fn parts_of_times() {
    let t = "timestamp('2024-12-31T23:59:58.5Z')";
    for (call, expected) in [
        ("getFullYear()", 2024),
        ("getFullYear('+00:01')", 2025),
        ("getMonth()", 11),
        ("getDate('UTC')", 31),
        ("getDayOfMonth()", 30),
        ("getDayOfWeek()", 2),
        ("getDayOfYear()", 365),
        ("getHours('-02:30')", 21),
        ("getMinutes('-02:30')", 29),
        ("getSeconds()", 58),
        ("getMilliseconds()", 500),
    ] {
        gives(&format!("{t}.{call}"), json!(expected));
    }
    gives("timestamp('1969-12-31T23:59:59Z').getHours()", json!(23));
    gives("timestamp('1969-12-28T00:00:00Z').getDayOfWeek()", json!(0));
    gives("duration('-90m').getHours() + duration('36h').getHours()", json!(35));
    gives(
        "date('2026-03-01T00:00:00+01:00') + ' ' + datetime('2026-03-01T00:00:00Z')",
        json!("2026-02-28 2026-03-01 00:00 UTC"),
    );
    fails("timestamp('9999-12-31T23:59:59Z').getDate('+01:00')", EvalErrorKind::Arithmetic);
    fails("timestamp('2026-01-01T00:00:00Z').getDate('Europe/Berlin')", EvalErrorKind::Conversion);
    fails("duration('1h').getDate()", EvalErrorKind::Type);
    fails("date('today')", EvalErrorKind::Conversion);
}

#[test]
fn lists_and_texts() {
    gives("sum([]) + sum([1, 2])", json!(3));
    gives("sum([1, 0.5])", json!(1.5));
    gives("reverse(mail.to).take(1) + [1].take(5) + [1].take(0)", json!(["y@b.example", 1]));
    gives("truncate('äöü', 3) + truncate('äöüx', 3) + truncate('ab', 1) + truncate('', 1)", json!("äöüäö……"));
    gives("urlDecode('%E2%82%AC+')", json!("€+"));
    gives("urlParams('http://a/?x=1&x=2&b+c=%2B&d')", json!({"x": "1", "b c": "+", "d": ""}));
    gives("json([1, 'a\"', {'z': null, 'b': 1.5}])", json!("[1,\"a\\\"\",{\"b\":1.5,\"z\":null}]"));
    fails("sum([9223372036854775807, 1])", EvalErrorKind::Arithmetic);
    fails("sum(['a'])", EvalErrorKind::Type);
    fails("[1].take(-1)", EvalErrorKind::Index);
    fails("truncate('a', 0)", EvalErrorKind::Index);
    for bad in ["'%'", "'%zz'", "'%ff'", "'a%4'"] {
        fails(&format!("urlDecode({bad})"), EvalErrorKind::Conversion);
    }
    fails("urlParams('/x?a=1')", EvalErrorKind::Conversion);
    fails("urlParams('http://a/?x=%ff')", EvalErrorKind::Conversion);
}

#[test]
fn domains_and_networks() {
    gives("domain_of('Max <max@Mail.Example.CO.UK>')", json!("example.co.uk"));
    gives("domain_of('http://10.0.0.1/x') + ' ' + domain_of('localhost')", json!("10.0.0.1 localhost"));
    gives(
        "in_cidr('::ffff:10.0.0.1', '10.0.0.0/8') && !in_cidr('::1', '10.0.0.0/8') && in_cidr('1.2.3.4', '0.0.0.0/0')",
        json!(true),
    );
    gives("in_cidr('2001:db8::1', '2001:db8::/32') && in_cidr('::1', '::/0')", json!(true));
    gives("refang(defang('https://a.b/c?d=e@f.g')) == 'https://a.b/c?d=e@f.g'", json!(true));
}

#[test]
fn hostile_text_ends_in_a_clean_error() {
    let cases = [
        "(".repeat(66_000),
        "!".repeat(1_000_000),
        "(".repeat(2000) + &")".repeat(2000),
        "[".repeat(4000),
        "!".repeat(4000),
        "-".repeat(4000),
        "{".repeat(33),
        "a.map(x,".repeat(400),
        "a?".repeat(2000),
        "'".to_owned(),
        "a[".repeat(1000),
        "f(".repeat(1000),
        "\u{0}".to_owned(),
        "a b".to_owned(),
        String::new(),
        "  ".to_owned(),
        "1x".to_owned(),
        "a..b".to_owned(),
        "a.".to_owned(),
        "{'a'}".to_owned(),
        "a = b".to_owned(),
        "1e999".to_owned(),
        "99999999999999999999".to_owned(),
        "9223372036854775808".to_owned(),
        "a.map(in, 1)".to_owned(),
        "in".to_owned(),
        "a \u{202e} b".to_owned(),
        "'pay\u{200b}pal'".to_owned(),
        "a and b".to_owned(),
        "'x'.matches('(')".to_owned(),
        "'x'.matches('((a{100}){100}){100}')".to_owned(),
    ];
    for text in cases {
        let error = Expr::parse(&text).expect_err(&text[..text.len().min(40)]);
        assert!(error.span.end <= text.len().max(1) && error.span.start <= error.span.end, "{error:?}");
        assert!(!error.message.contains('\n') && error.message.len() < 200, "{error:?}");
    }
}

#[test]
fn long_flat_expressions_are_fine() {
    let sum = vec!["1"; 2000].join("+");
    gives(&sum, json!(2000));
    let nested = "(".repeat(31) + "1" + &")".repeat(31);
    gives(&nested, json!(1));
    gives(&format!("{}true", "!".repeat(4000)), json!(true));
    gives(&vec!["true"; 600].join("&&"), json!(true));
    gives(&(vec!["false?1:"; 500].concat() + "2"), json!(2));
    gives(&("'a'".to_owned() + &".lower()".repeat(450)), json!("a"));
}

#[test]
fn references_are_static_paths() {
    let expr = Expr::parse(
        "steps.a.output.list.map(x, x.y + inputs['k-2'].z)[vars.i] + size(has(run.id) ? [1] : [2])",
    )
    .unwrap();
    let found: Vec<String> = expr.references().into_iter().map(|r| r.path.join("/")).collect();
    assert_eq!(found, ["steps/a/output/list", "inputs/k-2/z", "vars/i", "run/id"]);
    let first = expr.references().remove(0);
    assert_eq!(&expr.source()[first.span.start..first.span.end], "steps.a.output.list");
}

/// Half of what a worker thread of a server usually has, so that a caller's own frames have room as well.
#[test]
fn the_deepest_expression_fits_into_a_small_stack() {
    let run = || {
        for (open, middle, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{'a':", "1", "}"),
            ("string(", "1", ")"),
            ("[1].map(x, ", "1", ")"),
            ("1 + 2 * (", "1", ")"),
            ("true || true && 1 < (", "1", ")"),
            ("true ? 1 : (", "1", ")"),
            ("{'a': 1}.?b.orValue(", "1", ")"),
            ("[0][", "0", "]"),
            ("!(1 == -(", "1", "))"),
        ] {
            for depth in [15, 16, 31, 32] {
                let text = open.repeat(depth) + middle + &close.repeat(depth);
                let Ok(expr) = Expr::parse(&text) else { continue };
                let _ = expr.check(&Unknown);
                let _ = expr.references();
                let _ = expr.eval(&context(), &mut Budget::new());
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

struct Unknown;

impl portcullis_expr::TypeScope for Unknown {
    fn resolve(&self, _path: &[&str]) -> Result<(usize, portcullis_expr::Type), portcullis_expr::NameError> {
        Ok((1, portcullis_expr::Type::any()))
    }
}
