//! `mailbox.list_searchable`: the mailboxes that the account of a connection may search.
//!
//! Meant for some thousand mailboxes: the server lists all at once. Left out: what only one kind of server knows of a
//! mailbox, such as its name in the older directory.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::input::{Line, MailboxName};

/// Lists mailboxes.
pub(crate) struct ListSearchable;

/// Input of `mailbox.list_searchable`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox whose directory is asked; every mailbox of an organisation has the same.
    mailbox: MailboxName,
    /// A name, an alias or an address, or with `*` behind it the beginning of one. Everything is listed without it.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "Line", extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"))]
    filter: Option<Line>,
    /// List the members of the group that `filter` names instead of the group. Needs a `filter` without `*`.
    #[serde(default)]
    expand_groups: bool,
}

/// Output of `mailbox.list_searchable`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailboxes and groups.
    #[schemars(length(max = 100000))]
    mailboxes: Vec<Searchable>,
    /// Those the server knows of and cannot reach.
    #[schemars(length(max = 100000))]
    failed: Vec<Unreachable>,
}

/// A mailbox or a group of them.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Searchable {
    /// Its address.
    address: String,
    /// Its name, as the directory has it.
    display_name: String,
    /// Whether it is a group.
    is_group: bool,
    /// Whether it is in another organisation.
    is_external: bool,
}

/// A mailbox that cannot be reached.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unreachable {
    /// Which, as the server names it.
    mailbox: String,
    /// What happened, in the server's words.
    message: String,
}

impl TypedAction<Ports> for ListSearchable {
    const INFO: ActionInfo = ActionInfo {
        name: "mailbox.list_searchable",
        summary: "List the mailboxes that may be searched",
        description: "Lists the mailboxes and groups that the account of the connection may search. On premises the \
                      account needs the management role Discovery Management. Exchange Online does not answer this \
                      over EWS any more and refuses it; `mail.search_mailboxes` takes a list or a group instead.",
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
        ports: &["mailboxes"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.mailboxes, Self::INFO.name, "mailboxes")?;
        let filter = input.filter.as_ref().map(Line::as_str);
        if input.expand_groups && filter.is_none_or(|filter| filter.contains('*')) {
            let words =
                "mailbox.list_searchable: `expand_groups` needs a `filter` that names one group, without `*`";
            return Err(invalid(words));
        }
        let found =
            port.searchable(input.mailbox.get(), filter, input.expand_groups).await.map_err(from_exchange)?;
        let mailbox = |one: exchange::SearchableMailbox| Searchable {
            address: one.address,
            display_name: one.name,
            is_group: one.is_group,
            is_external: one.is_external,
        };
        Ok(Output {
            mailboxes: found.mailboxes.into_iter().map(mailbox).collect(),
            failed: found
                .failed
                .into_iter()
                .map(|(mailbox, message)| Unreachable { mailbox, message })
                .collect(),
        })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Whose mailboxes can be searched for a campaign?".to_owned(),
            input: json!({ "mailbox": "soc@corp.example" }),
            output: json!(null),
        }]
    }
}
