//! What goes wrong with a plugin, in words for the person who reads the run's log.

use std::fmt;
use std::time::Duration;

use action_api::plan::{Blame, Failure, FailureKind};
use serde_json::{Value, json};

use crate::manifest::{Bytes, ManifestError};

/// Why a component is not accepted as a plugin. Always found before any of its code runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// More bytes than a component may have.
    #[error("the component has {size} bytes, at most {} are accepted", Bytes(*.limit))]
    TooLarge {
        /// Bytes given.
        size: usize,
        /// Bytes accepted.
        limit: usize,
    },
    /// Neither a component nor a module.
    #[error("this is not a WebAssembly component: it does not start as one")]
    NotWasm,
    /// A core module.
    #[error("this is a WebAssembly module, not a component; build it for the target wasm32-wasip2")]
    CoreModule,
    /// Machine code.
    #[error("this is compiled machine code, which is never accepted from outside; give the .wasm component")]
    Precompiled,
    /// Damaged, or it uses something that is switched off here.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// No interface of ours.
    #[error("the component exports no `portcullis:plugin/actions`, so it is not a Portcullis plugin")]
    NoInterface,
    /// A later interface.
    #[error("the plugin needs interface {needs}, this version offers {offers}; {hint}")]
    Interface {
        /// The version the component was built against.
        needs: String,
        /// The version of this host.
        offers: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Something no plugin gets.
    #[error("the plugin wants `{import}`, which plugins do not get here; {hint}")]
    Import {
        /// The interface it imports.
        import: String,
        /// What plugins do get.
        hint: &'static str,
    },
    /// Its own description is not usable.
    #[error("the plugin describes itself wrongly: {0}")]
    Description(String),
    /// The lock file.
    #[error("portcullis.lock cannot be read: {0}")]
    Lock(String),
    /// It asks for what no plugin gets.
    #[error("the plugin asks for {}, and plugins get nothing but their input here", .0.join(", "))]
    Rights(Vec<String>),
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file of the plugin.
    #[error("cannot read {path}: {cause}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// This process, not the plugin.
    #[error("the sandbox cannot be set up: {0}")]
    Host(String),
}

/// Why a call was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The time on the clock.
    Wall(Duration),
    /// The CPU budget.
    Cpu(Duration),
    /// Memory growth was refused and the plugin gave up.
    Memory(usize),
    /// A table was to grow too far.
    Table(usize),
    /// Recursion.
    Stack,
    /// An access outside of its memory, which also is how recursion ends in most languages.
    OutOfBounds,
    /// Input larger than the plugin accepts.
    Input(usize),
    /// Output larger than allowed.
    Output(usize),
    /// Log lines.
    Log(usize),
    /// One log line.
    LogLine(usize),
    /// Handles.
    Handles(usize),
    /// Bytes in one call of a host function.
    Transfer(usize),
    /// Random bytes in one request.
    Random(usize),
    /// The guest exited.
    Exit(i32),
    /// The guest panicked or aborted.
    Abort,
    /// Another trap.
    Trap(String),
    /// No room for another instance.
    PoolFull,
}

