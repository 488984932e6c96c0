//! Text templates: what they give, what they refuse, and that they end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_expr::{Budget, DEFAULT_BYTES, EvalErrorKind, MAX_TEXT, TextTemplate, text_filters};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(source: &str) -> TextTemplate {
    TextTemplate::parse("mail.txt.j2", source).unwrap_or_else(|problem| panic!("{source}: {problem:?}"))
}

fn render(source: &str, values: &Value) -> Result<String, EvalErrorKind> {
    parse(source).render(values, &mut Budget::new()).map_err(|error| error.kind)
}

#[track_caller]
fn gives(source: &str, values: Value, expected: &str) {
    assert_eq!(render(source, &values).as_deref(), Ok(expected), "{source}");
}

#[test]
fn templates_place_repeat_and_choose() {
    gives("Hello {{ name }}!", json!({"name": "Ana"}), "Hello Ana!");
    gives(
        "{% for m in mails %}{{ loop.index }}. {{ m.subject }}\n{% endfor %}",
        json!({"mails": [{"subject": "a"}, {"subject": "b"}]}),
        "1. a\n2. b\n",
    );
    gives("{% for x in l %}{{ x }}{% else %}none{% endfor %}", json!({"l": []}), "none");
    gives(
        "{% if n == 1 %}one{% elif n > 1 and not (b or n == 7) %}many{% else %}other{% endif %}",
        json!({"n": 3, "b": false}),
        "many",
    );
    gives("{% set who = mail.from %}{{ who }}", json!({"mail": {"from": "x"}}), "x");
    gives(
        "{{ 'yes' if ok else 'no' }} {{ l[0] }} {{ o['a b'] }}",
        json!({"ok": true, "l": [1.0], "o": {"a b": false}}),
        "yes 1 false",
    );
    gives(
        "{%- for k in o -%} {{ k }}={{ o[k] }}; {%- endfor -%}",
        json!({"o": {"a": 1, "b": 2.5}}),
        "a=1;b=2.5;",
    );
    gives("{# a comment {{ x }} #}{ {a} {{ '{{ x }}' }}", json!({}), "{ {a} {{ x }}");
    gives("a\n", json!({}), "a");
    gives("{{ 1 if z is none else 2 }}{{ 1 if s is not none else 2 }}", json!({"z": null, "s": ""}), "11");
}

#[test]
fn filters_are_functions_of_expressions() {
    let values = json!({"l": ["b", "a", "b"], "s": "  http://Evil.example ", "t": "2026-03-01T00:30:00Z", "n": [3, 1]});
    gives(
        "{{ l | join(', ') }} {{ l|unique|sort|join }} {{ l|length }} {{ l|first }}{{ l|last }}",
        values.clone(),
        "b, a, b ab 3 bb",
    );
    gives(
        "{{ s|trim|lower|defang }} {{ s|trim|upper|truncate(5) }}",
        values.clone(),
        "hxxp://evil[.]example HTTP…",
    );
    gives(
        "{{ t|date }} {{ t|datetime('+01:00') }} {{ n|sort|reverse|tojson }}",
        values.clone(),
        "2026-03-01 2026-03-01 01:30 +01:00 [3,1]",
    );
    gives("{{ s|replace('http', 'x')|trim }} {{ 'a[.]b'|refang }}", values.clone(), "x://Evil.example a.b");
    gives(
        "{% for x in l|unique %}{{ x }}{% endfor %}{% if l|length > 2 %}!{% endif %}",
        values.clone(),
        "ba!",
    );
    for source in ["{{ n|join }}", "{{ s|sort }}", "{{ s|truncate }}", "{{ s|upper(1) }}"] {
        assert_eq!(render(source, &values), Err(EvalErrorKind::Type), "{source}");
    }
    for (source, kind) in
        [("{{ e|first }}", EvalErrorKind::Index), ("{{ s|date }}", EvalErrorKind::Conversion)]
    {
        assert_eq!(render(source, &json!({"e": [], "s": "x"})), Err(kind), "{source}");
    }
    assert_eq!(text_filters().count(), 17);
}

