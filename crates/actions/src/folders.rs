//! What actions show of folders, and where a folder is in words.
//!
//! A folder is named by its id, which stays whatever the folder is called and in whatever language. Its path is
//! given beside it where it names the folder again; a name with a slash in it does not.

use std::collections::BTreeMap;

use action_api::plan::Failure;
use exchange::port::Folders;
use exchange::{ErrorKind, Folder, FolderKind, FolderRef, Mailbox, WellKnownFolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::from_exchange;

/// Folders lie in each other no deeper than this.
const DEEPEST: usize = 300;

/// One folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    /// Which folder, in the form `id:…`: what every input `folder` takes. It stays when the folder is renamed or moved.
    pub(crate) folder: String,
    /// Its name, in the language of the mailbox. Whoever controls the mailbox chose it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) name: String,
    /// Its path below the top of the mailbox, such as `Inbox/Processed`; null where no path names it.
    #[schemars(extend("x-untrusted" = true))]
    pub(crate) path: Option<String>,
    /// The folder it is in, in the form `id:…`.
    pub(crate) parent: Option<String>,
    /// Its well-known name such as `inbox` or `calendar`, whatever the language; null for folders people made.
    pub(crate) well_known: Option<String>,
    /// What it holds: `mail`, `calendar`, `contacts`, `tasks`, `search` (a search that is kept) or `other`.
    pub(crate) kind: FolderKind,
    /// How many items are in it, without those in folders below.
    pub(crate) total_count: u64,
    /// How many of them are unread; null where the server does not count that.
    pub(crate) unread_count: Option<u64>,
    /// How many folders are right below it.
    pub(crate) children_count: u64,
    /// Whether mail clients do not show it.
    pub(crate) is_hidden: bool,
}

impl Shown {
    /// `names` are those on the way from the top to the folder, if it lies below the top.
    pub(crate) fn new(folder: Folder, names: Option<&[String]>) -> Self {
        Shown {
            path: names.and_then(|names| path(names, folder.well_known.as_deref())),
            folder: by_id(&folder.id),
            name: folder.name,
            parent: folder.parent_id.as_deref().map(by_id),
            well_known: folder.well_known,
            kind: folder.kind,
            total_count: folder.total,
            unread_count: folder.unread,
            children_count: folder.children,
            is_hidden: folder.hidden,
        }
    }
}

/// A folder as inputs take it.
pub(crate) fn by_id(id: &str) -> String {
    format!("id:{id}")
}

/// The path, if it names just this folder when it is read again.
fn path(names: &[String], well_known: Option<&str>) -> Option<String> {
    let text = names.join("/");
    let same = match FolderRef::parse(&text)? {
        FolderRef::Path(path) => path == names,
        FolderRef::WellKnown(known) => well_known == Some(known.as_str()),
        FolderRef::Id(_) => false,
    };
    same.then_some(text)
}

/// The names from the top of the mailbox to this folder; nothing for one that does not lie below the top.
pub(crate) async fn names(
    port: &dyn Folders,
    mailbox: &Mailbox,
    folder: &Folder,
) -> Result<Option<Vec<String>>, Failure> {
    let top = FolderRef::WellKnown(WellKnownFolder::MsgFolderRoot);
    let top = port.folder(mailbox, &top).await.map_err(from_exchange)?.id;
    let mut names = Vec::new();
    let mut at = folder.clone();
    while at.id != top {
        names.push(at.name);
        let above = at.parent_id.filter(|parent| *parent != at.id && names.len() < DEEPEST);
        let Some(parent) = above else { return Ok(None) };
        if parent == top {
            break;
        }
        at = match port.folder(mailbox, &FolderRef::Id(parent)).await {
            Ok(parent) => parent,
            // One may see a folder and not the one it is in.
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
                return Ok(None);
            }
            Err(error) => return Err(from_exchange(error)),
        };
    }
    names.reverse();
    Ok(Some(names))
}

