//! The actions of this crate as one source of the engine.

use action_api::plan::Failure;
use action_api::{Catalogue, Entry};

use crate::Web;
use crate::builtin::{http, notify};

/// Every action, by name.
const ACTIONS: &[Entry<Web>] = &[
    Entry::of::<http::get::Get>(),
    Entry::of::<http::request::Request>(),
    Entry::of::<notify::slack::Slack>(),
    Entry::of::<notify::teams::Teams>(),
    Entry::of::<notify::webhook::Webhook>(),
];

/// Every action that speaks HTTP, over the connections that `resolve` knows.
pub fn web(resolve: impl Fn(Option<&str>) -> Result<Web, Failure> + Send + Sync + 'static) -> Catalogue<Web> {
    Catalogue::new(ACTIONS, resolve)
}
