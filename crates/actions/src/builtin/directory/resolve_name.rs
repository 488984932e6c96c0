//! `directory.resolve_name`: who in the organisation's directory is called so.
//!
//! Only the directory is asked and never the contacts of a mailbox: an intruder can write those. Left out: phone
//! numbers, groups' members.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::input::{Line, MailboxName};

/// Resolves a name.
pub(crate) struct ResolveName;

/// Input of `directory.resolve_name`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox whose directory is asked; every mailbox of an organisation has the same.
    mailbox: MailboxName,
    /// A name, the beginning of one, an alias or an address. It is compared and never read as a query.
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$", "maxLength" = 255))]
    name: Line,
}

/// Output of `directory.resolve_name`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// Who it may be; empty if nobody is called so. At most 100.
    #[schemars(length(max = 1000))]
    entries: Vec<Entry>,
    /// Whether it is exactly one.
    unique: bool,
    /// Whether there are more than `entries` holds.
    truncated: bool,
}

/// Somebody, or something, in the directory.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Display name, as the directory has it.
    display_name: String,
    /// Address.
    address: String,
    /// `SMTP` for an address of the internet.
    routing_type: String,
    /// What it is: `Mailbox`, `PublicDL` (a group), `Contact`, `PublicFolder`, `GroupMailbox`, `Unknown`.
    kind: String,
}

impl TypedAction<Ports> for ResolveName {
    const INFO: ActionInfo = ActionInfo {
        name: "directory.resolve_name",
        summary: "Look a name up in the directory",
        description: "Gives whoever in the organisation's directory has this name, alias or address, or one that \
                      begins so. Contacts that people keep for themselves are not looked at. Nobody is an empty \
                      answer and no failure.",
        effect: Effect::Enrichment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
        ],
        connection: Some("exchange"),
        ports: &["directory"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.directory, Self::INFO.name, "directory")?;
        let found = port.resolve(input.mailbox.get(), input.name.as_str()).await.map_err(from_exchange)?;
        let entries: Vec<Entry> = found
            .entries
            .into_iter()
            .map(|entry| Entry {
                display_name: entry.name,
                address: entry.address,
                routing_type: entry.routing_type,
                kind: entry.kind,
            })
            .collect();
        Ok(Output { unique: entries.len() == 1 && !found.truncated, entries, truncated: found.truncated })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Whose name does a sender use?".to_owned(),
            input: json!({ "mailbox": "soc@corp.example", "name": "Alice Liddell" }),
            output: json!(null),
        }]
    }
}
