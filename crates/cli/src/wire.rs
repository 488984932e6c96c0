//! Puts sources, stores and connections together. The only place that knows all crates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use engine::{Engine, Failure, FailureKind, FolderArtifacts, Hider, MemoryJournal, Secret, Secrets};
use exchange::Ports;
use journal::{Event as Happened, Journal, JournalError, Record, StoredRun};
use journal_sqlite::{Durability, Options, SqliteJournal};
use plan::Blame;
use plugin_host::{CacheDirs, PluginHost};
use web_actions::Web;

use crate::combined::Combined;
use crate::config::{self, Config};
use crate::connection;
use crate::exit::Wrong;
use crate::hush::Hush;
use crate::lockfile::LockFile;
use crate::simulator::Simulator;

/// Flags every subcommand takes.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// The configuration; otherwise `portcullis.yaml` is looked for upwards from here
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder where runs are kept, whatever the configuration says
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Shared {
    /// The configuration in force.
    pub(crate) fn config(&self) -> Result<Config> {
        Config::find(self.config.as_deref())
    }

    /// The data folder in force.
    pub(crate) fn data(&self, config: &Config) -> PathBuf {
        self.data.clone().unwrap_or_else(|| config.data())
    }
}

/// How often a journal that cannot be looked at is tried again, and how soon.
const READER_TRIES: usize = 20;
const READER_PAUSE: Duration = Duration::from_millis(50);

/// Where runs are kept.
pub(crate) enum Keep {
    /// In the data folder.
    Disk,
    /// Nowhere.
    Memory,
}

/// An engine over this configuration. With a simulator every connection leads there, and to no server.
pub(crate) fn engine(shared: &Shared, keep: &Keep, simulator: Option<&Simulator>) -> Result<Engine> {
    engine_around(shared, keep, simulator, Ok)
}

/// As [`engine()`], with something between the runs and their actions.
pub(crate) fn engine_around(
    shared: &Shared,
    keep: &Keep,
    simulator: Option<&Simulator>,
    around: impl FnOnce(Combined) -> Result<Combined>,
) -> Result<Engine> {
    let config = shared.config()?;
    let data = shared.data(&config);
    let exchange = actions::exchange(resolver(&config, simulator, connection::log_ins(&config, &data)));
    let web = web_actions::web(web_resolver(&config, simulator.is_some()));
    let actions = Combined::new(vec![Arc::new(exchange), Arc::new(web), Arc::new(plugins()?)]);
    // With a simulator no connection is opened, and nobody has to unlock a keyring for it.
    let hider = simulator.map_or_else(|| hider(&config), |_| Hider::default());
    let actions = Hush::around(actions, hider);
    let builder =
        Engine::builder().source(around(actions)?).secrets(ConfiguredSecrets(config.secrets.clone()));
    let builder = builder.policy(config.policy.clone());
    let builder = match keep {
        Keep::Memory => builder.journal(MemoryJournal::default()),
        Keep::Disk => {
            let durability = match config.storage.durability {
                config::Durability::Each => Durability::Each,
                config::Durability::Interval(millis) => Durability::Interval(Duration::from_millis(millis)),
            };
            let journal = open_journal(&data, durability)?;
            let builder = builder.audit(crate::audit_log::open(&config, &data)?);
            #[cfg(debug_assertions)]
            let journal = crate::pause::Pausing::new(journal);
            builder.journal(journal).artifacts(FolderArtifacts::new(data.join("artifacts")))
        }
    };
    builder.build().context("could not put the engine together")
}

/// The secrets of the connections, as far as they can be read: they are in no message, whatever a server says.
pub(crate) fn hider(config: &Config) -> Hider {
    let mut hider = Hider::default();
    for (name, connection) in &config.connections {
        for (what, secret) in connection.read_secrets(name) {
            if let Ok(secret) = secret {
                hider.add(&format!("{what} of {name}"), &secret);
            }
        }
    }
    hider
}

/// The secrets of the configuration, read when an action needs them.
struct ConfiguredSecrets(BTreeMap<String, config::SecretRef>);

impl Secrets for ConfiguredSecrets {
    fn get(&self, name: &str) -> Option<Secret> {
        let secret = self.0.get(name)?;
        match secret.read_as(&format!("the secret `{name}`"), "value") {
            Ok(text) => Some(Secret::new(text)),
            Err(error) => {
                crate::output::complain(&crate::output::line(&format!("{error:#}")));
                None
            }
        }
    }
}

