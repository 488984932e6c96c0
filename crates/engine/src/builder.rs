//! Putting an engine together.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use action_api::{ActionSource, Artifacts, PluginFacts, Spec};
use journal::{Journal, MemoryJournal};
use playbook::{Actions, Checked, Source};

use crate::admit::Guard;
use crate::audit::{Audit, NoAudit};
use crate::bounds::RunLimits;
use crate::budget::{Budgets, RetryBudget};
use crate::cache::Cache;
use crate::keys::Keys;
use crate::leave::Exit;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::park::PARK_AFTER;
use crate::secrets::NoSecrets;
use crate::slots::Slots;
use crate::{Clock, EngineError, MemoryArtifacts, Policy, Secrets, SystemClock};

/// How many calls of all runs are in flight at a time, where the embedder says nothing else.
pub const MAX_CALLS: usize = 256;

/// Runs playbooks. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) artifacts: Arc<dyn Artifacts>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) limits: Limits,
    pub(crate) cache: Cache,
    pub(crate) keys: Arc<Keys>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) budgets: Budgets,
    pub(crate) run_limits: RunLimits,
    pub(crate) park_after: Option<Duration>,
    pub(crate) metrics: Option<Arc<dyn Metrics>>,
    pub(crate) exit: Exit,
    pub(crate) watched: bool,
    pub(crate) guard: Guard,
    pub(crate) pins: crate::versions::Pins,
    plugins: Vec<PluginFacts>,
    actions: HashMap<String, Listed>,
}

/// An action and who carries it out.
pub(crate) type Action = (Arc<Spec>, Arc<dyn ActionSource>);

/// An action that a source has named.
struct Listed {
    source: Arc<dyn ActionSource>,
    /// When somebody asked for it; nothing if the source has no such action after all.
    action: OnceLock<Option<Action>>,
}

impl Inner {
    pub(crate) fn action(&self, name: &str) -> Option<&Action> {
        let Listed { source, action } = self.actions.get(name)?;
        action.get_or_init(|| Some((source.spec(name)?, Arc::clone(source)))).as_ref()
    }

    /// The plugin that brings an action, if one does.
    pub(crate) fn plugin_of(&self, action: &str) -> Option<&str> {
        let (before, _) = action.split_once('.')?;
        self.plugins.iter().map(|plugin| plugin.name.as_str()).find(|name| *name == before)
    }
}

/// What goes into an engine. Everything has a default that keeps nothing.
pub struct Builder {
    journal: Arc<dyn Journal>,
    artifacts: Arc<dyn Artifacts>,
    clock: Arc<dyn Clock>,
    entropy: Box<dyn Fn() -> u64 + Send + Sync>,
    secrets: Arc<dyn Secrets>,
    watched: bool,
    max_calls: usize,
    retry_budget: RetryBudget,
    run_limits: RunLimits,
    park_after: Option<Duration>,
    metrics: Option<Arc<dyn Metrics>>,
    policy: Policy,
    audit: Arc<dyn Audit>,
    sources: Vec<Arc<dyn ActionSource>>,
}

impl Engine {
    /// Begins with a journal and artifacts in memory, the system's clock, and no action.
    pub fn builder() -> Builder {
        Builder {
            journal: Arc::new(MemoryJournal::default()),
            artifacts: Arc::new(MemoryArtifacts::new()),
            clock: Arc::new(SystemClock),
            entropy: Box::new(random),
            secrets: Arc::new(NoSecrets),
            watched: false,
            max_calls: MAX_CALLS,
            retry_budget: RetryBudget::default(),
            run_limits: RunLimits::default(),
            park_after: Some(PARK_AFTER),
            metrics: None,
            policy: Policy::default(),
            audit: Arc::new(NoAudit),
            sources: Vec::new(),
        }
    }

    /// Checks a playbook against the actions of this engine: every problem, and the plan if there is none.
    pub fn check(&self, source: Source<'_>) -> Checked {
        playbook::check(source, self)
    }

    /// Every action, by name.
    pub fn actions(&self) -> Vec<Arc<Spec>> {
        self.names().iter().filter_map(|name| self.spec(name)).collect()
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.inner.journal
    }

