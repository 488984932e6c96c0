//! [UpdateFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/updatefolder-operation).

use exchange::{Error, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder, FolderKind};
use crate::object::FolderAt;
use crate::op::Operation;
use crate::property::Property;
use crate::xml::{Pull, Reader, Writer};

/// What is to change about a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderUpdate {
    /// The name a user sees.
    Name(String),
    /// The class, e.g. `IPF.Note`.
    Class(String),
}

/// Changes to one folder.
pub(crate) struct UpdateFolder<'a> {
    pub(crate) folder: &'a Target,
    pub(crate) kind: FolderKind,
    pub(crate) updates: &'a [FolderUpdate],
}

impl Operation for UpdateFolder<'_> {
    const NAME: &'static str = "UpdateFolder";
    const ANSWER: &'static str = "UpdateFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Folder, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:UpdateFolder", &[]);
        out.open("m:FolderChanges", &[]);
        out.open("t:FolderChange", &[]);
        self.folder.write(out);
        out.open("t:Updates", &[]);
        for update in self.updates {
            let (field, element, value) = match update {
                FolderUpdate::Name(name) => ("folder:DisplayName", "t:DisplayName", name),
                FolderUpdate::Class(class) => ("folder:FolderClass", "t:FolderClass", class),
            };
            out.open("t:SetFolderField", &[]);
            Property::Field(field).write(out);
            out.open(self.kind.element(), &[]);
            out.exact(element, value);
            out.close(self.kind.element());
            out.close("t:SetFolderField");
        }
        out.close("t:Updates");
        out.close("t:FolderChange");
        out.close("m:FolderChanges");
        out.close("m:UpdateFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_each(reader, 1, Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Changes a folder of this kind, and gives its new version. Nothing is sent where nothing is to change: then it is
    /// only looked at.
    ///
    /// # Errors
    /// Where the folder is not there or cannot be changed.
    pub async fn update_folder(
        &self,
        mailbox: &Mailbox,
        folder: &FolderAt,
        kind: FolderKind,
        updates: &[FolderUpdate],
    ) -> Result<Folder, Error> {
        if updates.is_empty() {
            return one(self.get_folders(mailbox, std::slice::from_ref(folder)).await?, mailbox);
        }
        let folder = &self.target_at(mailbox, folder).await?;
        one(self.call(mailbox, UpdateFolder { folder, kind, updates }).await?, mailbox)
    }
}

/// The only result there is.
fn one(results: Vec<Result<Folder, Error>>, mailbox: &Mailbox) -> Result<Folder, Error> {
    results.into_iter().next().unwrap_or_else(|| {
        let words = format!("UpdateFolder at {mailbox}: there is no result");
        Err(Error::new(exchange::ErrorKind::Invalid, words))
    })
}
