//! Runs one case, and gathers what there is to be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine::{Engine, EngineError, EventKind, ProgressKind, Run, RunStatus, Source, Start, StepPath};
use exchange_sim::{EffectKind, Ledger};
use playbook::Actions as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::file::{Answer, Case};
use super::judge::Witness;
use crate::files::Folder;
use crate::simulator::Simulator;
use crate::wire::{self, Keep, Shared};

/// How long one case may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a case in surroundings of its own. An error means that it could not be run to a point where the
/// expectations have a meaning.
pub(crate) async fn play(shared: &Shared, playbook: &Path, text: &str, case: &Case) -> Result<Witness> {
    let simulator = Simulator::start(&case.mail_beside(playbook)).await?;
    let engine = wire::engine(shared, &Keep::Memory, Some(&simulator))?;
    let name = playbook.display().to_string();
    let files = Folder::of(playbook);
    let playing = observe(&engine, Source::new(&name, text).among(&files), case);
    let seen = match tokio::time::timeout(LIMIT, playing).await {
        Ok(seen) => seen,
        Err(_) => bail!("it did not end within {} s", LIMIT.as_secs()),
    };
    let ledger = simulator.organisation().ledger();
    simulator.stop().await;
    let mut seen = seen?;
    seen.effects = effects(&ledger);
    Ok(seen.into_witness(&engine))
}

#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, Vec<Value>>,
    steps: BTreeMap<String, &'static str>,
    waiting: Vec<StepPath>,
    status: Option<RunStatus>,
    outputs: BTreeMap<String, Value>,
    failure: Option<String>,
    effects: Value,
}

impl Seen {
    fn into_witness(mut self, engine: &Engine) -> Witness {
        for action in engine.names() {
            self.calls.entry(action).or_default();
        }
        let status = self.status.unwrap_or(RunStatus::Waiting).as_str();
        Witness::new(json!({
            "run": {"status": status, "failure": self.failure},
            "outputs": self.outputs,
            "waiting": self.waiting,
            "calls": self.calls,
            "steps": self.steps,
            "ledger": self.effects,
        }))
    }
}

async fn observe(engine: &Engine, source: Source<'_>, case: &Case) -> Result<Seen> {
    let (sender, events) = unbounded_channel();
    let start = Start {
        inputs: case.inputs.clone(),
        starter: "portcullis test".to_owned(),
        events: Some(sender),
        ..Start::default()
    };
    let mut run = match engine.start(source, start).await {
        Ok(run) => run,
        Err(EngineError::Inputs(problems)) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            bail!("the inputs do not fit: {}", lines.join("; "));
        }
        Err(error) => return Err(error.into()),
    };
    let mut unasked: BTreeSet<&str> = case.answers.keys().map(String::as_str).collect();
    let seen = watch(&mut run, events, case, &mut unasked).await?;
    if let Some(step) = unasked.first() {
        bail!("it has an answer for `{step}`, but nobody was asked there");
    }
    Ok(seen)
}

/// Follows the run until it is over, or waits for somebody who says nothing.
async fn watch(
    run: &mut Run,
    mut events: UnboundedReceiver<engine::Event>,
    case: &Case,
    unasked: &mut BTreeSet<&str>,
) -> Result<Seen> {
    let mut seen = Seen::default();
    // Answered, and the answer has not come back as an event: a `Waiting` before that is an older one.
    let mut answered: BTreeSet<StepPath> = BTreeSet::new();
    while let Some(event) = events.recv().await {
        match event.kind {
            EventKind::Calling { action, input, attempt: 1, .. } => {
                seen.calls.entry(action).or_default().push(input);
            }
            EventKind::Step(progress) => {
                if let Some(status) = ended(&progress) {
                    answered.remove(&event.path);
                    seen.waiting.retain(|path| path != &event.path);
                    seen.steps.insert(event.path.as_str().to_owned(), status);
                }
            }
            EventKind::Asked(ask) => {
                let (key, answer) = answer(case, &ask.path);
                if let Some(key) = key {
                    unasked.remove(key);
                }
                seen.waiting.push(ask.path.clone());
                if let Some(decision) = answer.decision() {
                    answered.insert(ask.path.clone());
                    run.decide(&ask.path, decision, "portcullis test", Some(&ask.digest)).await?;
                }
            }
            EventKind::Waiting if answered.is_empty() => return Ok(seen),
            EventKind::Ended(_) => break,
            _ => {}
        }
    }
    let end = run.wait().await.context("the run could not go on")?;
    seen.status = Some(end.status);
    seen.outputs = end.outputs;
    seen.failure = end.failure.map(|failure| failure.to_string());
    Ok(seen)
}

/// The answer for a step: by its path, or else by its id; nothing if there is none.
fn answer<'a>(case: &'a Case, path: &StepPath) -> (Option<&'a str>, Answer) {
    let path = path.as_str();
    let id = path.rsplit('/').next().unwrap_or(path);
    let entry = case.answers.get_key_value(path).or_else(|| case.answers.get_key_value(id));
    entry.map_or((None, Answer::None), |(key, &answer)| (Some(key), answer))
}

fn ended(progress: &ProgressKind) -> Option<&'static str> {
    match progress {
        ProgressKind::Succeeded => Some("succeeded"),
        ProgressKind::Failed { .. } => Some("failed"),
        ProgressKind::Skipped => Some("skipped"),
        _ => None,
    }
}

/// What happened to the mailboxes: counts by kind, and every effect.
fn effects(ledger: &Ledger) -> Value {
    let effects: Vec<Value> = ledger
        .effects
        .iter()
        .map(|effect| {
            json!({
                "kind": effect.kind,
                "mailbox": effect.mailbox,
                "subject": effect.subject.as_deref().unwrap_or_default(),
                "from_folder": effect.from_folder.as_deref().unwrap_or_default(),
                "to_folder": effect.to_folder.as_deref().unwrap_or_default(),
                "recipients": effect.recipients,
            })
        })
        .collect();
    json!({
        "created": ledger.count(EffectKind::Created),
        "sent": ledger.count(EffectKind::Sent),
        "delivered": ledger.count(EffectKind::Delivered),
        "moved": ledger.count(EffectKind::Moved),
        "copied": ledger.count(EffectKind::Copied),
        "deleted": ledger.count(EffectKind::Deleted),
        "updated": ledger.count(EffectKind::Updated),
        "effects": effects,
    })
}
