//! Formatting: the same values, the same comments, and nothing more to do afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use playbook::{FormatError, Source, format};
use portcullis_playbook as playbook;
use proptest::prelude::*;
use serde_yaml::Value;

fn formatted(text: &str) -> String {
    format(Source::new("p.yaml", text)).unwrap_or_else(|error| panic!("{error}: {error:?}\n{text}"))
}

/// Every playbook of the repository that parses.
fn corpus() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in ["workflows", "crates/playbook/tests/ui", "plugins"] {
        below(&root.join(folder), &mut found);
    }
    assert!(found.len() > 60, "only {}", found.len());
    found
}

fn below(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                below(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.extend(fs::read_to_string(&path).ok().map(|text| (path.clone(), text)));
        }
    }
}

/// Comments in file order are not kept in order where keys move, so they are compared as a set.
fn comments(text: &str) -> Vec<String> {
    let mut all: Vec<String> =
        text.lines().filter(|line| line.trim_start().starts_with('#')).map(|l| l.trim().to_owned()).collect();
    all.sort();
    all
}

fn holds(name: &str, text: &str) -> bool {
    let once = match format(Source::new(name, text)) {
        Ok(once) => once,
        Err(FormatError::Refused(problems)) => {
            assert!(!problems.is_empty(), "{name}: refused without a reason\n{text}");
            return false;
        }
        Err(FormatError::LeftAlone { .. }) => return false,
    };
    let twice = format(Source::new(name, &once));
    assert_eq!(twice.as_deref(), Ok(once.as_str()), "{name}: not stable\n{text}");
    let before: Value = match serde_yaml::from_str(text) {
        Ok(before) => before,
        // A number that JSON cannot hold: `check` refuses it, and formatting leaves it as it stands.
        Err(error) if error.to_string().contains("128, expected any YAML value") => return true,
        Err(error) => panic!("{name}: {error}\n{text}"),
    };
    let after: Value = serde_yaml::from_str(&once).unwrap();
    assert_eq!(before, after, "{name}\n{text}\n---\n{once}");
    assert!(once.ends_with('\n'), "{name}\n{once}");
    true
}

#[test]
fn every_playbook_of_the_repository_keeps_its_values_and_comments() {
    let mut done = 0;
    for (path, text) in corpus() {
        let name = path.display().to_string();
        if holds(&name, &text) {
            done += 1;
            assert_eq!(comments(&text), comments(&formatted(&text)), "{name}");
        }
    }
    assert!(done > 50, "only {done}");
}

#[test]
fn nothing_of_the_corpus_is_left_alone_that_parses() {
    for (path, text) in corpus() {
        if let Err(FormatError::LeftAlone { line, what }) = format(Source::new("p", &text)) {
            panic!("{}:{line}: {what}", path.display());
        }
    }
}

#[test]
fn shipped_playbooks_are_formatted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    let mut found = Vec::new();
    below(&folder, &mut found);
    found.retain(|(path, _)| path.file_name().is_some_and(|name| name == "playbook.yaml"));
    assert!(!found.is_empty());
    let stale: Vec<_> =
        found.iter().filter(|(_, text)| formatted(text) != *text).map(|(path, _)| path).collect();
    assert!(stale.is_empty(), "run `portcullis fmt` on {stale:?}");
}

const UNTIDY: &str = r#"# yaml-language-server: $schema=../schemas/playbook.v1.json
# About this file.

id:    messy
# the language
playbook: 1   # always 1
steps:


- uses: 'mail.search' # reads
  # the address
  with: {mailbox: "ana@corp.example",query: {subject: 'it''s', "from": "no"},
     limit: 5}
  id: "find"

- # two
  fail:
      message: 'say "hello"'
  if: "${{ steps.find.output.total == 0 }}"
# the end of the steps? no: what follows
outputs:
    total: {type: integer, description: "How many mails were found in the mailbox in all, at most a hundred", value: "${{ steps.find.output.total }}"}
    # the last output
# the last word
"#;

const TIDY: &str = r##"# yaml-language-server: $schema=../schemas/playbook.v1.json
# About this file.

