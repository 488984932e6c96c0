//! A connection as the actions see it.

use std::fmt;
use std::sync::Arc;

use action_api::plan::{Blame, Failure, FailureKind};
use transport::{Client, Secret};

use crate::base::Base;
use crate::hidden::Hidden;

/// What a connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A service, below a base address.
    Http,
    /// One address that takes JSON.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of a workflow of Microsoft Teams.
    Teams,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Http, Kind::Webhook, Kind::Slack, Kind::Teams];

    /// The word that configurations and playbooks use.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Webhook => "webhook",
            Kind::Slack => "slack",
            Kind::Teams => "teams",
        }
    }

    /// Whether its address is a secret: who knows it may post.
    pub fn address_is_secret(self) -> bool {
        self != Kind::Http
    }
}

/// What a connection is made of.
pub struct Settings {
    /// What it leads to.
    pub kind: Kind,
    /// Where to. Of a kind other than [`Kind::Http`] the whole address.
    pub base: Base,
    /// The client: with credentials bound to the origin of the base, addresses that may be connected to, time limits,
    /// proxy, TLS, and the largest answer.
    pub client: Client,
    /// A parameter of the query with a secret in it.
    pub query_key: Option<(String, Secret)>,
    /// Names of headers that a playbook may not set, because the connection does; in lower case.
    pub own_headers: Vec<String>,
    /// The key that a webhook is signed with.
    pub signing_key: Option<Secret>,
    /// Whether the other side takes two requests with the same idempotency key for one.
    pub deduplicates: bool,
    /// The largest body of a request, in bytes.
    pub max_request: u64,
    /// Everything that must not come back out of an answer.
    pub secrets: Vec<Secret>,
}

/// An open connection; cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

enum Inner {
    Real(Box<Site>),
    Simulated,
}

/// A real connection.
pub(crate) struct Site {
    pub(crate) kind: Kind,
    pub(crate) base: Base,
    pub(crate) client: Client,
    pub(crate) query_key: Option<(String, Secret)>,
    pub(crate) own_headers: Vec<String>,
    pub(crate) signing_key: Option<Secret>,
    pub(crate) deduplicates: bool,
    pub(crate) max_request: u64,
    pub(crate) hidden: Hidden,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Inner::Real(site) => site.kind.as_str(),
            Inner::Simulated => "simulated",
        };
        f.debug_tuple("Web").field(&kind).finish()
    }
}

impl Web {
    /// Over these settings. Nothing is sent before an action needs it.
    pub fn new(settings: Settings) -> Self {
        let mut hidden = Hidden::new(&settings.secrets);
        if settings.kind.address_is_secret() {
            hidden.add_address(&settings.base);
        }
        let Settings {
            kind,
            base,
            client,
            query_key,
            own_headers,
            signing_key,
            deduplicates,
            max_request,
            secrets: _,
        } = settings;
        let site = Site {
            kind,
            base,
            client,
            query_key,
            own_headers,
            signing_key,
            deduplicates,
            max_request,
            hidden,
        };
        Web(Arc::new(Inner::Real(Box::new(site))))
    }

    /// A connection of every kind that leads nowhere: services take every message, and a request over `http` fails,
    /// because nobody can say what a server would answer.
    pub fn simulated() -> Self {
        Web(Arc::new(Inner::Simulated))
    }

    /// The connection for an action that needs one of this kind; `None` if it is simulated.
    pub(crate) fn site(&self, action: &str, kind: Kind) -> Result<Option<&Site>, Failure> {
        match &*self.0 {
            Inner::Simulated => Ok(None),
            Inner::Real(site) if site.kind == kind => Ok(Some(site)),
            Inner::Real(site) => Err(Failure::new(
                FailureKind::Invalid,
                Blame::Host,
                format!(
                    "{action} needs a connection of kind `{}`, and the connection of this step is configured as `{}`",
                    kind.as_str(),
                    site.kind.as_str()
                ),
            )),
        }
    }

    /// The service for a request over `http`.
    pub(crate) fn server(&self, action: &str) -> Result<&Site, Failure> {
        self.site(action, Kind::Http)?.ok_or_else(|| {
            Failure::new(
                FailureKind::Invalid,
                Blame::Host,
                format!(
                    "{action}: the simulator has mailboxes and no web server; give this step a stub in a test case \
                     (`portcullis test`), or run without --sim"
                ),
            )
        })
    }
}
