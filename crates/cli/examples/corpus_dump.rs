//! Reads every `.eml` of a folder as a playbook would, through the components inside the binary (`eml.parse`, then
//! `ioc-extract.extract`), and prints one JSON object a line: `{"file": …, "eml": …, "ioc": …}`.
//! `tests/foreign/corpus_mime.py` compares it with Python's reader.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use action_api::{ActionSource, Artifacts, Context, Invocation};
use engine::MemoryArtifacts;
use plan::StepPath;
use plugin_host::PluginHost;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder? usage: corpus_dump FOLDER")?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let host = PluginHost::builder().packages(plugin_host::first_party()?).build()?;
    for path in files {
        let artifacts: Arc<dyn Artifacts> = Arc::new(MemoryArtifacts::new());
        let message = artifacts.put("message/rfc822", &mut std::fs::File::open(&path)?)?;
        let mail = call(&host, "eml.parse", json!({ "message": message }), &artifacts).await?;
        let indicators = call(&host, "ioc-extract.extract", search(&mail), &artifacts).await?;
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        println!("{}", json!({ "file": file, "eml": mail, "ioc": indicators }));
    }
    Ok(())
}

async fn call(
    host: &PluginHost,
    action: &str,
    input: Value,
    artifacts: &Arc<dyn Artifacts>,
) -> Result<Value, Box<dyn Error>> {
    let context = Context {
        run: "corpus".to_owned(),
        path: StepPath::from("corpus"),
        attempt: 1,
        retried: Vec::new(),
        key: "corpus".to_owned(),
        timeout: Duration::from_secs(30),
        artifacts: Arc::clone(artifacts),
    };
    let call = Invocation { action: action.to_owned(), input, connection: None, context };
    Ok(host.invoke(call).await?.output)
}

/// What a careful playbook has searched: bodies, attached mails, text files, and bodies too large for the output.
fn search(mail: &Value) -> Value {
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut artifacts = Vec::new();
    for mail in std::iter::once(mail).chain(&list(mail, "messages")) {
        for whole in ["text_artifact", "html_artifact"] {
            artifacts.extend(mail.get(whole).filter(|value| !value.is_null()).cloned());
        }
        for attachment in list(mail, "attachments") {
            let kind = attachment.get("content_type").and_then(Value::as_str).unwrap_or_default();
            if kind.starts_with("text/") {
                artifacts.extend(attachment.get("content").cloned());
            }
        }
    }
    json!({
        "subject": mail.get("subject"),
        "text": mail.get("text_body"),
        "html": mail.get("html_body"),
        "messages": mail.get("messages"),
        "artifacts": artifacts,
    })
}
