//! The built-in actions as one source of the engine.

use action_api::Catalogue;
use action_api::plan::Failure;
use exchange::Ports;

use crate::BUILTIN;

/// Every built-in action, over the connections that `resolve` knows.
///
/// `resolve` is given the name of the step's connection, or `None` if the step names none, and gives the ports
/// that connection has. A port that is missing there is a `permission_denied` failure of the actions that need
/// it and of no other.
pub fn exchange(
    resolve: impl Fn(Option<&str>) -> Result<Ports, Failure> + Send + Sync + 'static,
) -> Catalogue<Ports> {
    Catalogue::new(BUILTIN, resolve)
}
