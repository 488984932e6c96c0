//! [SyncFolderHierarchy](https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation):
//! which folders changed since a state that the server gave earlier.

use exchange::{Error, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder};
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::op::changes::{Change, Changes, changes};
use crate::xml::{Pull, Reader, Writer};

/// One change in the tree of folders.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncedFolder {
    /// It is new.
    Created(Folder),
    /// It changed: its name, its place, how much is in it.
    Updated(Folder),
    /// It is gone; by its id.
    Deleted(String),
}

/// What changed in the tree of folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncedFolders {
    /// The server's own note of what was told, to be given back with the next look. It means nothing here.
    pub state: String,
    /// Whether that was all; if not, ask again at once with the new state.
    pub complete: bool,
    /// The changes, in the server's order.
    pub changes: Vec<SyncedFolder>,
}

/// A look at what changed.
pub(crate) struct SyncFolderHierarchy<'a> {
    pub(crate) root: Option<&'a Target>,
    pub(crate) state: Option<&'a str>,
}

impl Operation for SyncFolderHierarchy<'_> {
    const NAME: &'static str = "SyncFolderHierarchy";
    const ANSWER: &'static str = "SyncFolderHierarchyResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = SyncedFolders;

    fn write(&self, out: &mut Writer) {
        out.open("m:SyncFolderHierarchy", &[]);
        folders::write_shape(out);
        if let Some(root) = self.root {
            folders::write_ids(out, "m:SyncFolderId", std::slice::from_ref(root));
        }
        if let Some(state) = self.state {
            out.exact("m:SyncState", state);
        }
        out.close("m:SyncFolderHierarchy");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<SyncedFolders, Failure> {
        let Changes { state, complete, changes } = changes(reader, self.state, Self::NAME).await?;
        Ok(SyncedFolders { state, complete, changes })
    }
}

impl Change for SyncedFolder {
    const ALL: &'static str = "IncludesLastFolderInRange";

    async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Self>, Failure> {
        let is_new = match reader.name() {
            b"Create" => true,
            b"Update" => false,
            b"Delete" => {
                let mut id = None;
                while reader.child().await? {
                    if reader.name() == b"FolderId" {
                        id = reader.attribute("Id");
                    }
                    reader.skip().await?;
                }
                let id = id.ok_or_else(|| reader.error(Reason::Missing("FolderId")))?;
                return Ok(Some(SyncedFolder::Deleted(id)));
            }
            _ => {
                reader.skip().await?;
                return Ok(None);
            }
        };
        let mut folder = None;
        while reader.child().await? {
            folder = Some(Folder::read(reader).await?);
        }
        let folder = folder.ok_or_else(|| reader.error(Reason::Missing("the folder of a change")))?;
        Ok(Some(if is_new { SyncedFolder::Created(folder) } else { SyncedFolder::Updated(folder) }))
    }
}

impl EwsClient {
    /// Which folders below `root` changed; of the whole mailbox without it. Without a state every folder is told as
    /// new. The state is the server's and opaque; after `ErrorInvalidSyncStateData` begin again without one.
    ///
    /// # Errors
    /// Where the folder is not there, the state is not the server's, or the request fails.
    pub async fn sync_folders(
        &self,
        mailbox: &Mailbox,
        root: Option<&FolderAt>,
        state: Option<&str>,
    ) -> Result<SyncedFolders, Error> {
        let root = match root {
            Some(root) => Some(self.target_at(mailbox, root).await?),
            None => None,
        };
        self.call(mailbox, SyncFolderHierarchy { root: root.as_ref(), state }).await
    }
}
