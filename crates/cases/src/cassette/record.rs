//! Recording: a source that writes down what another one is asked and answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action_api::{Artifacts, Inverse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{ActionSource, Artifact, Failure, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use plan::Digest;
use serde_json::Value;

use super::format::{Answer, Embedded, Entry, Header, MAX_EMBEDDED, VERSION};
use crate::mask::Masker;

/// A cassette could not be written; the run goes on all the same.
#[derive(Debug, thiserror::Error)]
#[error("the cassette could not be written")]
pub struct RecordError(#[source] std::io::Error);

/// Writes down every call that goes through it. Clones write into the same cassette.
#[derive(Clone)]
pub struct Recorder {
    tape: Arc<Tape>,
    inner: Arc<dyn ActionSource>,
    specs: Arc<BTreeMap<String, Arc<Spec>>>,
}

struct Tape {
    state: Mutex<State>,
}

struct State {
    out: Box<dyn Write + Send>,
    masker: Masker,
    embedded: BTreeSet<Digest>,
    failed: Option<std::io::Error>,
}

impl Recorder {
    /// Records what goes through to `inner`. `secrets` are texts to be taken out wherever they are.
    ///
    /// # Errors
    /// Not even the header could be written.
    pub fn new(
        inner: Arc<dyn ActionSource>,
        playbook: &str,
        secrets: &[String],
        out: impl Write + Send + 'static,
    ) -> Result<Self, RecordError> {
        let mut masker = Masker::default();
        secrets.iter().for_each(|secret| masker.learn(secret));
        let specs = inner.specs().into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        let mut state = State { out: Box::new(out), masker, embedded: BTreeSet::new(), failed: None };
        let header = Header { cassette: VERSION, playbook: playbook.to_owned() };
        write_line(&mut state.out, &header).map_err(RecordError)?;
        Ok(Recorder { tape: Arc::new(Tape { state: Mutex::new(state) }), inner, specs: Arc::new(specs) })
    }

    /// What went wrong while writing, if anything did. The cassette is not to be used then.
    ///
    /// # Errors
    /// The first error.
    pub fn finish(&self) -> Result<(), RecordError> {
        let mut state = self.tape.lock();
        match state.failed.take() {
            Some(error) => Err(RecordError(error)),
            None => state.out.flush().map_err(RecordError),
        }
    }

    fn note(&self, call: &Invocation, probe: bool, answer: Answer, inverse: Option<&Inverse>) {
        let spec = self.specs.get(&call.action);
        let mut state = self.tape.lock();
        if state.failed.is_some() {
            return;
        }
        if let Some(spec) = spec {
            state.masker.learn_input(spec, &call.input);
        }
        let answer_schema = spec.map(|spec| &spec.output);
        let masked = |masker: &Masker| match &answer {
            Answer::Ok(output) => Answer::Ok(masker.value(answer_schema, output)),
            Answer::Failed(failure) => Answer::Failed(Failure {
                message: masker.text(&failure.message),
                details: masker.value(None, &failure.details),
                ..failure.clone()
            }),
            other => other.clone(),
        };
        let artifacts = match &answer {
            Answer::Ok(output) => state.embed(output, call.context.artifacts.as_ref()),
            _ => Vec::new(),
        };
        let entry = Entry {
            action: call.action.clone(),
            probe,
            input: state.masker.value(spec.map(|spec| &spec.input), &call.input),
            answer: masked(&state.masker),
            inverse: inverse.map(|inverse| Inverse {
                action: inverse.action.clone(),
                input: state.masker.value(None, &inverse.input),
                except: inverse.except.clone(),
            }),
            artifacts,
        };
        if let Err(error) = write_line(&mut state.out, &entry) {
            state.failed = Some(error);
        }
    }
}

impl Tape {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The bytes an output speaks of and that are not in the cassette yet.
    fn embed(&mut self, output: &Value, store: &dyn Artifacts) -> Vec<Embedded> {
        let mut handles = Vec::new();
        find_handles(output, &mut handles);
        handles.retain(|handle: &Artifact| self.embedded.insert(handle.artifact));
        handles
            .into_iter()
            .map(|handle| {
                let bytes = self.bytes(&handle, store);
                let (base64, left_out) = match bytes {
                    Ok(bytes) => (Some(STANDARD.encode(bytes)), None),
                    Err(why) => (None, Some(why)),
                };
                Embedded { artifact: handle.artifact, media_type: handle.media_type, base64, left_out }
            })
            .collect()
    }

    fn bytes(&self, handle: &Artifact, store: &dyn Artifacts) -> Result<Vec<u8>, String> {
        if handle.size > MAX_EMBEDDED {
            return Err(format!("it has {} bytes, more than {MAX_EMBEDDED}", handle.size));
        }
        let mut bytes = Vec::new();
        let reader = store.open(&handle.artifact).map_err(|error| error.to_string())?;
        reader.take(MAX_EMBEDDED + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MAX_EMBEDDED {
            return Err(format!("it has more than {MAX_EMBEDDED} bytes"));
        }
        if self.masker.finds_in(&bytes) {
            return Err("there is a secret in it".to_owned());
        }
        Ok(bytes)
    }
}

fn write_line(out: &mut dyn Write, line: &impl serde::Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// Every handle in a value.
fn find_handles(value: &Value, found: &mut Vec<Artifact>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("artifact")
                && let Ok(handle) = serde_json::from_value(value.clone())
            {
                found.push(handle);
                return;
            }
            fields.values().for_each(|value| find_handles(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| find_handles(item, found)),
        _ => {}
    }
}

impl ActionSource for Recorder {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let answered = self.inner.invoke(call.clone()).await;
            match &answered {
                Ok(outcome) => {
                    self.note(&call, false, Answer::Ok(outcome.output.clone()), outcome.inverse.as_ref());
                }
                Err(failure) => self.note(&call, false, Answer::Failed(failure.clone()), None),
            }
            answered
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            let answered = self.inner.probe(call.clone()).await;
            let (answer, inverse) = match &answered {
                Ok(Probe::Done(outcome)) => (Answer::Ok(outcome.output.clone()), outcome.inverse.as_ref()),
                Ok(Probe::NotDone) => (Answer::NotDone, None),
                Ok(Probe::NotYet { .. }) => (Answer::NotYet, None),
                Ok(Probe::Unknown) => (Answer::Unknown, None),
                Err(failure) => (Answer::Failed(failure.clone()), None),
            };
            self.note(&call, true, answer, inverse);
            answered
        })
    }
}
