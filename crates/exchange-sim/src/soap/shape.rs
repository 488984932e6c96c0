//! Which properties an answer shows: `ItemShape`.

use super::detail_xml::{DEFAULT, NOT_IN_FIND};
use super::fault::SoapFault;
use super::paths::{self, Path};
use super::properties::{Level, PROPERTIES};
use super::xml::Element;
use crate::model::extended::PropertyName;

/// How the body is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Best,
    Html,
    Text,
}

/// What is to be shown.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// One flag for each of [`PROPERTIES`].
    wanted: [bool; PROPERTIES.len()],
    pub(crate) body: BodyKind,
    pub(crate) extended: Vec<PropertyName>,
    /// Single header lines asked for by name.
    pub(crate) headers: Vec<String>,
    /// What it begins with, for the properties of calendar items and contacts; none for nothing.
    level: Option<Level>,
    /// Properties that were asked for by name.
    named: Vec<String>,
    /// Whether it is a search that shows them.
    find: bool,
}

const ELEMENTS: [&str; 12] = [
    "BaseShape",
    "IncludeMimeContent",
    "BodyType",
    "UniqueBodyType",
    "NormalizedBodyType",
    "FilterHtmlContent",
    "ConvertHtmlCodePageToUTF8",
    "InlineImageUrlTemplate",
    "BlockExternalImages",
    "AddBlankTargetToLinks",
    "MaximumBodySize",
    "AdditionalProperties",
];

impl Shape {
    /// Nothing but ids.
    pub(crate) fn id_only() -> Self {
        Shape {
            wanted: [false; PROPERTIES.len()],
            body: BodyKind::Best,
            extended: Vec::new(),
            headers: Vec::new(),
            level: None,
            named: Vec::new(),
            find: false,
        }
    }

    /// What an attached message shows when only its MIME form was asked for.
    pub(crate) fn attached_message(include_mime: bool, body: BodyKind) -> Self {
        let mut shape = Shape { body, ..Shape::id_only() };
        shape.want_level(Level::Default, true);
        if include_mime {
            shape.want("item:MimeContent");
        }
        shape
    }

    /// Reads `ItemShape`; `find` is true for FindItem, which shows no bodies, lists or MIME.
    pub(crate) fn read(element: Element<'_>, find: bool) -> Result<Self, SoapFault> {
        element.sequence(&ELEMENTS)?;
        let mut shape = Shape { find, ..Shape::id_only() };
        let base = element.required("BaseShape")?;
        match base.text().trim() {
            "IdOnly" | "PcxPeopleSearch" => {}
            "Default" => shape.want_level(Level::Default, !find),
            "AllProperties" => shape.want_level(Level::All, !find),
            other => {
                return Err(
                    base.violation(&format!("The 'BaseShape' element is invalid - The value '{other}'."))
                );
            }
        }
        if let Some(kind) = element.child("BodyType") {
            shape.body = read_body_kind(kind)?;
        }
        if element.child("IncludeMimeContent").map(Element::flag).transpose()?.unwrap_or(false) {
            if find {
                return Err(not_in_find("item:MimeContent"));
            }
            shape.want("item:MimeContent");
        }
        if let Some(additional) = element.child("AdditionalProperties") {
            for path in additional.children() {
                shape.add(paths::read(path)?, find)?;
            }
        }
        Ok(shape)
    }

    /// Adds one property to what is shown.
    pub(crate) fn add(&mut self, path: Path<'_>, find: bool) -> Result<(), SoapFault> {
        match path {
            Path::Extended(property) => self.extended.push(property),
            Path::Header(name) => self.headers.push(name.to_owned()),
            // A property the simulator does not keep is never there, as on a server where nobody set it.
            Path::Schema(uri) => {
                let property = PROPERTIES.iter().find(|property| property.uri == uri);
                if find && (property.is_some_and(|property| !property.in_find) || NOT_IN_FIND.contains(&uri))
                {
                    return Err(not_in_find(uri));
                }
                self.want(uri);
            }
        }
        Ok(())
    }

    fn want_level(&mut self, level: Level, everything: bool) {
        self.level = Some(level);
        for (wanted, property) in self.wanted.iter_mut().zip(PROPERTIES) {
            *wanted |= property.level <= level && (everything || property.in_find);
        }
    }

    pub(crate) fn want(&mut self, uri: &str) {
        self.named.push(uri.to_owned());
        for (wanted, property) in self.wanted.iter_mut().zip(PROPERTIES) {
            *wanted |= property.uri == uri;
        }
    }

    /// Whether a property of a calendar item or a contact is wanted.
    pub(crate) fn shows(&self, uri: &str) -> bool {
        let by_level = match self.level {
            None => false,
            Some(Level::Default) => DEFAULT.contains(&uri),
            Some(_) => true,
        };
        // An entry of a list is asked for by the name of one: `contacts:EmailAddress`, `contacts:PhysicalAddress:City`.
        let is_in = |named: &String| {
            let one: Vec<&str> = named.splitn(3, ':').take(2).collect();
            uri.strip_prefix(&one.join(":")).is_some_and(|rest| ["", "s", "es"].contains(&rest))
        };
        self.named.iter().any(is_in) || (by_level && !(self.find && NOT_IN_FIND.contains(&uri)))
    }

    /// Whether the property at this index of [`PROPERTIES`] is wanted.
    pub(crate) fn wants(&self, index: usize) -> bool {
        self.wanted.get(index).copied().unwrap_or(false)
    }
}

/// Reads `BodyType`.
pub(crate) fn read_body_kind(element: Element<'_>) -> Result<BodyKind, SoapFault> {
    match element.text().trim() {
        "Best" => Ok(BodyKind::Best),
        "HTML" => Ok(BodyKind::Html),
        "Text" => Ok(BodyKind::Text),
        other => Err(element.violation(&format!("The 'BodyType' element is invalid - The value '{other}'."))),
    }
}

fn not_in_find(uri: &str) -> SoapFault {
    let text = format!(
        "The property {uri} is not valid for this operation: FindItem does not return it, GetItem does."
    );
    SoapFault::new("ErrorInvalidPropertyForOperation", text)
}
