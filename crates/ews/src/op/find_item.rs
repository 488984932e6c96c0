//! [FindItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation):
//! one page of one search in each of some folders.

use std::future::Future;
use std::marker::PhantomData;

use exchange::{Error, ErrorKind, ItemRef, Mailbox, MessageSummary};

use crate::answer::{Message, Results};
use crate::client::EwsClient;
use crate::condition::Condition;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::item::Item;
use crate::malformed::Reason;
use crate::object::{ExchangeItem, ItemPage, ItemSearch, ItemView, Sort, write_condition};
use crate::op::Operation;
use crate::property::{self, Property};
use crate::xml::{Pull, Reader, Writer};

/// What an answer holds of each item.
pub(crate) trait Entry: Sized + Send {
    /// Reads the current element.
    fn read<P: Pull>(reader: &mut Reader<P>) -> impl Future<Output = Result<Self, Failure>> + Send;
}

impl Entry for MessageSummary {
    async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Self, Failure> {
        Item::read(reader, None).await?.into_summary(reader)
    }
}

impl Entry for ExchangeItem {
    async fn read<P: Pull>(reader: &mut Reader<P>) -> Result<Self, Failure> {
        ExchangeItem::read(reader).await?.require(reader)
    }
}

/// What is asked of the items of a folder.
pub(crate) enum Question<'a> {
    /// What the ports ask of messages: the newest first, with what a search gives.
    Messages {
        /// Which.
        condition: Option<Condition<'a>>,
        /// How many to pass over.
        offset: u32,
        /// How many at most.
        limit: u32,
    },
    /// Anything.
    Items(&'a ItemSearch),
}

/// A search.
pub(crate) struct FindItem<'a, E> {
    folders: &'a [Target],
    question: Question<'a>,
    entry: PhantomData<fn() -> E>,
}

/// One page.
pub(crate) struct Page<E> {
    pub(crate) entries: Vec<E>,
    pub(crate) total: u32,
    pub(crate) next_offset: Option<u32>,
}

impl<'a> FindItem<'a, MessageSummary> {
    /// A search for messages in one folder.
    pub(crate) fn messages(
        folder: &'a Target,
        condition: Option<Condition<'a>>,
        offset: u32,
        limit: u32,
    ) -> Self {
        let question = Question::Messages { condition, offset, limit };
        FindItem { folders: std::slice::from_ref(folder), question, entry: PhantomData }
    }
}

impl<'a> FindItem<'a, ExchangeItem> {
    /// A search for items in these folders.
    pub(crate) fn items(folders: &'a [Target], search: &'a ItemSearch) -> Self {
        FindItem { folders, question: Question::Items(search), entry: PhantomData }
    }
}

impl<E: Entry> Operation for FindItem<'_, E> {
    const NAME: &'static str = "FindItem";
    const ANSWER: &'static str = "FindItemResponse";
    const EFFECT: Effect = Effect::Reads;
    /// One page per folder.
    type Output = Vec<Result<Page<E>, Error>>;

    fn write(&self, out: &mut Writer) {
        match &self.question {
            Question::Messages { condition, offset, limit } => {
                out.open("m:FindItem", &[("Traversal", "Shallow")]);
                write_messages(out, condition.as_ref(), *offset, *limit);
            }
            Question::Items(search) => {
                out.open("m:FindItem", &[("Traversal", search.traversal.word())]);
                write_items(out, search);
            }
        }
        out.open("m:ParentFolderIds", &[]);
        self.folders.iter().for_each(|folder| folder.write(out));
        out.close("m:ParentFolderIds");
        if let Question::Items(ItemSearch { query: Some(query), .. }) = &self.question {
            out.exact("m:QueryString", query);
        }
        out.close("m:FindItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.folders.len());
        while reader.child().await? {
            results.place(reader)?;
            let mut message = Message::begin(reader);
            let mut page = None;
            while reader.child().await? {
                match reader.name() {
                    b"RootFolder" => page = Some(self.page(reader).await?),
                    _ => message.other(reader).await?,
                }
            }
            match message.finish(Self::NAME, Self::EFFECT) {
                Err(error) => results.push(Err(error)),
                Ok(()) => {
                    results.push(Ok(page.ok_or_else(|| reader.error(Reason::Missing("RootFolder")))?));
                }
            }
        }
        results.finish(reader)
    }
}

impl<E: Entry> FindItem<'_, E> {
    /// Where the page begins, how many it holds at most, and whether the next one begins where it ends.
    fn extent(&self) -> (u32, Option<u32>, bool) {
        match &self.question {
            Question::Messages { offset, limit, .. } => (*offset, Some(*limit), true),
            Question::Items(search) => {
                let forward = matches!(search.view, ItemView::Page { from_end: false, .. });
                (search.view.offset(), search.view.limit(), forward)
            }
        }
    }

    async fn page<P: Pull>(&self, reader: &mut Reader<P>) -> Result<Page<E>, Failure> {
        let (offset, limit, forward) = self.extent();
        let limit = limit.map_or(usize::MAX, |limit| limit as usize);
        let total = number(reader, "TotalItemsInView");
        let next = number(reader, "IndexedPagingOffset");
        let last = reader.attribute("IncludesLastItemInRange");
        let mut entries = Vec::new();
        while reader.child().await? {
            if reader.name() != b"Items" {
                reader.skip().await?;
                continue;
            }
            while reader.child().await? {
                if entries.len() >= limit {
                    return Err(reader.error(Reason::Count { asked: limit, got: entries.len() + 1 }));
                }
                entries.push(E::read(reader).await?);
            }
        }
        // A page may be shorter than asked for and not be the last; one that is not the last must advance.
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let after = offset.saturating_add(count);
        let next_offset = match last.as_deref() {
            Some("true" | "1") => None,
            // From the end a server counts the other way round.
            Some(_) if !forward => Some(after),
            Some(_) => Some(next.unwrap_or(after)),
            None => next.filter(|_| forward),
        };
        let beyond =
            entries.is_empty() && total.is_some_and(|total| next_offset.is_some_and(|next| next > total));
        if next_offset.is_some_and(|next| next <= offset) || beyond {
            return Err(reader.error(Reason::Paging));
        }
        Ok(Page { entries, total: total.unwrap_or(after), next_offset })
    }
}