    /// Where bytes are kept.
    pub fn artifacts(&self) -> &Arc<dyn Artifacts> {
        &self.inner.artifacts
    }
}

impl Actions for Engine {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.inner.action(name).map(|(spec, _)| Arc::clone(spec))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.inner.actions.keys().cloned().collect();
        names.sort();
        names
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.plugins.clone()
    }
}

impl Builder {
    /// Where history is kept.
    #[must_use]
    pub fn journal(mut self, journal: impl Journal + 'static) -> Self {
        self.journal = Arc::new(journal);
        self
    }

    /// Where bytes are kept.
    #[must_use]
    pub fn artifacts(mut self, artifacts: impl Artifacts + 'static) -> Self {
        self.artifacts = Arc::new(artifacts);
        self
    }

    /// The clock; tests bring their own.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Random bits for waits and run ids; tests bring their own.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.entropy = Box::new(entropy);
        self
    }

    /// Where secrets are looked up. Without it there are none, and a playbook that names one does not start.
    #[must_use]
    pub fn secrets(mut self, secrets: impl Secrets + 'static) -> Self {
        self.secrets = Arc::new(secrets);
        self
    }

    /// How many calls are in flight at a time over all runs; at least 1, and [`MAX_CALLS`] without it. Where runs
    /// wait for one another, each gets its turn.
    #[must_use]
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = calls;
        self
    }

    /// What the operator allows. Without it: what [`Policy::default`] says, which keeps deletes small.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where it is written down who did what. Without it nothing is, and caps per hour begin with the process.
    #[must_use]
    pub fn audit(mut self, audit: impl Audit + 'static) -> Self {
        self.audit = Arc::new(audit);
        self
    }

    /// How many failed calls may be made again, over all runs and by connection. Where it is used up, a call that
    /// fails has failed, whatever its step's `retry` says.
    #[must_use]
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.retry_budget = budget;
        self
    }

    /// How large a run may become.
    #[must_use]
    pub fn run_limits(mut self, limits: RunLimits) -> Self {
        self.run_limits = limits;
        self
    }

    /// After how long of waiting a run leaves memory until somebody speaks to it or its time comes;
    /// [`PARK_AFTER`] without it, and `None` for never.
    #[must_use]
    pub fn park_after(mut self, time: Option<Duration>) -> Self {
        self.park_after = time;
        self
    }

    /// Who takes figures.
    #[must_use]
    pub fn metrics(mut self, metrics: impl Metrics + 'static) -> Self {
        self.metrics = Some(Arc::new(metrics));
        self
    }

    /// Tells what every step of a new run gives, as [`crate::ProgressKind::Gave`]. For tests of playbooks.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    /// Adds actions.
    #[must_use]
    pub fn source(mut self, source: impl ActionSource + 'static) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// The engine, unless two sources bring the same action.
    pub fn build(self) -> Result<Engine, EngineError> {
        let (mut actions, mut plugins) = (HashMap::new(), Vec::new());
        for source in self.sources {
            plugins.extend(source.plugins());
            for name in source.names() {
                let listed = Listed { source: Arc::clone(&source), action: OnceLock::new() };
                if actions.insert(name.clone(), listed).is_some() {
                    return Err(EngineError::DuplicateAction(name));
                }
            }
        }
        let inner = Inner {
            journal: self.journal,
            artifacts: self.artifacts,
            clock: self.clock,
            entropy: self.entropy,
            secrets: self.secrets,
            limits: Limits::default(),
            cache: Cache::default(),
            keys: Arc::new(Keys::default()),
            slots: Arc::new(Slots::new(self.max_calls)),
            budgets: Budgets::new(self.retry_budget),
            run_limits: self.run_limits,
            park_after: self.park_after,
            metrics: self.metrics,
            exit: Exit::default(),
            watched: self.watched,
            guard: Guard::new(self.policy, self.audit),
            pins: crate::versions::Pins::default(),
            plugins,
            actions,
        };
        Ok(Engine { inner: Arc::new(inner) })
    }
}

/// Random enough to spread retries and to keep ids apart: the standard library seeds its hash maps with it.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
