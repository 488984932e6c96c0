//! `folder.delete`: moves a folder to Deleted Items, by default only an empty one.
//!
//! Never for good: between the look at what is in it and its deletion mail may arrive, and what was deleted by mistake
//! lies where its owner sees it. For the same reason a folder that lies there already is left alone: a server deletes
//! it for good, and a repeat after a crash would. Of several mailboxes each is looked at by itself: a folder that is empty
//! in one and full in another is deleted in the first and refused in the second. Left out: the folders that every mailbox
//! has, and emptying a folder.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::port::Folders;
use exchange::{ErrorKind, Folder, FolderRef, Mailbox, Ports, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, invalid, need};
use crate::folders::{by_id, lies_in};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::FolderName;
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Deletes a folder.
pub(crate) struct Delete;

/// Input of `folder.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-deletes" = true))]
pub(crate) struct Wanted {
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// `deleted`: by this step. `already_gone`: the mailbox had no such folder, or it was in Deleted Items already. Null
    /// if it could not be deleted, and beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    result: Option<Fate>,
    /// The name it had; null if it was gone already, and where `result` is.
    #[schemars(extend("x-untrusted" = true))]
    name: Option<String>,
    /// The folder it was in, in the form `id:…`; null if it was gone already, and where `result` is.
    parent: Option<String>,
    /// How many items were in it, without those in folders below; null where `result` is.
    #[schemars(extend("x-given" = "mailbox"))]
    total_count: Option<u64>,
    /// How many folders were right below it; null where `result` is.
    #[schemars(extend("x-given" = "mailbox"))]
    children_count: Option<u64>,
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
async fn missing(port: &dyn Folders, mailbox: &Mailbox) -> Result<Done<Deleted>, Failure> {
    port.folder(mailbox, FolderName::top().get()).await.map_err(from_exchange)?;
    let what = Deleted {
        result: Some(Fate::AlreadyGone),
        total_count: Some(0),
        children_count: Some(0),
        ..Deleted::default()
    };
    Ok(Done { already: true, what })
}

/// Refuses what is not to be deleted.
fn check(mailbox: &Mailbox, input: &Wanted, folder: &Folder) -> Result<(), Failure> {
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

impl Wanted {
    async fn delete(&self, ports: &Ports, mailbox: &Mailbox) -> Result<Done<Deleted>, Failure> {
        let port = need(&ports.folders, Delete::INFO.name, "folders")?;
        let folder = match port.folder(mailbox, self.folder.get()).await {
            Err(error) if error.kind == ErrorKind::NotFound => return missing(port, mailbox).await,
            other => other.map_err(from_exchange)?,
        };
        if lies_in(port, mailbox, &folder, WellKnownFolder::DeletedItems).await? {
            return missing(port, mailbox).await;
        }
        check(mailbox, self, &folder)?;
        match port.discard(mailbox, &FolderRef::Id(folder.id)).await {
            Err(error) if error.kind == ErrorKind::NotFound => return missing(port, mailbox).await,
            other => other.map_err(from_exchange)?,
        }
        let what = Deleted {
            result: Some(Fate::Deleted),
            name: Some(folder.name),
            parent: folder.parent_id.as_deref().map(by_id),
            total_count: Some(folder.total),
            children_count: Some(folder.children),
        };
        Ok(Done { already: false, what })
    }
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &["if_not_empty"];
    const WORDS: (Things, &'static str) = (Things { many: "folders", id: "folder" }, "deleted");
    type Told = Deleted;

    fn asked(&self) -> String {
        match self.folder.get() {
            FolderRef::Id(id) => by_id(id),
            other => other.to_string(),
        }
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        _: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Deleted>, Failure>> {
        Box::pin(self.delete(ports, mailbox))
    }
}

impl TypedAction<Ports> for Delete {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.delete",
        summary: "Delete a folder of a mailbox, or of many",
        description: "Moves a folder of one mailbox (`mailbox`), the same of many (`mailboxes`), or one of its own of \
                      each (`items`), to Deleted Items. A folder with something in it is left alone, and the step \
                      fails with `conflict`, unless `if_not_empty: delete` is set: then everything in it goes with \
                      it, and no undo brings that back; people find it in Deleted Items. A folder that is not there \
                      any more, or lies in Deleted Items, counts as done. The folders that every mailbox has are \
                      refused. If some of many cannot be deleted the step fails and lists them, or says so in \
                      `failed` with `on_item_error: collect`; the others are deleted.",
        effect: Effect::Containment,
        repeat: Repeat::Natural,
        errors: &[
            FailureKind::Transient,
            FailureKind::Throttled,
            FailureKind::NotFound,
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
    type Input = Several<Wanted>;
    type Output = Output<Deleted>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.folders, Self::INFO.name, "folders")?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<super::create::Wanted>("folder.create", |_, deleted| {
            match (&deleted.name, &deleted.parent) {
                _ if (deleted.total_count, deleted.children_count) != (Some(0), Some(0)) => {
                    Back::Nothing("it was not empty; what was in it is in Deleted Items")
                }
                (Some(name), Some(parent)) => {
                    Back::Input(json!({ "name": name, "parent": parent }), Vec::new())
                }
                _ => Back::Nothing("the server did not say where it was"),
            }
        })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "An empty folder nobody needs".to_owned(),
                input: json!({ "mailbox": "alice@corp.example", "folder": "Inbox/Closed" }),
                output: json!(null),
            },
            Example {
                title: "The folder a filter filled, in every mailbox that has it".to_owned(),
                input: json!({ "mailboxes": ["alice@corp.example", "soc@corp.example"], "folder": "Inbox/Closed" }),
                output: json!(null),
            },
        ]
    }
}
