//! The erasing adapter: typed actions in, one [`ActionSource`] out.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use plan::{Blame, Failure, FailureKind};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::{ActionSource, Invocation, Outcome, Probe, Spec, TypedAction, Undo, Validator, Work};

/// One erased action: plain function pointers, no macro, no registration at link time.
pub struct Entry<S> {
    name: &'static str,
    spec: fn() -> Spec,
    run: fn(S, Invocation) -> Work<'static, Result<Outcome, Failure>>,
    probe: fn(S, Invocation) -> Work<'static, Result<Probe, Failure>>,
}

impl<S> Clone for Entry<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Entry<S> {}

impl<S: Send + 'static> Entry<S> {
    /// Erases an action.
    pub const fn of<A: TypedAction<S>>() -> Self {
        Entry {
            name: A::INFO.name,
            spec: spec_of::<S, A>,
            run: run_erased::<S, A>,
            probe: probe_erased::<S, A>,
        }
    }
}

fn spec_of<S, A: TypedAction<S>>() -> Spec {
    let schema = |generator: schemars::SchemaGenerator,
                  root: fn(schemars::SchemaGenerator) -> schemars::Schema| {
        let mut value = root(generator).to_value();
        if let Some(object) = value.as_object_mut() {
            object.remove("$schema");
        }
        value
    };
    let settings = || SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    Spec {
        name: A::INFO.name.to_owned(),
        summary: A::INFO.summary.to_owned(),
        description: A::INFO.description.to_owned(),
        input: schema(settings().for_deserialize().into_generator(), |g| {
            g.into_root_schema_for::<A::Input>()
        }),
        output: schema(settings().for_serialize().into_generator(), |g| {
            g.into_root_schema_for::<A::Output>()
        }),
        effect: A::INFO.effect,
        repeat: A::INFO.repeat,
        errors: A::INFO.errors.to_vec(),
        connection: A::INFO.connection.map(str::to_owned),
        ports: A::INFO.ports.iter().map(|&port| port.to_owned()).collect(),
        inverse: A::INFO.inverse.map(str::to_owned),
        undo: A::INFO
            .undo
            .iter()
            .map(|&(only, how)| Undo {
                only: only.map(|(name, value)| (name.to_owned(), value.to_owned())),
                how: how.to_owned(),
            })
            .collect(),
        component: None,
        examples: A::examples(),
    }
}

fn read<T: serde::de::DeserializeOwned>(action: &str, input: Value) -> Result<T, Failure> {
    serde_json::from_value(input).map_err(|error| {
        Failure::new(
            FailureKind::Invalid,
            Blame::Playbook,
            format!("the input of {action} is not usable: {error}"),
        )
    })
}

fn run_erased<S: Send + 'static, A: TypedAction<S>>(
    services: S,
    call: Invocation,
) -> Work<'static, Result<Outcome, Failure>> {
    Box::pin(async move {
        let input = read::<A::Input>(&call.action, call.input)?;
        let output = A::run(services, call.context, input).await?;
        let inverse = A::inverse(&output);
        let output = serde_json::to_value(output).map_err(|error| {
            Failure::new(
                FailureKind::Invalid,
                Blame::Host,
                format!("the output of {} is not JSON: {error}", A::INFO.name),
            )
        })?;
        Ok(Outcome { output, inverse })
    })
}

fn probe_erased<S: Send + 'static, A: TypedAction<S>>(
    services: S,
    call: Invocation,
) -> Work<'static, Result<Probe, Failure>> {
    Box::pin(async move {
        let input = read::<A::Input>(&call.action, call.input)?;
        match A::probe(services, call.context, input).await? {
            Probe::Done(outcome) => {
                let inverse = serde_json::from_value::<A::Output>(outcome.output.clone())
                    .ok()
                    .and_then(|output| A::inverse(&output));
                Ok(Probe::Done(Outcome { output: outcome.output, inverse: outcome.inverse.or(inverse) }))
            }
            other => Ok(other),
        }
    })
}

/// Gives an action its services, from the name of a connection.
type Resolve<S> = Box<dyn Fn(Option<&str>) -> Result<S, Failure> + Send + Sync>;

/// Typed actions over the services `S` as one source.
pub struct Catalogue<S> {
    entries: BTreeMap<&'static str, Loaded<S>>,
    resolve: Resolve<S>,
}

struct Loaded<S> {
    entry: Entry<S>,
    /// Made when it is first asked for: schemas of all actions take longer than most commands.
    spec: OnceLock<Arc<Spec>>,
    validator: OnceLock<Result<Validator, String>>,
}

impl<S> Loaded<S> {
    fn spec(&self) -> &Arc<Spec> {
        self.spec.get_or_init(|| Arc::new((self.entry.spec)()))
    }
}

impl<S: Send + 'static> Catalogue<S> {
    /// A source over these actions. `resolve` gives the services behind a connection's name.
    pub fn new(
        entries: &[Entry<S>],
        resolve: impl Fn(Option<&str>) -> Result<S, Failure> + Send + Sync + 'static,
    ) -> Self {
        let entries = entries
            .iter()
            .map(|&entry| (entry.name, Loaded { entry, spec: OnceLock::new(), validator: OnceLock::new() }))
            .collect();
        Catalogue { entries, resolve: Box::new(resolve) }
    }

    fn prepare(&self, call: &Invocation) -> Result<(Entry<S>, S), Failure> {
        let loaded = self.entries.get(call.action.as_str()).ok_or_else(|| unknown_action(&call.action))?;
        let validator = loaded
            .validator
            .get_or_init(|| Validator::new(&loaded.spec().input).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| Failure::new(FailureKind::Invalid, Blame::Host, error.clone()))?;
        check_input(&call.action, validator, &call.input)?;
        Ok((loaded.entry, (self.resolve)(call.connection.as_deref())?))
    }
}

impl<S: Send + 'static> ActionSource for Catalogue<S> {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.entries.values().map(|loaded| Arc::clone(loaded.spec())).collect()
    }

    fn names(&self) -> Vec<String> {
        self.entries.keys().map(|&name| name.to_owned()).collect()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.entries.get(name).map(|loaded| Arc::clone(loaded.spec()))
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        match self.prepare(&call) {
            Ok((entry, services)) => (entry.run)(services, call),
            Err(failure) => Box::pin(async { Err(failure) }),
        }
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        match self.prepare(&call) {
            Ok((entry, services)) => (entry.probe)(services, call),
            Err(failure) => Box::pin(async { Err(failure) }),
        }
    }
}

pub(crate) fn unknown_action(name: &str) -> Failure {
    Failure::new(
        FailureKind::Invalid,
        Blame::Host,
        format!("no action is called {name}; `portcullis actions` lists them"),
    )
}

/// Refuses an input that breaks the action's schema, naming each place but never the value.
pub(crate) fn check_input(action: &str, validator: &Validator, input: &Value) -> Result<(), Failure> {
    let violations = validator.violations(input);
    if violations.is_empty() {
        return Ok(());
    }
    let places: Vec<String> = violations
        .iter()
        .map(|violation| {
            let place = if violation.pointer.is_empty() { "the input" } else { &violation.pointer };
            format!("{place}: {}", violation.message)
        })
        .collect();
    Err(Failure::new(
        FailureKind::Invalid,
        Blame::Playbook,
        format!("{action} was given an input that breaks its schema: {}", places.join("; ")),
    ))
}
