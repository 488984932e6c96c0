//! A search for items of any kind: where, which, in what order and how much of it.

use jiff::Timestamp;

use super::condition::ItemCondition;
use super::folder_at::FolderAt;
use super::item::ExchangeItem;
use super::path::PropertyPath;
use super::shape::{BaseShape, ItemShape};
use crate::xml::Writer;

/// Which items of a folder are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Traversal {
    /// Those a user sees.
    #[default]
    Shallow,
    /// Those that were deleted from the folder and can still be recovered.
    SoftDeleted,
    /// Hidden data that programs keep in the folder.
    Associated,
}

/// Which part of what was found an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemView {
    /// A page.
    Page {
        /// How many to pass over.
        offset: u32,
        /// How many at most; 1 or more.
        limit: u32,
        /// Whether to count from the end.
        from_end: bool,
    },
    /// What is in a calendar between two moments, each occurrence of a recurring item on its own. A server refuses
    /// more than two years.
    Calendar {
        /// From when.
        start: Timestamp,
        /// Until when.
        end: Timestamp,
        /// How many at most.
        limit: Option<u32>,
    },
    /// Contacts whose display name lies between two.
    Contacts {
        /// From this name on.
        first: Option<String>,
        /// Up to this one.
        last: Option<String>,
        /// How many at most.
        limit: Option<u32>,
    },
}

/// One property to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The property.
    pub path: PropertyPath,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A search.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ItemSearch {
    /// Where; at least one folder.
    pub folders: Vec<FolderAt>,
    /// Which items of a folder.
    pub traversal: Traversal,
    /// What to show of each. Bodies, recipients and MIME come with GetItem only.
    pub shape: ItemShape,
    /// Which part of what was found.
    pub view: ItemView,
    /// A condition, if any.
    pub condition: Option<ItemCondition>,
    /// A query in Microsoft's
    /// [AQS](https://learn.microsoft.com/exchange/client-developer/web-service-reference/querystring-querystringtype),
    /// instead of a condition. It is text: put nothing into it that an attacker wrote.
    pub query: Option<String>,
    /// The order; the first property counts most.
    pub sort: Vec<Sort>,
}

/// One page of one folder.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ItemPage {
    /// What was found.
    pub items: Vec<ExchangeItem>,
    /// How many there are in all, as the server counts.
    pub total: u32,
    /// Where the next page begins; `None` at the end. A page may be short and not be the last. Of a view of a
    /// calendar or of contacts it only says that there is more: narrow the view to see it.
    pub next_offset: Option<u32>,
}

impl ItemSearch {
    /// The first 100 items of a folder with what mail clients show of them.
    pub fn new(folder: impl Into<FolderAt>) -> Self {
        ItemSearch {
            folders: vec![folder.into()],
            traversal: Traversal::default(),
            shape: ItemShape::new(BaseShape::Default),
            view: ItemView::Page { offset: 0, limit: 100, from_end: false },
            condition: None,
            query: None,
            sort: Vec::new(),
        }
    }

    /// Words for what no server would take; `None` if it is sound.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let narrowed = self.condition.is_some() || self.query.is_some() || !self.sort.is_empty();
        match &self.view {
            _ if self.folders.is_empty() => Some("a search needs a folder to look into"),
            _ if self.condition.is_some() && self.query.is_some() => {
                Some("a search takes a condition or a query, not both")
            }
            _ if self.shape.mime => {
                Some("a search cannot give whole mails; search for ids and read the items")
            }
            ItemView::Page { limit: 0, .. } => Some("a page of 0 items finds nothing; ask for at least 1"),
            ItemView::Calendar { start, end, .. } if end < start => {
                Some("the view of a calendar ends before it starts")
            }
            ItemView::Calendar { .. } if narrowed => Some(
                "a calendar view takes no condition, query or order; ask for a page, or narrow the times",
            ),
            ItemView::Calendar { limit: Some(0), .. } | ItemView::Contacts { limit: Some(0), .. } => {
                Some("a view of 0 items finds nothing; ask for at least 1")
            }
            _ => None,
        }
    }
}

impl Traversal {
    /// The word of the schema.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Traversal::Shallow => "Shallow",
            Traversal::SoftDeleted => "SoftDeleted",
            Traversal::Associated => "Associated",
        }
    }
}

impl ItemView {
    /// Where the view begins.
    pub(crate) fn offset(&self) -> u32 {
        match self {
            ItemView::Page { offset, .. } => *offset,
            ItemView::Calendar { .. } | ItemView::Contacts { .. } => 0,
        }
    }

    /// How many items it holds at most.
    pub(crate) fn limit(&self) -> Option<u32> {
        match self {
            ItemView::Page { limit, .. } => Some(*limit),
            ItemView::Calendar { limit, .. } | ItemView::Contacts { limit, .. } => *limit,
        }
    }

    /// Writes it.
    pub(crate) fn write(&self, out: &mut Writer) {
        // The schema has numbers of 32 bits with a sign.
        let number = |value: u32| value.min(i32::MAX.unsigned_abs()).to_string();
        let limit = self.limit().map(number);
        let mut attributes: Vec<(&'static str, &str)> =
            limit.iter().map(|limit| ("MaxEntriesReturned", limit.as_str())).collect();
        match self {
            ItemView::Page { offset, from_end, .. } => {
                let offset = number(*offset);
                attributes.push(("Offset", &offset));
                attributes.push(("BasePoint", if *from_end { "End" } else { "Beginning" }));
                out.empty("m:IndexedPageItemView", &attributes);
            }
            ItemView::Calendar { start, end, .. } => {
                let (start, end) = (start.to_string(), end.to_string());
                attributes.push(("StartDate", &start));
                attributes.push(("EndDate", &end));
                out.empty("m:CalendarView", &attributes);
            }
            ItemView::Contacts { first, last, .. } => {
                attributes.extend(first.iter().map(|first| ("InitialName", first.as_str())));
                attributes.extend(last.iter().map(|last| ("FinalName", last.as_str())));
                out.empty("m:ContactsView", &attributes);
            }
        }
    }
}
