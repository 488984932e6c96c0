//! Runs one case: actions that obey their schemas or fail, people who decide at random, and an eye on failures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use action_api::Validator;
use plan::Blame;
use portcullis_engine::{
    ActionSource, Decision, Engine, Event, EventKind, Failure, FailureKind, Invocation, Outcome,
    ProgressKind, RunStatus, Spec, Start, Timestamp, VirtualClock, Work,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::dice::Dice;
use crate::grammar::{Case, Made};

/// The actions of one case.
pub(crate) struct Source {
    actions: Vec<(Arc<Spec>, Validator, Made)>,
    dice: Mutex<Dice>,
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Source {
    pub(crate) fn new(made: &[Made], seed: u64) -> Self {
        let actions = made
            .iter()
            .map(|made| {
                let input = made.input.schema();
                let spec: Spec = serde_json::from_value(json!({
                    "name": made.name, "summary": "Made for one case", "effect": "enrichment",
                    "repeat": "natural", "errors": [], "input": input, "output": made.output.schema(),
                }))
                .unwrap();
                (Arc::new(spec), Validator::new(&input).unwrap(), made.clone())
            })
            .collect();
        Source { actions, dice: Mutex::new(Dice::new(seed ^ 0xa5a5)), wrong: Arc::default() }
    }

    /// Inputs that the checker let through and the schema does not.
    pub(crate) fn wrong(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.wrong)
    }
}

impl ActionSource for Source {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.actions.iter().map(|(spec, ..)| Arc::clone(spec)).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let (_, validator, made) =
                self.actions.iter().find(|(spec, ..)| spec.name == call.action).unwrap();
            let violations = validator.violations(&call.input);
            if !violations.is_empty() {
                let problem = format!("{} was given {}: {violations:?}", call.context.path, call.input);
                self.wrong.lock().unwrap().push(problem);
            }
            let mut dice = self.dice.lock().unwrap();
            if dice.chance(12) {
                let kind = *dice.pick(&[FailureKind::Transient, FailureKind::NotFound, FailureKind::Failed]);
                return Err(Failure::new(kind, Blame::Server, "did not want to"));
            }
            Ok(Outcome::from(made.output.value(&mut dice)))
        })
    }
}

/// An engine in memory that draws no random bits of its own and waits for nothing.
pub(crate) fn engine(source: Source, clock: &VirtualClock, seed: u64) -> Engine {
    Engine::builder().source(source).clock(clock.clone()).entropy(move || seed).build().unwrap()
}

/// The clock of a case.
pub(crate) fn clock() -> VirtualClock {
    VirtualClock::new(Timestamp(1_795_251_600_000))
}

/// How long a run may say nothing before time passes.
const SILENCE: Duration = Duration::from_millis(20);

/// What came of a run.
pub(crate) struct Found {
    pub(crate) succeeded: bool,
    pub(crate) problems: Vec<String>,
}

/// Runs the case to its end.
pub(crate) async fn run(
    engine: &Engine,
    text: portcullis_engine::Source<'_>,
    case: &Case,
    clock: &VirtualClock,
    seed: u64,
) -> Found {
    let mut dice = Dice::new(seed ^ 0x1234_5678);
    let (sender, mut events) = unbounded_channel();
    let start = Start {
        inputs: case.inputs.clone(),
        starter: "ana".to_owned(),
        events: Some(sender),
        ..Start::default()
    };
    let mut run = engine.start(text, start).await.unwrap();
    let mut problems = Vec::new();
    let mut silent = 0;
    loop {
        let Event { path, kind, .. } = match tokio::time::timeout(SILENCE, events.recv()).await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            // Something waits for a time, and something else for an answer that nobody gives: time passes.
            Err(_) if clock.jump() || silent < 100 => {
                silent += 1;
                continue;
            }
            Err(_) => {
                problems.push("the run waits for nothing that anybody knows of".to_owned());
                return Found { succeeded: false, problems };
            }
        };
        silent = 0;
        match kind {
            EventKind::Step(ProgressKind::Failed { failure, .. }) => {
                problems.extend(promised(&failure).then(|| format!("{path}: {failure}")));
            }
            EventKind::Asked(ask) => {
                let decision = *dice.pick(&[Decision::Approved, Decision::Approved, Decision::Rejected]);
                gone(run.decide(&ask.path, decision, "bob", None).await);
            }
            EventKind::Form(form) => {
                let id = form.path.as_str().rsplit('/').next().unwrap();
                let answer = case.answers[id].value(&mut dice);
                gone(run.answer(&form.path, answer, "bob").await);
            }
            EventKind::Waits(pause) => match pause.event {
                Some(event) if dice.chance(70) => {
                    let payload = case.answers[&event.name].value(&mut dice);
                    gone(run.signal(&event.name, payload).await);
                }
                _ => {}
            },
            // Nobody answers: time passes.
            EventKind::Waiting => {
                clock.jump();
            }
            EventKind::Ended(end) => {
                problems.extend(end.failure.iter().filter(|f| promised(f)).map(|f| format!("the run: {f}")));
            }
            _ => {}
        }
    }
    let end = match run.wait().await {
        Ok(end) => end,
        Err(error) => {
            problems.push(format!("the run came to no end: {error:?}"));
            return Found { succeeded: false, problems };
        }
    };
    let succeeded = end.status == RunStatus::Succeeded;
    if succeeded {
        let plan = engine.check(text).plan.unwrap();
        for output in &plan.outputs {
            let value = end.outputs.get(&output.name).unwrap_or(&Value::Null);
            let violations = Validator::new(&output.schema).unwrap().violations(value);
            if !violations.is_empty() {
                problems.push(format!("output {} is {value}: {violations:?}", output.name));
            }
        }
    }
    Found { succeeded, problems }
}

/// Whether the checker promises that this failure cannot happen. Arithmetic, an index that only a warning was
/// about, and texts that are no number are no names, types or shapes.
fn promised(failure: &Failure) -> bool {
    let allowed = ["index", "arithmetic", "conversion"];
    let evaluation = failure.details.get("evaluation").and_then(Value::as_str).unwrap_or("");
    failure.blame == Blame::Playbook && failure.kind == FailureKind::Invalid && !allowed.contains(&evaluation)
}

/// Something else may have ended the question meanwhile; whatever else is refused is a mistake of the test.
fn gone<E: std::fmt::Debug>(answered: Result<(), E>) {
    if let Err(error) = answered {
        let text = format!("{error:?}");
        assert!(text.starts_with("Over") || text.starts_with("Not"), "{text}");
    }
}
