//! How the plugins stand that a playbook may declare: what `check` has to know of them before anything runs.

/// One plugin, as far as the checker cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFacts {
    /// What stands before the dot of its actions.
    pub name: String,
    /// Its own version, such as `1.2.0`.
    pub version: String,
    /// Whether its actions can be called.
    pub standing: PluginStanding,
}

/// Whether a plugin's actions can be called, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginStanding {
    /// It comes with the program, which pins it; it need not be declared.
    Embedded,
    /// Its files are those that were locked.
    Ready,
    /// Its files are not those that were locked, or are not there.
    Changed {
        /// Which file, and what is wrong with it.
        what: String,
    },
    /// It asks for more than the operator grants.
    Rights {
        /// What it asks for and does not get.
        asks: Vec<String>,
    },
    /// It was made for another interface, or is no plugin at all.
    Unusable {
        /// Why.
        what: String,
    },
}
