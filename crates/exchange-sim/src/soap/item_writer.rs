//! Writes one item, as it lies in a folder or as it hangs on another one.

use super::detail_xml;
use super::out::Out;
use super::paths;
use super::properties::{self, PROPERTIES, flag};
use super::shape::Shape;
use crate::model::id;
use crate::model::item::Item;
use crate::model::mail::Attachment;
use crate::model::mailbox::Mailbox;

/// An item and how it is to be shown.
pub(crate) struct ItemView<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) item: &'a Item,
    pub(crate) shape: &'a Shape,
    /// Of a message that hangs on an item: the path of indices down to it.
    pub(crate) attached: Option<&'a [u16]>,
}

impl ItemView<'_> {
    /// Whether the owner of the mailbox wrote it.
    pub(crate) fn is_from_me(&self) -> bool {
        let from = self.item.mail.from.as_ref();
        from.is_some_and(|from| from.address.eq_ignore_ascii_case(&self.mailbox.address))
    }

    /// Writes `t:Message`, or the element of the kind of item it is.
    pub(crate) fn write(&self, out: &mut Out) {
        let detail = self.item.detail.as_deref();
        let element = detail.map_or("t:Message", |detail| detail.kind.element());
        out.raw(&format!("<{element}>"));
        for (index, property) in PROPERTIES.iter().enumerate() {
            if index == 1 && self.attached.is_none() {
                item_id(out, self.item);
            }
            if detail.is_some_and(|detail| !detail.kind.is_notice()) && property.uri.starts_with("message:") {
                continue;
            }
            if self.shape.wants(index) || (property.uri == "extended" && !self.shape.extended.is_empty()) {
                (property.write)(out, self);
            } else if property.uri == "item:InternetMessageHeaders" && !self.shape.headers.is_empty() {
                let wanted = &self.shape.headers;
                properties::headers(out, self, |name| wanted.iter().any(|w| w.eq_ignore_ascii_case(name)));
            }
        }
        if let Some(detail) = detail {
            detail_xml::write(out, self, detail);
        }
        out.raw(&format!("</{element}>"));
    }
}

/// Writes `t:ItemId`.
pub(crate) fn item_id(out: &mut Out, item: &Item) {
    out.raw("<t:ItemId Id=\"");
    out.raw(&item.id);
    out.raw("\" ChangeKey=\"");
    out.raw(&item.change_key());
    out.raw("\"/>");
}

/// Writes the extended properties that were asked for and are there.
pub(crate) fn extended(out: &mut Out, view: &ItemView<'_>) {
    for property in &view.shape.extended {
        let Some(values) = view.item.property(property) else { continue };
        out.raw("<t:ExtendedProperty>");
        paths::write_extended(out, property);
        if property.kind.ends_with("Array") {
            out.raw("<t:Values>");
            values.iter().for_each(|value| out.element("t:Value", value));
            out.raw("</t:Values>");
        } else {
            out.element("t:Value", values.first().map(String::as_str).unwrap_or_default());
        }
        out.raw("</t:ExtendedProperty>");
    }
}

/// Writes the list of attachments, without their contents.
pub(crate) fn attachments(out: &mut Out, view: &ItemView<'_>) {
    let attachments = &view.item.mail.attachments;
    if attachments.is_empty() {
        return;
    }
    out.raw("<t:Attachments>");
    for (index, attachment) in attachments.iter().enumerate() {
        let mut path = view.attached.unwrap_or_default().to_vec();
        path.push(view.item.number(index));
        let (open, close) = element(attachment);
        out.raw(open);
        out.raw(&format!("<t:AttachmentId Id=\"{}\"/>", id::attachment(&view.item.id, &path)));
        describe(out, attachment, view.item.modified);
        out.raw(close);
    }
    out.raw("</t:Attachments>");
}

/// The tags around an attachment.
pub(crate) fn element(attachment: &Attachment) -> (&'static str, &'static str) {
    if attachment.is_message {
        ("<t:ItemAttachment>", "</t:ItemAttachment>")
    } else {
        ("<t:FileAttachment>", "</t:FileAttachment>")
    }
}

/// Writes what is known about an attachment beside its id and content.
pub(crate) fn describe(out: &mut Out, attachment: &Attachment, modified: jiff::Timestamp) {
    out.element("t:Name", &attachment.name);
    out.element("t:ContentType", &attachment.content_type);
    if let Some(id) = &attachment.content_id {
        out.element("t:ContentId", id);
    }
    out.element("t:Size", &attachment.bytes.len().to_string());
    out.element("t:LastModifiedTime", &modified.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    flag(out, "t:IsInline", attachment.is_inline);
    if !attachment.is_message {
        flag(out, "t:IsContactPhoto", false);
    }
}
