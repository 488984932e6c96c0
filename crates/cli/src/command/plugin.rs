//! `portcullis plugin`: plugins from elsewhere, from the first look to the lock file.

use std::path::{Path, PathBuf};

use action_api::{ActionSource, PluginStanding, Spec};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use plugin_host::{Locked, Package};
use serde_json::json;

use crate::exit::{Exit, Wrong};
use crate::lockfile::LockFile;
use crate::output::{self, line};
use crate::wire;

/// Plugins
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Look at the plugin in a folder, and lock it so that playbooks can call it
    Add(Add),
    /// List the plugins there are; exit code 1 if one cannot be called
    List(List),
}

/// Look at the plugin in a folder, and lock it
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The folder with `plugin.toml` and the component
    folder: PathBuf,
}

/// List the plugins there are
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Plugin {
    pub(crate) async fn run(self) -> Result<Exit> {
        match self {
            Plugin::Add(command) => command.run().await,
            Plugin::List(command) => command.run(),
        }
    }
}

impl Add {
    async fn run(self) -> Result<Exit> {
        let wrong = |error: &dyn std::fmt::Display| Wrong(format!("{}: {error}", self.folder.display()));
        let mut file = LockFile::find()?;
        let package = Package::open(&self.folder).map_err(|error| wrong(&error))?;
        let host = wire::plugins()?;
        let name = package.manifest().short_name().to_owned();
        let embedded = |facts: &action_api::PluginFacts| {
            facts.name == name && facts.standing == PluginStanding::Embedded
        };
        if host.plugins().iter().any(embedded) {
            return Err(wrong(&format!("a plugin called `{name}` comes with this program")).into());
        }
        // In a sandbox with nothing granted, before anything is written down.
        let plugin = host.load(package.clone()).await.map_err(|error| wrong(&error))?;
        let description = plugin.describe().await.map_err(|error| wrong(&error))?;
        let source = source(file.folder(), &self.folder)?;
        let locked = Locked::of(&package, &source, &description);
        output::say(&format!("{name} {}  ({source})", line(&locked.version)));
        output::say(&format!("  component {}", locked.component));
        plugin.specs().iter().for_each(|spec| output::say(&action(spec)));
        let before = file.lock.get(&name).cloned();
        if before.as_ref() == Some(&locked) {
            output::say(&format!("\nalready locked in {}", file.place().display()));
            return Ok(Exit::Done);
        }
        file.lock.put(locked);
        file.write()?;
        let how = if before.is_some() { "locked anew" } else { "locked" };
        output::say(&format!("\n{how} in {}; a playbook declares it with", file.place().display()));
        let version = &package.manifest().version;
        output::say(&format!("  plugins: {{ {name}: {{ version: \"{}\" }} }}", line(version)));
        Ok(Exit::Done)
    }
}

impl List {
    fn run(self) -> Result<Exit> {
        let host = wire::plugins()?;
        let mut all = host.plugins();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let works =
            |standing: &PluginStanding| matches!(standing, PluginStanding::Embedded | PluginStanding::Ready);
        if self.json {
            let plugins: Vec<_> = all
                .iter()
                .map(|facts| {
                    let (word, problem) = said(&facts.standing);
                    json!({"name": facts.name, "version": facts.version, "standing": word, "problem": problem})
                })
                .collect();
            output::say_json(&json!({ "plugins": plugins }));
        } else {
            for facts in &all {
                let (word, problem) = said(&facts.standing);
                let problem = problem.map(|problem| format!(": {}", line(&problem))).unwrap_or_default();
                output::say(&format!("{:<20} {:<10} {word}{problem}", facts.name, line(&facts.version)));
            }
        }
        Ok(if all.iter().all(|facts| works(&facts.standing)) { Exit::Done } else { Exit::Failed })
    }
}

/// A word for it, and what is wrong.
fn said(standing: &PluginStanding) -> (&'static str, Option<String>) {
    match standing {
        PluginStanding::Embedded => ("embedded", None),
        PluginStanding::Ready => ("locked", None),
        PluginStanding::Changed { what } => ("changed", Some(what.clone())),
        PluginStanding::Rights { asks } => ("refused", Some(format!("it asks for {}", asks.join(", ")))),
        PluginStanding::Unusable { what } => ("unusable", Some(what.clone())),
        _ => ("unusable", None),
    }
}

fn action(spec: &Spec) -> String {
    format!("  {:<32} {:<13} {}", spec.name, spec.effect, line(&spec.summary))
}

/// The plugin's folder as a path from the lock file's own, with `/`.
fn source(base: &Path, folder: &Path) -> Result<String> {
    let whole = |path: &Path| {
        path.canonicalize().with_context(|| format!("could not find the folder {}", path.display()))
    };
    let (base, folder) = (whole(base)?, whole(folder)?);
    let same = base.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().skip(same).map(|_| "..".to_owned());
    let down = folder.components().skip(same).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}
