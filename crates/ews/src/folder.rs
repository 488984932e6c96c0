//! From a folder as an author names it to one the server can be asked about.

use exchange::{Error, ErrorKind, FolderRef, Mailbox, WellKnownFolder};

use crate::client::EwsClient;
use crate::condition::Condition;
use crate::object::FolderAt;
use crate::op::find_folder::{FindFolder, FolderTraversal};
use crate::property::Property;
use crate::xml::Writer;

/// How many folders that differ only in case are looked at.
const MOST: u32 = 16;

/// A folder as the wire names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// By a [well-known name](https://learn.microsoft.com/exchange/client-developer/web-service-reference/distinguishedfolderid).
    Known(&'static str),
    /// By its id.
    Id(String),
}

impl Target {
    /// Writes the id element.
    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Target::Known(name) => out.known_folder(name),
            Target::Id(id) => out.empty("t:FolderId", &[("Id", id)]),
        }
    }
}

impl EwsClient {
    /// Finds what `folder` names.
    pub(crate) async fn target_at(&self, mailbox: &Mailbox, folder: &FolderAt) -> Result<Target, Error> {
        match folder {
            FolderAt::Folder(folder) => self.target(mailbox, folder).await,
            FolderAt::Named(name) => Ok(Target::Known(name)),
        }
    }

    /// Finds what `folder` names. A path costs one request a segment.
    pub(crate) async fn target(&self, mailbox: &Mailbox, folder: &FolderRef) -> Result<Target, Error> {
        match folder {
            FolderRef::WellKnown(WellKnownFolder::AllItems) => {
                // No well-known name: a search folder that Exchange keeps beside the folders a user sees.
                self.step(mailbox, Target::Known("root"), "AllItems", folder).await
            }
            FolderRef::WellKnown(known) => Ok(Target::Known(known.as_str())),
            FolderRef::Id(id) => Ok(Target::Id(id.clone())),
            FolderRef::Path(path) => {
                let mut at = Target::Known("msgfolderroot");
                for name in path {
                    at = self.step(mailbox, at, name, folder).await?;
                }
                Ok(at)
            }
        }
    }

    /// The folder called `name` directly below `parent`. An exact name goes before one in other case.
    async fn step(
        &self,
        mailbox: &Mailbox,
        parent: Target,
        name: &str,
        whole: &FolderRef,
    ) -> Result<Target, Error> {
        let condition = Some(Condition::Same(Property::Field("folder:DisplayName"), name.into()));
        let traversal = FolderTraversal::Shallow;
        let step = FindFolder { parent: &parent, traversal, condition, offset: 0, limit: MOST };
        let found = self.call(mailbox, step).await?.folders;
        let found: Vec<(String, String)> =
            found.into_iter().map(|folder| (folder.id, folder.name.unwrap_or_default())).collect();
        let exact = found.iter().position(|(_, display)| display == name);
        let mut found = found.into_iter().filter(|(_, display)| same(display, name) || exact.is_some());
        let first = found.nth(exact.unwrap_or(0));
        let others = exact.is_none() && found.next().is_some();
        match first {
            Some((id, _)) if !others => Ok(Target::Id(id)),
            Some(_) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{mailbox} has more than one folder called \"{name}\" in {whole}, in different case; write it exactly"
                ),
            )),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "{mailbox} has no folder \"{name}\" in {whole}; check the path, which begins below the top of the mailbox"
                ),
            )),
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