/// Refuses a playbook whose connections are not configured, before anything runs.
pub(crate) fn require_connections(shared: &Shared, plan: Option<&plan::Plan>) -> Result<()> {
    let config = shared.config()?;
    let missing: Vec<&str> = plan
        .into_iter()
        .flat_map(|plan| &plan.connections)
        .map(|connection| connection.name.as_str())
        .filter(|name| !config.connections.contains_key(*name))
        .collect();
    require_kinds(&config, plan)?;
    if missing.is_empty() {
        // A password that cannot be read is found now and not in the middle of a run.
        return plan
            .into_iter()
            .flat_map(|plan| &plan.connections)
            .filter_map(|connection| Some((&connection.name, config.connections.get(&connection.name)?)))
            .flat_map(|(name, connection)| connection.read_secrets(name))
            .try_for_each(|(_, secret)| secret.map(drop));
    }
    let names = missing.join("`, `");
    Err(Wrong(format!(
        "the connection `{names}` is not configured: add it under `connections:` in {}, or try the playbook with \
         --sim",
        config::FILE
    ))
    .into())
}

/// Refuses a playbook that declares a connection as something else than it is.
fn require_kinds(config: &Config, plan: Option<&plan::Plan>) -> Result<()> {
    for declared in plan.into_iter().flat_map(|plan| &plan.connections) {
        let Some(connection) = config.connections.get(&declared.name) else { continue };
        if connection.serves() != declared.kind {
            return Err(Wrong(format!(
                "the playbook declares the connection `{}` as kind `{}`, and in {} it is of kind `{}`{}",
                declared.name,
                declared.kind,
                config::FILE,
                connection.kind(),
                if connection.kind() == "ews" { ", which serves `kind: exchange`" } else { "" }
            ))
            .into());
        }
    }
    Ok(())
}

/// Every secret of the configuration that can be read, so that it can be taken out of what is written down.
pub(crate) fn known_secrets(shared: &Shared) -> Result<Vec<String>> {
    let config = shared.config()?;
    let read = |(name, connection): (&String, &config::Connection)| {
        connection.read_secrets(name).into_iter().filter_map(|(_, secret)| secret.ok())
    };
    let named = config.secrets.iter().filter_map(|(name, secret)| secret.read_as(name, "value").ok());
    Ok(config.connections.iter().flat_map(read).chain(named).collect())
}

/// An engine that knows every action and can carry none out: for checking and documenting.
pub(crate) fn catalogue() -> Result<Engine> {
    catalogue_under(engine::Policy::default())
}

/// As [`catalogue`], with what the operator allows.
pub(crate) fn catalogue_under(policy: engine::Policy) -> Result<Engine> {
    let unconnected = |_: Option<&str>| Err(host_failure("no connection is open here".to_owned()));
    Engine::builder()
        .source(actions::exchange(unconnected))
        .source(web_actions::web(|_| Err(host_failure("no connection is open here".to_owned()))))
        .source(plugins()?)
        .policy(policy)
        .build()
        .context("could not put the engine together")
}

fn open_journal(data: &Path, durability: Durability) -> Result<SqliteJournal> {
    let opened = SqliteJournal::open(data, Options::default().durability(durability));
    let journal = opened.map_err(|error| match error {
        JournalError::Locked { .. } => anyhow!(Wrong(error.to_string())),
        error => anyhow!(error).context(format!("could not open the data folder {}", data.display())),
    })?;
    if let Some(runs) = journal.paused_as_restored().filter(|runs| !runs.is_empty()) {
        crate::output::complain(&crate::next::carry(&restored(data, runs)));
    }
    Ok(journal)
}

/// What is said about a data folder that came from elsewhere: which runs do not go on, and how they do.
fn restored(data: &Path, runs: &[journal::RunId]) -> String {
    const MOST: usize = 20;
    let mut said = format!(
        "the data folder {} was restored from a backup or copied; what its runs did since is not in it, so each one \
         that is not over is paused. See what it did (`portcullis runs show RUN`, the mailboxes), then let it go on:",
        data.display()
    );
    for run in runs.iter().take(MOST) {
        said.push_str(&format!("\n  portcullis runs continue {run}"));
    }
    if runs.len() > MOST {
        let more = runs.len() - MOST;
        said.push_str(&format!("\n  and {more} more: `portcullis runs list --status paused`"));
    }
    said
}

/// The journal of the data folder alone, for commands that only look.
pub(crate) fn journal(shared: &Shared) -> Result<Arc<dyn Journal>> {
    let config = shared.config()?;
    let data = shared.data(&config);
    if !data.exists() {
        return Ok(Arc::new(MemoryJournal::default()));
    }
    Ok(Arc::new(open_journal(&data, Durability::Each)?))
}

