//! [SendItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/senditem-operation):
//! sends a draft and keeps a copy, if one is wanted.

use exchange::{Error, ItemRef, Mailbox};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::object::{FolderAt, write_version};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A draft to be sent, with its current version.
pub(crate) struct SendItem<'a> {
    pub(crate) draft: &'a ItemRef,
    /// Where the copy goes; none is kept without it.
    pub(crate) copy: Option<&'a Target>,
}

/// Where copies go unless something else is wanted: of the mailbox that the draft is in, so that whoever looks for
/// it there finds it also where a delegate sends.
pub(crate) const SENT: Target = Target::Known("sentitems");

impl Operation for SendItem<'_> {
    const NAME: &'static str = "SendItem";
    const ANSWER: &'static str = "SendItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = ();

    fn write(&self, out: &mut Writer) {
        out.open("m:SendItem", &[("SaveItemToFolder", if self.copy.is_some() { "true" } else { "false" })]);
        out.open("m:ItemIds", &[]);
        write_version(out, "t:ItemId", self.draft);
        out.close("m:ItemIds");
        if let Some(copy) = self.copy {
            out.open("m:SavedItemFolderId", &[]);
            copy.write(out);
            out.close("m:SavedItemFolderId");
        }
        out.close("m:SendItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let mut results = Results::new(1);
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            while reader.child().await? {
                message.other(reader).await?;
            }
            results.push(message.finish(Self::NAME, Self::EFFECT));
        }
        for result in results.finish(reader)? {
            result?;
        }
        Ok(())
    }
}

impl EwsClient {
    /// Sends a draft, whose version must be known, and keeps a copy in `copy`, if one is given. Nothing tells two
    /// sendings apart: after [`ErrorKind::Unknown`](exchange::ErrorKind::Unknown) look for the copy first.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](exchange::ErrorKind::Conflict) where the version is an old one: nothing was sent then.
    pub async fn send_item(
        &self,
        mailbox: &Mailbox,
        draft: &ItemRef,
        copy: Option<&FolderAt>,
    ) -> Result<(), Error> {
        let copy = match copy {
            Some(folder) => Some(self.target_at(mailbox, folder).await?),
            None => None,
        };
        self.call(mailbox, SendItem { draft, copy: copy.as_ref() }).await
    }
}
