//! [`Drafts`] over GetItem, CreateItem, UpdateItem, CreateAttachment, SendItem and FindItem.

use exchange::port::{Drafts, Work};
use exchange::restriction::Importance as Said;
use exchange::{
    BodyText, Draft, DraftChange, DraftContent, Error, ErrorKind, ItemRef, Mailbox, MimeDraft, NewAttachment,
};

use super::drafting::{afterwards, check_answer, check_headers, check_key, of_change};
use crate::client::EwsClient;
use crate::condition::Condition;
use crate::folder::Target;
use crate::object::{BaseShape, BodyType, ExchangeItem, Importance, ItemShape, NewKind, PropertyPath};
use crate::op::attach::Attach;
use crate::op::create_item;
use crate::op::find_item::{self, FindItem, references};
use crate::op::keep_mime::KeepMime;
use crate::op::update_item::quietly;
use crate::property::KEY;

/// Where the copy goes that nobody wants among the sent messages.
const UNFILED: Target = Target::Known("deleteditems");
/// How many items with one key are looked at: the message, and drafts of it that somebody threw away.
const MOST: u32 = 10;

/// What is read of a draft.
const SHOWN: [&str; 12] = [
    "item:Subject",
    "item:Body",
    "item:Attachments",
    "item:DateTimeReceived",
    "item:Importance",
    "item:IsDraft",
    "message:From",
    "message:ToRecipients",
    "message:CcRecipients",
    "message:BccRecipients",
    "message:ReplyTo",
    "message:InternetMessageId",
];

impl Drafts for EwsClient {
    fn draft<'a>(&'a self, mailbox: &'a Mailbox, item: &'a ItemRef) -> Work<'a, DraftContent> {
        Box::pin(async move {
            let mut shape = ItemShape::new(BaseShape::IdOnly);
            (shape.body, shape.filter_html) = (Some(BodyType::Best), Some(false));
            shape.additional = SHOWN.into_iter().map(PropertyPath::field).collect();
            self.one(mailbox, item, &shape).await.map(content)
        })
    }

    fn create_forward<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        item: &'a ItemRef,
        draft: &'a Draft,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check_answer(draft)?;
            self.answered(mailbox, item, draft, NewKind::Forward, &afterwards(draft, false)).await
        })
    }

    fn create_from_mime<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a MimeDraft) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check_key(&draft.key)?;
            create_item::single(self.call(mailbox, KeepMime { draft }).await?)
        })
    }

    fn attach<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        attachment: &'a NewAttachment,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            let mut made = self.call(mailbox, Attach { item: draft, attachment }).await?;
            let missing = || Error::new(ErrorKind::Invalid, "CreateAttachment: the answer is empty");
            let attached = made.pop().ok_or_else(missing)??;
            // A server that does not say the version of now is asked for it when it is needed.
            Ok(attached.item.unwrap_or_else(|| ItemRef::new(&draft.id)))
        })
    }

    fn change_draft<'a>(
        &'a self,
        mailbox: &'a Mailbox,
        draft: &'a ItemRef,
        change: &'a DraftChange,
    ) -> Work<'a, ItemRef> {
        Box::pin(async move {
            check_headers(&change.headers)?;
            let updates = of_change(change);
            if updates.is_empty() {
                return Ok(draft.clone());
            }
            let changed = quietly(self, mailbox, std::slice::from_ref(draft), &updates).await?;
            changed.into_iter().next().unwrap_or_else(|| Ok(draft.clone()))
        })
    }

    fn send_unfiled<'a>(&'a self, mailbox: &'a Mailbox, draft: &'a ItemRef) -> Work<'a, ()> {
        Box::pin(self.send_to(mailbox, draft, &UNFILED))
    }

    fn find_unfiled<'a>(&'a self, mailbox: &'a Mailbox, key: &'a str) -> Work<'a, Option<ItemRef>> {
        Box::pin(async move {
            if key.is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "an empty key finds nothing; give the key of the draft",
                ));
            }
            let condition = Some(Condition::Equals(KEY, key.into()));
            let found = self.call(mailbox, FindItem::messages(&UNFILED, condition, 0, MOST)).await?;
            let shape = ItemShape::new(BaseShape::IdOnly).with(PropertyPath::field("item:IsDraft"));
            for item in references(find_item::single(found)?) {
                match self.one(mailbox, &item, &shape).await {
                    Ok(shown) if shown.is_draft == Some(false) => return Ok(Some(item)),
                    Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(None)
        })
    }
}

impl EwsClient {
    async fn one(&self, mailbox: &Mailbox, item: &ItemRef, shape: &ItemShape) -> Result<ExchangeItem, Error> {
        let items = self.get_items(mailbox, std::slice::from_ref(item), shape).await?;
        let missing = || Error::new(ErrorKind::Invalid, "GetItem: the answer is empty");
        items.into_iter().next().ok_or_else(missing)?
    }
}

fn content(item: ExchangeItem) -> DraftContent {
    let body = item.body.map(|body| match body.is_html {
        true => BodyText::Html(body.text),
        false => BodyText::Text(body.text),
    });
    DraftContent {
        is_draft: item.is_draft.unwrap_or(false),
        from: item.message.from,
        to: item.message.to,
        cc: item.message.cc,
        bcc: item.message.bcc,
        reply_to: item.message.reply_to,
        subject: item.subject,
        body: body.unwrap_or_default(),
        importance: item.importance.map(|importance| match importance {
            Importance::Low => Said::Low,
            Importance::Normal => Said::Normal,
            Importance::High => Said::High,
        }),
        internet_message_id: item.message.message_id,
        received_at: item.received.map(|time| time.to_string()),
        attachments: item.attachments,
    }
}
