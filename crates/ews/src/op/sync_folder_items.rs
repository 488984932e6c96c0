//! [SyncFolderItems](https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation):
//! what changed in a folder since a state that the server gave earlier.

use exchange::{Error, ErrorKind, ItemRef, Mailbox, MessageSummary};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders;
use crate::item::{Item, item_id};
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::op::changes::{Change, Changes, changes};
use crate::property::{self, SUMMARY};
use crate::xml::{Pull, Reader, Writer};

/// The most changes a server gives at a time.
const MOST: u16 = 512;

/// What is told of items that are new or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SyncDetail {
    /// Nothing but their ids, which is what a server is fastest with.
    #[default]
    Ids,
    /// What a search shows of them.
    Summaries,
}

/// What is asked of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSync {
    /// The folder.
    pub folder: FolderAt,
    /// The state of the last answer, unchanged; without one everything in the folder is told as new.
    pub state: Option<String>,
    /// How many changes come at most: 1 to 512.
    pub limit: u16,
    /// What is told of items.
    pub detail: SyncDetail,
    /// Whether hidden items are told, too.
    pub hidden: bool,
    /// Items that nothing is to be told of.
    pub ignore: Vec<ItemRef>,
}

impl ItemSync {
    /// The first look into a folder, as many changes at a time as there can be.
    pub fn first(folder: impl Into<FolderAt>) -> Self {
        ItemSync {
            folder: folder.into(),
            state: None,
            limit: MOST,
            detail: SyncDetail::Ids,
            hidden: false,
            ignore: Vec::new(),
        }
    }

    /// The look that follows an answer.
    #[must_use]
    pub fn after(self, answer: &SyncedItems) -> Self {
        ItemSync { state: Some(answer.state.clone()), ..self }
    }
}

/// One change in a folder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SyncedItem {
    /// It is new there.
    Created(MessageSummary),
    /// It changed.
    Updated(MessageSummary),
    /// It is there no more: deleted or moved away.
    Deleted(ItemRef),
    /// Nothing but its read mark changed.
    ReadFlag(ItemRef, bool),
}

/// What changed in a folder.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct SyncedItems {
    /// The server's own note of what was told, to be given back with the next look. It means nothing here.
    pub state: String,
    /// Whether that was all; if not, ask again at once with the new state.
    pub complete: bool,
    /// The changes, in the server's order.
    pub changes: Vec<SyncedItem>,
}

/// A look at what changed.
pub(crate) struct SyncFolderItems<'a> {
    pub(crate) folder: &'a Target,
    pub(crate) sync: &'a ItemSync,
}

impl Operation for SyncFolderItems<'_> {
    const NAME: &'static str = "SyncFolderItems";
    const ANSWER: &'static str = "SyncFolderItemsResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = SyncedItems;

    fn write(&self, out: &mut Writer) {
        let sync = self.sync;
        out.open("m:SyncFolderItems", &[]);
        out.open("m:ItemShape", &[]);
        out.word("t:BaseShape", "IdOnly");
        if sync.detail == SyncDetail::Summaries {
            property::write_list(out, &SUMMARY);
        }
        out.close("m:ItemShape");
        folders::write_ids(out, "m:SyncFolderId", std::slice::from_ref(self.folder));
        if let Some(state) = &sync.state {
            out.exact("m:SyncState", state);
        }
        if !sync.ignore.is_empty() {
            out.open("m:Ignore", &[]);
            for item in &sync.ignore {
                out.empty("t:ItemId", &[("Id", &item.id)]);
            }
            out.close("m:Ignore");
        }
        out.word("m:MaxChangesReturned", &sync.limit.to_string());
        out.word("m:SyncScope", if sync.hidden { "NormalAndAssociatedItems" } else { "NormalItems" });
        out.close("m:SyncFolderItems");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<SyncedItems, Failure> {
        let Changes { state, complete, changes } =
            changes(reader, self.sync.state.as_deref(), Self::NAME).await?;
        Ok(SyncedItems { state, complete, changes })
    }
}

impl Change for SyncedItem {
    const ALL: &'static str = "IncludesLastItemInRange";

    async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Self>, Failure> {
        let is_new = match reader.name() {
            b"Create" => true,
            b"Update" => false,
            b"Delete" => {
                let (item, _) = marked(reader).await?;
                return Ok(Some(SyncedItem::Deleted(item)));
            }
            b"ReadFlagChange" => {
                let (item, is_read) = marked(reader).await?;
                let is_read = is_read.ok_or_else(|| reader.error(Reason::Missing("IsRead")))?;
                return Ok(Some(SyncedItem::ReadFlag(item, is_read)));
            }
            _ => {
                reader.skip().await?;
                return Ok(None);
            }
        };
        let mut item = None;
        while reader.child().await? {
            item = Some(Item::read(reader, None).await?);
        }
        let item = item.ok_or_else(|| reader.error(Reason::Missing("the item of a change")))?;
        let summary = item.into_summary(reader)?;
        Ok(Some(if is_new { SyncedItem::Created(summary) } else { SyncedItem::Updated(summary) }))
    }
}

/// Reads an id and perhaps a read mark.
async fn marked<P: Pull>(reader: &mut Reader<P>) -> Result<(ItemRef, Option<bool>), Failure> {
    let (mut item, mut is_read) = (None, None);
    while reader.child().await? {
        match reader.name() {
            b"ItemId" => item = Some(item_id(reader).await?),
            b"IsRead" => is_read = Some(reader.boolean("IsRead").await?),
            _ => reader.skip().await?,
        }
    }
    let item = item.ok_or_else(|| reader.error(Reason::Missing("ItemId")))?;
    Ok((item, is_read))
}

impl EwsClient {
    /// What changed in a folder. The state is the server's and opaque; after `ErrorInvalidSyncStateData` begin again
    /// without one.
    ///
    /// # Errors
    /// Where the limit is none, the folder is not there, the state is not the server's, or the request fails.
    pub async fn sync_items(&self, mailbox: &Mailbox, sync: &ItemSync) -> Result<SyncedItems, Error> {
        if !(1..=MOST).contains(&sync.limit) {
            let words =
                format!("SyncFolderItems at {mailbox}: 1 to {MOST} changes can be asked for at a time");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let folder = &self.target_at(mailbox, &sync.folder).await?;
        self.call(mailbox, SyncFolderItems { folder, sync }).await
    }
}
