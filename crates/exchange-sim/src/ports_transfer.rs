//! Face 1, continued: copies, and whole messages.

use std::io::{Read as _, Write};
use std::sync::Arc;

use bytes::Bytes;
use exchange::port::{Copies, PerItem, Transfer, Work};
use exchange::{Content, Error, ErrorKind, FolderRef, ItemRef, Mailbox};

use crate::ports::{Direct, each, folder, locate, reference, refused};

impl Copies for Direct {
    fn copy_to<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        items: &'a [ItemRef],
        to: &'a FolderRef,
    ) -> Work<'a, PerItem<ItemRef>> {
        self.now(move |state| {
            let to = folder(state, mailbox, to).map_err(refused)?;
            Ok(each(items, |item| {
                let place = locate(state, mailbox, item)?;
                let copy = state.copy_item(&place, to)?;
                reference(state, &copy)
            }))
        })
    }
}

impl Transfer for Direct {
    fn export<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        out: &'a mut (dyn Write + Send),
    ) -> Work<'a, u64> {
        Box::pin(async move {
            let bytes = {
                let state = self.lock();
                let place = locate(&state, mailbox, item).map_err(refused)?;
                state.export(&place).map_err(refused)?
            };
            let full = |why: std::io::Error| Error::new(ErrorKind::Invalid, format!("writing failed: {why}"));
            out.write_all(&bytes).map_err(full)?;
            Ok(bytes.len() as u64)
        })
    }

    fn import<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        to: &'a FolderRef,
        content: Arc<dyn Content>,
        size: u64,
    ) -> Work<'a, ItemRef> {
        self.now(move |state| {
            let to = folder(state, mailbox, to).map_err(refused)?;
            let mut bytes = Vec::new();
            let read = content.open().and_then(|mut reader| reader.read_to_end(&mut bytes));
            match read {
                Ok(read) if read as u64 == size => {}
                _ => return Err(Error::new(ErrorKind::Invalid, "what was to be imported cannot be read")),
            }
            let place = state.upload_new(mailbox.as_str(), to, &Bytes::from(bytes)).map_err(refused)?;
            reference(state, &place).map_err(refused)
        })
    }
}