/// Whether a folder lies in another, at any depth.
pub(crate) async fn lies_in(
    port: &dyn Folders,
    mailbox: &Mailbox,
    folder: &Folder,
    other: WellKnownFolder,
) -> Result<bool, Failure> {
    let other = port.folder(mailbox, &FolderRef::WellKnown(other)).await.map_err(from_exchange)?.id;
    let mut at = folder.clone();
    for _ in 0..DEEPEST {
        let Some(parent) = at.parent_id.filter(|parent| *parent != at.id) else { break };
        if parent == other {
            return Ok(true);
        }
        at = match port.folder(mailbox, &FolderRef::Id(parent)).await {
            Ok(parent) => parent,
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::PermissionDenied) => break,
            Err(error) => return Err(from_exchange(error)),
        };
    }
    Ok(false)
}

/// A folder with what is known of where it is.
pub(crate) async fn shown(port: &dyn Folders, mailbox: &Mailbox, folder: Folder) -> Result<Shown, Failure> {
    let names = names(port, mailbox, &folder).await?;
    Ok(Shown::new(folder, names.as_deref()))
}

/// A folder below another: the names from that one down to it, and whether one of them all is hidden.
pub(crate) struct Below {
    /// At least its own name.
    pub(crate) names: Vec<String>,
    /// Whether it, or one above it, is hidden.
    pub(crate) hidden: bool,
    /// The folder.
    pub(crate) folder: Folder,
}

/// Where folders are below the one with the id `root`, sorted as a tree. One whose way up is not among them is left
/// out: nobody could say where it is.
pub(crate) fn tree(root: &str, folders: Vec<Folder>) -> Vec<Below> {
    let by_id: BTreeMap<&str, &Folder> = folders.iter().map(|folder| (folder.id.as_str(), folder)).collect();
    let mut all: Vec<Below> = folders
        .iter()
        .filter_map(|folder| {
            let (mut names, mut hidden) = (Vec::new(), false);
            let mut at = folder;
            loop {
                names.push(at.name.clone());
                hidden |= at.hidden;
                let parent = at.parent_id.as_deref()?;
                if parent == root {
                    break;
                }
                at = by_id.get(parent).filter(|_| names.len() < DEEPEST)?;
            }
            names.reverse();
            Some(Below { names, hidden, folder: folder.clone() })
        })
        .collect();
    all.sort_by_cached_key(|below| {
        let lower: Vec<String> = below.names.iter().map(|name| name.to_lowercase()).collect();
        (lower, below.folder.id.clone())
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(id: &str, parent: &str, name: &str) -> Folder {
        Folder {
            id: id.to_owned(),
            parent_id: Some(parent.to_owned()),
            name: name.to_owned(),
            ..Folder::default()
        }
    }

    #[test]
    fn a_path_is_given_only_where_it_names_the_folder() {
        let given = |names: &[&str], known: Option<&str>| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            path(&names, known)
        };
        assert_eq!(given(&["Inbox", "Done"], None).as_deref(), Some("Inbox/Done"));
        assert_eq!(given(&["Inbox"], Some("inbox")).as_deref(), Some("Inbox"));
        for names in
            [&["Inbox"][..], &["drafts"], &["a/b"], &["Inbox", "a/b"], &["Inbox", " x"], &["a\tb"], &[]]
        {
            assert_eq!(given(names, None), None, "{names:?}");
        }
    }

    #[test]
    fn a_tree_is_sorted_and_knows_what_is_hidden() {
        let mut secret = folder("2", "top", "Secret");
        secret.hidden = true;
        let all = vec![
            folder("1", "2", "Inside"),
            secret,
            folder("3", "top", "b"),
            folder("4", "3", "A"),
            folder("5", "nowhere", "lost"),
            folder("6", "7", "circle"),
            folder("7", "6", "circle"),
        ];
        let found: Vec<(String, bool)> =
            tree("top", all).into_iter().map(|below| (below.names.join("/"), below.hidden)).collect();
        let expected = [("b", false), ("b/A", false), ("Secret", true), ("Secret/Inside", true)];
        assert_eq!(found, expected.map(|(path, hidden)| (path.to_owned(), hidden)));
    }
}
