//! `folder.get`: what one folder is, where it is, and how much is in it.
//!
//! Left out: what is in it, which is `mail.list_folder`, and who may see it.

use action_api::plan::{Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, TypedAction};
use exchange::Ports;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::folders::{Shown, shown};
use crate::input::{FolderName, MailboxName};

/// Looks at a folder.
pub(crate) struct Get;

/// Input of `folder.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox the folder is in.
    mailbox: MailboxName,
    /// Which folder: a well-known name (`junkemail`), a path (`Inbox/Processed`), or `id:` and the server's id.
    /// `allitems` is everything in the mailbox, except what was deleted for good or is only recoverable.
    #[serde(default = "FolderName::all_items")]
    folder: FolderName,
}

/// Output of `folder.get`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The folder.
    folder: Shown,
}

impl TypedAction<Ports> for Get {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.get",
        summary: "Look at one folder of a mailbox",
        description: "Gives the id, name, path and counts of one folder, its well-known name whatever the language \
                      of the mailbox, and whether mail clients hide it. A folder that is not there is a failure.",
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
        let mailbox = input.mailbox.get();
        let folder = port.folder(mailbox, input.folder.get()).await.map_err(from_exchange)?;
        let folder = shown(port, mailbox, folder).await?;
        Ok(Output { mailbox: mailbox.as_str().to_owned(), folder })
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "How much is in the junk folder?".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "folder": "junkemail" }),
            output: json!(null),
        }]
    }
}
