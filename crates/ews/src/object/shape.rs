//! What an answer shows of each item:
//! [ItemShape](https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemshape).

use super::path::PropertyPath;
use crate::xml::Writer;

/// The set of properties an answer begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BaseShape {
    /// Nothing but the id and the version.
    #[default]
    IdOnly,
    /// What a mail client shows in a list.
    Default,
    /// Everything that is not costly.
    AllProperties,
}

/// How a body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyType {
    /// As it is kept: HTML, or text where there is no HTML.
    Best,
    /// As HTML, made from text where there is none.
    Html,
    /// As text, made from HTML where there is none.
    Text,
}

/// What to show of an item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemShape {
    /// What to begin with.
    pub base: BaseShape,
    /// Whether to add the whole item as MIME. FindItem cannot.
    pub mime: bool,
    /// How the body is wanted, if it is shown.
    pub body: Option<BodyType>,
    /// Whether the server may take scripts out of an HTML body; evidence wants `false`.
    pub filter_html: Option<bool>,
    /// Properties beyond the base.
    pub additional: Vec<PropertyPath>,
}

impl ItemShape {
    /// A base and nothing else.
    pub fn new(base: BaseShape) -> Self {
        ItemShape { base, ..ItemShape::default() }
    }

    /// The same with another property.
    #[must_use]
    pub fn with(mut self, path: PropertyPath) -> Self {
        self.additional.push(path);
        self
    }

    /// Writes it as the element `name`.
    pub(crate) fn write(&self, out: &mut Writer, name: &'static str) {
        out.open(name, &[]);
        out.word(
            "t:BaseShape",
            match self.base {
                BaseShape::IdOnly => "IdOnly",
                BaseShape::Default => "Default",
                BaseShape::AllProperties => "AllProperties",
            },
        );
        if self.mime {
            out.word("t:IncludeMimeContent", "true");
        }
        if let Some(body) = self.body {
            let word = match body {
                BodyType::Best => "Best",
                BodyType::Html => "HTML",
                BodyType::Text => "Text",
            };
            out.word("t:BodyType", word);
        }
        if let Some(filter) = self.filter_html {
            out.word("t:FilterHtmlContent", if filter { "true" } else { "false" });
        }
        if !self.additional.is_empty() {
            out.open("t:AdditionalProperties", &[]);
            self.additional.iter().for_each(|path| path.write(out));
            out.close("t:AdditionalProperties");
        }
        out.close(name);
    }
}