/// What the ports ask for.
fn write_messages(out: &mut Writer, condition: Option<&Condition<'_>>, offset: u32, limit: u32) {
    out.open("m:ItemShape", &[]);
    out.word("t:BaseShape", "IdOnly");
    property::write_list(out, &property::SUMMARY);
    out.close("m:ItemShape");
    ItemView::Page { offset, limit, from_end: false }.write(out);
    if let Some(condition) = condition {
        out.open("m:Restriction", &[]);
        condition.write(out);
        out.close("m:Restriction");
    }
    out.open("m:SortOrder", &[]);
    out.open("t:FieldOrder", &[("Order", "Descending")]);
    Property::Field("item:DateTimeReceived").write(out);
    out.close("t:FieldOrder");
    out.close("m:SortOrder");
}

fn write_items(out: &mut Writer, search: &ItemSearch) {
    if let Some(words) = search.fault() {
        out.refuse(words.to_owned());
    }
    search.shape.write(out, "m:ItemShape");
    search.view.write(out);
    if let Some(condition) = &search.condition {
        out.open("m:Restriction", &[]);
        write_condition(condition, out);
        out.close("m:Restriction");
    }
    if !search.sort.is_empty() {
        out.open("m:SortOrder", &[]);
        for Sort { path, descending } in &search.sort {
            out.open("t:FieldOrder", &[("Order", if *descending { "Descending" } else { "Ascending" })]);
            path.write(out);
            out.close("t:FieldOrder");
        }
        out.close("m:SortOrder");
    }
}

/// An attribute as a number, if it is one.
fn number<P: Pull>(reader: &Reader<P>, name: &str) -> Option<u32> {
    reader.attribute(name).and_then(|text| text.trim().parse().ok())
}

/// The one page of a search in one folder.
pub(crate) fn single<E>(pages: Vec<Result<Page<E>, Error>>) -> Result<Page<E>, Error> {
    let missing = || Error::new(ErrorKind::Invalid, "FindItem: the answer holds no page");
    pages.into_iter().next().ok_or_else(missing)?
}

/// The references of what was found.
pub(crate) fn references(found: Page<MessageSummary>) -> Vec<ItemRef> {
    found.entries.into_iter().map(|message| message.item).collect()
}

impl EwsClient {
    /// One page of a search in each of its folders. One folder that cannot be searched never costs the others.
    ///
    /// # Errors
    /// Where the whole request failed or nothing could be sent; what happened to a single folder is in its result.
    pub async fn find_items(
        &self,
        mailbox: &Mailbox,
        search: &ItemSearch,
    ) -> Result<Vec<Result<ItemPage, Error>>, Error> {
        let mut folders = Vec::with_capacity(search.folders.len());
        for folder in &search.folders {
            folders.push(self.target_at(mailbox, folder).await?);
        }
        let pages = self.call(mailbox, FindItem::items(&folders, search)).await?;
        let shown = |page: Page<ExchangeItem>| ItemPage {
            items: page.entries,
            total: page.total,
            next_offset: page.next_offset,
        };
        Ok(pages.into_iter().map(|page| page.map(shown)).collect())
    }

    /// Everything a search in one folder finds from its offset on, page by page, but not more than `most` items:
    /// then `next_offset` says where to go on.
    ///
    /// # Errors
    /// Where the search has not exactly one folder and a page as its view, or one of the requests failed.
    pub async fn find_all_items(
        &self,
        mailbox: &Mailbox,
        search: &ItemSearch,
        most: usize,
    ) -> Result<ItemPage, Error> {
        let (&ItemView::Page { offset, limit, from_end }, 1) = (&search.view, search.folders.len()) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "only a search of one folder by pages can be read to its end; nothing was sent",
            ));
        };
        let (mut offset, mut all) = (offset, ItemPage::default());
        let mut step = search.clone();
        while all.items.len() < most {
            let left = u32::try_from(most - all.items.len()).unwrap_or(u32::MAX);
            step.view = ItemView::Page { offset, limit: limit.min(left), from_end };
            let pages = self.find_items(mailbox, &step).await?;
            let missing = || Error::new(ErrorKind::Invalid, "FindItem: the answer holds no page");
            let page = pages.into_iter().next().ok_or_else(missing)??;
            all.items.extend(page.items);
            (all.total, all.next_offset) = (page.total, page.next_offset);
            match page.next_offset {
                Some(next) => offset = next,
                None => break,
            }
        }
        Ok(all)
    }
}
