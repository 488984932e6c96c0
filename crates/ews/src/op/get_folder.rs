//! [GetFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation).

use exchange::{Error, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder};
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// A look at folders.
pub(crate) struct GetFolder {
    pub(crate) folders: Vec<Target>,
}

impl Operation for GetFolder {
    const NAME: &'static str = "GetFolder";
    const ANSWER: &'static str = "GetFolderResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<Folder, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetFolder", &[]);
        folders::write_shape(out);
        folders::write_ids(out, "m:FolderIds", &self.folders);
        out.close("m:GetFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_each(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Looks at folders: one result each, in order.
    ///
    /// # Errors
    /// Where the whole request fails; a folder that is not there has that as its own result.
    pub async fn get_folders(
        &self,
        mailbox: &Mailbox,
        folders: &[FolderAt],
    ) -> Result<Vec<Result<Folder, Error>>, Error> {
        self.each_folder(mailbox, folders, |folders| GetFolder { folders }).await
    }
}
