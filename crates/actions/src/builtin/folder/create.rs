//! `folder.create`: makes a folder, or finds that it is there already.
//!
//! A folder that is there counts as done and is never taken away by an undo. So does one that an attempt made which was
//! cut off: nobody can tell it from a folder somebody else made, and an empty folder too many does less harm than one
//! too few. Left out: making those above it, and folders for anything but mail.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction};
use exchange::port::Folders;
use exchange::{ErrorKind, Folder, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::folders::{Shown, shown};
use crate::input::{FolderName, Line, MailboxName};

/// Makes a folder.
pub(crate) struct Create;

/// Input of `folder.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// The mailbox.
    mailbox: MailboxName,
    /// The name of the folder. One with a `/` in it can be named by its id only.
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$", "maxLength" = 255))]
    name: Line,
    /// The folder it is made in: a well-known name (`inbox`; `msgfolderroot` is the top), a path, or `id:` and the
    /// server's id. It must exist.
    #[serde(default = "FolderName::inbox")]
    parent: FolderName,
}

/// Output of `folder.create`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    /// The mailbox.
    mailbox: String,
    /// The folder.
    folder: Shown,
    /// Whether this step made it; false if it was there already.
    created: bool,
}

/// The folder of this name that is there already.
async fn existing(port: &dyn Folders, input: &Input) -> Result<Folder, Failure> {
    let below = port.below(input.mailbox.get(), input.parent.get(), false).await.map_err(from_exchange)?;
    let wanted = input.name.as_str().trim();
    let exact = below.folders.iter().position(|folder| folder.name == wanted);
    let lower = wanted.to_lowercase();
    let at = exact.or_else(|| below.folders.iter().position(|folder| folder.name.to_lowercase() == lower));
    at.and_then(|at| below.folders.into_iter().nth(at)).ok_or_else(|| {
        let words = format!(
            "the server says that {} has a folder of this name in {}, and does not list it; see which folders there \
             are with folder.find",
            input.mailbox.get(),
            input.parent.get()
        );
        Failure::new(FailureKind::Conflict, Blame::Server, words)
    })
}

impl TypedAction<Ports> for Create {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.create",
        summary: "Make a folder in a mailbox",
        description: "Makes a folder for mail. If there is one of that name already, whatever its case, it is given \
                      back with `created: false` and nothing is changed. `undo` takes away a folder that the step \
                      made, while it is empty.",
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
        inverse: Some("folder.delete"),
        undo: &[(None, "moving the folder to Deleted Items, if the step made it and while it is empty")],
    };
    type Input = Input;
    type Output = Output;

    async fn run(ports: Ports, _: Context, input: Input) -> Result<Output, Failure> {
        let port = need(&ports.folders, Self::INFO.name, "folders")?;
        let mailbox = input.mailbox.get();
        let (folder, created) = match port.create(mailbox, input.parent.get(), input.name.as_str()).await {
            Ok(folder) => (folder, true),
            Err(error) if error.kind == ErrorKind::Conflict => (existing(port, &input).await?, false),
            Err(error) => return Err(from_exchange(error)),
        };
        // What was made is not lost because its path cannot be read.
        let folder = match shown(port, mailbox, folder.clone()).await {
            Ok(folder) => folder,
            Err(_) => Shown::new(folder, None),
        };
        Ok(Output { mailbox: mailbox.as_str().to_owned(), folder, created })
    }

    fn inverse(output: &Output) -> Option<Inverse> {
        let input = json!({ "mailbox": output.mailbox, "folder": output.folder.folder });
        output.created.then(|| Inverse::new("folder.delete", input))
    }

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "A place for reports that were dealt with".to_owned(),
            input: json!({ "mailbox": "soc@corp.example", "name": "Processed" }),
            output: json!(null),
        }]
    }
}
