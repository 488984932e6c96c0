//! What playbooks call: the real mail actions over a bad line, actions invented for one seed with every repeat class,
//! and around both an observer who writes down what was asked for, and looks whether it was durable by then.

use std::sync::Arc;

use action_api::{Outcome, Probe};
use engine::{ActionSource, Failure, FailureKind, Invocation, Repeat, Spec, Work};
use plan::Blame;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::grammar::Made;
use crate::ports::Fate;
use crate::world::{Called, Done, Rule, Sabotage, World};

/// Passes calls on, and sees everything.
pub(crate) struct Watched {
    pub(crate) world: World,
    pub(crate) inner: Arc<dyn ActionSource>,
}

impl ActionSource for Watched {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs()
    }

    fn invoke<'a>(&'a self, mut call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            self.world.moment().await;
            let (run, path) = (call.context.run.clone(), call.context.path.clone());
            if !self.begun(&call) {
                let what = format!("{run} {path} was called before its record was durable");
                self.world.violated(Rule::Durable, what);
            }
            if self.world.is(Sabotage::FreshKeys) {
                call.context.key = format!("{}-{}", call.context.key, self.world.state().called.len());
            }
            if self.world.is(Sabotage::OtherInput) {
                let ids = call.input.get_mut("item_ids").and_then(Value::as_array_mut);
                ids.into_iter().for_each(|ids| ids.extend(ids.first().cloned()));
            }
            self.world.note(format!(
                "call {run} {path} {} #{} key {} {}",
                call.action, call.context.attempt, call.context.key, call.input
            ));
            let called = Called {
                records: self.world.durable_records(&run),
                run: run.clone(),
                path: path.clone(),
                action: call.action.clone(),
                input: call.input.clone(),
                key: call.context.key.clone(),
            };
            self.world.state().called.push(called);
            let end = self.inner.invoke(call).await;
            self.world.moment().await;
            let told = match &end {
                Ok(outcome) => outcome.output.to_string(),
                Err(failure) => format!("{} {}", failure.kind, failure.message),
            };
            self.world.note(format!("answer {run} {path} {told}"));
            end
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            self.world.moment().await;
            let end = if self.world.is(Sabotage::DeafProbe) {
                Ok(Probe::NotDone)
            } else {
                self.inner.probe(call.clone()).await
            };
            self.world.note(format!("probe {} {} {end:?}", call.context.run, call.context.path));
            end
        })
    }
}

impl Watched {
    /// Whether the record that this call begins would survive.
    fn begun(&self, call: &Invocation) -> bool {
        let state = self.world.state();
        let run = engine::RunId::new(call.context.run.as_str()).unwrap();
        state.durable.get(&run).is_some_and(|stored| {
            stored.records.iter().any(|record| match &record.event {
                journal::Event::Performing { path, attempt, .. } => {
                    // One that is repeated after a crash counts itself one further.
                    *path == call.context.path
                        && (call.context.attempt - 1..=call.context.attempt).contains(attempt)
                }
                _ => false,
            })
        })
    }
}

/// Actions that exist for one seed.
pub(crate) struct Invented {
    world: World,
    actions: Vec<(Arc<Spec>, Made)>,
}

impl Invented {
    pub(crate) fn new(world: &World, made: &[Made], dice: &mut Dice) -> Self {
        let classes = ["natural", "keyed", "verify", "never"];
        let actions = made
            .iter()
            .map(|made| {
                let repeat = *dice.pick(&classes);
                let effect = if repeat == "natural" { "enrichment" } else { "notification" };
                let spec: Spec = serde_json::from_value(json!({
                    "name": made.name, "summary": "Made for one seed", "effect": effect,
                    "repeat": repeat, "errors": [], "input": made.input.schema(),
                    "output": made.output.schema(),
                }))
                .unwrap();
                (Arc::new(spec), made.clone())
            })
            .collect();
        Invented { world: world.clone(), actions }
    }

    /// The effect. A service that knows keys answers the same again instead.
    fn happen(&self, call: &Invocation) -> Outcome {
        let (spec, made) = self.actions.iter().find(|(spec, _)| spec.name == call.action).unwrap();
        let mut state = self.world.state();
        if spec.repeat == Repeat::Keyed
            && let Some(known) = state.answered.get(&call.context.key)
        {
            return Outcome::from(known.clone());
        }
        let done = Done {
            run: call.context.run.clone(),
            path: call.context.path.clone(),
            repeatable: spec.repeat == Repeat::Natural,
        };
        state.done.push(done);
        let output = made.output.value(&mut state.dice);
        state.answered.insert(call.context.key.clone(), output.clone());
        Outcome::from(output)
    }
}

impl ActionSource for Invented {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.actions.iter().map(|(spec, _)| Arc::clone(spec)).collect()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let fate = Fate::draw(&self.world);
            self.world.note(format!("service {fate:?}"));
            self.world.moment().await;
            let failed = |kind, why| Err(Failure::new(kind, Blame::Server, why));
            match fate {
                Fate::Fine => {
                    let outcome = self.happen(&call);
                    self.world.moment().await;
                    Ok(outcome)
                }
                Fate::Transient => failed(FailureKind::Transient, "refused"),
                Fate::Throttled(seconds) => Err(Failure {
                    retry_after_ms: Some(seconds * 1000),
                    ..Failure::new(FailureKind::Throttled, Blame::Server, "too much at once")
                }),
                Fate::Denied => failed(FailureKind::PermissionDenied, "not for this account"),
                Fate::Lost | Fate::Half => {
                    let _ = self.happen(&call);
                    self.world.moment().await;
                    failed(FailureKind::Unknown, "the answer was lost")
                }
                Fate::Swallowed => std::future::pending().await,
                Fate::Silent => {
                    let _ = self.happen(&call);
                    std::future::pending().await
                }
            }
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        Box::pin(async move {
            self.world.moment().await;
            if self.world.mishap(100) {
                return Err(Failure::new(FailureKind::Transient, Blame::Server, "refused"));
            }
            let known = self.world.state().answered.get(&call.context.key).cloned();
            Ok(known.map_or(Probe::NotDone, |output| Probe::Done(Outcome::from(output))))
        })
    }
}
