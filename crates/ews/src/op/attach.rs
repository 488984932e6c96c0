//! [CreateAttachment](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createattachment-operation)
//! as the ports want it: one attachment, whose bytes are read while the request is written.
//!
//! A request is one piece of memory, because it may have to be sent again (a log-in takes several, a refused one is
//! repeated). So the bytes are held once, in the base64 of that piece, and nowhere else.

use exchange::{AttachmentKind, Error, ItemRef, NewAttachment};

use crate::failure::{Effect, Failure};
use crate::object::write_version;
use crate::op::Operation;
use crate::op::create_attachment::{Attached, CreateAttachment, read_attached};
use crate::xml::{Pull, Reader, Writer};

/// One attachment to be made.
pub(crate) struct Attach<'a> {
    pub(crate) item: &'a ItemRef,
    pub(crate) attachment: &'a NewAttachment,
}

impl Operation for Attach<'_> {
    const NAME: &'static str = CreateAttachment::NAME;
    const ANSWER: &'static str = CreateAttachment::ANSWER;
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Attached, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:CreateAttachment", &[]);
        write_version(out, "m:ParentItemId", self.item);
        out.open("m:Attachments", &[]);
        let element = match self.attachment.kind {
            AttachmentKind::File => "t:FileAttachment",
            AttachmentKind::Item => "t:ItemAttachment",
            AttachmentKind::Reference => {
                return out.refuse(String::from("a link to a cloud document cannot be attached"));
            }
        };
        out.open(element, &[]);
        out.text("t:Name", &self.attachment.name);
        if let Some(media_type) = &self.attachment.media_type {
            out.text("t:ContentType", media_type);
        }
        if let Some(content_id) = &self.attachment.content_id {
            out.exact("t:ContentId", content_id);
        }
        out.word("t:IsInline", if self.attachment.content_id.is_some() { "true" } else { "false" });
        let NewAttachment { content, size, .. } = self.attachment;
        if self.attachment.kind == AttachmentKind::Item {
            out.open("t:Message", &[]);
            out.base64_of("t:MimeContent", content.as_ref(), *size);
            out.close("t:Message");
        } else {
            out.base64_of("t:Content", content.as_ref(), *size);
        }
        out.close(element);
        out.close("m:Attachments");
        out.close("m:CreateAttachment");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        read_attached(reader, 1).await
    }
}
