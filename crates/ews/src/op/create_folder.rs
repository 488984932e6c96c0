//! [CreateFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createfolder-operation).

use exchange::{Error, ErrorKind, Mailbox};

use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder, FolderKind};
use crate::object::FolderAt;
use crate::op::Operation;
use crate::port::batch;
use crate::xml::{Pull, Reader, Writer};

/// A folder to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFolder {
    /// The name a user sees.
    pub name: String,
    /// What it is for. A search folder cannot be made in this way.
    pub kind: FolderKind,
    /// Its class, where it is not that of its kind.
    pub class: Option<String>,
}

impl NewFolder {
    /// A mail folder.
    pub fn mail(name: impl Into<String>) -> Self {
        NewFolder { name: name.into(), kind: FolderKind::Mail, class: None }
    }

    /// Writes it as an element.
    fn write(&self, out: &mut Writer) {
        let element = self.kind.element();
        out.open(element, &[]);
        if let Some(class) = &self.class {
            out.exact("t:FolderClass", class);
        }
        out.exact("t:DisplayName", &self.name);
        out.close(element);
    }
}

/// Folders to be made in another.
pub(crate) struct CreateFolder<'a> {
    pub(crate) parent: &'a Target,
    pub(crate) folders: &'a [NewFolder],
}

impl Operation for CreateFolder<'_> {
    const NAME: &'static str = "CreateFolder";
    const ANSWER: &'static str = "CreateFolderResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = Vec<Result<Folder, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:CreateFolder", &[]);
        folders::write_ids(out, "m:ParentFolderId", std::slice::from_ref(self.parent));
        out.open("m:Folders", &[]);
        for folder in self.folders {
            folder.write(out);
        }
        out.close("m:Folders");
        out.close("m:CreateFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        folders::read_each(reader, self.folders.len(), Self::NAME, Self::EFFECT).await
    }
}

impl EwsClient {
    /// Makes folders inside `parent`: one result each, in order, with the id of the new folder. One that is there
    /// already is an error of kind [`ErrorKind::Conflict`].
    ///
    /// # Errors
    /// Where the whole request fails, or one of them is a search folder.
    pub async fn create_folders(
        &self,
        mailbox: &Mailbox,
        parent: &FolderAt,
        folders: &[NewFolder],
    ) -> Result<Vec<Result<Folder, Error>>, Error> {
        if folders.iter().any(|folder| folder.kind == FolderKind::Search) {
            let words =
                format!("CreateFolder at {mailbox}: a search folder cannot be made without its search");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let parent = &self.target_at(mailbox, parent).await?;
        batch::run(folders, self.batch(), |folders| self.call(mailbox, CreateFolder { parent, folders }))
            .await
    }
}
