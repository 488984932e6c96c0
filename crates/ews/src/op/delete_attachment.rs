//! [DeleteAttachment](https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteattachment-operation):
//! takes attachments off the items they hang on.

use exchange::Error;

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Some attachments to take off.
pub(crate) struct DeleteAttachment<'a> {
    pub(crate) attachments: &'a [String],
}

impl Operation for DeleteAttachment<'_> {
    const NAME: &'static str = "DeleteAttachment";
    const ANSWER: &'static str = "DeleteAttachmentResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<(), Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:DeleteAttachment", &[]);
        out.open("m:AttachmentIds", &[]);
        for id in self.attachments {
            out.empty("t:AttachmentId", &[("Id", id)]);
        }
        out.close("m:AttachmentIds");
        out.close("m:DeleteAttachment");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.attachments.len());
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            while reader.child().await? {
                message.other(reader).await?;
            }
            results.push(message.finish(Self::NAME, Self::EFFECT));
        }
        results.finish(reader)
    }
}
