//! One event.

use exchange::ItemRef;
use jiff::Timestamp;

use crate::failure::Failure;
use crate::time;
use crate::xml::{Pull, Reader};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventKind {
    /// A mail came in.
    NewMail,
    /// Something was made.
    Created,
    /// Something changed.
    Modified,
    /// Something was deleted for good.
    Deleted,
    /// Something went to another folder, the trash included.
    Moved,
    /// A second copy of something was made.
    Copied,
    /// When the owner is free or busy changed.
    FreeBusyChanged,
    /// Nothing: a sign that the subscription lives. It comes unasked and cannot be subscribed to.
    Status,
}

impl EventKind {
    /// Every kind that can be subscribed to.
    pub const ALL: [EventKind; 7] = [
        EventKind::NewMail,
        EventKind::Created,
        EventKind::Modified,
        EventKind::Deleted,
        EventKind::Moved,
        EventKind::Copied,
        EventKind::FreeBusyChanged,
    ];

    /// The name on the wire, of an element and of a kind to subscribe to.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::NewMail => "NewMailEvent",
            EventKind::Created => "CreatedEvent",
            EventKind::Modified => "ModifiedEvent",
            EventKind::Deleted => "DeletedEvent",
            EventKind::Moved => "MovedEvent",
            EventKind::Copied => "CopiedEvent",
            EventKind::FreeBusyChanged => "FreeBusyChangedEvent",
            EventKind::Status => "StatusEvent",
        }
    }

    /// The kind of the element with this name.
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        let known = EventKind::ALL.into_iter().chain([EventKind::Status]);
        known.into_iter().find(|kind| kind.as_str().as_bytes() == name)
    }
}

/// What something happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventObject {
    /// An item.
    Item(ItemRef),
    /// A folder, by its id.
    Folder(String),
}

/// One thing that [happened](https://learn.microsoft.com/exchange/client-developer/web-service-reference/notification-ex15websvcsotherref).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Where to go on after it; streams have none.
    pub watermark: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// What it happened to.
    pub object: Option<EventObject>,
    /// The id of the folder that it is in now.
    pub parent_id: Option<String>,
    /// Of a move: what it was called before. Of a copy: what it was copied from.
    pub old_object: Option<EventObject>,
    /// The id of the folder that one is or was in.
    pub old_parent_id: Option<String>,
    /// Of a changed folder: how many unread items it has.
    pub unread: Option<u64>,
}

impl Event {
    /// Reads the current element to its end.
    pub(crate) async fn read<P: Pull>(kind: EventKind, reader: &mut Reader<P>) -> Result<Event, Failure> {
        let mut event = Event {
            kind,
            watermark: None,
            at: None,
            object: None,
            parent_id: None,
            old_object: None,
            old_parent_id: None,
            unread: None,
        };
        while reader.child().await? {
            match reader.name() {
                b"Watermark" => event.watermark = Some(reader.text().await?),
                b"TimeStamp" => event.at = time::timestamp(&reader.text().await?),
                b"ItemId" => event.object = item(reader).await?,
                b"FolderId" => event.object = id(reader).await?.map(EventObject::Folder),
                b"ParentFolderId" => event.parent_id = id(reader).await?,
                b"OldItemId" => event.old_object = item(reader).await?,
                b"OldFolderId" => event.old_object = id(reader).await?.map(EventObject::Folder),
                b"OldParentFolderId" => event.old_parent_id = id(reader).await?,
                b"UnreadCount" => event.unread = Some(reader.size("UnreadCount").await?),
                _ => reader.skip().await?,
            }
        }
        Ok(event)
    }
}

async fn item<P: Pull>(reader: &mut Reader<P>) -> Result<Option<EventObject>, Failure> {
    let change_key = reader.attribute("ChangeKey").filter(|key| !key.is_empty());
    let id = id(reader).await?;
    Ok(id.map(|id| EventObject::Item(ItemRef { id, change_key })))
}

async fn id<P: Pull>(reader: &mut Reader<P>) -> Result<Option<String>, Failure> {
    let id = reader.attribute("Id").filter(|id| !id.is_empty());
    reader.skip().await?;
    Ok(id)
}
