//! The bytes of an attachment as an artifact, or why there are none.

use action_api::Context;
use action_api::plan::{Artifact, Failure};
use exchange::port::Attachments;
use exchange::{AttachmentInfo, AttachmentKind, ErrorKind, Mailbox};

use crate::artifact::Spool;
use crate::failure::from_exchange;

/// Fetched from one message. A mail with more is a bomb.
pub(crate) const MOST: usize = 250;

/// The media type of a mail.
pub(crate) const MESSAGE: &str = "message/rfc822";

/// The bytes of one attachment, or why there are none. Fails only where another attempt can help.
pub(crate) async fn fetch(
    port: &dyn Attachments,
    context: &Context,
    mailbox: &Mailbox,
    info: &AttachmentInfo,
    max_size: u64,
) -> Result<Result<Artifact, String>, Failure> {
    let too_large = || format!("larger than {max_size} bytes");
    if info.kind == AttachmentKind::Reference {
        return Ok(Err("a link to a cloud document has no bytes".to_owned()));
    }
    // The size an Exchange server gives for an attached message is that of its own store, not of its MIME form.
    if info.kind == AttachmentKind::File && info.size > max_size {
        return Ok(Err(too_large()));
    }
    let mut spool = Spool::new(max_size);
    let fetched = port.fetch(mailbox, info, &mut spool).await;
    if spool.overflowed() {
        return Ok(Err(too_large()));
    }
    match fetched {
        Ok(_) => {
            let media_type = match info.kind {
                AttachmentKind::Item => MESSAGE,
                _ => info.content_type.as_deref().unwrap_or("application/octet-stream"),
            };
            spool.keep(context.artifacts.as_ref(), media_type).map(Ok)
        }
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Limit) => {
            Ok(Err(error.message))
        }
        Err(error) => Err(from_exchange(error)),
    }
}
