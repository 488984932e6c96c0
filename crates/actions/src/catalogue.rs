//! The built-in actions as one source of the engine.

use action_api::Catalogue;
use action_api::plan::Failure;
use exchange::Ports;

use crate::BUILTIN;

/// Every built-in action, over the connections that `resolve` knows.
///
/// `resolve` is given the name of the step's connection and gives the ports that connection has; it is not asked for
/// an action without one. A port that is missing there is a `permission_denied` failure of the actions that need
/// it and of no other.
pub fn exchange(
    resolve: impl Fn(Option<&str>) -> Result<Ports, Failure> + Send + Sync + 'static,
) -> Catalogue<Ports> {
    Catalogue::new(BUILTIN, move |name| match name {
        // An action of no connection has no ports and needs none.
        None => Ok(Ports::default()),
        named => resolve(named),
    })
}
