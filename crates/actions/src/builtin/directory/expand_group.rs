//! `directory.expand_group`: who is in a distribution group, and with `recursive` in the groups inside it.
//!
//! Groups hold each other and themselves in real organisations, so each is asked about once. Left out: personal lists
//! of a mailbox, and members the server hides, which it does not tell from a group that is not there.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::failure::need;
use crate::input::{ADDRESS, Line, MailboxName};
use crate::members::{Members, expand};

/// Expands a group.
pub(crate) struct ExpandGroup;

/// Input of `directory.expand_group`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox whose directory is asked; every mailbox of an organisation has the same.
    mailbox: MailboxName,
    /// The address of the group.
    #[schemars(extend("pattern" = ADDRESS, "maxLength" = 320))]
    group: Line,
    /// Also expand the groups inside. Then `members` holds no groups: those are in `groups`.
    #[serde(default)]
    recursive: bool,
    /// How many members to give at most.
    #[serde(default = "ten_thousand")]
    #[schemars(range(min = 1, max = 10000))]
    limit: u32,
}

fn ten_thousand() -> u32 {
    10_000
}

impl TypedAction<Ports> for ExpandGroup {
    const INFO: ActionInfo = ActionInfo {
        name: "directory.expand_group",
        summary: "List the members of a distribution group",
        description: "Lists who is in a distribution group; with `recursive` also who is in the groups inside it, \
                      each once, with how deep they are. Groups that hold themselves are told in `cycles` and do \
                      not matter otherwise. A group that is not there, or whose members are hidden, is a failure; \
                      one inside another is listed with `expanded: false`.",
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
        ports: &["groups"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Members;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Members, Failure> {
        let port = need(&ports.groups, Self::INFO.name, "groups")?;
        let limit = usize::try_from(input.limit).unwrap_or(usize::MAX);
        expand(port, input.mailbox.get(), input.group.as_str(), input.recursive, limit).await
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Everybody a mail to a group went to".to_owned(),
            input: json!({ "mailbox": "soc@corp.example", "group": "all@corp.example", "recursive": true }),
            output: json!(null),
        }]
    }
}
