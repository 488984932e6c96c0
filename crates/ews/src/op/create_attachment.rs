//! [CreateAttachment](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createattachment-operation):
//! hangs files and items on an item, whose version is another afterwards.

use exchange::{Error, ErrorKind, ItemRef, Mailbox};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::object::{NewAttachment, write_version};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// An attachment that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attached {
    /// Its id.
    pub id: String,
    /// The item it hangs on, with its version of now. What is done next with the item needs this one.
    pub item: Option<ItemRef>,
}

/// Attachments to be made.
pub(crate) struct CreateAttachment<'a> {
    pub(crate) item: &'a ItemRef,
    pub(crate) attachments: &'a [NewAttachment],
}

impl Operation for CreateAttachment<'_> {
    const NAME: &'static str = "CreateAttachment";
    const ANSWER: &'static str = "CreateAttachmentResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Attached, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:CreateAttachment", &[]);
        write_version(out, "m:ParentItemId", self.item);
        out.open("m:Attachments", &[]);
        self.attachments.iter().for_each(|attachment| attachment.write(out, 0));
        out.close("m:Attachments");
        out.close("m:CreateAttachment");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        read_attached(reader, self.attachments.len()).await
    }
}

/// Reads what became of so many attachments.
pub(crate) async fn read_attached<P: Pull>(
    reader: &mut Reader<P>,
    asked: usize,
) -> Result<Vec<Result<Attached, Error>>, Failure> {
    let mut results = Results::new(asked);
    while reader.child().await? {
        results.place(reader)?;
        let mut message = Message::begin(reader);
        let mut made = None;
        while reader.child().await? {
            match reader.name() {
                b"Attachments" => {
                    while reader.child().await? {
                        made = attached(reader).await?.or(made);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        results.push(message.finish(CreateAttachment::NAME, CreateAttachment::EFFECT).and_then(|()| {
            made.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    "CreateAttachment: it is done, but the server gave no id; list the attachments to go on",
                )
            })
        }));
    }
    results.finish(reader)
}

/// Reads the current element, which is an attachment.
async fn attached<P: Pull>(reader: &mut Reader<P>) -> Result<Option<Attached>, Failure> {
    let mut found = None;
    while reader.child().await? {
        if reader.name() == b"AttachmentId" {
            let root = reader.attribute("RootItemId");
            let change_key = reader.attribute("RootItemChangeKey");
            let item = root.map(|id| ItemRef { id, change_key });
            found = reader.attribute("Id").map(|id| Attached { id, item });
        }
        reader.skip().await?;
    }
    Ok(found)
}

impl EwsClient {
    /// Hangs attachments on an item, one result for each. Each changes the version of the item; the last result
    /// has the one of now.
    ///
    /// # Errors
    /// Where the whole request failed or nothing could be sent; what happened to a single attachment is in its
    /// result.
    pub async fn create_attachments(
        &self,
        mailbox: &Mailbox,
        item: &ItemRef,
        attachments: &[NewAttachment],
    ) -> Result<Vec<Result<Attached, Error>>, Error> {
        if attachments.is_empty() {
            return Ok(Vec::new());
        }
        self.call(mailbox, CreateAttachment { item, attachments }).await
    }
}
