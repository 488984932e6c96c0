//! [MoveFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/movefolder-operation) and
//! CopyFolder, which differ in their names.

use exchange::{Error, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder};
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// Folders to be moved.
pub(crate) struct MoveFolder<'a> {
    pub(crate) folders: Vec<Target>,
    pub(crate) to: &'a Target,
}

/// Folders to be copied.
pub(crate) struct CopyFolder<'a> {
    pub(crate) folders: Vec<Target>,
    pub(crate) to: &'a Target,
}

fn write(out: &mut Writer, name: &'static str, to: &Target, folders: &[Target]) {
    out.open(name, &[]);
    folders::write_ids(out, "m:ToFolderId", std::slice::from_ref(to));
    folders::write_ids(out, "m:FolderIds", folders);
    out.close(name);
}

impl Operation for MoveFolder<'_> {
    const NAME: &'static str = "MoveFolder";
    const ANSWER: &'static str = "MoveFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Folder, Error>>;

    fn write(&self, out: &mut Writer) {
        write(out, "m:MoveFolder", self.to, &self.folders);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_each(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl Operation for CopyFolder<'_> {
    const NAME: &'static str = "CopyFolder";
    const ANSWER: &'static str = "CopyFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Folder, Error>>;

    fn write(&self, out: &mut Writer) {
        write(out, "m:CopyFolder", self.to, &self.folders);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_each(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Moves folders with everything in them into another: one result each, in order. Their ids stay.
    ///
    /// # Errors
    /// Where the whole request fails; a folder that is not there has that as its own result.
    pub async fn move_folders(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
        to: &FolderAt,
    ) -> Result<Vec<Result<Folder, Error>>, Error> {
        let to = &self.target_at(mailbox, to).await?;
        self.each_folder(mailbox, folders, |folders| MoveFolder { folders, to }).await
    }

    /// Copies folders with everything in them into another: one result each, in order, with the id of the copy.
    ///
    /// # Errors
    /// Where the whole request fails; a folder that is not there has that as its own result.
    pub async fn copy_folders(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
        to: &FolderAt,
    ) -> Result<Vec<Result<Folder, Error>>, Error> {
        let to = &self.target_at(mailbox, to).await?;
        self.each_folder(mailbox, folders, |folders| CopyFolder { folders, to }).await
    }
}
