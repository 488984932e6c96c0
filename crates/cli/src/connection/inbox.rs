//! The cheapest question that only somebody with a right to a mailbox gets an answer to: how full its inbox is. Archives
//! and public folders have none that is sure to be there, so it is their top folder.

use ews::{EwsClient, Store};
use exchange::{Error, ErrorKind, FolderRef, Mailbox, WellKnownFolder};

/// What is open, in words.
pub(crate) async fn look(client: &EwsClient, mailbox: &Mailbox, store: &Store) -> Result<String, Error> {
    let folder = match store {
        Store::Primary => WellKnownFolder::Inbox,
        _ => WellKnownFolder::MsgFolderRoot,
    };
    let mut folders = client.get_folders(mailbox, &[FolderRef::WellKnown(folder).into()]).await?;
    let folder = folders.pop().unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Invalid, "the server answered without a word about the folder"))
    })?;
    Ok(match store {
        Store::Primary => {
            let messages = folder.total.unwrap_or_default();
            format!("the inbox of {mailbox} is open, with {messages} messages")
        }
        Store::Archive => format!("the archive of {mailbox} is open"),
        _ => format!("the public folders are open to {mailbox}"),
    })
}