/// The journal of the data folder, to be looked at beside the process that writes it.
pub(crate) fn reader(shared: &Shared) -> Result<Arc<dyn Journal>> {
    let data = shared.data(&shared.config()?);
    for last in [false; READER_TRIES].into_iter().chain([true]) {
        if std::fs::metadata(data.join("journal.db")).map_or(0, |file| file.len()) > 0 {
            match SqliteJournal::open_read_only(&data) {
                Ok(journal) => return Ok(Arc::new(journal)),
                // Whoever was making it was stopped before the first run.
                Err(JournalError::Empty(_)) if last => break,
                Err(error) if last => {
                    return Err(anyhow!(error).context(format!("could not look into {}", data.display())));
                }
                // Another process is just making it, or putting it right after a crash.
                Err(_) => {}
            }
        } else if last || !data.join("journal.db-wal").exists() {
            break;
        }
        std::thread::sleep(READER_PAUSE);
    }
    Ok(Arc::new(MemoryJournal::default()))
}

/// A history with every result in it, also those that are kept outside. Where one is gone or damaged that is said, and
/// the history is as it was stored: it is only looked at.
pub(crate) fn whole(shared: &Shared, stored: StoredRun) -> Result<StoredRun> {
    let outside = |record: &Record| matches!(&record.event, Happened::Performed { kept: Some(_), .. });
    if !stored.records.iter().any(outside) {
        return Ok(stored);
    }
    let artifacts = FolderArtifacts::new(shared.data(&shared.config()?).join("artifacts"));
    Ok(engine::whole(&artifacts, stored.clone()).unwrap_or_else(|error| {
        crate::output::complain(&crate::output::line(&error.to_string()));
        stored
    }))
}

/// The plugins inside this binary, and those of the lock file.
pub(crate) fn plugins() -> Result<PluginHost> {
    let file = LockFile::find()?;
    let mut builder = PluginHost::builder()
        .packages(plugin_host::first_party().context("the plugins inside this binary cannot be used")?)
        .locked(&file.lock, file.folder())
        .log(Arc::new(|line: &plugin_host::LogLine<'_>| {
            tracing::debug!(plugin = line.plugin, "{}", crate::output::line(line.message));
        }));
    if let Some(dirs) = cache_dirs() {
        builder = builder.cache(dirs);
    }
    builder.build().context("the plugins inside this binary cannot be used")
}

/// Where compiled plugins are kept between processes, by the XDG base directory specification.
fn cache_dirs() -> Option<CacheDirs> {
    let folder = |variable: &str, below_home: &str| {
        let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below_home));
        set.or_else(home).map(|base| base.join("portcullis"))
    };
    Some(CacheDirs {
        cache: folder("XDG_CACHE_HOME", ".cache")?,
        state: folder("XDG_STATE_HOME", ".local/state")?,
    })
}

/// A failure that is a matter of this installation.
pub(crate) fn host_failure(message: String) -> Failure {
    Failure::new(FailureKind::Invalid, Blame::Host, message)
}

/// Finds a connection's ports, opening it when a step first needs it.
fn resolver(
    config: &Config,
    simulator: Option<&Simulator>,
    log_ins: Result<login::LogIns>,
) -> impl Fn(Option<&str>) -> Result<Ports, Failure> + Send + Sync + 'static {
    let simulated = simulator.map(Simulator::connection);
    let connections: BTreeMap<String, config::Connection> = config.connections.clone();
    let open: Mutex<BTreeMap<String, Ports>> = Mutex::default();
    move |name| {
        let name = name.unwrap_or_default();
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ports) = open.get(name) {
            return Ok(ports.clone());
        }
        let connection = simulated.clone().or_else(|| connections.get(name).cloned()).ok_or_else(|| {
            host_failure(format!(
                "connection `{name}` is not configured: add it under `connections:` in {}, or try the playbook \
                 with --sim",
                config::FILE
            ))
        })?;
        let log_ins = log_ins.as_ref();
        let ports = log_ins
            .map_err(|error| format!("{error:#}"))
            .and_then(|log_ins| connection.open(name, log_ins).map_err(|error| format!("{error:#}")));
        let ports = ports.map_err(host_failure)?;
        open.insert(name.to_owned(), ports.clone());
        Ok(ports)
    }
}

/// Finds a connection for actions that speak HTTP, opening it when a step first needs it. Beside a simulator none
/// leads anywhere.
fn web_resolver(
    config: &Config,
    simulated: bool,
) -> impl Fn(Option<&str>) -> Result<Web, Failure> + Send + Sync + 'static {
    let connections: BTreeMap<String, config::Connection> = config.connections.clone();
    let open: Mutex<BTreeMap<String, Web>> = Mutex::default();
    move |name| {
        if simulated {
            return Ok(Web::simulated());
        }
        let name = name.unwrap_or_default();
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(web) = open.get(name) {
            return Ok(web.clone());
        }
        let connection = connections.get(name).ok_or_else(|| {
            host_failure(format!(
                "connection `{name}` is not configured: add it under `connections:` in {}",
                config::FILE
            ))
        })?;
        let web = connection.web(name).map_err(|error| host_failure(format!("{error:#}")))?;
        open.insert(name.to_owned(), web.clone());
        Ok(web)
    }
}
