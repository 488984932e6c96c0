//! `folder.find`: the folders of a mailbox, as a tree in order.
//!
//! Hidden folders are told only if they are asked for: mail clients keep dozens, and intruders like them. Left out:
//! looking for names, which an expression does, and folders one may not read, which no server lists.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::folders::{Shown, names, tree};
use crate::input::{FolderName, MailboxName};

/// Looks for folders.
pub(crate) struct Find;

/// Input of `folder.find`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::input::no_null_defaults)]
pub(crate) struct Input {
    /// The mailbox.
    mailbox: MailboxName,
    /// Below which folder: a well-known name (`inbox`), a path (`Inbox/Processed`), or `id:` and the server's id. The
    /// top of what a user sees unless said otherwise.
    #[serde(default = "FolderName::top")]
    root: FolderName,
    /// How many levels: 1 is right below `root`. Every level if it is left out.
    #[serde(default, deserialize_with = "crate::input::present")]
    #[schemars(with = "u32", range(min = 1, max = 300))]
    depth: Option<u32>,
    /// List hidden folders too, and those in them.
    #[serde(default)]
    hidden: bool,
    /// How many folders to give at most.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 10000))]
    limit: u32,
}

fn thousand() -> u32 {
    1000
}

/// Output of `folder.find`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The folders below `root`, each behind the one it is in, those in one folder by name.
    #[schemars(length(max = 10000))]
    folders: Vec<Shown>,
    /// Whether there are more than `folders` holds.
    truncated: bool,
}

impl TypedAction<Ports> for Find {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.find",
        summary: "List the folders of a mailbox",
        description: "Lists the folders below one folder, or of the whole mailbox, with their ids, paths and counts. \
                      Folders that mail clients hide are listed with `hidden: true`. Folders that the account may \
                      not read are not shown by the server.",
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
        ports: &["folders"],
        inverse: None,
        undo: &[],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.folders, Self::INFO.name, "folders")?;
        let (mailbox, root) = (input.mailbox.get(), input.root.get());
        let top = port.folder(mailbox, root).await.map_err(from_exchange)?;
        let above = names(port, mailbox, &top).await?;
        let depth = input.depth.map_or(usize::MAX, |depth| usize::try_from(depth).unwrap_or(usize::MAX));
        let found = port.below(mailbox, root, depth > 1).await.map_err(from_exchange)?;
        let mut folders: Vec<Shown> = tree(&top.id, found.folders)
            .into_iter()
            .filter(|below| below.names.len() <= depth && (input.hidden || !below.hidden))
            .map(|below| {
                let names = above.as_ref().map(|above| [above.as_slice(), below.names.as_slice()].concat());
                Shown::new(below.folder, names.as_deref())
            })
            .collect();
        let limit = usize::try_from(input.limit).unwrap_or(usize::MAX);
        let truncated = found.truncated || folders.len() > limit;
        folders.truncate(limit);
        Ok(Output { mailbox: mailbox.as_str().to_owned(), folders, truncated })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "Every folder, those too that mail clients hide".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "hidden": true }),
                output: json!(null),
            },
            Example {
                title: "The folders right below the inbox".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "root": "inbox", "depth": 1 }),
                output: json!(null),
            },
        ]
    }
}
