//! `folder.create`: makes a folder, or finds that it is there already.
//!
//! A folder that is there counts as done and is never taken away by an undo. So does one that an attempt made which was
//! cut off: nobody can tell it from a folder somebody else made, and an empty folder too many does less harm than one
//! too few. In several mailboxes it is made in each, and each says whether it was there. Left out: making those above it,
//! and folders for anything but mail.

use action_api::plan::{Blame, Effect, Failure, FailureKind, Repeat};
use action_api::{ActionInfo, Context, Example, Inverse, TypedAction, Work};
use exchange::port::Folders;
use exchange::{ErrorKind, Folder, Mailbox, Ports};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::{from_exchange, need};
use crate::folders::{Shown, shown};
use crate::in_each::{Back, InEach, Output, in_each};
use crate::input::{FolderName, Line};
use crate::several::Several;
use crate::verdict::{Done, Things};

/// Makes a folder.
pub(crate) struct Create;

/// Input of `folder.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The name of the folder. One with a `/` in it can be named by its id only.
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$", "maxLength" = 255))]
    name: Line,
    /// The folder it is made in: a well-known name (`inbox`; `msgfolderroot` is the top), a path, or `id:` and the
    /// server's id. It must exist.
    #[serde(default = "FolderName::inbox")]
    parent: FolderName,
}

/// Output of `folder.create`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Made {
    /// The folder; null if it could not be made, and beside the `results` of several mailboxes.
    #[schemars(extend("x-given" = "mailbox"))]
    folder: Option<Shown>,
    /// Whether this step made it; false if it was there already; null where `folder` is.
    #[schemars(extend("x-given" = "mailbox"))]
    created: Option<bool>,
}

/// The folder of this name that is there already.
async fn existing(port: &dyn Folders, mailbox: &Mailbox, input: &Wanted) -> Result<Folder, Failure> {
    let below = port.below(mailbox, input.parent.get(), false).await.map_err(from_exchange)?;
    let wanted = input.name.as_str().trim();
    let exact = below.folders.iter().position(|folder| folder.name == wanted);
    let lower = wanted.to_lowercase();
    let at = exact.or_else(|| below.folders.iter().position(|folder| folder.name.to_lowercase() == lower));
    at.and_then(|at| below.folders.into_iter().nth(at)).ok_or_else(|| {
        let words = format!(
            "the server says that {mailbox} has a folder of this name in {}, and does not list it; see which folders \
             there are with folder.find",
            input.parent.get()
        );
        Failure::new(FailureKind::Conflict, Blame::Server, words)
    })
}

impl Wanted {
    async fn make(&self, ports: &Ports, mailbox: &Mailbox) -> Result<Done<Made>, Failure> {
        let port = need(&ports.folders, Create::INFO.name, "folders")?;
        let (folder, created) = match port.create(mailbox, self.parent.get(), self.name.as_str()).await {
            Ok(folder) => (folder, true),
            Err(error) if error.kind == ErrorKind::Conflict => (existing(port, mailbox, self).await?, false),
            Err(error) => return Err(from_exchange(error)),
        };
        // What was made is not lost because its path cannot be read.
        let folder = match shown(port, mailbox, folder.clone()).await {
            Ok(folder) => folder,
            Err(_) => Shown::new(folder, None),
        };
        Ok(Done { already: !created, what: Made { folder: Some(folder), created: Some(created) } })
    }
}

impl InEach for Wanted {
    const SHARED: &'static [&'static str] = &[];
    const WORDS: (Things, &'static str) = (Things { many: "folders", id: "name" }, "made");
    type Told = Made;

    fn asked(&self) -> String {
        self.name.as_str().to_owned()
    }

    fn work<'a>(
        &'a self,
        ports: &'a Ports,
        _: &'a Context,
        mailbox: &'a Mailbox,
    ) -> Work<'a, Result<Done<Made>, Failure>> {
        Box::pin(self.make(ports, mailbox))
    }
}

impl TypedAction<Ports> for Create {
    const INFO: ActionInfo = ActionInfo {
        name: "folder.create",
        summary: "Make a folder in a mailbox, or in many",
        description: "Makes a folder for mail in one mailbox (`mailbox`), the same in many (`mailboxes`), or one of its \
                      own in each (`items`). If there is one of that name already, whatever its case, it is given \
                      back with `created: false` and nothing is changed. If some of many cannot be made the step \
                      fails and lists them, or says so in `failed` with `on_item_error: collect`; the others are \
                      made. `undo` takes away the folders that the step made, while they are empty.",
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
    type Input = Several<Wanted>;
    type Output = Output<Made>;

    async fn run(ports: Ports, context: Context, input: Self::Input) -> Result<Self::Output, Failure> {
        need(&ports.folders, Self::INFO.name, "folders")?;
        in_each(&ports, &context, input, Self::inverse).await
    }

    fn inverse(output: &Self::Output) -> Option<Inverse> {
        output.inverse::<super::delete::Wanted>("folder.delete", |_, made| match &made.folder {
            Some(folder) => Back::Input(json!({ "folder": folder.folder }), Vec::new()),
            None => Back::Nothing("it is not known which folder was made"),
        })
    }

    fn examples() -> Vec<Example> {
        vec![
            Example {
                title: "A place for reports that were dealt with".to_owned(),
                input: json!({ "mailbox": "soc@corp.example", "name": "Processed" }),
                output: json!(null),
            },
            Example {
                title: "A place for what a filter finds, in every mailbox".to_owned(),
                input: json!({ "mailboxes": ["alice@corp.example", "soc@corp.example"], "name": "Suspicious" }),
                output: json!(null),
            },
        ]
    }
}
