//! [EmptyFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/emptyfolder-operation).

use exchange::{DeleteMode, Error, Mailbox};

use super::delete_folder::word;
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Folders to be emptied.
pub(crate) struct EmptyFolder {
    pub(crate) folders: Vec<Target>,
    pub(crate) mode: DeleteMode,
    pub(crate) below: bool,
}

impl Operation for EmptyFolder {
    const NAME: &'static str = "EmptyFolder";
    const ANSWER: &'static str = "EmptyFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<(), Error>>;

    fn write(&self, out: &mut Writer) {
        let below = if self.below { "true" } else { "false" };
        out.open("m:EmptyFolder", &[("DeleteType", word(self.mode)), ("DeleteSubFolders", below)]);
        folders::write_ids(out, "m:FolderIds", &self.folders);
        out.close("m:EmptyFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_done(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Deletes what is in folders, with `below` the folders in them too: one result each, in order.
    ///
    /// # Errors
    /// Where the whole request fails; a folder that is not there has that as its own result.
    pub async fn empty_folders(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
        mode: DeleteMode,
        below: bool,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.each_folder(mailbox, folders, |folders| EmptyFolder { folders, mode, below }).await
    }
}
