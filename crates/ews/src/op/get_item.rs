//! [GetItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation):
//! items by their ids, whole, or only a part of them.

use std::future::Future;
use std::io::{self, Write};

use exchange::port::Take;
use exchange::{AttachmentInfo, Error, ErrorKind, ItemRef, Mailbox, Message, MessageSummary};

use crate::answer::{Message as Response, Results};
use crate::base64_stream::{Buffers, Decoder};
use crate::client::EwsClient;
use crate::failure::{Effect, Failure};
use crate::item::Item;
use crate::malformed::Reason;
use crate::object::{ExchangeItem, ItemAt, ItemShape, Named};
use crate::op::{Operation, item_ids};
use crate::port::batch;
use crate::property::{self, Property};
use crate::xml::{Pull, Reader, Writer};

const NAME: &str = "GetItem";
const ANSWER: &str = "GetItemResponse";

/// What is read of an item.
trait Given: Sized + Send {
    /// Reads the current element.
    fn take<P: Pull>(
        reader: &mut Reader<P>,
        mime: Option<&mut Decoder<'_>>,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Which item it is.
    fn reference(&self) -> Option<&ItemRef>;
}

impl Given for Item {
    async fn take<P: Pull>(reader: &mut Reader<P>, mime: Option<&mut Decoder<'_>>) -> Result<Self, Failure> {
        Item::read(reader, mime).await
    }

    fn reference(&self) -> Option<&ItemRef> {
        self.reference.as_ref()
    }
}

impl Given for ExchangeItem {
    async fn take<P: Pull>(reader: &mut Reader<P>, _: Option<&mut Decoder<'_>>) -> Result<Self, Failure> {
        ExchangeItem::read(reader).await
    }

    fn reference(&self) -> Option<&ItemRef> {
        self.reference.as_ref()
    }
}

/// Whole messages.
pub(crate) struct GetMessages<'a> {
    pub(crate) items: &'a [ItemRef],
}

impl Operation for GetMessages<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<Message, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetItem", &[]);
        out.open("m:ItemShape", &[]);
        out.word("t:BaseShape", "IdOnly");
        out.word("t:BodyType", "Best");
        // Evidence must not be cleaned by the server.
        out.word("t:FilterHtmlContent", "false");
        let all: Vec<Property<'_>> = property::SUMMARY.into_iter().chain(property::WHOLE).collect();
        property::write_list(out, &all);
        out.close("m:ItemShape");
        item_ids(out, self.items);
        out.close("m:GetItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let items: Vec<Result<Item, Error>> = read(reader, self.items, None).await?;
        items
            .into_iter()
            .map(|item| match item {
                Ok(item) => Ok(Ok(item.into_message(reader)?)),
                Err(error) => Ok(Err(error)),
            })
            .collect()
    }
}

/// Items of any kind in any shape.
pub(crate) struct GetItems<'a> {
    pub(crate) items: &'a [ItemAt],
    pub(crate) shape: &'a ItemShape,
}

impl Operation for GetItems<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<ExchangeItem, Error>>;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetItem", &[]);
        self.shape.write(out, "m:ItemShape");
        item_ids(out, self.items);
        out.close("m:GetItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        read(reader, self.items, None).await
    }
}

/// What a search would have given of items.
pub(crate) struct GetSummaries<'a> {
    pub(crate) items: &'a [ItemRef],
}

impl Operation for GetSummaries<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<Result<MessageSummary, Error>>;

    fn write(&self, out: &mut Writer) {
        write_many(out, self.items, false, &property::SUMMARY);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let items: Vec<Result<Item, Error>> = read(reader, self.items, None).await?;
        items
            .into_iter()
            .map(|item| match item {
                Ok(item) => Ok(Ok(item.into_summary(reader)?)),
                Err(error) => Ok(Err(error)),
            })
            .collect()
    }
}

/// The attachments of one item.
pub(crate) struct ListAttachments<'a> {
    pub(crate) item: &'a ItemRef,
}

impl Operation for ListAttachments<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    type Output = Vec<AttachmentInfo>;

    fn write(&self, out: &mut Writer) {
        write_one(out, self.item, false, &[Property::Field("item:Attachments")]);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        Ok(one(reader, self.item, None).await?.attachments)
    }
}

/// The reference of one item with its current version.
pub(crate) struct GetVersion<'a> {
    pub(crate) item: &'a ItemRef,
}

impl Operation for GetVersion<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    type Output = ItemRef;

    fn write(&self, out: &mut Writer) {
        write_one(out, self.item, false, &[]);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let item = one(reader, self.item, None).await?;
        item.reference.ok_or_else(|| reader.error(Reason::Missing("ItemId")))
    }
}

/// The MIME form of one item, passed on as it comes.
pub(crate) struct GetMime<'a> {
    pub(crate) item: &'a ItemRef,
    pub(crate) out: &'a mut (dyn Write + Send),
}

impl Operation for GetMime<'_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    const STREAMS: bool = true;
    type Output = u64;

    fn write(&self, out: &mut Writer) {
        write_one(out, self.item, true, &[]);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<u64, Failure> {
        let mut decoder = Decoder::new(self.out);
        let item = one(reader, self.item, Some(&mut decoder)).await?;
        if !item.had_mime {
            return Err(reader.error(Reason::Missing("MimeContent")));
        }
        Ok(decoder.written())
    }
}

/// The MIME forms of several items, passed on as they come.
pub(crate) struct GetMimes<'a, 'b> {
    pub(crate) items: &'a [ItemRef],
    pub(crate) take: &'a mut Take<'b>,
}

impl Operation for GetMimes<'_, '_> {
    const NAME: &'static str = NAME;
    const ANSWER: &'static str = ANSWER;
    const EFFECT: Effect = Effect::Reads;
    const STREAMS: bool = true;
    type Output = Vec<Result<u64, Error>>;

