//! Reads every `.eml` of a folder as a playbook would (`eml.parse`, then `ioc-extract.extract`) and prints one JSON
//! object a line: `{"file": …, "eml": …, "ioc": …}`. `tests/foreign/corpus_mime.py` compares it with Python's reader.
//!
//! ```text
//! cargo run --release --example dump --target x86_64-unknown-linux-gnu -- FOLDER > dump.jsonl
//! ```

#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::path::PathBuf;

use eml::Eml;
use ioc_extract::IocExtract;
use plugin_sdk::Artifact;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder? usage: dump FOLDER")?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    for path in files {
        let message = Artifact::create(&std::fs::read(&path)?, "message/rfc822")?;
        let mail = call::<Eml>("parse", &json!({ "message": message }))?;
        let indicators = call::<IocExtract>("extract", &search(&mail))?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        println!("{}", json!({ "file": file, "eml": mail, "ioc": indicators }));
    }
    Ok(())
}

fn call<P: plugin_sdk::Plugin>(action: &str, input: &Value) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(&plugin_sdk::call::<P>(action, &input.to_string(), "{}")?)?)
}

/// What a careful playbook has searched: bodies, attached mails, text files, and bodies too large for the output.
fn search(mail: &Value) -> Value {
    let nested = mail["messages"].as_array().into_iter().flatten();
    let mut artifacts = Vec::new();
    for mail in std::iter::once(mail).chain(nested) {
        for whole in [&mail["text_artifact"], &mail["html_artifact"]] {
            if !whole.is_null() {
                artifacts.push(whole.clone());
            }
        }
        for attachment in mail["attachments"].as_array().into_iter().flatten() {
            if attachment["content_type"].as_str().is_some_and(|kind| kind.starts_with("text/")) {
                artifacts.push(attachment["content"].clone());
            }
        }
    }
    json!({
        "subject": mail["subject"],
        "text": mail["text_body"],
        "html": mail["html_body"],
        "messages": mail["messages"],
        "artifacts": artifacts,
    })
}
