//! Problems as SARIF 2.1.0, which code scanners and review tools read.
//!
//! Columns count UTF-16 code units, and say so; regions also give bytes. Every rule that occurs brings its page
//! (`explain`) as help, so that a reader needs no link. Left out: fingerprints, which the tools make themselves.
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Map, Value, json};

use super::place::ends;
use super::{Diagnostic, Label, Severity};
use crate::explain::explain;
use crate::{Source, codes};

/// The problems of all files as one SARIF log with one run.
pub fn render_sarif(files: &[(Source<'_>, &[Diagnostic])]) -> Value {
    let mut ids: Vec<&str> = files.iter().flat_map(|(_, all)| all.iter().map(|d| d.code)).collect();
    ids.sort_unstable();
    ids.dedup();
    let results: Vec<Value> = files
        .iter()
        .enumerate()
        .flat_map(|(index, (source, all))| all.iter().map(move |diagnostic| (index, *source, diagnostic)))
        .map(|(index, source, diagnostic)| result(diagnostic, &ids, source, index))
        .collect();
    let artifacts: Vec<Value> = files
        .iter()
        .map(|(source, _)| json!({ "location": location(source.name, None), "encoding": "UTF-8" }))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "portcullis",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": ids.iter().map(|id| rule(id)).collect::<Vec<_>>(),
            } },
            "columnKind": "utf16CodeUnits",
            "artifacts": artifacts,
            "results": results,
        }],
    })
}

fn rule(id: &str) -> Value {
    let code = codes::all().find(|code| code.code == id);
    let title = code.map_or("", |code| code.title);
    let why = code.map_or("", |code| code.explanation);
    let (text, markdown) = match explain(id) {
        Some(page) => (page.to_text(), page.to_markdown()),
        None => (why.to_owned(), why.to_owned()),
    };
    json!({
        "id": id,
        "shortDescription": { "text": title },
        "fullDescription": { "text": why },
        "help": { "text": text, "markdown": markdown },
    })
}

fn result(diagnostic: &Diagnostic, ids: &[&str], source: Source<'_>, index: usize) -> Value {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let words = diagnostic.labels.first().filter(|label| !label.text.is_empty());
    let words = words.map_or(String::new(), |label| format!(": {}", label.text));
    let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\nHelp: {help}"));
    let mut result = Map::new();
    result.insert("ruleId".into(), json!(diagnostic.code));
    result.insert("ruleIndex".into(), json!(ids.iter().position(|id| *id == diagnostic.code)));
    result.insert("level".into(), json!(level));
    result.insert("message".into(), json!({ "text": format!("{}{words}{help}", diagnostic.message) }));
    let place = |label: Option<&Label>| {
        let mut place = json!({ "artifactLocation": location(source.name, Some(index)) });
        if let (Some(place), Some(label)) = (place.as_object_mut(), label) {
            place.insert("region".into(), region(label, source.text));
        }
        place
    };
    result.insert("locations".into(), json!([{ "physicalLocation": place(diagnostic.labels.first()) }]));
    let related: Vec<Value> = diagnostic
        .labels
        .iter()
        .enumerate()
        .skip(1)
        .map(|(at, label)| {
            let text = if label.text.is_empty() { "also here" } else { label.text.as_str() };
            json!({ "id": at, "message": { "text": text }, "physicalLocation": place(Some(label)) })
        })
        .collect();
    if !related.is_empty() {
        result.insert("relatedLocations".into(), Value::Array(related));
    }
    Value::Object(result)
}

fn region(label: &Label, text: &str) -> Value {
    let (from, to) = ends(label, text);
    json!({
        "startLine": from.line, "startColumn": from.utf16, "endLine": to.line, "endColumn": to.utf16,
        "byteOffset": label.start, "byteLength": label.end.saturating_sub(label.start),
    })
}

/// Where a file is. A relative path is one from the root of the sources, as tools expect it.
fn location(name: &str, index: Option<usize>) -> Value {
    let mut location = Map::new();
    let path = name.replace('\\', "/");
    let absolute = path.starts_with('/');
    let path = if absolute { path.as_str() } else { path.trim_start_matches("./") };
    location
        .insert("uri".into(), json!(format!("{}{}", if absolute { "file://" } else { "" }, encoded(path))));
    if !absolute {
        location.insert("uriBaseId".into(), json!("%SRCROOT%"));
    }
    if let Some(index) = index {
        location.insert("index".into(), json!(index));
    }
    Value::Object(location)
}

/// A path as a part of a URI (RFC 3986): what is not plainly allowed in one is written as `%XX`.
fn encoded(path: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
