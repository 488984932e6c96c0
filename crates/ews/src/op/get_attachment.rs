//! [GetAttachment](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getattachment-operation):
//! the bytes of one attachment, passed on as they come. One a request, so that one large attachment never
//! costs the others.

use std::io::Write;

use crate::answer::Message;
use crate::base64_stream::Decoder;
use crate::failure::{Effect, Failure};
use crate::item::Item;
use crate::malformed::Reason;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A look at one attachment.
pub(crate) struct GetAttachment<'a> {
    pub(crate) id: &'a str,
    pub(crate) out: &'a mut (dyn Write + Send),
}

impl Operation for GetAttachment<'_> {
    const NAME: &'static str = "GetAttachment";
    const ANSWER: &'static str = "GetAttachmentResponse";
    const EFFECT: Effect = Effect::Reads;
    const STREAMS: bool = true;
    /// Bytes written.
    type Output = u64;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetAttachment", &[]);
        out.open("m:AttachmentShape", &[]);
        out.word("t:IncludeMimeContent", "true");
        out.close("m:AttachmentShape");
        out.open("m:AttachmentIds", &[]);
        out.empty("t:AttachmentId", &[("Id", self.id)]);
        out.close("m:AttachmentIds");
        out.close("m:GetAttachment");
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
                    b"Attachments" => {
                        while reader.child().await? {
                            if came {
                                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
                            }
                            came = content(reader, self.id, &mut decoder).await?;
                        }
                    }
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
        }
        if !came {
            return Err(reader.error(Reason::Missing("the content of the attachment")));
        }
        Ok(decoder.written())
    }
}

/// Reads one attachment; true if it had content. An empty file has an empty `Content` or none.
async fn content<P: Pull>(
    reader: &mut Reader<P>,
    asked: &str,
    decoder: &mut Decoder<'_>,
) -> Result<bool, Failure> {
    let mut came = reader.name() == b"FileAttachment";
    let mut content = false;
    while reader.child().await? {
        match reader.name() {
            b"AttachmentId" => {
                if reader.attribute("Id").is_some_and(|id| id != asked) {
                    return Err(reader.error(Reason::OtherItem(1)));
                }
                reader.skip().await?;
            }
            b"Content" if !content => {
                content = true;
                reader.base64(decoder).await?;
            }
            b"Message"
            | b"Item"
            | b"CalendarItem"
            | b"Contact"
            | b"Task"
            | b"MeetingMessage"
            | b"MeetingRequest"
            | b"MeetingResponse"
            | b"MeetingCancellation"
            | b"PostItem" => {
                came |= Item::read(reader, Some(&mut *decoder)).await?.had_mime;
            }
            _ => reader.skip().await?,
        }
    }
    Ok(came)
}
