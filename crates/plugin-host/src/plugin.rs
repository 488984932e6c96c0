//! One loaded plugin: describe it, call its actions.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use action_api::plan::{Blame, Failure, FailureKind};
use action_api::{Artifacts, Context, Invocation, Outcome, Spec, Validator};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};

use crate::artifacts::Access;
use crate::bindings::PluginPre;
use crate::cache::Loaded;
use crate::call::{self, Request, Setting};
use crate::description::{self, Actions, Described};
use crate::error::{LoadError, PluginError, Stop};
use crate::host::Shared;
use crate::limits::{LIVE_PER_PLUGIN, Limits};
use crate::package::Package;
use crate::state::CallState;

/// Longest message that a plugin may fail with.
const MESSAGE: usize = 4096;
/// Longest details.
const DETAILS: usize = 64 << 10;

/// A plugin. Cheap to clone; every call gets an instance of its own.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    package: Package,
    shared: Arc<Shared>,
    linked: OnceCell<(PluginPre<CallState>, Loaded)>,
    live: Semaphore,
    actions: OnceLock<Actions>,
    /// The names in a description whose schemas nobody has read yet.
    names: OnceLock<Vec<String>>,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// How a call is carried out.
struct Attempt<'a> {
    limits: &'a Limits,
    wall: Duration,
    artifacts: Option<Arc<dyn Artifacts>>,
}

impl Plugin {
    pub(crate) fn new(package: Package, shared: Arc<Shared>) -> Self {
        Plugin(Arc::new(Inner {
            name: package.manifest.short_name().into(),
            package,
            shared,
            linked: OnceCell::new(),
            live: Semaphore::new(LIVE_PER_PLUGIN),
            actions: OnceLock::new(),
            names: OnceLock::new(),
        }))
    }

    /// What stands before the dot of its actions.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its actions; empty until it was described.
    pub fn specs(&self) -> Vec<Arc<Spec>> {
        self.actions().into_iter().flatten().map(|(_, action)| Arc::clone(&action.spec)).collect()
    }

