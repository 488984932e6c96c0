//! Which server of several a subscription is on, for an organisation that is told to have several.
//!
//! A subscription lives on one server. Who asks for affinity is given two cookies, one that names the server and one of
//! the load balancer before it; a later request without both lands on another server, which knows nothing of the
//! subscription. An organisation has one server, and none of this, unless it is told otherwise.
//!
//! <https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server>

use super::call::Call;
use super::routing::Routing;
use crate::model::store_error::{StoreError, Stored};

/// The cookie that names the server.
const SERVER: &str = "X-BackEndOverrideCookie";
/// The cookie of the load balancer.
const BALANCER: &str = "exchangecookie";

impl Routing {
    /// The server the cookies lead to: both name it, or the request lands anywhere.
    fn server(&self) -> Option<&str> {
        let server = self.cookie(SERVER)?;
        (self.cookie(BALANCER)? == balancer(server)).then_some(server)
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find_map(|(found, value)| (found == name).then_some(value.as_str()))
    }
}

/// What the load balancer calls a server.
fn balancer(server: &str) -> String {
    server.bytes().rev().map(|byte| format!("{byte:02x}")).collect()
}

impl Call<'_> {
    /// The server that a new subscription is on, where that matters. Who asks for it is told.
    pub(crate) fn place_subscription(&mut self) -> Option<String> {
        if !self.state.subscriptions.affinity {
            return None;
        }
        if let Some(server) = self.routing.server() {
            return Some(server.to_owned());
        }
        let server = self.state.subscriptions.next_server();
        if self.routing.prefers_affinity {
            self.cookies.push(format!("{BALANCER}={}; path=/; HttpOnly", balancer(&server)));
            self.cookies.push(format!("{SERVER}={server}; path=/; HttpOnly"));
        }
        Some(server)
    }

    /// Refuses a subscription that is on another server than the one the request came to.
    pub(crate) fn is_here(&self, subscription: &str) -> Stored<()> {
        match self.state.subscriptions.server_of(subscription) {
            Some(server) if self.routing.server() != Some(server) => {
                let text = "The specified subscription was not found.";
                Err(StoreError::new("ErrorSubscriptionNotFound", text))
            }
            _ => Ok(()),
        }
    }
}
