//! Replaying: a source that answers from a cassette, and carries nothing out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{ActionSource, Failure, FailureKind, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use plan::Blame;
use serde_json::Value;

use super::format::{Answer, Cassette, Entry};
use crate::diff::{self, Difference};
use crate::mask::Masker;

/// Answers calls by action and input, in the order of the recording for each.
pub struct Replay {
    cassette: Arc<Cassette>,
    specs: BTreeMap<String, Arc<Spec>>,
    plugins: Vec<PluginFacts>,
    state: Mutex<State>,
}

struct State {
    masker: Masker,
    /// By action, kind and input: which entries, and how many of them are used up.
    places: BTreeMap<(String, bool, String), (Vec<usize>, usize)>,
    missing: Vec<String>,
}

impl Replay {
    /// Answers from `cassette` for actions that declare `specs`. `secrets` are those the recording took out.
    pub fn new(cassette: Arc<Cassette>, specs: Vec<Arc<Spec>>, secrets: &[String]) -> Self {
        let mut masker = Masker::default();
        secrets.iter().for_each(|secret| masker.learn(secret));
        let mut places = BTreeMap::<_, (Vec<usize>, usize)>::new();
        for (number, entry) in cassette.entries.iter().enumerate() {
            let key = (entry.action.clone(), entry.probe, canonical(&entry.input));
            places.entry(key).or_default().0.push(number);
        }
        let specs = specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        Replay {
            cassette,
            specs,
            plugins: Vec::new(),
            state: Mutex::new(State { masker, places, missing: Vec::new() }),
        }
    }

    /// With the plugins that playbooks may declare: a recording knows calls alone.
    #[must_use]
    pub fn with_plugins(mut self, plugins: Vec<PluginFacts>) -> Self {
        self.plugins = plugins;
        self
    }

    /// The calls that were made and are not in the cassette, as sentences.
    pub fn missing(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).missing.clone()
    }

    fn find(&self, call: &Invocation, probe: bool) -> Result<&Entry, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let spec = self.specs.get(&call.action);
        if let Some(spec) = spec {
            state.masker.learn_input(spec, &call.input);
        }
        let input = state.masker.value(spec.map(|spec| &spec.input), &call.input);
        let key = (call.action.clone(), probe, canonical(&input));
        let recorded = state.places.get_mut(&key);
        let times = recorded.as_ref().map_or(0, |(entries, _)| entries.len());
        let next = recorded.and_then(|(entries, used)| {
            let entry = entries.get(*used).copied();
            *used += usize::from(entry.is_some());
            entry
        });
        if let Some(entry) = next.and_then(|number| self.cassette.entries.get(number)) {
            return Ok(entry);
        }
        let what = if probe { "the question whether " } else { "" };
        let did = if probe { "took effect" } else { "was called" };
        let path = &call.context.path;
        let why = match times {
            0 => self.nearest(&call.action, probe, &input),
            1 => "it was recorded once with this input, and that is used up".to_owned(),
            times => format!("it was recorded {times} times with this input, and those are used up"),
        };
        let message = format!("{what}{} {did} at {path}: it is not in the cassette; {why}", call.action);
        state.missing.push(message.clone());
        Err(Failure::new(FailureKind::Invalid, Blame::Playbook, message))
    }

    /// Whether an answer to the same question was recorded that nobody has taken yet.
    fn looked_again(&self, entry: &Entry) -> bool {
        let key = (entry.action.clone(), true, canonical(&entry.input));
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.places.get(&key).is_some_and(|(entries, used)| *used < entries.len())
    }

    /// The recorded call of the same action that differs least, and how.
    fn nearest(&self, action: &str, probe: bool, input: &Value) -> String {
        let same =
            self.cassette.entries.iter().filter(|entry| entry.action == action && entry.probe == probe);
        let differences = |entry: &Entry| diff::differences(&entry.input, input);
        let nearest = same.map(differences).min_by_key(Vec::len);
        match nearest {
            None => format!("no call of {action} was recorded; record the run again with `--record`"),
            Some(differences) => {
                let lines: Vec<String> = differences.iter().take(4).map(Difference::recorded).collect();
                let more = differences.len().saturating_sub(lines.len());
                let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
                format!("the nearest recorded call differs: {}{rest}", lines.join("; "))
            }
        }
    }

    /// Puts the bytes an answer speaks of where the run looks for them.
    fn lay_out(&self, output: &Value, call: &Invocation) -> Result<(), Failure> {
        match output {
            Value::Object(fields) => {
                if let Some(digest) = fields.get("artifact").and_then(Value::as_str)
                    && let Ok(digest) = digest.parse()
                    && let Some((media_type, bytes)) = self.cassette.artifacts.get(&digest)
                {
                    // Bytes that were left out are missed only by who opens them, and perhaps nobody does.
                    let Ok(bytes) = bytes else { return Ok(()) };
                    let put = call.context.artifacts.put(media_type, &mut bytes.as_slice());
                    return put.map(drop).map_err(|error| {
                        Failure::new(FailureKind::Transient, Blame::Host, error.to_string())
                    });
                }
                fields.values().try_for_each(|value| self.lay_out(value, call))
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.lay_out(item, call)),
            _ => Ok(()),
        }
    }

    fn outcome(&self, output: &Value, entry: &Entry, call: &Invocation) -> Result<Outcome, Failure> {
        self.lay_out(output, call)?;
        Ok(Outcome { output: output.clone(), inverse: entry.inverse.clone() })
    }
}

/// A damaged recording: a probe's answer where a call's was wanted.
fn unfit(action: &str) -> Failure {
    let message = format!("the cassette answers a call of {action} with what only a probe can say");
    Failure::new(FailureKind::Invalid, Blame::Host, message)
}

impl ActionSource for Replay {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.specs.values().cloned().collect()
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.plugins.clone()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let entry = self.find(&call, false)?;
            match &entry.answer {
                Answer::Ok(output) => self.outcome(output, entry, &call),
                Answer::Failed(failure) => Err(failure.clone()),
                Answer::NotDone | Answer::NotYet | Answer::Unknown => Err(unfit(&call.action)),
            }
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            let mut entry = self.find(&call, true)?;
            // Nobody waits for a recording: the last look is the one that counts.
            while entry.answer == Answer::NotYet && self.looked_again(entry) {
                entry = self.find(&call, true)?;
            }
            match &entry.answer {
                Answer::Ok(output) => self.outcome(output, entry, &call).map(Probe::Done),
                Answer::Failed(failure) => Err(failure.clone()),
                Answer::NotDone => Ok(Probe::NotDone),
                Answer::NotYet => Ok(Probe::NotYet { settle: Duration::ZERO }),
                Answer::Unknown => Ok(Probe::Unknown),
            }
        })
    }
}

/// The same text for equal values, whatever the order of their fields.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            let fields: Vec<String> =
                sorted.into_iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}
