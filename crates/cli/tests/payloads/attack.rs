//! Texts that somebody might take for code: the marks of many languages around expressions of many languages.
//!
//! Two of the expressions have a value that no mail contains (`EVALUATED`, `136117223861`): whoever evaluates one of
//! the texts, once or twice, leaves that value behind.

/// What an evaluated text leaves behind.
pub(crate) const MARKS: [&str; 2] = ["EVALUATED", "136117223861"];

const EXPRESSIONS: [&str; 21] = [
    "\"EVAL\" + \"UATED\"",
    "'EVAL' ~ 'UATED'",
    "1299709 * 104729",
    "1299709*104729",
    "'EVAL'.concat('UATED')",
    "[\"EVAL\", \"UATED\"].join(\"\")",
    "join([\"EVAL\", \"UATED\"], \"\")",
    "('EVAL' + 'UATED')|upper",
    "run.id",
    "run.starter",
    "secrets.token",
    "inputs",
    "inputs.mailboxes",
    "steps.reports.output",
    "self",
    "vars",
    "''.__class__.__mro__[1].__subclasses__()",
    "constructor.constructor('return 1299709*104729')()",
    "range(10) | list",
    "aqs.or([])",
    "size(\"x\") == 1 ? 1299709 * 104729 : 0",
];

/// `$` stands for the expression.
const MARKED: [(&str, &str); 24] = [
    ("${{ ", " }}"),
    ("$${{ ", " }}"),
    ("${{", "}}"),
    ("}} ${{ ", " }} ${{"),
    ("{{ ", " }}"),
    ("{{", "}}"),
    ("{{{ ", " }}}"),
    ("{% if true %}{{ ", " }}{% endif %}"),
    ("{% set x = ", " %}{{ x }}"),
    ("{# x #}{{- ", " -}}"),
    ("${", "}"),
    ("#{", "}"),
    ("<%= ", " %>"),
    ("<%", "%>"),
    ("$(", ")"),
    ("`", "`"),
    ("@(", ")"),
    ("[[", "]]"),
    ("%(", ")s"),
    ("=", ""),
    ("\" OR subject:* OR \"", "\""),
    ("') or ('", "'"),
    ("</p><script>", "</script><p>"),
    ("*) (subject=*", ")"),
];

/// Every text, each with a tag in front by which it is found again.
pub(crate) fn all() -> Vec<String> {
    let mut texts = Vec::new();
    for (open, close) in MARKED {
        for expression in EXPRESSIONS {
            texts.push(format!("tag{:03}>{open}{expression}{close}<end", texts.len()));
        }
    }
    texts
}

/// The tag of a text.
pub(crate) fn tag(text: &str) -> &str {
    text.split_inclusive('>').next().unwrap_or(text)
}
