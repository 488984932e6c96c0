//! The cheapest question that only somebody with a right to a mailbox gets an answer to: how full its inbox is.

use ews::EwsClient;
use exchange::{Error, ErrorKind, FolderRef, Mailbox, WellKnownFolder};

/// The number of messages in the inbox.
pub(crate) async fn count(client: &EwsClient, mailbox: &Mailbox) -> Result<u64, Error> {
    let inbox = FolderRef::WellKnown(WellKnownFolder::Inbox);
    let mut folders = client.get_folders(mailbox, &[inbox.into()]).await?;
    let folder = folders.pop().unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Invalid, "the server answered without a word about the inbox"))
    })?;
    Ok(folder.total.unwrap_or_default())
}
