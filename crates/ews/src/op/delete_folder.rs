//! [DeleteFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/deletefolder-operation).

use exchange::{DeleteMode, Error, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Folders to be deleted.
pub(crate) struct DeleteFolder {
    pub(crate) folders: Vec<Target>,
    pub(crate) mode: DeleteMode,
}

/// How the wire says where deleted things go.
pub(super) fn word(mode: DeleteMode) -> &'static str {
    match mode {
        DeleteMode::Trash => "MoveToDeletedItems",
        DeleteMode::Soft => "SoftDelete",
        DeleteMode::Hard => "HardDelete",
    }
}

impl Operation for DeleteFolder {
    const NAME: &'static str = "DeleteFolder";
    const ANSWER: &'static str = "DeleteFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<(), Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:DeleteFolder", &[("DeleteType", word(self.mode))]);
        folders::write_ids(out, "m:FolderIds", &self.folders);
        out.close("m:DeleteFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_done(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Deletes folders with everything in them: one result each, in order. A server refuses that for the folders every
    /// mailbox has.
    ///
    /// # Errors
    /// Where the whole request fails; a folder that is not there has that as its own result.
    pub async fn delete_folders(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
        mode: DeleteMode,
    ) -> Result<Vec<Result<(), Error>>, Error> {
        self.each_folder(mailbox, folders, |folders| DeleteFolder { folders, mode }).await
    }
}