#[test]
fn what_is_missing_is_an_error_and_has_a_place() {
    let values = json!({"mail": {"subject": "hunter2"}, "l": [1], "z": null, "s": "hunter2"});
    for source in [
        "{{ x }}",
        "{{ mail.x }}",
        "{{ mail.x.y }}",
        "{% if x %}{% endif %}",
        "{% for a in x %}{% endfor %}",
        "{{ l[5] }}",
        "{{ x|upper }}",
        "{{ 1 if x is none else 2 }}",
        "{{ 1 if mail.x is not none else 2 }}",
        "{{ 'a' if x == 1 else 'b' }}",
        "{{ mail.subject if false }}",
    ] {
        assert_eq!(render(source, &values), Err(EvalErrorKind::Missing), "{source}");
    }
    for source in
        ["{{ z }}", "{{ l }}", "{{ mail }}", "{% for x in s %}{{ x }}{% endfor %}{{ s < 1 }}{{ z|upper }}"]
    {
        assert_eq!(render(source, &values), Err(EvalErrorKind::Type), "{source}");
    }
    let message = |source: &str| parse(source).render(&values, &mut Budget::new()).unwrap_err().message;
    assert_eq!(
        message("a\nbä {{ mail.subjct }}"),
        "the template mail.txt.j2:2:7: there is no value for `mail.subjct`"
    );
    assert_eq!(
        message("{{ s|date }}"),
        "the template mail.txt.j2:1:6: `date`: the text is not a time like `2026-03-01T12:00:00Z`"
    );
    for source in [
        "{{ s|date }}",
        "{{ s.x }}",
        "{{ s|join }}",
        "{{ mail }}",
        "{{ s.x.y }}",
        "{% for a, b in l %}{% endfor %}",
    ] {
        assert!(!message(source).contains("hunter2"), "{source}: {}", message(source));
    }
}

#[test]
fn what_is_not_in_the_language_is_refused_with_its_place() {
    for (source, part) in [
        ("{% include 'x' %}", "not part of templates"),
        ("{% extends 'x' %}", "not part of templates"),
        ("{% import 'x' as y %}", "not part of templates"),
        ("{% from 'x' import y %}", "not part of templates"),
        ("{% fro x in l %}", "did you mean `for`?"),
        ("{% macro m() %}{% endmacro %}", "not part of templates"),
        ("{% block b %}{% endblock %}", "not part of templates"),
        ("{% raw %}{{ x }}{% endraw %}", "not part of templates"),
        ("{% filter upper %}x{% endfilter %}", "not part of templates"),
        ("{% autoescape false %}{% endautoescape %}", "not part of templates"),
        ("{% do x %}", "not part of templates"),
        ("{% with a = 1 %}{% endwith %}", "not part of templates"),
        ("{% set a %}x{% endset %}", "set NAME = VALUE"),
        ("{% set ns.a = 1 %}", "set NAME = VALUE"),
        ("{% set a, b = l %}", "set NAME = VALUE"),
        ("{{ debug() }}", "call no functions"),
        ("{{ range(1000000000) }}", "call no functions"),
        ("{{ namespace(a=1) }}", "call no functions"),
        ("{{ s.upper() }}", "call no functions"),
        ("{{ (s)(1) }}", "call no functions"),
        ("{{ s['f']() }}", "call no functions"),
        ("{{ loop.cycle(1) }}", "call no functions"),
        ("{{ 'a' * 100000000 }}", "does not compute"),
        ("{{ a ~ a }}", "does not compute"),
        ("{{ a + a }}", "does not compute"),
        ("{{ l[1:] }}", "does not compute"),
        ("{{ {'a': 1} }}", "does not compute"),
        ("{{ a % b }}", "does not compute"),
        ("{{ a if b is defined }}", "only test is"),
        ("{{ a if b is not odd }}", "only test is"),
        ("{{ 'a' in b }}", "do not search"),
        ("{% for x in l recursive %}{% endfor %}", "cannot be recursive"),
        ("{{ s|default('x') }}", "there is no filter `default`"),
        ("{{ s|safe }}", "there is no filter `safe`"),
        ("{{ s|uper }}", "did you mean `upper`?"),
        ("{{ l|join(d=',') }}", "without names"),
        ("{{ 'a }}", "does not end"),
        ("{{ a", "does not end"),
        ("{# a", "does not end"),
        ("{{ a; b }}", "unexpected character `;`"),
        ("{{ a\u{202e} }}", "unexpected character"),
        ("{{ }}", "unexpected"),
        ("{% if a %}", "unexpected"),
        ("{% endfor %}", "unknown statement"),
        ("{{ a a }}", "unexpected"),
        ("{% %}", "begins with a word"),
    ] {
        let problem = TextTemplate::parse("x.j2", source).expect_err(source);
        assert!(problem.message.contains(part), "{source}: {problem:?}");
        assert_eq!(problem.line, Some(1), "{source}: {problem:?}");
    }
    let problem = TextTemplate::parse("x.j2", "a\nbö {{ a }}\n  {{ ä }}").unwrap_err();
    assert_eq!((problem.line, problem.column), (Some(3), Some(6)));
}

