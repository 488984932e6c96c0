//! What scanners and pull requests are given.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use playbook::{Diagnostic, Label, Severity, Source, render_github, render_sarif};
use portcullis_playbook as playbook;
use serde_json::{Value, json};

fn label(text: &str, what: &str, words: &str, primary: bool) -> Label {
    let start = text.find(what).unwrap();
    let line = text[..start].matches('\n').count() + 1;
    let column = text[..start].rsplit('\n').next().unwrap().chars().count() + 1;
    Label { start, end: start + what.len(), line, column, text: words.to_owned(), primary }
}

/// One column of the second line is two UTF-16 code units and four bytes wide.
const TEXT: &str = "first: 1\n# 🦀 here: x\nlast: {\n  a: 1 }\n";

fn found() -> Vec<Diagnostic> {
    vec![
        Diagnostic {
            code: "P0306",
            severity: Severity::Error,
            message: "100% wrong: one, two\nthree".to_owned(),
            labels: vec![label(TEXT, "here", "twice", true), label(TEXT, "first", "first here", false)],
            help: Some("rename it".to_owned()),
        },
        Diagnostic {
            code: "P0312",
            severity: Severity::Warning,
            message: "over two lines".to_owned(),
            labels: vec![label(TEXT, "{\n  a: 1 }", "", true)],
            help: None,
        },
        Diagnostic {
            code: "P0108",
            severity: Severity::Error,
            message: "no text".to_owned(),
            labels: Vec::new(),
            help: None,
        },
    ]
}

#[test]
fn commands_for_github() {
    let out = render_github(&found(), Source::new("a,b:c%.yaml", TEXT));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            "::error file=a%2Cb%3Ac%25.yaml,line=2,endLine=2,col=5,endColumn=9,title=P0306 a name is used twice::\
             100%25 wrong: one, two%0Athree%0Atwice%0Aline 1: first here%0Ahelp: rename it",
            "::warning file=a%2Cb%3Ac%25.yaml,line=3,endLine=4,title=P0312 computed and never used::over two lines",
            "::error file=a%2Cb%3Ac%25.yaml,title=P0108 not plain UTF-8 text::no text",
        ]
    );
}

#[test]
fn nothing_in_a_message_starts_a_command() {
    let mut problem = found().remove(2);
    problem.message = "x\r\n::stop-commands::y\n::set-output name=a::b".to_owned();
    let out = render_github(&[problem], Source::new("p\n::error::", ""));
    assert_eq!(out.matches('\n').count(), 1, "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("::")).count(), 1, "{out}");
    assert!(!out.contains('\r'));
}

/// What sections 3.13 to 3.52 of the specification ask of the parts that are used.
fn holds(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("/sarif-schema-2.1.0.json"));
    for run in log["runs"].as_array().unwrap() {
        assert_eq!(run["columnKind"], "utf16CodeUnits");
        let driver = &run["tool"]["driver"];
        assert!(!driver["name"].as_str().unwrap().is_empty());
        assert_eq!(driver["semanticVersion"].as_str().unwrap().split('.').count(), 3);
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule.get("helpUri").is_none());
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
            }
        }
        let artifacts = run["artifacts"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            assert!(["error", "warning", "note", "none"].contains(&result["level"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            let related = result["relatedLocations"].as_array().cloned().unwrap_or_default();
            for location in result["locations"].as_array().unwrap().iter().chain(&related) {
                let place = &location["physicalLocation"];
                let index = usize::try_from(place["artifactLocation"]["index"].as_u64().unwrap()).unwrap();
                assert_eq!(artifacts[index]["location"]["uri"], place["artifactLocation"]["uri"]);
                uri(place["artifactLocation"]["uri"].as_str().unwrap());
                if let Some(region) = place.get("region") {
                    let number = |key: &str| region[key].as_u64().unwrap();
                    assert!(number("startLine") >= 1 && number("startColumn") >= 1, "{region}");
                    let ends = (number("endLine"), number("endColumn"));
                    assert!(ends >= (number("startLine"), number("startColumn")), "{region}");
                }
            }
            for location in related {
                assert!(!location["message"]["text"].as_str().unwrap().is_empty() && location["id"].is_u64());
            }
        }
    }
}

fn uri(text: &str) {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    assert!(!text.is_empty() && text.bytes().all(allowed), "{text}");
}

#[test]
fn sarif_follows_its_specification() {
    let found = found();
    let log = render_sarif(&[
        (Source::new("./a b/ü.yaml", TEXT), found.as_slice()),
        (Source::new("/srv/clean.yaml", "a: 1\n"), &[]),
    ]);
    holds(&log);
    let run = &log["runs"][0];
    assert_eq!(
        run["artifacts"][0]["location"],
        json!({ "uri": "a%20b/%C3%BC.yaml", "uriBaseId": "%SRCROOT%" })
    );
    assert_eq!(run["artifacts"][1]["location"], json!({ "uri": "file:///srv/clean.yaml" }));
    let first = &run["results"][0];
    assert_eq!(
        first["locations"][0]["physicalLocation"]["region"],
        json!({ "startLine": 2, "startColumn": 6, "endLine": 2, "endColumn": 10, "byteOffset": 16, "byteLength": 4 })
    );
    assert_eq!(first["message"]["text"], "100% wrong: one, two\nthree: twice\nHelp: rename it");
    assert_eq!(first["relatedLocations"][0]["message"]["text"], "first here");
    assert_eq!(run["results"][1]["locations"][0]["physicalLocation"]["region"]["endLine"], 4);
    assert!(run["results"][2]["locations"][0]["physicalLocation"].get("region").is_none());
}

#[test]
fn a_clean_run_has_results_all_the_same() {
    let log = render_sarif(&[(Source::new("p.yaml", ""), &[])]);
    holds(&log);
    assert_eq!(log["runs"][0]["results"], json!([]));
}

#[test]
fn places_outside_the_text_are_cut() {
    let far = Label { start: 999, end: 5, line: 9, column: 9, text: "x".into(), primary: true };
    let problem = Diagnostic { labels: vec![far], ..found().remove(2) };
    holds(&render_sarif(&[(Source::new("p", "ü"), std::slice::from_ref(&problem))]));
    assert!(render_github(&[problem], Source::new("p", "ü")).starts_with("::error file=p,line=1"));
}
