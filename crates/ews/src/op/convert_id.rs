//! [ConvertId](https://learn.microsoft.com/exchange/client-developer/web-service-reference/convertid-operation): the ids
//! of one face of Exchange as another one writes them.

use exchange::{Error, Mailbox};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::port::batch;
use crate::xml::{Pull, Reader, Writer};

/// A way to write an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdFormat {
    /// EWS, as Exchange 2007 before its service pack wrote it.
    EwsLegacyId,
    /// EWS.
    EwsId,
    /// MAPI, in base64.
    EntryId,
    /// MAPI, in hexadecimal digits, as events of add-ins have it.
    HexEntryId,
    /// The store's own.
    StoreId,
    /// Outlook on the web.
    OwaId,
}

impl IdFormat {
    /// Every one of them.
    pub const ALL: [IdFormat; 6] = [
        IdFormat::EwsLegacyId,
        IdFormat::EwsId,
        IdFormat::EntryId,
        IdFormat::HexEntryId,
        IdFormat::StoreId,
        IdFormat::OwaId,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            IdFormat::EwsLegacyId => "EwsLegacyId",
            IdFormat::EwsId => "EwsId",
            IdFormat::EntryId => "EntryId",
            IdFormat::HexEntryId => "HexEntryId",
            IdFormat::StoreId => "StoreId",
            IdFormat::OwaId => "OwaId",
        }
    }

    fn of(name: &str) -> Option<Self> {
        IdFormat::ALL.into_iter().find(|format| format.as_str() == name.trim())
    }
}

/// What an id is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdOf {
    /// Something in a mailbox.
    Mailbox {
        /// The id.
        id: String,
        /// The address of the mailbox.
        mailbox: String,
        /// Whether it is in the archive.
        is_archive: bool,
    },
    /// A public folder.
    PublicFolder {
        /// Its id.
        folder: String,
    },
    /// Something in a public folder.
    PublicFolderItem {
        /// The id of the folder.
        folder: String,
        /// The id of the item.
        item: String,
    },
}

/// An id with the way it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternateId {
    /// How it is written.
    pub format: IdFormat,
    /// What it is of.
    pub of: IdOf,
}

impl AlternateId {
    /// The id of something in a mailbox, as EWS writes it.
    pub fn ews(mailbox: &Mailbox, id: impl Into<String>) -> Self {
        let of = IdOf::Mailbox { id: id.into(), mailbox: mailbox.as_str().to_owned(), is_archive: false };
        AlternateId { format: IdFormat::EwsId, of }
    }

    fn write(&self, out: &mut Writer) {
        let format = ("Format", self.format.as_str());
        match &self.of {
            IdOf::Mailbox { id, mailbox, is_archive } => {
                let archive = if *is_archive { "true" } else { "false" };
                let attributes = [format, ("Id", id), ("Mailbox", mailbox), ("IsArchive", archive)];
                out.empty("t:AlternateId", &attributes);
            }
            IdOf::PublicFolder { folder } => {
                out.empty("t:AlternatePublicFolderId", &[format, ("FolderId", folder)]);
            }
            IdOf::PublicFolderItem { folder, item } => {
                let attributes = [format, ("FolderId", folder), ("ItemId", item)];
                out.empty("t:AlternatePublicFolderItemId", &attributes);
            }
        }
    }

    /// Reads the current element to its end. What it is of follows from its attributes: servers write every kind as the
    /// same element.
    async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<AlternateId, Failure> {
        let id = AlternateId::of_attributes(reader)?;
        reader.skip().await?;
        Ok(id)
    }

    fn of_attributes<P: Pull>(reader: &Reader<P>) -> Result<AlternateId, Failure> {
        let attribute = |name: &str| reader.attribute(name);
        let format = attribute("Format").as_deref().and_then(IdFormat::of);
        let format = format.ok_or_else(|| reader.error(Reason::Value("the Format of AlternateId")))?;
        let of = match (attribute("Id"), attribute("FolderId"), attribute("ItemId")) {
            (Some(id), _, _) => IdOf::Mailbox {
                id,
                mailbox: attribute("Mailbox").unwrap_or_default(),
                is_archive: matches!(attribute("IsArchive").as_deref(), Some("true" | "1")),
            },
            (None, Some(folder), Some(item)) => IdOf::PublicFolderItem { folder, item },
            (None, Some(folder), None) => IdOf::PublicFolder { folder },
            (None, None, _) => return Err(reader.error(Reason::Missing("the Id of AlternateId"))),
        };
        Ok(AlternateId { format, of })
    }
}

/// Ids to be written anew.
pub(crate) struct ConvertId<'a> {
    pub(crate) ids: &'a [AlternateId],
    pub(crate) to: IdFormat,
}

impl Operation for ConvertId<'_> {
    const NAME: &'static str = "ConvertId";
    const ANSWER: &'static str = "ConvertIdResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<AlternateId, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:ConvertId", &[("DestinationFormat", self.to.as_str())]);
        out.open("m:SourceIds", &[]);
        for id in self.ids {
            id.write(out);
        }
        out.close("m:SourceIds");
        out.close("m:ConvertId");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.ids.len());
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            let mut converted = None;
            while reader.child().await? {
                match reader.name() {
                    b"AlternateId" | b"AlternatePublicFolderId" | b"AlternatePublicFolderItemId" => {
                        converted = Some(AlternateId::read(reader).await?);
                    }
                    _ => message.other(reader).await?,
                }
            }
            results.push(match (message.finish(Self::NAME, Self::EFFECT), converted) {
                (Err(error), _) => Err(error),
                (Ok(()), Some(converted)) => Ok(converted),
                (Ok(()), None) => return Err(reader.error(Reason::Missing("AlternateId"))),
            });
        }
        results.finish(reader)
    }
}

impl EwsClient {
    /// Writes ids in another way: one result each, in order.
    ///
    /// # Errors
    /// Where the whole request fails; an id that is none has that as its own result.
    pub async fn convert_ids(
        &self,
        mailbox: &Mailbox,
        ids: &[AlternateId],
        to: IdFormat,
    ) -> Result<Vec<Result<AlternateId, Error>>, Error> {
        batch::run(ids, self.batch(), |ids| self.call(mailbox, ConvertId { ids, to })).await
    }
}
