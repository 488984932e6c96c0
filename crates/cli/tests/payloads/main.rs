//! Text that an attacker wrote is never read as code: hundreds of texts that many languages would take for an
//! expression, in every field of the mails of every shipped playbook.
//!
//! Whatever a run sends, asks, gives or keeps has the text byte for byte, or in one of the forms a playbook may
//! choose (defanged, in lower case, as HTML), or not at all; and nothing has the value that evaluating it would
//! give. A part of the texts is tried in every run of the tests; `PORTCULLIS_PAYLOADS=all` tries each of them
//! with each playbook.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod attack;
mod mail;
mod stage;

use std::path::{Path, PathBuf};

use serde_json::Value;

use stage::Stage;

/// Texts for each playbook in every run of the tests.
const TRIED: usize = 12;

fn workflows() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workflows");
    let mut found: Vec<PathBuf> = std::fs::read_dir(all)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("playbook.yaml").is_file())
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn no_text_of_a_mail_is_evaluated() {
    let texts = attack::all();
    assert!(texts.len() >= 500);
    let all = std::env::var("PORTCULLIS_PAYLOADS").is_ok_and(|value| value == "all");
    let step = if all { 1 } else { texts.len() / TRIED };
    let stage = Stage::new();
    let workflows = workflows();
    assert!(workflows.len() >= 6);
    for (number, workflow) in workflows.iter().enumerate() {
        let (mut runs, mut found) = (0, 0);
        // Every playbook gets other texts, and over all of them every kind of mark is tried.
        for text in texts.iter().skip(number % step).step_by(step) {
            let said = stage.play(workflow, text, runs).await;
            runs += 1;
            for value in &said {
                found += judge(value, text).unwrap_or_else(|problem| {
                    panic!("{}: {problem}\n  the text: {text}", workflow.display())
                });
            }
        }
        println!("{}: {runs} texts, found again {found} times", workflow.file_name().unwrap().display());
        assert!(found >= runs, "{}: the texts never got anywhere", workflow.display());
    }
}

/// How often the text stands in a value, or what was made of it.
fn judge(value: &Value, text: &str) -> Result<usize, String> {
    match value {
        Value::String(said) => judge_text(said, text),
        Value::Array(items) => items.iter().map(|item| judge(item, text)).sum(),
        Value::Object(map) => {
            let names: usize = map.keys().map(|name| judge_text(name, text)).sum::<Result<_, _>>()?;
            let values: usize = map.values().map(|value| judge(value, text)).sum::<Result<_, _>>()?;
            Ok(names + values)
        }
        _ => Ok(0),
    }
}

fn judge_text(said: &str, text: &str) -> Result<usize, String> {
    if let Some(mark) = attack::MARKS.iter().find(|mark| said.contains(**mark)) {
        return Err(format!("somebody evaluated it: {mark:?} in {said:?}"));
    }
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let quoted = html.replace('\'', "&#39;").replace('/', "&#x2f;").replace('`', "&#96;");
    let slash = html.replace('\'', "&#x27;").replace('/', "&#x2f;");
    let forms = [
        text.to_owned(),
        text.to_lowercase(),
        defanged(text),
        html.clone(),
        quoted,
        slash,
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
    ];
    let tag = attack::tag(text).trim_end_matches('>');
    let mut found = 0;
    for (at, _) in said.match_indices(tag) {
        let rest = &said[at..];
        if !forms.iter().any(|form| rest.starts_with(form.as_str())) {
            return Err(format!("it was changed: {:?}", rest.chars().take(200).collect::<String>()));
        }
        found += 1;
    }
    Ok(found)
}

fn defanged(text: &str) -> String {
    text.replace('.', "[.]").replace('@', "[@]")
}
