//! Lines for the run's log.

use serde_json::Value;

use crate::backend;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For the plugin's author.
    Debug,
    /// For whoever reads the run.
    Info,
    /// Something is odd, the work goes on.
    Warn,
    /// Something failed.
    Error,
}

/// Writes one line. `fields` is an object or `null`. Going over the budget (256 KiB a call, 8 KiB a line unless the
/// manifest says otherwise) ends the call.
pub fn log(level: Level, message: &str, fields: &Value) {
    let fields = if fields.is_null() { String::new() } else { fields.to_string() };
    backend::emit(level, message, &fields);
}
