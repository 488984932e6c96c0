//! `folder.delete`: moves a folder to Deleted Items, by default only an empty one.
//!
//! Never for good: between the look at what is in it and its deletion mail may arrive, and what was deleted by mistake
//! lies where its owner sees it. For the same reason a folder that lies there already is left alone: a server deletes
//! it for good, and a repeat after a crash would. Left out: the folders that every mailbox has, and emptying a folder.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::port::Folders;
use exchange::{ErrorKind, Folder, Ports, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::folders::{by_id, lies_in};
use crate::input::{FolderName, MailboxName};

/// Deletes a folder.
pub(crate) struct Delete;

/// Input of `folder.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-deletes" = true))]
pub(crate) struct Input {
    /// The mailbox the folder is in.
    mailbox: MailboxName,
    /// Which folder: a path (`Inbox/Processed`), or `id:` and the server's id.
    folder: FolderName,
    /// What to do with a folder that has items or other folders in it: `fail`, or `delete` it with everything.
    #[serde(default)]
    if_not_empty: IfNotEmpty,
}

/// What to do with a folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IfNotEmpty {
    /// Leave it alone and say so.
    #[default]
    Fail,
    /// Delete it with everything in it.
    Delete,
}

/// Output of `folder.delete`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// `deleted`: by this step. `already_gone`: the mailbox had no such folder, or it was in Deleted Items already.
    result: Fate,
    /// The name it had; null if it was gone already.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// The folder it was in, in the form `id:…`.
    parent: Option<String>,
    /// How many items were in it, without those in folders below.
    total_count: u64,
    /// How many folders were right below it.
    children_count: u64,
}

/// What became of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// By this step.
    Deleted,
    /// The mailbox had no such folder, or it was in Deleted Items already.
    AlreadyGone,
}

/// There is no such folder, which is what was asked for; unless there is no such mailbox, which is not.
async fn missing(port: &dyn Folders, input: &Input) -> Result<Output, Failure> {
    port.folder(input.mailbox.get(), FolderName::top().get()).await.map_err(from_exchange)?;
    Ok(Output {
        mailbox: input.mailbox.get().as_str().to_owned(),
        result: Fate::AlreadyGone,
        name: None,
        parent: None,
        total_count: 0,
        children_count: 0,
    })
}

/// Refuses what is not to be deleted.
fn check(input: &Input, folder: &Folder) -> Result<(), Failure> {
    let mailbox = input.mailbox.get();
    if let Some(name) = &folder.well_known {
        let words =
            format!("folder.delete: `{name}` is a folder that every mailbox has; nothing was deleted");
        return Err(invalid(words));
    }
    if input.if_not_empty == IfNotEmpty::Delete || (folder.total == 0 && folder.children == 0) {
        return Ok(());
    }
    let words = format!(
        "the folder {} of {mailbox} has {} items and {} folders in it, and nothing was deleted; see what they are \
         with mail.list_folder and folder.find, or set `if_not_empty: delete`",
        input.folder.get(),
        folder.total,
        folder.children
    );
    Err(Failure::new(FailureKind::Conflict, Blame::Server, words))
}

impl TypedAction<Ports> for Delete {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.delete",
        summary: "Delete a folder of a mailbox",
        description: "Moves a folder to Deleted Items. A folder with something in it is left alone, and the step \
                      fails with `conflict`, unless `if_not_empty: delete` is set: then everything in it goes with \
                      it, and no undo brings that back; people find it in Deleted Items. A folder that is not there \
                      any more, or lies in Deleted Items, counts as done. The folders that every mailbox has are refused.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::PermissionDenied,
            FailureKind::Invalid,
            FailureKind::Conflict,
            FailureKind::Unknown,
        ],
        connection: Some("exchange"),
        ports: &["folders"],
        inverse: Some("folder.create"),
        undo: &[(Some(("if_not_empty", "fail")), "making the empty folder again, under a new id")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.folders, Self::INFO.name, "folders")?;
        let mailbox = input.mailbox.get();
        let folder = match port.folder(mailbox, input.folder.get()).await {
            Err(error) if error.kind == ErrorKind::NotFound => return missing(port, &input).await,
            other => other.map_err(from_exchange)?,
        };
        if lies_in(port, mailbox, &folder, WellKnownFolder::DeletedItems).await? {
            return missing(port, &input).await;
        }
        check(&input, &folder)?;
        match port.discard(mailbox, &exchange::FolderRef::Id(folder.id)).await {
            Err(error) if error.kind == ErrorKind::NotFound => return missing(port, &input).await,
            other => other.map_err(from_exchange)?,
        }
        Ok(Output {
            mailbox: mailbox.as_str().to_owned(),
            result: Fate::Deleted,
            name: Some(folder.name),
            parent: folder.parent_id.as_deref().map(by_id),
            total_count: folder.total,
            children_count: folder.children,
        })
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let (name, parent) = (output.name.as_ref()?, output.parent.as_ref()?);
        let was_empty = output.total_count == 0 && output.children_count == 0;
        let input = json!({ "mailbox": output.mailbox, "name": name, "parent": parent });
        was_empty.then(|| Inverse::new("folder.create", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "An empty folder nobody needs".to_owned(),
            input: json!({ "mailbox": "alice@corp.example", "folder": "Inbox/Closed" }),
            output: json!(null),
        }]
    }
}