    fn write(&self, out: &mut Writer) {
        write_many(out, self.items, true, &[]);
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Self::Output, Failure> {
        let mut results = Results::new(self.items.len());
        let mut buffers = Buffers::new();
        while reader.child().await? {
            let place = results.place(reader)?;
            let mut refused = None;
            let taking = Taking { place, take: &mut *self.take, refused: &mut refused };
            let mut decoder = Decoder::within(buffers, taking);
            let (response, item) = message::<_, Item>(reader, Some(&mut decoder)).await?;
            let written = decoder.written();
            buffers = decoder.into_buffers();
            let item = judged(reader, response, item, place, self.items)?;
            results.push(item.and_then(|item| match refused {
                Some(why) => Err(kept_not(&why)),
                None if item.had_mime => Ok(written),
                None => Err(formless()),
            }));
        }
        results.finish(reader)
    }
}

/// Passes bytes on until they are refused, and over the rest, which lies before the next item.
struct Taking<'a, 'b> {
    place: usize,
    take: &'a mut Take<'b>,
    refused: &'a mut Option<io::Error>,
}

impl Write for Taking<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.refused.is_none() {
            *self.refused = (self.take)(self.place, bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn kept_not(why: &io::Error) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "{NAME}: the bytes of the message could not be kept: {why}; look at the place they are written to"
        ),
    )
}

fn formless() -> Error {
    Error::new(ErrorKind::Invalid, format!("{NAME}: the server gave the message without its MIME form"))
}

fn write_one(out: &mut Writer, item: &ItemRef, mime: bool, properties: &[Property<'_>]) {
    write_many(out, std::slice::from_ref(item), mime, properties);
}

fn write_many(out: &mut Writer, items: &[ItemRef], mime: bool, properties: &[Property<'_>]) {
    out.open("m:GetItem", &[]);
    out.open("m:ItemShape", &[]);
    out.word("t:BaseShape", "IdOnly");
    if mime {
        out.word("t:IncludeMimeContent", "true");
    }
    if !properties.is_empty() {
        property::write_list(out, properties);
    }
    out.close("m:ItemShape");
    item_ids(out, items);
    out.close("m:GetItem");
}

async fn one<P: Pull>(
    reader: &mut Reader<P>,
    item: &ItemRef,
    mime: Option<&mut Decoder<'_>>,
) -> Result<Item, Failure> {
    let items: Vec<Result<Item, Error>> = read(reader, std::slice::from_ref(item), mime).await?;
    let item = items.into_iter().next().ok_or_else(|| reader.error(Reason::Count { asked: 1, got: 0 }))?;
    Ok(item?)
}

/// Reads one result per item. A result that is about another item than the one asked for at its place makes
/// the whole answer unusable: no item may be taken for another.
async fn read<P: Pull, G: Given, N: Named>(
    reader: &mut Reader<P>,
    asked: &[N],
    mut mime: Option<&mut Decoder<'_>>,
) -> Result<Vec<Result<G, Error>>, Failure> {
    let mut results = Results::new(asked.len());
    while reader.child().await? {
        let place = results.place(reader)?;
        let (response, item) = message::<_, G>(reader, mime.as_deref_mut()).await?;
        results.push(judged(reader, response, item, place, asked)?);
    }
    results.finish(reader)
}

/// Reads the current response message, and the item in it.
async fn message<P: Pull, G: Given>(
    reader: &mut Reader<P>,
    mut mime: Option<&mut Decoder<'_>>,
) -> Result<(Response, Option<G>), Failure> {
    let mut response = Response::begin(reader);
    let mut item = None;
    while reader.child().await? {
        match reader.name() {
            b"Items" => {
                while reader.child().await? {
                    if item.is_some() {
                        return Err(reader.error(Reason::Count { asked: 1, got: 2 }));
                    }
                    item = Some(G::take(reader, mime.as_deref_mut()).await?);
                }
            }
            _ => response.other(reader).await?,
        }
    }
    Ok((response, item))
}

/// The item, if it is the one that was asked for at this place.
fn judged<P: Pull, G: Given, N: Named>(
    reader: &Reader<P>,
    response: Response,
    item: Option<G>,
    place: usize,
    asked: &[N],
) -> Result<Result<G, Error>, Failure> {
    if let Err(error) = response.finish(NAME, Effect::Reads) {
        return Ok(Err(error));
    }
    let item = item.ok_or_else(|| reader.error(Reason::Missing("the item")))?;
    let id = item.reference().map(|reference| &reference.id);
    let id = id.ok_or_else(|| reader.error(Reason::Missing("ItemId")))?;
    // An occurrence that was named by its number has an id that only the server knows.
    if asked.get(place).and_then(Named::id).is_some_and(|asked| asked != id) {
        return Err(reader.error(Reason::OtherItem(place + 1)));
    }
    Ok(Ok(item))
}

impl EwsClient {
    /// Items of any kind by their ids or places in a series, one result for each, with what `shape` asks for. A whole item as MIME is kept
    /// in memory here; for large ones the port [`Read`](exchange::port::Read) passes it on as it comes.
    ///
    /// # Errors
    /// Where the whole request failed or nothing could be sent; what happened to a single item is in its result.
    pub async fn get_items<I: Clone + Into<ItemAt>>(
        &self,
        mailbox: &Mailbox,
        items: &[I],
        shape: &ItemShape,
    ) -> Result<Vec<Result<ExchangeItem, Error>>, Error> {
        let items: Vec<ItemAt> = items.iter().cloned().map(Into::into).collect();
        batch::run(&items, self.batch(), |items| self.call(mailbox, GetItems { items, shape })).await
    }
}
