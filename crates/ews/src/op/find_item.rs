//! [FindItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation):
//! one page of one search in one folder.

use exchange::{Found, ItemRef, MessageSummary};

use crate::answer::Message;
use crate::condition::Condition;
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::item::Item;
use crate::malformed::Reason;
use crate::op::Operation;
use crate::property::{self, Property};
use crate::xml::{Pull, Reader, Writer};

/// A search.
pub(crate) struct FindItem<'a> {
    pub(crate) folder: &'a Target,
    pub(crate) condition: Option<Condition<'a>>,
    pub(crate) offset: u32,
    pub(crate) limit: u32,
}

impl Operation for FindItem<'_> {
    const NAME: &'static str = "FindItem";
    const ANSWER: &'static str = "FindItemResponse";
    const EFFECT: Effect = Effect::Reads;
    type Output = Found;

    fn write(&self, out: &mut Writer) {
        out.open("m:FindItem", &[("Traversal", "Shallow")]);
        out.open("m:ItemShape", &[]);
        out.word("t:BaseShape", "IdOnly");
        property::write_list(out, &property::SUMMARY);
        out.close("m:ItemShape");
        out.empty(
            "m:IndexedPageItemView",
            &[
                ("MaxEntriesReturned", &self.limit.to_string()),
                ("Offset", &self.offset.to_string()),
                ("BasePoint", "Beginning"),
            ],
        );
        if let Some(condition) = &self.condition {
            out.open("m:Restriction", &[]);
            condition.write(out);
            out.close("m:Restriction");
        }
        out.open("m:SortOrder", &[]);
        out.open("t:FieldOrder", &[("Order", "Descending")]);
        Property::Field("item:DateTimeReceived").write(out);
        out.close("t:FieldOrder");
        out.close("m:SortOrder");
        out.open("m:ParentFolderIds", &[]);
        self.folder.write(out);
        out.close("m:ParentFolderIds");
        out.close("m:FindItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Found, Failure> {
        let mut found = None;
        while reader.child().await? {
            if found.is_some() {
                return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
            }
            let mut message = Message::begin(reader);
            let mut page = None;
            while reader.child().await? {
                match reader.name() {
                    b"RootFolder" => page = Some(self.page(reader).await?),
                    _ => message.other(reader).await?,
                }
            }
            message.finish(Self::NAME, Self::EFFECT)?;
            found = page;
        }
        found.ok_or_else(|| reader.error(Reason::Missing("RootFolder")))
    }
}

impl FindItem<'_> {
    async fn page<P: Pull>(&self, reader: &mut Reader<P>) -> Result<Found, Failure> {
        let total = number(reader, "TotalItemsInView");
        let next = number(reader, "IndexedPagingOffset");
        let last = reader.attribute("IncludesLastItemInRange");
        let mut messages: Vec<MessageSummary> = Vec::new();
        while reader.child().await? {
            if reader.name() != b"Items" {
                reader.skip().await?;
                continue;
            }
            while reader.child().await? {
                if messages.len() >= self.limit as usize {
                    return Err(
                        reader.error(Reason::Count { asked: self.limit as usize, got: messages.len() + 1 })
                    );
                }
                messages.push(Item::read(reader, None).await?.into_summary(reader)?);
            }
        }
        // A page may be shorter than asked for and not be the last; one that is not the last must advance.
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        let next_offset = match last.as_deref() {
            Some("true" | "1") => None,
            Some(_) => Some(next.unwrap_or(self.offset.saturating_add(count))),
            None => next,
        };
        let beyond =
            messages.is_empty() && total.is_some_and(|total| next_offset.is_some_and(|next| next > total));
        if next_offset.is_some_and(|next| next <= self.offset) || beyond {
            return Err(reader.error(Reason::Paging));
        }
        let total = total.unwrap_or(self.offset.saturating_add(count));
        Ok(Found { messages, total, next_offset })
    }
}

/// An attribute as a number, if it is one.
fn number<P: Pull>(reader: &Reader<P>, name: &str) -> Option<u32> {
    reader.attribute(name).and_then(|text| text.trim().parse().ok())
}

/// The references of what was found.
pub(crate) fn references(found: Found) -> Vec<ItemRef> {
    found.messages.into_iter().map(|message| message.item).collect()
}