    /// What its actions are called, dot included. Leaves the schemas of a description that nobody has read unread:
    /// they are most of it, and most commands need none of them.
    pub(crate) fn names(&self) -> Vec<String> {
        let full = |own: &String| format!("{}.{own}", self.name());
        match (self.0.actions.get(), self.0.package.description()) {
            (Some(actions), _) => actions.keys().map(full).collect(),
            (None, Some(text)) => {
                self.0.names.get_or_init(|| description::names(text)).iter().map(full).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The action of this name, without what stands before the dot.
    pub(crate) fn spec(&self, action: &str) -> Option<Arc<Spec>> {
        self.actions()?.get(action).map(|action| Arc::clone(&action.spec))
    }

    /// Its actions, if it has a usable description.
    fn actions(&self) -> Option<&Actions> {
        self.learn().ok()?;
        self.0.actions.get()
    }

    /// Reads the description that came with it, if nobody did so yet.
    pub(crate) fn learn(&self) -> Result<(), PluginError> {
        if let (None, Some(text)) = (self.0.actions.get(), self.0.package.description()) {
            let actions = self.read(text)?;
            self.0.actions.get_or_init(|| actions);
        }
        Ok(())
    }

    /// Asks the component to describe itself, and checks the answer. With nothing granted, and within one second of
    /// CPU time.
    ///
    /// # Errors
    /// The component is not accepted, does not answer, or its answer is not usable.
    pub async fn describe(&self) -> Result<String, PluginError> {
        let limits = Limits::describing();
        let attempt = Attempt { limits: &limits, wall: limits.wall, artifacts: None };
        let (text, _) = self.enter("describe", Request::Describe, attempt).await?;
        self.read(&text)?;
        Ok(text)
    }

    /// Calls an action with JSON text, under the plugin's limits but without looking at schemas.
    ///
    /// # Errors
    /// The component is not accepted, the call was stopped, or the action failed.
    pub async fn invoke(
        &self,
        action: &str,
        input: &str,
        context: &str,
        artifacts: Option<Arc<dyn Artifacts>>,
    ) -> Result<String, PluginError> {
        let limits = &self.0.package.manifest.limits;
        let attempt = Attempt { limits, wall: limits.wall, artifacts };
        let (output, _) = self.enter(action, Request::Invoke { action, input, context }, attempt).await?;
        Ok(output)
    }

    /// Loads the component now instead of at the first call, and says where it came from.
    ///
    /// # Errors
    /// The component is not accepted.
    pub async fn prepare(&self) -> Result<Loaded, PluginError> {
        self.linked().await.map(|(_, loaded)| *loaded)
    }

    /// Describes the plugin if nobody did so yet, and checks its schemas.
    pub(crate) async fn learn_by_asking(&self) -> Result<(), PluginError> {
        self.learn()?;
        if self.0.actions.get().is_none() {
            let actions = self.read(&self.describe().await?)?;
            self.0.actions.get_or_init(|| actions);
        }
        let mut actions = self.0.actions.get().into_iter().flatten();
        actions.try_for_each(|(_, action)| action.validators().map(drop)).map_err(|cause| self.refused(cause))
    }

    fn read(&self, description: &str) -> Result<Actions, PluginError> {
        let manifest = &self.0.package.manifest;
        let component = self.0.package.digest();
        description::read(description, self.name(), &manifest.name, &manifest.version, component)
            .map_err(|cause| self.refused(cause))
    }

    /// A step: input and output are checked against the schemas, artifacts against what the call could see.
    pub(crate) async fn perform(&self, action: &str, call: Invocation) -> Result<Outcome, Failure> {
        let described = self.actions().and_then(|actions| actions.get(action));
        let described = described.ok_or_else(|| unknown_action(&call.action))?;
        let (input, output) = described.validators().map_err(|cause| self.refused(cause))?;
        check_input(&call, input)?;
        let text = call.input.to_string();
        let limits = &self.0.package.manifest.limits;
        let wall = limits.wall.min(call.context.timeout);
        let context = context_json(&call.context, wall);
        let attempt = Attempt { limits, wall, artifacts: Some(Arc::clone(&call.context.artifacts)) };
        let request = Request::Invoke { action, input: &text, context: &context };
        let (answer, access) = self.enter(action, request, attempt).await?;
        Ok(self.check_answer(described, output, &answer, access)?.into())
    }

    fn check_answer(
        &self,
        described: &Described,
        schema: &Validator,
        answer: &str,
        mut access: Access,
    ) -> Result<Value, PluginError> {
        let wrong = |why| PluginError::Answer {
            plugin: self.name().to_owned(),
            action: described.spec.name.clone(),
            why,
        };
        let answer: Value =
            serde_json::from_str(answer).map_err(|error| wrong(format!("not JSON: {error}")))?;
        if let Some(violation) = schema.violations(&answer).first() {
            let place = if violation.pointer.is_empty() { "the answer" } else { &violation.pointer };
            return Err(wrong(format!("{place}: {}", violation.message)));
        }
        match access.foreign(&answer) {
            Some(digest) => {
                Err(wrong(format!("it names artifact {digest}, which it was not given and did not create")))
            }
            None => Ok(answer),
        }
    }

    async fn enter(
        &self,
        action: &str,
        request: Request<'_>,
        attempt: Attempt<'_>,
    ) -> Result<(String, Access), PluginError> {
        let (pre, _) = self.linked().await?;
        let stopped = |stop, stderr| PluginError::Stopped {
            plugin: self.name().to_owned(),
            action: action.to_owned(),
            stop,
            stderr,
        };
        // The plugin's own queue first, so that a busy plugin does not hold places that others could use.
        let (Ok(_own), Ok(_place)) = (self.0.live.acquire().await, self.0.shared.live.acquire().await) else {
            return Err(stopped(Stop::PoolFull, String::new()));
        };
        let setting = Setting {
            plugin: &self.0.name,
            limits: attempt.limits,
            wall: attempt.wall,
            artifacts: attempt.artifacts,
            sink: self.0.shared.sink.clone(),
        };
        let ended = call::call(pre, request, setting).await;
        match ended.result {
            Ok(Ok(output)) => Ok((output, ended.access)),
            Ok(Err(failure)) => Err(PluginError::Failed {
                code: cut(&failure.code, 64).to_owned(),
                message: cut(&failure.message, MESSAGE).to_owned(),
                details: details(&failure.details),
            }),
            Err(stop) => Err(stopped(stop, ended.stderr)),
        }
    }

    async fn linked(&self) -> Result<&(PluginPre<CallState>, Loaded), PluginError> {
        let load = || async {
            let inner = Arc::clone(&self.0);
            // Compiling takes a good part of a second, and this thread serves other runs.
            tokio::task::spawn_blocking(move || inner.shared.runtime()?.load(&inner.package.component))
                .await
                .unwrap_or_else(|error| Err(LoadError::Host(error.to_string())))
        };
        self.0.linked.get_or_try_init(load).await.map_err(|cause| self.refused(cause))
    }

    fn refused(&self, cause: LoadError) -> PluginError {
        PluginError::Load { plugin: self.name().to_owned(), cause }
    }
}

fn context_json(context: &Context, wall: Duration) -> String {
    json!({
        "run": context.run,
        "step": context.path.to_string(),
        "attempt": context.attempt,
        "idempotency_key": context.key,
        "deadline_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
    })
    .to_string()
}

pub(crate) fn unknown_action(name: &str) -> Failure {
    let message = format!("no plugin action is called {name}; `portcullis actions` lists them");
    Failure::new(FailureKind::Invalid, Blame::Playbook, message)
}

fn check_input(call: &Invocation, schema: &Validator) -> Result<(), Failure> {
    let violations = schema.violations(&call.input);
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
    let message = format!("the input of {} breaks its schema: {}", call.action, places.join("; "));
    Err(Failure::new(FailureKind::Invalid, Blame::Playbook, message))
}

fn details(text: &str) -> Value {
    if text.len() > DETAILS {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_default()
}

fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