impl Stop {
    fn kind(&self) -> FailureKind {
        match self {
            Stop::Wall(_) => FailureKind::Timeout,
            Stop::Exit(_) | Stop::Abort | Stop::Trap(_) => FailureKind::Invalid,
            Stop::PoolFull => FailureKind::Transient,
            _ => FailureKind::Limit,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Wall(limit) => write!(f, "it did not finish within {limit:?}"),
            Stop::Cpu(limit) => write!(f, "it used more than {limit:?} of CPU time"),
            Stop::Memory(limit) => write!(f, "it wanted more than {} of memory", Bytes(*limit)),
            Stop::Table(limit) => write!(f, "it wanted a table of more than {limit} elements"),
            Stop::Stack => f.write_str("its call stack overflowed: the input may be nested too deeply"),
            Stop::OutOfBounds => f.write_str(
                "it reached outside of its memory: usually recursion over input that is nested too deeply",
            ),
            Stop::Input(limit) => write!(f, "the input has more than {}", Bytes(*limit)),
            Stop::Output(limit) => write!(f, "its answer has more than {}", Bytes(*limit)),
            Stop::Log(limit) => write!(f, "it logged more than {}", Bytes(*limit)),
            Stop::LogLine(limit) => write!(f, "it logged a line of more than {}", Bytes(*limit)),
            Stop::Handles(limit) => write!(f, "it opened more than {limit} handles"),
            Stop::Transfer(limit) => write!(f, "it passed more than {} to the host at once", Bytes(*limit)),
            Stop::Random(limit) => {
                write!(f, "it asked for more than {} of random bytes at once", Bytes(*limit))
            }
            Stop::Exit(code) => write!(f, "it ended itself with exit code {code} instead of answering"),
            Stop::Abort => f.write_str("it crashed (a panic, or an abort)"),
            Stop::Trap(trap) => write!(f, "it crashed: {trap}"),
            Stop::PoolFull => f.write_str("there is no room for another instance; try again"),
        }
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The component is not accepted.
    #[error("plugin `{plugin}` cannot be loaded: {cause}")]
    Load {
        /// The plugin.
        plugin: String,
        /// Why not.
        #[source]
        cause: LoadError,
    },
    /// The plugin was stopped.
    #[error("plugin `{plugin}` was stopped in `{action}`: {stop}")]
    Stopped {
        /// The plugin.
        plugin: String,
        /// The action.
        action: String,
        /// By what.
        stop: Stop,
        /// The end of what it wrote to standard error, up to 1 KiB. Not to be trusted.
        stderr: String,
    },
    /// The action failed by itself.
    #[error("{message}")]
    Failed {
        /// The plugin's own code.
        code: String,
        /// The plugin's own sentence.
        message: String,
        /// The plugin's own details.
        details: Value,
    },
    /// The answer is not what the plugin promised.
    #[error("plugin `{plugin}` answered `{action}` against its own description: {why}")]
    Answer {
        /// The plugin.
        plugin: String,
        /// The action.
        action: String,
        /// What is wrong, without the value.
        why: String,
    },
}

impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Self {
        let message = error.to_string();
        match error {
            PluginError::Load { cause: LoadError::Host(_) | LoadError::File { .. }, .. } => {
                Failure::new(FailureKind::Invalid, Blame::Host, message)
            }
            PluginError::Load { .. } | PluginError::Answer { .. } => {
                Failure::new(FailureKind::Invalid, Blame::Plugin, message)
            }
            PluginError::Stopped { stop, stderr, .. } => {
                let blame = match stop {
                    Stop::PoolFull => Blame::Host,
                    Stop::Input(_) => Blame::Playbook,
                    _ => Blame::Plugin,
                };
                let failure = Failure::new(stop.kind(), blame, message);
                if stderr.is_empty() { failure } else { failure.with_details(json!({ "stderr": stderr })) }
            }
            PluginError::Failed { code, details, .. } => plugin_failure(&code, message, details),
        }
    }
}

/// The plugin's code as a kind; a word that is not on the list is kept in the details.
fn plugin_failure(code: &str, message: String, details: Value) -> Failure {
    match known_code(code) {
        Some(kind) => Failure::new(kind, Blame::Plugin, message).with_details(details),
        None => Failure::new(FailureKind::Invalid, Blame::Plugin, message)
            .with_details(json!({ "code": code, "details": details })),
    }
}

/// Kinds that a plugin may use. The others are the engine's to say.
pub(crate) fn known_code(code: &str) -> Option<FailureKind> {
    FailureKind::from_name(code)
        .filter(|kind| !matches!(kind, FailureKind::Cancelled | FailureKind::Unknown | FailureKind::Failed))
}
