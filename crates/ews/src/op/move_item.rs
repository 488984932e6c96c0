//! [MoveItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation).
//! The items get new ids.

use std::collections::{HashMap, HashSet};

use exchange::{Error, ErrorKind, ItemRef};

use crate::answer::{Message, Results};
use crate::failure::{Effect, Failure};
use crate::folder::Target;
use crate::item::Item;
use crate::malformed::Reason;
use crate::op::{Operation, item_ids};
use crate::xml::{Pull, Reader, Writer};

/// A move.
pub(crate) struct MoveItem<'a> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) folder: &'a Target,
}

impl Operation for MoveItem<'_> {
    const NAME: &'static str = "MoveItem";
    const ANSWER: &'static str = "MoveItemResponse";
    const EFFECT: Effect = Effect::Changes;
    /// The new references.
    type Output = Vec<Result<ItemRef, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:MoveItem", &[]);
        out.open("m:ToFolderId", &[]);
        self.folder.write(out);
        out.close("m:ToFolderId");
        item_ids(out, self.items);
        out.word("m:ReturnNewItemIds", "true");
        out.close("m:MoveItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        references(reader, self.items, Self::NAME).await
    }
}

/// Reads one new reference per item that was changed. Two results for one item, or one at the place of
/// another, make the whole answer unusable.
pub(crate) async fn references<P: Pull>(
    reader: &mut Reader<P>,
    asked: &[ItemRef],
    operation: &'static str,
) -> Result<Vec<Result<ItemRef, Error>>, Failure> {
    let places: HashMap<&str, usize> =
        asked.iter().enumerate().map(|(at, item)| (item.id.as_str(), at)).collect();
    let mut results = Results::new(asked.len());
    let mut seen = HashSet::new();
    while reader.child().await? {
        let place = results.place(reader)?;
        let mut message = Message::begin(reader);
        let mut item = None;
        while reader.child().await? {
            match reader.name() {
                b"Items" => {
                    while reader.child().await? {
                        item = Some(Item::read(reader, None).await?);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        let reference = item.and_then(|item| item.reference);
        if let Some(ItemRef { id, .. }) = &reference {
            let elsewhere = places.get(id.as_str()).is_some_and(|asked| *asked != place);
            if elsewhere || !seen.insert(id.clone()) {
                return Err(reader.error(Reason::OtherItem(place + 1)));
            }
        }
        results.push(message.finish(operation, Effect::Changes).and_then(|()| {
            reference.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("{operation}: it is done, but the server gave no new id; search for the message to go on"),
                )
            })
        }));
    }
    results.finish(reader)
}
