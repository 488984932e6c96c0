//! All plugins of a process as one source of actions.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use action_api::plan::Failure;
use action_api::{ActionSource, Invocation, Outcome, PluginFacts, PluginStanding, Spec, Work};
use tokio::sync::Semaphore;

use crate::cache::CacheDirs;
use crate::component::Runtime;
use crate::error::{LoadError, PluginError};
use crate::limits::LIVE;
use crate::lock::Lock;
use crate::log::LogSink;
use crate::package::Package;
use crate::plugin::{Plugin, unknown_action};

/// What all plugins share.
pub(crate) struct Shared {
    runtime: OnceLock<Result<Runtime, String>>,
    dirs: Option<CacheDirs>,
    pub(crate) sink: Option<LogSink>,
    pub(crate) live: Semaphore,
}

impl Shared {
    /// The sandbox, started by whoever needs it first.
    pub(crate) fn runtime(&self) -> Result<&Runtime, LoadError> {
        self.runtime
            .get_or_init(|| Runtime::start(self.dirs.as_ref()).map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| LoadError::Host(error.clone()))
    }
}

/// Loads plugins and calls their actions. Starts no sandbox before an action (or a description) is called for.
pub struct PluginHost {
    shared: Arc<Shared>,
    plugins: BTreeMap<String, Plugin>,
    facts: Vec<PluginFacts>,
}

/// How a [`PluginHost`] is made.
#[derive(Default)]
pub struct PluginHostBuilder {
    dirs: Option<CacheDirs>,
    sink: Option<LogSink>,
    packages: Vec<Package>,
    locked: Vec<Package>,
    refused: Vec<PluginFacts>,
}

impl fmt::Debug for PluginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHost").field("plugins", &self.plugins).finish_non_exhaustive()
    }
}

impl fmt::Debug for PluginHostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginHostBuilder")
            .field("dirs", &self.dirs)
            .field("packages", &self.packages.len())
            .finish_non_exhaustive()
    }
}

impl PluginHostBuilder {
    /// Keeps compiled code in these folders. Without, every process compiles what it calls.
    #[must_use]
    pub fn cache(mut self, dirs: CacheDirs) -> Self {
        self.dirs = Some(dirs);
        self
    }

    /// Takes what plugins log and print.
    #[must_use]
    pub fn log(mut self, sink: LogSink) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Adds plugins whose description is known, such as those of [`first_party`](crate::first_party).
    #[must_use]
    pub fn packages(mut self, packages: impl IntoIterator<Item = Package>) -> Self {
        self.packages.extend(packages);
        self
    }

    /// Adds the plugins of a lock file in `base`. Those that cannot be called as they are bring no action, and are told
    /// to whoever checks playbooks.
    #[must_use]
    pub fn locked(mut self, lock: &Lock, base: &Path) -> Self {
        for locked in lock.plugins() {
            match locked.open(base) {
                Ok(package) => self.locked.push(package),
                Err(facts) => self.refused.push(facts),
            }
        }
        self
    }

    /// Makes the host. Cheap: reads descriptions, compiles and starts nothing.
    ///
    /// # Errors
    /// A package has no description (use [`PluginHost::load`]) or a wrong one, or two have the same name.
    pub fn build(self) -> Result<PluginHost, PluginError> {
        let shared = Arc::new(Shared {
            runtime: OnceLock::new(),
            dirs: self.dirs,
            sink: self.sink,
            live: Semaphore::new(LIVE),
        });
        let mut host = PluginHost { shared, plugins: BTreeMap::new(), facts: self.refused };
        for package in self.packages {
            host.take(package, PluginStanding::Embedded)?;
        }
        for package in self.locked {
            let (name, version) =
                (package.manifest.short_name().to_owned(), package.manifest.version.clone());
            // One plugin that cannot be used is no reason to do without the others.
            if let Err(error) = host.take(package, PluginStanding::Ready) {
                let standing = PluginStanding::Unusable { what: error.to_string() };
                host.facts.push(PluginFacts { name, version, standing });
            }
        }
        Ok(host)
    }
}

impl PluginHost {
    /// A host without plugins, cache and log, to be given some.
    pub fn builder() -> PluginHostBuilder {
        PluginHostBuilder::default()
    }

    /// Loads a plugin, asks it to describe itself and checks everything about it. Does not add it to the host.
    ///
    /// # Errors
    /// The component is not accepted, or its description is not usable.
    pub async fn load(&self, package: Package) -> Result<Plugin, PluginError> {
        let rights = package.manifest.rights.clone();
        let plugin = Plugin::new(package, Arc::clone(&self.shared));
        if !rights.is_empty() {
            let plugin = plugin.name().to_owned();
            return Err(PluginError::Load { plugin, cause: LoadError::Rights(rights) });
        }
        plugin.prepare().await?;
        plugin.learn_by_asking().await?;
        Ok(plugin)
    }

    /// Adds a plugin's actions to this source.
    ///
    /// # Errors
    /// There is a plugin of this name, or nobody described it yet.
    pub fn insert(&mut self, plugin: Plugin) -> Result<(), PluginError> {
        let refuse = |why: &str| {
            Err(PluginError::Load {
                plugin: plugin.name().to_owned(),
                cause: LoadError::Description(why.to_owned()),
            })
        };
        if plugin.names().is_empty() {
            return refuse("it has no description yet; it has to be loaded first");
        }
        if self.plugins.contains_key(plugin.name()) {
            return refuse("another plugin has the same name");
        }
        self.plugins.insert(plugin.name().to_owned(), plugin);
        Ok(())
    }

    fn take(&mut self, package: Package, standing: PluginStanding) -> Result<(), PluginError> {
        let version = package.manifest.version.clone();
        // A description that was seen to be sound when Portcullis was built is read when one of its actions is needed.
        let later = package.is_built_in();
        let plugin = Plugin::new(package, Arc::clone(&self.shared));
        if !later {
            plugin.learn()?;
        }
        let name = plugin.name().to_owned();
        self.insert(plugin)?;
        self.facts.push(PluginFacts { name, version, standing });
        Ok(())
    }

    /// The plugin of this name.
    pub fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.plugins.get(name)
    }

    /// Whether the sandbox was started. For tests of start-up time.
    pub fn is_started(&self) -> bool {
        self.shared.runtime.get().is_some()
    }

    /// Why compiled code is not kept, if it should be and is not. Known once the sandbox is started.
    pub fn cache_problem(&self) -> Option<String> {
        let runtime = self.shared.runtime.get()?.as_ref().ok()?;
        runtime.cache_problem.as_ref().map(ToString::to_string)
    }
}

impl ActionSource for PluginHost {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.plugins.values().flat_map(Plugin::specs).collect()
    }

    fn names(&self) -> Vec<String> {
        self.plugins.values().flat_map(Plugin::names).collect()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        let (plugin, action) = name.split_once('.')?;
        self.plugins.get(plugin)?.spec(action)
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.facts.clone()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let name = call.action.clone();
            let found =
                name.split_once('.').and_then(|(plugin, action)| Some((self.plugins.get(plugin)?, action)));
            let (plugin, action) = found.ok_or_else(|| unknown_action(&name))?;
            plugin.perform(action, call).await
        })
    }
}
