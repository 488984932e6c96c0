//! `mailbox.autodiscover`: finds the server of a mailbox.
//!
//! Left out: choosing where the log-in may go, which is configuration and no input.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::{Look, OtherMailbox, Ports, ServerFound};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::MailboxName;

/// How much of what servers said is listed.
const MOST: usize = 100;

/// Finds the server of a mailbox.
pub(crate) struct Autodiscover;

/// Input of `mailbox.autodiscover`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The address of the mailbox.
    mailbox: MailboxName,
}

/// Output of `mailbox.autodiscover`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The address that was answered for, after redirects.
    mailbox: String,
    /// The address of the service that has the mailbox: what a connection has as `url`.
    #[schemars(extend("x-untrusted" = true))]
    url: String,
    /// Whether the log-in of the connection may go there by what is configured.
    is_trusted: bool,
    /// The name of its owner.
    #[schemars(extend("x-untrusted" = true))]
    display_name: Option<String>,
    /// The version of the server, as it says.
    #[schemars(extend("x-untrusted" = true))]
    server_version: Option<String>,
    /// The ways of logging in that servers offered on the way, e.g. `NTLM`.
    #[schemars(length(max = 100), extend("x-untrusted" = true))]
    log_ins: Vec<String>,
    /// The mailbox that holds the tree of public folders.
    #[schemars(extend("x-untrusted" = true))]
    public_folder_mailbox: Option<String>,
    /// Other mailboxes that belong to the same person: archives, and those they may open.
    #[schemars(length(max = 100))]
    others: Vec<Other>,
    /// Redirects that were followed.
    #[schemars(length(max = 100), extend("x-untrusted" = true))]
    redirects: Vec<String>,
    /// Every place that was asked, in order, and what came of it.
    #[schemars(length(max = 100))]
    attempts: Vec<Attempt>,
}

/// Another mailbox that belongs to somebody.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Other {
    /// What it is, as the server calls it, e.g. `Archive`.
    #[schemars(extend("x-untrusted" = true))]
    kind: String,
    /// What it is called.
    #[schemars(extend("x-untrusted" = true))]
    display_name: String,
    /// Its address.
    #[schemars(extend("x-untrusted" = true))]
    address: String,
    /// The address of its owner.
    #[schemars(extend("x-untrusted" = true))]
    owner: String,
}

impl From<OtherMailbox> for Other {
    fn from(other: OtherMailbox) -> Self {
        let OtherMailbox { kind, display_name, address, owner } = other;
        Other { kind, display_name, address, owner }
    }
}

/// One look at one place.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    /// Where.
    #[schemars(extend("x-untrusted" = true))]
    url: String,
    /// The HTTP status of the answer; null if none came.
    status: Option<u16>,
    /// What came of it: an answer, or why there was none.
    #[schemars(extend("x-untrusted" = true))]
    outcome: String,
}

impl From<Look> for Attempt {
    fn from(look: Look) -> Self {
        Attempt { url: look.place, status: look.status, outcome: look.outcome }
    }
}

impl From<ServerFound> for Output {
    fn from(found: ServerFound) -> Self {
        Output {
            mailbox: found.address.as_str().to_owned(),
            url: found.url,
            is_trusted: found.is_trusted,
            display_name: found.display_name,
            server_version: found.server_version,
            log_ins: found.log_ins.into_iter().take(MOST).collect(),
            public_folder_mailbox: found.public_folder_mailbox,
            others: found.others.into_iter().take(MOST).map(Other::from).collect(),
            redirects: found.redirects.into_iter().take(MOST).collect(),
            attempts: found.attempts.into_iter().take(MOST).map(Attempt::from).collect(),
        }
    }
}

impl TypedAction<Ports> for Autodiscover {
    const INFO: ActionInfo = ActionInfo {
        name: "mailbox.autodiscover",
        summary: "Find the server of a mailbox",
        description: "Finds the server of a mailbox by its address, and says what was tried on the way. The server of the \
                      connection is asked first, then the domain of the address. The log-in of the connection goes to \
                      its own server only; another domain is asked without one. Where no server is found, the step \
                      fails with `not_found`, and its message lists the places that were asked.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["discovery"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let discovery = need(&ports.discovery, Self::INFO.name, "discovery")?;
        let found = discovery.discover(input.mailbox.get()).await.map_err(from_exchange)?;
        Ok(Output::from(found))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Where a mailbox is".to_owned(),
            input: json!({ "mailbox": "alice@corp.example" }),
            output: json!(null),
        }]
    }
}
