//! [UploadItems](https://learn.microsoft.com/exchange/client-developer/web-service-reference/uploaditems-operation): what
//! an export gave becomes an item again. One a request: a server takes requests of some 35 MB only. The bytes are read
//! while they go out, where the service can do that.

use std::sync::Arc;

use exchange::{Content, Error, ErrorKind, ItemRef, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::item::item_id;
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::outgoing::Payload;
use crate::xml::{Pull, Reader, Writer};

/// What becomes of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upload {
    /// A new item.
    New,
    /// This item gets their content.
    Over(ItemRef),
    /// This item gets their content, or a new one where it is gone.
    OverOrNew(ItemRef),
}

/// An item to be made of bytes.
pub(crate) struct UploadItems<'a> {
    pub(crate) folder: &'a str,
    pub(crate) upload: &'a Upload,
    pub(crate) data: Payload,
}

impl Operation for UploadItems<'_> {
    const NAME: &'static str = "UploadItems";
    const ANSWER: &'static str = "UploadItemsResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = ItemRef;

    fn payload(&self) -> Option<Payload> {
        Some(self.data.clone())
    }

    fn write(&self, out: &mut Writer) {
        let (action, item) = match self.upload {
            Upload::New => ("CreateNew", None),
            Upload::Over(item) => ("Update", Some(item)),
            Upload::OverOrNew(item) => ("UpdateOrCreate", Some(item)),
        };
        out.open("m:UploadItems", &[]);
        out.open("m:Items", &[]);
        out.open("t:Item", &[("CreateAction", action)]);
        out.empty("t:ParentFolderId", &[("Id", self.folder)]);
        if let Some(item) = item {
            match &item.change_key {
                Some(key) => out.empty("t:ItemId", &[("Id", &item.id), ("ChangeKey", key)]),
                None => out.empty("t:ItemId", &[("Id", &item.id)]),
            }
        }
        out.streamed("t:Data");
        out.close("t:Item");
        out.close("m:Items");
        out.close("m:UploadItems");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<ItemRef, Failure> {
        let mut found = None;
        let mut messages = 0;
        while reader.child().await? {
            messages += 1;
            if messages > 1 {
                return Err(reader.error(Reason::Count { asked: 1, got: messages }));
            }
            let mut message = Message::begin(reader);
            while reader.child().await? {
                match reader.name() {
                    b"ItemId" => found = Some(item_id(reader).await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
        }
        found.ok_or_else(|| reader.error(Reason::Missing("ItemId")))
    }
}

impl EwsClient {
    /// Makes an item in a folder of what [`EwsClient::export_item`] gave, and gives its reference. The bytes are copied;
    /// for many of them see [`EwsClient::upload_item_from`].
    ///
    /// # Errors
    /// Where the folder is not there, the bytes are no export, or the request fails.
    pub async fn upload_item(
        &self,
        mailbox: &Mailbox,
        folder: &FolderAt,
        upload: &Upload,
        data: &[u8],
    ) -> Result<ItemRef, Error> {
        self.upload_item_from(mailbox, folder, upload, Arc::new(data.to_vec()), data.len() as u64).await
    }

    /// The same with `size` bytes that are read when they are needed, from a file for example. Over a service that
    /// [streams](crate::Config::streams_requests) neither they nor the request are ever in memory as a whole.
    ///
    /// # Errors
    /// Where the folder is not there, the bytes cannot be read or are no export, or the request fails.
    pub async fn upload_item_from(
        &self,
        mailbox: &Mailbox,
        folder: &FolderAt,
        upload: &Upload,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Result<ItemRef, Error> {
        let data = Payload { content, size };
        let folder = self.folder_id(mailbox, folder).await?;
        self.call(mailbox, UploadItems { folder: &folder, upload, data }).await
    }

    /// The id of a folder; one that was named by a well-known name is asked for.
    async fn folder_id(&self, mailbox: &Mailbox, folder: &FolderAt) -> Result<String, Error> {
        match self.target_at(mailbox, folder).await? {
            Target::Id(id) => Ok(id),
            Target::Known(_) => {
                let found = self.get_folders(mailbox, std::slice::from_ref(folder)).await?;
                let found = found.into_iter().next().unwrap_or_else(|| {
                    Err(Error::new(ErrorKind::Invalid, format!("GetFolder at {mailbox}: there is no result")))
                });
                Ok(found?.id)
            }
        }
    }
}
