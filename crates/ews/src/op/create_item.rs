//! [CreateItem](https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation):
//! keeps a draft. Nothing is ever sent by it: sending is a step of its own, so that a crash in between can be
//! told apart.

use exchange::{Address, BodyText, Draft, ItemRef};

use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::op::move_item::references;
use crate::property::{KEY, Property};
use crate::xml::{Pull, Reader, Writer};

/// What a draft begins as.
pub(crate) enum Origin<'a> {
    /// Nothing.
    New,
    /// An answer to an item whose version is known.
    Reply {
        /// The item.
        item: &'a ItemRef,
        /// To everybody who got it.
        all: bool,
    },
}

/// A draft.
pub(crate) struct CreateItem<'a> {
    pub(crate) draft: &'a Draft,
    pub(crate) origin: Origin<'a>,
}

impl Operation for CreateItem<'_> {
    const NAME: &'static str = "CreateItem";
    const ANSWER: &'static str = "CreateItemResponse";
    const EFFECT: Effect = Effect::Changes;
    type Output = ItemRef;

    fn write(&self, out: &mut Writer) {
        out.open("m:CreateItem", &[("MessageDisposition", "SaveOnly")]);
        out.open("m:SavedItemFolderId", &[]);
        out.known_folder("drafts");
        out.close("m:SavedItemFolderId");
        out.open("m:Items", &[]);
        match &self.origin {
            Origin::New => self.message(out),
            Origin::Reply { item, all: false } => self.reply(out, "t:ReplyToItem", item),
            Origin::Reply { item, all: true } => self.reply(out, "t:ReplyAllToItem", item),
        }
        out.close("m:Items");
        out.close("m:CreateItem");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<ItemRef, Failure> {
        // The draft has no id before it exists; the reader needs a place for its result only.
        let asked = [ItemRef::new("")];
        let all = references(reader, &asked, Self::NAME).await?;
        let one = all.into_iter().next();
        Ok(one.ok_or_else(|| reader.error(Reason::Missing("the draft")))??)
    }
}

impl CreateItem<'_> {
    /// The order of the elements is that of the schema, which Exchange insists on.
    fn message(&self, out: &mut Writer) {
        out.open("t:Message", &[]);
        if let Some(subject) = &self.draft.subject {
            out.text("t:Subject", subject);
        }
        body(out, "t:Body", &self.draft.body);
        KEY.write_value(out, &self.draft.key);
        for header in &self.draft.headers {
            Property::Header(&header.name).write_value(out, &header.value);
        }
        self.recipients(out);
        out.close("t:Message");
    }

    /// A reply has no room for properties; they are set on the draft afterwards.
    fn reply(&self, out: &mut Writer, name: &'static str, item: &ItemRef) {
        out.open(name, &[]);
        if let Some(subject) = &self.draft.subject {
            out.text("t:Subject", subject);
        }
        self.recipients(out);
        write_version(out, "t:ReferenceItemId", item);
        body(out, "t:NewBodyContent", &self.draft.body);
        out.close(name);
    }

    fn recipients(&self, out: &mut Writer) {
        for (name, addresses) in [
            ("t:ToRecipients", &self.draft.to),
            ("t:CcRecipients", &self.draft.cc),
            ("t:BccRecipients", &self.draft.bcc),
        ] {
            if !addresses.is_empty() {
                out.open(name, &[]);
                addresses.iter().for_each(|address| mailbox(out, address));
                out.close(name);
            }
        }
    }
}

/// Writes an id with the version of the item.
pub(crate) fn write_version(out: &mut Writer, name: &'static str, item: &ItemRef) {
    match &item.change_key {
        Some(key) => out.empty(name, &[("Id", &item.id), ("ChangeKey", key)]),
        None => out.empty(name, &[("Id", &item.id)]),
    }
}

fn mailbox(out: &mut Writer, address: &Address) {
    out.open("t:Mailbox", &[]);
    if let Some(name) = &address.name {
        out.text("t:Name", name);
    }
    out.exact("t:EmailAddress", &address.address);
    out.close("t:Mailbox");
}

fn body(out: &mut Writer, name: &'static str, body: &BodyText) {
    match body {
        BodyText::Text(text) => out.text_with(name, &[("BodyType", "Text")], text),
        BodyText::Html(html) => out.text_with(name, &[("BodyType", "HTML")], html),
    }
}
