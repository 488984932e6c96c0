//! Runs a shipped playbook over its own mails with a text in all of their fields, and gathers everything the run
//! says: inputs of calls, questions, outputs, and what the journal keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use action_api::ActionSource as _;
use engine::{
    Approvals, Context, Engine, Event, EventKind, Invocation, MemoryArtifacts, Source, Start, StepPath,
    Timestamp, VirtualClock,
};
use exchange::Ports;
use exchange_sim::Organisation;
use plugin_host::{CacheDirs, PluginHost};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::mail::poisoned;

/// Everything the runs share.
pub(crate) struct Stage {
    engine: Engine,
    clock: VirtualClock,
    ports: Arc<Mutex<Option<Ports>>>,
    folder: tempfile::TempDir,
}

struct Beside(PathBuf);

impl playbook::Files for Beside {
    fn read(&self, path: &str) -> Result<Arc<str>, String> {
        std::fs::read_to_string(self.0.join(path)).map(Arc::from).map_err(|error| error.to_string())
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        let ports: Arc<Mutex<Option<Ports>>> = Arc::default();
        let current = Arc::clone(&ports);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let cache = CacheDirs { cache: folder.join("plugins"), state: folder.join("plugins-state") };
        let packages = plugin_host::first_party().unwrap();
        let plugins = PluginHost::builder().packages(packages).cache(cache).build().unwrap();
        let resolve = move |_: Option<&str>| Ok(current.lock().unwrap().clone().unwrap());
        // The simulator stamps what it receives by its own clock; the sample mails are of November 2026.
        let clock = VirtualClock::new(Timestamp(1_795_251_600_000));
        let engine = Engine::builder()
            .clock(clock.clone())
            .source(actions::exchange(resolve))
            .source(plugins)
            .build()
            .unwrap();
        Stage { engine, clock, ports, folder: tempfile::tempdir().unwrap() }
    }

    /// Everything one run says.
    pub(crate) async fn play(&self, workflow: &Path, text: &str, number: usize) -> Vec<Value> {
        let mails = self.folder.path().join(format!("mail-{number}"));
        copy(&workflow.join("mail"), &mails, text);
        let organisation = Organisation::load_folder(&mails).unwrap();
        std::fs::remove_dir_all(&mails).unwrap();
        *self.ports.lock().unwrap() = Some(organisation.ports());

        let playbook = std::fs::read_to_string(workflow.join("playbook.yaml")).unwrap();
        let files = Beside(workflow.to_owned());
        let (sender, mut events) = unbounded_channel();
        let start = Start {
            inputs: inputs(workflow, text),
            trigger: self.trigger(workflow).await,
            approvals: Approvals::ApproveAll { by: "test".to_owned() },
            starter: "test".to_owned(),
            events: Some(sender),
            ..Start::default()
        };
        let source = Source::new("playbook.yaml", &playbook).among(&files);
        let mut run = self.engine.start(source, start).await.unwrap();
        let mut said = Vec::new();
        while let Some(Event { kind, .. }) = events.recv().await {
            match kind {
                EventKind::Calling { input, .. } => said.push(input),
                EventKind::Asked(ask) => {
                    said.push(json!(ask.message));
                    said.extend(ask.shown.into_iter().map(|call| call.input));
                }
                EventKind::Form(form) => {
                    said.push(json!(form.message));
                    let answer = answer(&form.schema, number);
                    let by = engine::Person::new("ana", form.to.roles.clone());
                    run.answer(&form.path, answer, by).await.unwrap();
                }
                EventKind::Waiting => {
                    self.clock.jump();
                }
                EventKind::Ended(end) => {
                    said.push(json!(end.outputs));
                    said.extend(end.failure.map(|failure| json!(failure.message)));
                }
                _ => {}
            }
        }
        run.wait().await.unwrap();
        let stored = self.engine.journal().load(run.id()).await.unwrap();
        said.extend(stored.records.iter().map(|record| json!(record.event)));
        said
    }

    /// The newest mail of the mailbox that the sample trigger names, as the trigger would bring it.
    async fn trigger(&self, workflow: &Path) -> Value {
        let Ok(sample) = std::fs::read(workflow.join("sample-trigger.json")) else { return Value::Null };
        let mut sample: Value = serde_json::from_slice(&sample).unwrap();
        let mailbox = sample["message"]["mailbox"].clone();
        let ports = self.ports.lock().unwrap().clone().unwrap();
        let source = actions::exchange(move |_: Option<&str>| Ok(ports.clone()));
        let found = source
            .invoke(Invocation {
                action: "mail.search".to_owned(),
                input: json!({"mailbox": mailbox, "folder": "inbox", "limit": 1}),
                connection: Some("mail".to_owned()),
                context: Context {
                    run: "trigger".to_owned(),
                    path: StepPath::from("trigger"),
                    attempt: 1,
                    retried: Vec::new(),
                    key: "trigger".to_owned(),
                    timeout: std::time::Duration::from_secs(30),
                    artifacts: Arc::new(MemoryArtifacts::new()),
                },
            })
            .await
            .unwrap();
        let mut message = found.output["messages"][0].clone();
        message["mailbox"] = mailbox;
        sample["message"] = message;
        sample
    }
}

/// The sample inputs of the workflow; what names a subject names the changed one.
fn inputs(workflow: &Path, text: &str) -> BTreeMap<String, Value> {
    let Ok(sample) = std::fs::read_to_string(workflow.join("sample-inputs.yaml")) else {
        return BTreeMap::new();
    };
    let mut inputs: BTreeMap<String, Value> = serde_yaml::from_str(&sample).unwrap();
    if let Some(Value::String(subject)) = inputs.get_mut("subject") {
        *subject = format!("{subject} {text}");
    }
    inputs
}

/// An answer that the form takes: another one each time.
fn answer(schema: &Value, number: usize) -> Value {
    let mut answer = serde_json::Map::new();
    for (name, field) in schema["properties"].as_object().unwrap() {
        let value = match (&field["enum"], field["type"].as_str()) {
            (Value::Array(words), _) => words[number % words.len()].clone(),
            (_, Some("boolean")) => json!(number.is_multiple_of(2)),
            (_, Some("integer" | "number")) => json!(1),
            _ => json!("as the analyst says"),
        };
        answer.insert(name.clone(), value);
    }
    Value::Object(answer)
}

fn copy(from: &Path, to: &Path, text: &str) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, text);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            let mail = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            std::fs::write(target, poisoned(&mail, text)).unwrap();
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