# the language
playbook: 1 # always 1
id: messy
# the end of the steps? no: what follows
outputs:
  total:
    type: integer
    description: How many mails were found in the mailbox in all, at most a hundred
    value: ${{ steps.find.output.total }}
  # the last output
steps:
  - id: find
    uses: mail.search # reads
    # the address
    with: { mailbox: ana@corp.example, query: { subject: it's, from: "no" }, limit: 5 }

  # two
  - if: ${{ steps.find.output.total == 0 }}
    fail:
      message: say "hello"
# the last word
"##;

#[test]
fn the_canonical_form() {
    assert_eq!(formatted(UNTIDY), TIDY);
    assert_eq!(formatted(TIDY), TIDY);
}

#[test]
fn texts_stay_and_quotes_go_only_where_the_parser_agrees() {
    for (before, after) in [
        ("a: |-\n    x\n      y\n\n\n\nb: 1\n", "a: |-\n  x\n    y\n\nb: 1\n"),
        ("a: |+\n  x\n\n\nb: 1\n", "a: |+\n  x\n\n\nb: 1\n"),
        ("a: |2\n   x\nb: 1\n", "a: |2\n   x\nb: 1\n"),
        ("a: |\n  x", "a: |-\n  x\n"),
        ("a: >\n   one\n   two\n", "a: >\n  one\n  two\n"),
        ("a: one\n     two\n      three\n", "a: one\n  two\n   three\n"),
        ("a: \"one\n    two\"\n", "a: \"one\n  two\"\n"),
        (
            "a: 'true'\nb: \"12\"\nc: '12:30'\nd: '5m'\ne: ''\n",
            "a: \"true\"\nb: \"12\"\nc: \"12:30\"\nd: 5m\ne: \"\"\n",
        ),
        ("a: '${{ x ? \"y\" : z }}'\n", "a: '${{ x ? \"y\" : z }}'\n"),
        ("a: \"${{ x }}\"\nb: [\"${{ x }}\"]\n", "a: ${{ x }}\nb: [\"${{ x }}\"]\n"),
        ("a: \"x\\ny\"\n", "a: \"x\\ny\"\n"),
        ("a: [1, # one\n  2]\n", "a: [1, # one\n  2]\n"),
        ("a:\n  # why\n  text # and how\n", "# why\na: text # and how\n"),
        ("a: \n- b\n- - c\n  - d\n- e: 1\n  f: 2\n", "a:\n  - b\n  - - c\n    - d\n  - e: 1\n    f: 2\n"),
        ("---\na: 1\n...\n# z\n", "a: 1\n# z\n"),
        ("{\"a\": 1, \"b\": [{\"c\": null}]}", "a: 1\nb: [{ c: null }]\n"),
        ("a: 1\r\nb: |\r\n  x\r\n", "a: 1\nb: |\n  x\n"),
    ] {
        assert_eq!(formatted(before), after, "{before:?}");
        assert!(holds("case", before));
    }
}

#[test]
fn steps_are_ordered_wherever_they_are() {
    let step = "{ uses: x, id: s }";
    let sorted = "{ id: s, uses: x }";
    for place in [
        "steps: [STEP]\n",
        "steps:\n  - foreach: y\n    do:\n      - STEP\n",
        "steps:\n  - parallel:\n      uses:\n        - STEP\n",
        "steps:\n  - dag:\n      - STEP\n",
        "steps:\n  - try:\n      - STEP\n    catch:\n      - on: any\n        do:\n          - STEP\n    finally:\n      - STEP\n",
        "steps:\n  - switch:\n      - case: x\n        do: [STEP]\n      - default:\n          - STEP\n",
        "steps:\n  - switch:\n      - default: { do: [STEP], output: 1 }\n",
        "on_error:\n  - STEP\nfinally:\n  - STEP\n",
    ] {
        assert_eq!(formatted(&place.replace("STEP", step)), place.replace("STEP", sorted));
    }
    // Data that only looks like a step is the author's.
    for place in ["vars:\n  steps:\n    - STEP\n", "steps:\n  - set:\n      do:\n        - STEP\n"] {
        let text = place.replace("STEP", step);
        assert_eq!(formatted(&text), text);
    }
}

#[test]
fn what_does_not_parse_is_refused_with_a_place() {
    for text in ["a: [1\n", "a: 1\na: 2\n", "a: &x 1\n", "", "# nothing\n", "a: \u{0}\n", "- \t- x\n"] {
        match format(Source::new("p.yaml", text)) {
            Err(FormatError::Refused(problems)) => assert!(!problems.is_empty(), "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
    let explicit = format(Source::new("p.yaml", "a: 1\n? b\n: 2\n"));
    assert!(matches!(explicit, Err(FormatError::LeftAlone { line: 2, .. })), "{explicit:?}");
}

/// What is mutated: the large ones only cost time.
static SMALL: LazyLock<Vec<String>> =
    LazyLock::new(|| corpus().into_iter().map(|(_, text)| text).filter(|text| text.len() < 20_000).collect());

proptest! {

    /// Lines of real playbooks taken out, doubled, moved in and out, and with other ends.
    #[test]
    fn mutated_playbooks_keep_their_values(which in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12u8), 1..8)) {
        let text = which.get(SMALL.as_slice());
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (at, change) in changes {
            if lines.is_empty() {
                break;
            }
            let at = at.index(lines.len());
            let line = lines[at].clone();
            let pad = line.len() - line.trim_start().len();
            match change {
                0 => { lines.remove(at); }
                1 => lines.insert(at, String::new()),
                2 => lines.insert(at, format!("{}# c{at}", " ".repeat(pad))),
                3 => lines.insert(at, format!("{}# c{at}", " ".repeat(pad + 2))),
                4 => lines.insert(at, format!("{}# c{at}", " ".repeat(pad.saturating_sub(2)))),
                5 => lines[at].push_str("  # behind"),
                6 => lines[at].push_str("   "),
                7 => lines[at] = format!("  {line}"),
                8 => lines[at] = line.strip_prefix("  ").unwrap_or(&line).to_owned(),
                9 => lines[at] = line.replacen(": ", ":\n            ", 1),
                10 => lines[at] = line.replacen("- ", "-   ", 1),
                _ => lines[at] = line.replacen(": ", ":   ", 1),
            }
        }
        for end in ["\n", "", "\r\n"] {
            let end_of_line = if end.is_empty() { "\n" } else { end };
            let text = lines.join(end_of_line) + end;
            holds("mutated", &text);
        }
    }

    /// Any scalar in any spelling, in both surroundings.
    #[test]
    fn any_text_survives(text in "[ -~\\n\\tä…]{0,24}", key in "[a-z]{1,3}") {
        let double = serde_json::to_string(&text).unwrap();
        holds("double", &format!("{key}: {double}\nz: [{double}, {{ k: {double} }}]\n"));
        if !text.contains('\n') {
            let single = text.replace('\'', "''");
            holds("single", &format!("{key}: '{single}'\nz: ['{single}', {{ '{single}x': 1 }}]\n"));
        }
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        for header in ["|", ">", "|-", ">+", "|2", ">1-"] {
            holds("block", &format!("{key}:\n  - {header}\n{indented}\n  - last\n"));
        }
        holds("plain", &format!("{key}: {text}\nz: [{text}]\n"));
    }

    /// Whatever stands in a file: an answer, and the same values.
    #[test]
    fn hostile_text_gets_an_answer(text in "([ \\-:#?|>\"'\\[\\]{},&*!%a1\n\r\té$]|\\.\\.\\.|---|: |- |\n  ){0,60}") {
        holds("hostile", &text);
    }
}

#[test]
fn the_largest_playbooks_take_no_time() {
    let wide = format!("a: [{}1]\n", "'x y', ".repeat(3_000));
    let nested = format!(
        "a: {}{}{}\n",
        "[".repeat(30),
        "'x y', 'z: a', ".repeat(1_500).trim_end_matches(", "),
        "]".repeat(30)
    );
    let comments = "# c\n\n".repeat(50_000) + "a: 1\n";
    let long = format!("a: |\n{}", "  x\n".repeat(60_000));
    for text in [wide, nested, comments, long] {
        let begun = std::time::Instant::now();
        assert!(holds("large", &text));
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    }
}
