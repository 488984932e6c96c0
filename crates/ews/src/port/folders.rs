//! [`Folders`] over GetFolder, FindFolder, CreateFolder and DeleteFolder.

use exchange::port::{Folders, MOST_FOLDERS, Work};
use exchange::{DeleteMode, Error, ErrorKind, Folder, FolderList, FolderRef, Mailbox};

use crate::client::EwsClient;
use crate::folders::{self, FolderKind};
use crate::object::FolderAt;
use crate::op::create_folder::NewFolder;
use crate::op::find_folder::{FolderSearch, FolderTraversal};

impl Folders for EwsClient {
    fn folder<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, Folder> {
        Box::pin(async move { Ok(shown(self.one_folder(mailbox, folder.clone()).await?)) })
    }

    fn below<'a>(&'a self, mailbox: &'a Mailbox, root: &'a FolderRef, deep: bool) -> Work<'a, FolderList> {
        Box::pin(async move {
            let mut search = FolderSearch::below(root.clone());
            if deep {
                search.traversal = FolderTraversal::Deep;
            }
            let mut all = FolderList::default();
            loop {
                let page = self.find_folders(mailbox, &search).await?;
                all.folders.extend(page.folders.into_iter().map(shown));
                all.truncated = page.next_offset.is_some() || all.folders.len() > MOST_FOLDERS;
                all.folders.truncate(MOST_FOLDERS);
                match page.next_offset {
                    Some(next) if all.folders.len() < MOST_FOLDERS => search.offset = next,
                    _ => return Ok(all),
                }
            }
        })
    }

    fn create<'a>(&'a self, mailbox: &'a Mailbox, parent: &'a FolderRef, name: &'a str) -> Work<'a, Folder> {
        Box::pin(async move {
            let new = [NewFolder::mail(name)];
            let made = single(self.create_folders(mailbox, &parent.clone().into(), &new).await?)?;
            // It is there by now, whatever a look at it says.
            let look = self.one_folder(mailbox, FolderRef::Id(made.id.clone())).await;
            Ok(look.map_or_else(
                |_| Folder { id: made.id, name: name.to_owned(), unread: Some(0), ..Folder::default() },
                shown,
            ))
        })
    }

    fn discard<'a>(&'a self, mailbox: &'a Mailbox, folder: &'a FolderRef) -> Work<'a, ()> {
        Box::pin(async move {
            let folders = [FolderAt::from(folder.clone())];
            single(self.delete_folders(mailbox, &folders, DeleteMode::Trash).await?)
        })
    }
}

impl EwsClient {
    async fn one_folder(&self, mailbox: &Mailbox, folder: FolderRef) -> Result<folders::Folder, Error> {
        single(self.get_folders(mailbox, &[folder.into()]).await?)
    }
}

fn single<T>(results: Vec<Result<T, Error>>) -> Result<T, Error> {
    let nothing = || Error::new(ErrorKind::Invalid, "the server did not say what became of the folder");
    results.into_iter().next().ok_or_else(nothing)?
}

fn shown(folder: folders::Folder) -> Folder {
    let kind = match folder.kind {
        FolderKind::Calendar => exchange::FolderKind::Calendar,
        FolderKind::Contacts => exchange::FolderKind::Contacts,
        FolderKind::Tasks => exchange::FolderKind::Tasks,
        FolderKind::Search => exchange::FolderKind::Search,
        FolderKind::Mail => exchange::FolderKind::of_class(folder.class.as_deref().unwrap_or_default()),
    };
    Folder {
        id: folder.id,
        name: folder.name.unwrap_or_default(),
        parent_id: folder.parent_id,
        well_known: folder.well_known.filter(|name| !name.is_empty()),
        kind,
        total: folder.total.unwrap_or_default(),
        unread: folder.unread,
        children: folder.children.unwrap_or_default(),
        hidden: folder.hidden,
    }
}
