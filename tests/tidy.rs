//! House rules that no compiler knows. `CONTRIBUTING.md` says why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use portcullis_tests::{File, files, root};

/// More than this and a file has two subjects.
const MOST_LINES: usize = 500;

/// Names that say nothing, and so collect everything.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "misc", "shared", "types", "utilities"];

/// Where such a name is the subject itself.
const SUBJECTS: [&str; 1] = [
    // The static types of the expression language.
    "crates/expr/src/types/",
];

/// What a repository of this kind tells its readers.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "DESIGN.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

fn rust() -> Vec<File> {
    let rust: Vec<File> = files().unwrap().into_iter().filter(|file| file.ending() == "rs").collect();
    assert!(rust.len() > 50, "only {} modules were found", rust.len());
    rust
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Whether a file holds tests only.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples"))
}

/// Lines before the tests at the end of a file.
fn lines_of_code(text: &str) -> usize {
    text.lines().take_while(|line| line.trim_end() != "#[cfg(test)]").count()
}

#[test]
fn every_module_says_what_it_is() {
    let silent = rust().into_iter().filter(|file| !file.text.starts_with("//! "));
    none(silent.map(|file| format!("{} does not start with `//! ` and a sentence", file.path)).collect());
}

#[test]
fn files_have_one_subject() {
    let files = rust().into_iter().filter(|file| !is_test(&file.path));
    let long =
        files.map(|file| (lines_of_code(&file.text), file.path)).filter(|(lines, _)| *lines > MOST_LINES);
    none(long.map(|(lines, path)| format!("{path} has {lines} lines before its tests; divide it")).collect());
}

#[test]
fn a_crate_opens_with_its_table_of_contents() {
    let opens = |path: &str| path.starts_with("crates/") && path.ends_with("/src/lib.rs");
    let mut problems = Vec::new();
    for file in rust().into_iter().filter(|file| opens(&file.path)) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            // The type of a function pointer has a bracket right behind the word.
            if code.split_whitespace().any(|word| word == "fn") {
                problems.push(format!("{}:{number} defines a function; move it into a module", file.path));
            }
        }
    }
    none(problems);
}

#[test]
fn names_say_something() {
    let mut problems = Vec::new();
    for file in rust() {
        let path = SUBJECTS.iter().find_map(|subject| file.path.strip_prefix(subject)).unwrap_or(&file.path);
        for part in path.split('/') {
            let stem = part.strip_suffix(".rs").unwrap_or(part);
            if stem.split(['-', '_']).any(|word| EMPTY_NAMES.contains(&word)) {
                problems.push(format!("{}: {stem} says nothing about what is in it", file.path));
            }
        }
    }
    none(problems);
}

#[test]
fn nothing_is_put_off() {
    // Taken apart, or this file would be its own first finding.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["X", "XX"].concat()];
    let sources = ["rs", "toml", "md", "yaml", "yml", "sh", "py", "wit", "run"];
    let mut problems = Vec::new();
    let written = |file: &File| sources.contains(&file.ending()) || file.path.starts_with(".ci/");
    for file in files().unwrap().into_iter().filter(written) {
        for (number, line) in (1..).zip(file.text.lines()) {
            if line
                .split(|letter: char| !letter.is_alphanumeric())
                .any(|word| marks.iter().any(|mark| mark == word))
            {
                problems.push(format!("{}:{number}: do it, or write an issue: {}", file.path, line.trim()));
            }
        }
    }
    none(problems);
}

#[test]
fn the_documents_are_there() {
    let missing = DOCUMENTS.into_iter().filter(|name| !root().join(name).is_file());
    none(missing.map(|name| format!("{name} is missing")).collect());
}

/// What stands between back-ticks and looks like a path of this repository.
fn paths(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut paths = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let quoted = line.split('`').skip(1).step_by(2);
        for quoted in quoted.filter(|_| !fenced) {
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
            if quoted.contains('/') && quoted.chars().all(plain) {
                paths.push(quoted.trim_end_matches('/').to_owned());
            }
        }
    }
    paths
}

#[test]
fn paths_in_the_documents_exist() {
    let top = ["crates", "plugins", "workflows", "schemas", "tests", "docs", ".ci"];
    let mut problems = Vec::new();
    for file in files().unwrap() {
        let is_document =
            file.ending() == "md" && (!file.path.contains('/') || file.path.starts_with("docs/"));
        for path in if is_document { paths(&file.text) } else { Vec::new() } {
            let ours = path.split('/').next().is_some_and(|first| top.contains(&first));
            if ours && !root().join(&path).exists() {
                problems.push(format!("{} names {path}, which does not exist", file.path));
            }
        }
    }
    none(problems);
}

#[test]
fn the_rules_can_fail() {
    assert_eq!(lines_of_code("//! a\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), 3);
    assert_eq!(paths("see `crates/expr/` and `a b/c`\n```\n`crates/no`\n```\n`x`"), ["crates/expr"]);
    assert!(is_test("crates/expr/tests/ui.rs") && is_test("crates/expr/src/parser/tests.rs"));
    assert!(!is_test("crates/expr/src/parser.rs"));
}
