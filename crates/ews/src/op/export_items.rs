//! [ExportItems](https://learn.microsoft.com/exchange/client-developer/web-service-reference/exportitems-operation): an
//! item as bytes that only Exchange understands, with everything in it. One a request, passed on as they come.

use std::io::Write;

use exchange::{Error, ItemRef, Mailbox};

use crate::answer::Message;
use crate::base64_stream::Decoder;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::{Operation, item_ids};
use crate::xml::{Pull, Reader, Writer};

/// A look at a whole item.
pub(crate) struct ExportItems<'a> {
    pub(crate) item: &'a ItemRef,
    pub(crate) out: &'a mut (dyn Write + Send),
}

impl Operation for ExportItems<'_> {
    const NAME: &'static str = "ExportItems";
    const ANSWER: &'static str = "ExportItemsResponse";
    const EFFECT: Effect = Effect::Reads;
    const STREAMS: bool = true;
    /// Bytes written.
    type Output = u64;

    fn write(&self, out: &mut Writer) {
        out.open("m:ExportItems", &[]);
        item_ids(out, std::slice::from_ref(self.item));
        out.close("m:ExportItems");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<u64, Failure> {
        let mut decoder = Decoder::new(self.out);
        let mut came = false;
        let mut messages = 0;
        while reader.child().await? {
            messages += 1;
            if messages > 1 {
                return Err(reader.error(Reason::Count { asked: 1, got: messages }));
            }
            let mut message = Message::begin(reader);
            while reader.child().await? {
                match reader.name() {
                    b"ItemId" => {
                        if reader.attribute("Id").is_some_and(|id| id != self.item.id) {
                            return Err(reader.error(Reason::OtherItem(1)));
                        }
                        reader.skip().await?;
                    }
                    b"Data" if !came => {
                        came = true;
                        reader.base64(&mut decoder).await?;
                    }
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
        }
        if !came {
            return Err(reader.error(Reason::Missing("Data")));
        }
        Ok(decoder.written())
    }
}

impl EwsClient {
    /// Writes an item to `out` in the form that [`EwsClient::upload_item`] takes, and gives the number of bytes. What was
    /// written before an error is of no use.
    ///
    /// # Errors
    /// Where the item is not there, the request fails, or `out` does.
    pub async fn export_item(
        &self,
        mailbox: &Mailbox,
        item: &ItemRef,
        out: &mut (dyn Write + Send),
    ) -> Result<u64, Error> {
        self.call(mailbox, ExportItems { item, out }).await
    }
}
