//! [FindFolder](https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation):
//! the folders below another, a page at a time.

use exchange::{Error, ErrorKind, Mailbox};

use crate::answer::Message;
use crate::client::EwsClient;
use crate::condition::Condition;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::folders::{self, Folder, FolderFilter};
use crate::malformed::Reason;
use crate::object::FolderAt;
use crate::op::Operation;
use crate::xml::{Pull, Reader, Writer};

/// The most folders of one page.
const MOST: u32 = 1_000;

/// How deep is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FolderTraversal {
    /// Right below the folder.
    #[default]
    Shallow,
    /// At any depth.
    Deep,
    /// At what was deleted and can still be recovered.
    SoftDeleted,
}

impl FolderTraversal {
    fn as_str(self) -> &'static str {
        match self {
            FolderTraversal::Shallow => "Shallow",
            FolderTraversal::Deep => "Deep",
            FolderTraversal::SoftDeleted => "SoftDeleted",
        }
    }
}

/// What folders are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSearch {
    /// Below which folder.
    pub parent: FolderAt,
    /// How deep.
    pub traversal: FolderTraversal,
    /// Which of them; all without it.
    pub filter: Option<FolderFilter>,
    /// How many are passed over.
    pub offset: u32,
    /// How many come at most: 1 to 1,000.
    pub limit: u32,
}

impl FolderSearch {
    /// All folders right below one, the first thousand of them.
    pub fn below(parent: impl Into<FolderAt>) -> Self {
        FolderSearch {
            parent: parent.into(),
            traversal: FolderTraversal::Shallow,
            filter: None,
            offset: 0,
            limit: MOST,
        }
    }
}

/// A page of folders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FoundFolders {
    /// The folders.
    pub folders: Vec<Folder>,
    /// How many there are in all.
    pub total: u32,
    /// Where the next page begins; none after the last.
    pub next_offset: Option<u32>,
}

/// A look for folders.
pub(crate) struct FindFolder<'a> {
    pub(crate) parent: &'a Target,
    pub(crate) traversal: FolderTraversal,
    pub(crate) condition: Option<Condition<'a>>,
    pub(crate) offset: u32,
    pub(crate) limit: u32,
}

impl Operation for FindFolder<'_> {
    const NAME: &'static str = "FindFolder";
    const ANSWER: &'static str = "FindFolderResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = FoundFolders;

    fn write(&self, out: &mut Writer) {
        out.open("m:FindFolder", &[("Traversal", self.traversal.as_str())]);
        folders::write_shape(out);
        let (most, offset) = (self.limit.to_string(), self.offset.to_string());
        out.empty(
            "m:IndexedPageFolderView",
            &[("MaxEntriesReturned", &most), ("Offset", &offset), ("BasePoint", "Beginning")],
        );
        if let Some(condition) = &self.condition {
            out.open("m:Restriction", &[]);
            condition.write(out);
            out.close("m:Restriction");
        }
        folders::write_ids(out, "m:ParentFolderIds", std::slice::from_ref(self.parent));
        out.close("m:FindFolder");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut found = None;
        while reader.child().await? {
            if found.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut page = None;
            while reader.child().await? {
                match reader.name() {
                    b"RootFolder" => page = Some(root(reader, self.offset).await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            found = page;
        }
        found.ok_or_else(|| reader.error(Reason::Missing("RootFolder")))
    }
}

async fn root<P: Pull>(reader: &mut Reader<P>, offset: u32) -> Result<FoundFolders, Failure> {
    let (total, next) = (number(reader, "TotalItemsInView"), number(reader, "IndexedPagingOffset"));
    let last = reader.attribute("IncludesLastItemInRange");
    let mut folders = Vec::new();
    while reader.child().await? {
        if reader.name() != b"Folders" {
            reader.skip().await?;
            continue;
        }
        while reader.child().await? {
            folders.push(Folder::read(reader).await?);
        }
    }
    let came = u32::try_from(folders.len()).unwrap_or(u32::MAX);
    let end = offset.saturating_add(came);
    let is_last = match last.as_deref().map(str::trim) {
        Some("true" | "1") => true,
        Some(_) => false,
        None => total.is_none_or(|total| end >= total),
    };
    let next_offset = match is_last {
        true => None,
        false => Some(next.unwrap_or(end)),
    };
    if next_offset.is_some_and(|next| next <= offset) {
        return Err(reader.error(Reason::Paging));
    }
    Ok(FoundFolders { folders, total: total.unwrap_or(end), next_offset })
}

/// An attribute of the current element that is a number.
fn number<P: Pull>(reader: &Reader<P>, name: &str) -> Option<u32> {
    reader.attribute(name)?.trim().parse().ok()
}

impl EwsClient {
    /// Finds folders below another, a page of them.
    ///
    /// # Errors
    /// Where the folder is not there, the page is none, or the request fails.
    pub async fn find_folders(
        &self,
        mailbox: &Mailbox,
        search: &FolderSearch,
    ) -> Result<FoundFolders, Error> {
        if !(1..=MOST).contains(&search.limit) || i32::try_from(search.offset).is_err() {
            let words = format!("FindFolder at {mailbox}: a page has 1 to {MOST} folders");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let parent = &self.target_at(mailbox, &search.parent).await?;
        let condition = search.filter.as_ref().and_then(FolderFilter::condition);
        let (traversal, offset, limit) = (search.traversal, search.offset, search.limit);
        self.call(mailbox, FindFolder { parent, traversal, condition, offset, limit }).await
    }
}