#[test]
fn text_that_nests_deeply_is_refused_and_not_followed() {
    let run = || {
        for source in [
            format!("{{{{ {} }}}}", "(".repeat(100_000)),
            format!("{{{{ {}a }}}}", "not ".repeat(50_000)),
            format!("{{{{ a{} }}}}", ".b".repeat(100_000)),
            format!("{{{{ a{} }}}}", "|trim".repeat(40_000)),
            format!("{{{{ a{} }}}}", " == a".repeat(40_000)),
            format!("{{{{ a{} }}}}", "[0]".repeat(50_000)),
            "{% if a %}".repeat(20_000),
            format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(15_000)),
            "{% for a in a %}".repeat(10_000),
            "x".repeat(300_000),
        ] {
            assert!(TextTemplate::parse("x.j2", &source).is_err(), "{}", &source[..30]);
        }
        // The deepest that is allowed.
        for source in [
            format!("{{{{ {}1{} }}}}", "(".repeat(32), ")".repeat(32)),
            format!("{{{{ {}a }}}}", "not ".repeat(140)),
            format!("{{{{ a{} }}}}", ".b".repeat(490)),
            format!("{{{{ a{} }}}}", "|trim".repeat(190)),
            format!("{}{}", "{% if a %}".repeat(32), "{% endif %}".repeat(32)),
            format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(64)),
        ] {
            let template = parse(&source);
            template.variables();
            let _ = template.render(&json!({"a": false}), &mut Budget::new());
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn bombs_end_in_budget() {
    let list: Vec<u32> = (0..2000).collect();
    let long = "a".repeat(1 << 20);
    let values = json!({"l": list, "long": long, "words": vec!["word"; 20_000]});
    let doubling =
        (0..60).fold("{% set a = long %}".to_owned(), |text, _| text + "{% set a = [a, a]|join %}");
    for source in [
        "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}".to_owned(),
        "{% for a in l %}{{ long }}{% endfor %}".to_owned(),
        "{% for a in l %}{% set x = long|upper %}{% endfor %}".to_owned(),
        "{% for a in l %}{{ words|sort|unique|length }}{% endfor %}".to_owned(),
        "{% set x = long|replace('a', long) %}".to_owned(),
        "{{ [long, long]|join|length }}{% for a in l %}{{ [long, long]|join|length }}{% endfor %}".to_owned(),
        doubling,
    ] {
        let mut budget = Budget::new();
        let error = parse(&source).render(&values, &mut budget).unwrap_err();
        assert_eq!(error.kind, EvalErrorKind::Budget, "{source}: {error:?}");
        assert!(budget.bytes_used() <= DEFAULT_BYTES);
    }
    let error = parse("{{ a }}").render(&json!({"a": vec!["x".repeat(1000); 20_000]}), &mut Budget::new());
    assert_eq!(error.unwrap_err().kind, EvalErrorKind::Budget);
    gives("{{ a }}", json!({"a": "x".repeat(MAX_TEXT)}), &"x".repeat(MAX_TEXT));
    assert_eq!(render("{{ a }}!", &json!({"a": "x".repeat(MAX_TEXT)})), Err(EvalErrorKind::Budget));
    let deep = (0..400).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(render("x", &json!({"a": deep})), Err(EvalErrorKind::Budget));
}

#[test]
fn a_large_table_is_within_the_limits() {
    let rows: Vec<Value> = (0..10_000).map(|n| json!({"a": n, "b": "x", "c": "yz"})).collect();
    let template = parse(
        "{% for r in rows %}{{ r.a }};{{ r.b }};{{ r.c }};{{ r.a }};{{ r.b }};{{ r.c }};{{ r.a }};{{ r.b }}\n{% endfor %}",
    );
    let mut budget = Budget::new();
    let text = template.render(&json!({"rows": rows}), &mut budget).unwrap();
    assert!(text.lines().count() == 10_000 && budget.steps_used() > 100_000);
}

#[test]
fn variables_are_the_paths_from_outside() {
    let template = parse(
        "{{ mail.from.name }}{{ who }}{% for m in run.mails|sort %}{{ m.subject }}{{ loop.index }}{{ m[who].x }}\
         {% for p in m.parts %}{{ p }}{% endfor %}{% endfor %}{% set own = other.x %}{{ own.y }}{% if flag %}{% endif %}{{ l[0].z }}",
    );
    assert_eq!(template.variables(), ["flag", "l", "mail.from.name", "other.x", "run.mails", "who"]);
    assert_eq!(template.name(), "mail.txt.j2");
}

#[test]
fn html_templates_escape_everything() {
    let html = |source: &str, values: Value| {
        TextTemplate::parse("mail.html.j2", source).unwrap().render(&values, &mut Budget::new()).unwrap()
    };
    let evil = json!({"s": "<script>'\"&</script>", "l": ["<a>", "<b>"]});
    assert!(!html("{{ s }}", evil.clone()).contains(['<', '>', '"', '\'']));
    assert_eq!(html("<i>{{ l|join('<br>') }}</i>", evil.clone()), "<i>&lt;a&gt;&lt;br&gt;&lt;b&gt;</i>");
    assert_eq!(html("{% set x = s %}{{ x|lower|length }}{{ '<' }}", evil), "20&lt;");
    gives("{{ s }}", json!({"s": "<b>"}), "<b>");
}

/// What attackers write into subjects, in the hope that somebody evaluates it.
const PAYLOADS: [&str; 12] = [
    "{{ secrets.x }}",
    "{{ 7*7 }}",
    "${{ secrets.x }}",
    "{% for x in y %}",
    "{% include '/etc/passwd' %}",
    "{# comment #}",
    "${env:X}",
    "#{7*7}",
    "<% 7*7 %>",
    "{% raw %}",
    "%}{{ x",
    "\u{1f}meter",
];

#[test]
fn attacker_text_comes_out_byte_for_byte() {
    for payload in PAYLOADS {
        let values = json!({"mail": {"subject": payload}, "l": [payload], "x": 1, payload: "key"});
        gives("{{ mail.subject }}", values.clone(), payload);
        gives("{% for s in l %}{{ s|trim }}{% endfor %}", values.clone(), payload);
        gives(
            "{% set s = mail.subject %}{{ s }}{{ l|join }}",
            values.clone(),
            &format!("{payload}{payload}"),
        );
        // What came out of one template goes through a second one unread.
        let once = parse("{{ mail.subject }}").render(&values, &mut Budget::new()).unwrap();
        gives("{{ mail.subject }}", json!({"mail": {"subject": once}}), payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_ever_read_as_a_template(parts in prop::collection::vec(prop_oneof![
        Just("{{".to_owned()), Just("}}".to_owned()), Just("{%".to_owned()), Just("%}".to_owned()), Just("${{".to_owned()),
        Just(" x ".to_owned()), Just("\n".to_owned()), "\\PC{0,6}",
    ], 0..12)) {
        let text = parts.concat();
        let values = json!({"s": text, "l": [text]});
        let found = render("a{{ s }}b{% for x in l %}{{ x }}{% endfor %}", &values);
        prop_assert_eq!(found, Ok(format!("a{text}b{text}")));
    }

    #[test]
    fn any_text_parses_or_has_a_place(parts in prop::collection::vec(prop_oneof![
        Just("{{ ".to_owned()), Just(" }}".to_owned()), Just("{% if a %}".to_owned()), Just("{% endif %}".to_owned()),
        Just("{% for x in l %}".to_owned()), Just("{% endfor %}".to_owned()), Just("{#".to_owned()), Just("#}".to_owned()),
        Just("{%".to_owned()), Just("-%}".to_owned()), Just("'".to_owned()), Just("|".to_owned()), Just("x".to_owned()),
        Just("l|join".to_owned()), Just("\\".to_owned()), "[ -~ä\\n]{0,8}",
    ], 0..16)) {
        let source = parts.concat();
        match TextTemplate::parse("x.j2", &source) {
            Ok(template) => {
                template.variables();
                if let Err(error) = template.render(&json!({"a": true, "l": ["x"], "x": "y"}), &mut Budget::new()) {
                    prop_assert!(error.message.starts_with("the template x.j2"), "{}", error.message);
                }
            }
            Err(problem) => prop_assert!(problem.line.is_some() && !problem.message.is_empty(), "{:?}", problem),
        }
    }
}
