//! `plugins`: which plugins from elsewhere a playbook calls, and in which version.
//!
//! A declaration is how an author says that code from outside takes part; what that code is, the operator's lock file
//! says. Everything that would stop a call is said here, before anything runs. Plugins that come with the program
//! need no declaration.

use action_api::{PluginFacts, PluginStanding};
use expr::nearest;
use semver::{Version, VersionReq};

use super::Lower;
use super::fields::Fields;
use crate::codes;
use crate::report::Raw;
use crate::source::text::shown;
use crate::source::tree::{Entry, Id};

impl Lower<'_> {
    pub(super) fn plugins(&mut self, top: &Fields<'_>) {
        let known = self.project.actions.plugins();
        let declared = top.get("plugins").and_then(|n| Fields::open(n, "`plugins`", self.sink));
        for entry in declared.iter().flat_map(|all| all.entries) {
            self.plugin(entry, &known);
            self.plugins.push(entry.key.text.clone());
        }
        self.known_plugins = known;
    }

    fn plugin(&mut self, entry: &Entry, known: &[PluginFacts]) {
        let name = entry.key.text.as_str();
        let what = format!("the plugin `{}`", shown(name));
        let Some(fields) = Fields::read(&entry.value, &what, &["version"], self.sink) else { return };
        fields.require("version", &what, "write which versions will do: `{ version: \"1.2\" }`", self.sink);
        let wanted = fields.text("version", self.sink).and_then(|text| match VersionReq::parse(text) {
            Ok(wanted) => Some(wanted),
            Err(error) => {
                let at = fields.get("version").map_or(entry.value.id, |node| node.id);
                self.sink.push(
                    Raw::error(codes::PLUGIN_VERSION, format!("`{}` is no version: {error}", shown(text)))
                        .node(at, "")
                        .help("write `\"1.2\"` for 1.2 and everything compatible with it, or `\"=1.2.0\"`"),
                );
                None
            }
        });
        let Some(facts) = known.iter().find(|facts| facts.name == name) else {
            let near = nearest(name, known.iter().map(|facts| facts.name.as_str()));
            let help = near.map_or_else(
                || format!("`portcullis plugin add FOLDER` puts the plugin in FOLDER into {LOCK}"),
                |near| format!("did you mean `{near}`?"),
            );
            let problem = Raw::error(codes::NOT_LOCKED, format!("no plugin `{}` is installed", shown(name)));
            return self.sink.push(problem.node(entry.key.id, format!("not in {LOCK}")).help(help));
        };
        if self.stands(entry.key.id, facts)
            && let Some(wanted) = wanted
        {
            self.version(&fields, facts, &wanted);
        }
    }

    /// Says what keeps a plugin from being called.
    fn stands(&mut self, at: Id, facts: &PluginFacts) -> bool {
        let name = &facts.name;
        let add = "look at what changed, then `portcullis plugin add` locks it anew";
        let problem = match &facts.standing {
            PluginStanding::Embedded | PluginStanding::Ready => return true,
            PluginStanding::Changed { what } => {
                Raw::error(codes::NOT_AS_LOCKED, format!("the plugin `{name}` is not the one in {LOCK}"))
                    .node(at, what)
                    .help(add)
            }
            PluginStanding::Rights { asks } => {
                Raw::error(codes::RIGHTS, format!("the plugin `{name}` asks for more than it gets"))
                    .node(at, format!("asks for {}", asks.join(", ")))
                    .help("a plugin works on its input alone here; use a version that asks for nothing")
            }
            PluginStanding::Unusable { what } => {
                Raw::error(codes::INTERFACE, format!("the plugin `{name}` cannot be used")).node(at, what)
            }
            _ => Raw::error(codes::INTERFACE, format!("the plugin `{name}` cannot be used")).node(at, ""),
        };
        self.sink.push(problem);
        false
    }

    fn version(&mut self, fields: &Fields<'_>, facts: &PluginFacts, wanted: &VersionReq) {
        let fits = Version::parse(&facts.version).is_ok_and(|version| wanted.matches(&version));
        if let Some(node) = fields.get("version").filter(|_| !fits) {
            self.sink.push(
                Raw::error(codes::PLUGIN_VERSION, format!("the plugin `{}` has another version", facts.name))
                    .node(node.id, format!("{LOCK} has {}", facts.version))
                    .help("change the version here after reading what changed, or install one that fits"),
            );
        }
    }

    /// A call of a plugin from elsewhere has to be declared.
    pub(super) fn needs_declared_plugin(&mut self, at: Id, action: &str) {
        let Some((plugin, _)) = action.split_once('.') else { return };
        let facts = self.known_plugins.iter().find(|facts| facts.name == plugin);
        let Some(facts) = facts.filter(|facts| facts.standing != PluginStanding::Embedded) else { return };
        if !self.plugins.iter().any(|declared| declared == plugin) {
            let help = format!("add `plugins: {{ {plugin}: {{ version: \"{}\" }} }}`", facts.version);
            self.sink.push(
                Raw::error(codes::UNDECLARED_PLUGIN, format!("the plugin `{plugin}` is not declared"))
                    .node(at, "an action of a plugin from elsewhere")
                    .help(help),
            );
        }
    }

    /// Whether the missing action belongs to a plugin about which something was said already.
    pub(super) fn of_broken_plugin(&self, action: &str) -> bool {
        let Some((plugin, _)) = action.split_once('.') else { return false };
        let facts = self.known_plugins.iter().find(|facts| facts.name == plugin);
        let works = facts
            .is_some_and(|facts| matches!(facts.standing, PluginStanding::Embedded | PluginStanding::Ready));
        !works && self.plugins.iter().any(|declared| declared == plugin)
    }
}

/// The file that pins plugins.
const LOCK: &str = "portcullis.lock";
