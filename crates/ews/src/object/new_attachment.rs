//! Something to hang on an item: a file, or another item.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::new_item::NewItem;
use crate::xml::Writer;

/// What an attachment is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AttachmentContent {
    /// A file with these bytes.
    File(Bytes),
    /// A message, calendar item or contact.
    Item(Box<NewItem>),
}

/// An attachment to be made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewAttachment {
    /// Its name.
    pub name: String,
    /// Its media type; the server guesses without one.
    pub content_type: Option<String>,
    /// Its `Content-ID`, by which an HTML body shows it.
    pub content_id: Option<String>,
    /// Whether it is shown inside the body.
    pub is_inline: bool,
    /// What it is.
    pub content: AttachmentContent,
}

impl NewAttachment {
    /// A file.
    pub fn file(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        NewAttachment {
            name: name.into(),
            content_type: None,
            content_id: None,
            is_inline: false,
            content: AttachmentContent::File(bytes.into()),
        }
    }

    /// An item.
    pub fn item(name: impl Into<String>, item: NewItem) -> Self {
        NewAttachment {
            content: AttachmentContent::Item(Box::new(item)),
            ..NewAttachment::file(name, Bytes::new())
        }
    }

    /// The same, shown inside the body under a `Content-ID`.
    #[must_use]
    pub fn inline(mut self, content_id: impl Into<String>) -> Self {
        self.is_inline = true;
        self.content_id = Some(content_id.into());
        self
    }

    /// The same with a media type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Writes it. `depth` counts how deep attachments hang on attachments.
    pub(crate) fn write(&self, out: &mut Writer, depth: usize) {
        let element = match self.content {
            AttachmentContent::File(_) => "t:FileAttachment",
            AttachmentContent::Item(_) => "t:ItemAttachment",
        };
        out.open(element, &[]);
        out.text("t:Name", &self.name);
        if let Some(content_type) = &self.content_type {
            out.text("t:ContentType", content_type);
        }
        if let Some(content_id) = &self.content_id {
            out.exact("t:ContentId", content_id);
        }
        out.word("t:IsInline", if self.is_inline { "true" } else { "false" });
        match &self.content {
            AttachmentContent::File(bytes) => out.word("t:Content", &STANDARD.encode(bytes)),
            AttachmentContent::Item(item) => item.write(out, depth + 1),
        }
        out.close(element);
    }
}
