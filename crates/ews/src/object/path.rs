//! How a property of an item is named: by its EWS name, by a name and an index, or as a MAPI property.
//!
//! The names are checked before anything is sent: a request with one name that the server's schema lacks is
//! refused as a whole, and its fault names a line of XML rather than the property.

use std::fmt;

use super::path_names::{INDEXED, LATER, SINCE_2013};
use crate::code::shown;
use crate::version::Version;
use crate::xml::Writer;

/// A property of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropertyPath {
    /// One that EWS names, e.g. `item:Subject`
    /// ([FieldURI](https://learn.microsoft.com/exchange/client-developer/web-service-reference/fielduri)).
    Field(String),
    /// One entry of several, e.g. `contacts:EmailAddress` and `EmailAddress1`
    /// ([IndexedFieldURI](https://learn.microsoft.com/exchange/client-developer/web-service-reference/indexedfielduri)).
    Indexed {
        /// The property.
        field: String,
        /// Which entry of it.
        index: String,
    },
    /// A MAPI property.
    Extended(ExtendedName),
}

impl PropertyPath {
    /// A property that EWS names.
    pub fn field(name: impl Into<String>) -> Self {
        PropertyPath::Field(name.into())
    }

    /// One line of the headers of a mail.
    pub fn header(name: impl Into<String>) -> Self {
        PropertyPath::Indexed { field: String::from("item:InternetMessageHeader"), index: name.into() }
    }

    /// Refuses what the version does not know.
    fn check(&self, version: Version) -> Result<(), String> {
        let known = |names: &[&str], name: &str| names.binary_search(&name).is_ok();
        Err(match self {
            PropertyPath::Field(name) if known(&SINCE_2013, name) => return Ok(()),
            PropertyPath::Field(name) if known(&LATER, name) => {
                if version >= Version::Exchange2016 {
                    return Ok(());
                }
                format!(
                    "the property `{}` came after Exchange 2013: set `version` of the connection to a later one, or leave it out",
                    shown(name, 80)
                )
            }
            PropertyPath::Field(name) => {
                format!("Exchange has no property `{}`; names look like `item:Subject`", shown(name, 80))
            }
            PropertyPath::Indexed { field, index } if known(&INDEXED, field) && !index.is_empty() => {
                return Ok(());
            }
            PropertyPath::Indexed { field, .. } => {
                format!("`{}` is no property that takes an index, or the index is empty", shown(field, 80))
            }
            // It checks itself when it is written.
            PropertyPath::Extended(_) => return Ok(()),
        })
    }

    /// Writes the path element.
    pub(crate) fn write(&self, out: &mut Writer) {
        if let Err(words) = self.check(out.version()) {
            out.refuse(words);
        }
        match self {
            PropertyPath::Field(name) => out.empty("t:FieldURI", &[("FieldURI", name)]),
            PropertyPath::Indexed { field, index } => {
                out.empty("t:IndexedFieldURI", &[("FieldURI", field), ("FieldIndex", index)]);
            }
            PropertyPath::Extended(name) => name.write(out),
        }
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            PropertyPath::Field(name) => name.clone(),
            PropertyPath::Indexed { field, index } => format!("{field} {index}"),
            PropertyPath::Extended(ExtendedName::Tag { tag, .. }) => format!("{tag:#06x}"),
            PropertyPath::Extended(ExtendedName::Named { set, name, .. }) => {
                format!("{} {name}", set.attribute().1)
            }
            PropertyPath::Extended(ExtendedName::Numbered { set, number, .. }) => {
                format!("{} {number}", set.attribute().1)
            }
        };
        write!(f, "`{}`", shown(&words, 100))
    }
}

/// A MAPI property, as the
/// [ExtendedFieldURI](https://learn.microsoft.com/exchange/client-developer/web-service-reference/extendedfielduri)
/// names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExtendedName {
    /// By its tag.
    Tag {
        /// The tag without its type, e.g. `0x0e07`.
        tag: u16,
        /// Its type.
        kind: PropertyType,
    },
    /// By a name within a set.
    Named {
        /// The set.
        set: PropertySet,
        /// The name.
        name: String,
        /// Its type.
        kind: PropertyType,
    },
    /// By a number within a set.
    Numbered {
        /// The set.
        set: PropertySet,
        /// The number.
        number: i32,
        /// Its type.
        kind: PropertyType,
    },
}

impl ExtendedName {
    /// A text of an author's own, kept on the item under `name`.
    pub fn public_string(name: impl Into<String>) -> Self {
        let set = PropertySet::Known("PublicStrings");
        ExtendedName::Named { set, name: name.into(), kind: PropertyType::String }
    }

    /// A header of a mail to be sent.
    pub fn internet_header(name: impl Into<String>) -> Self {
        let set = PropertySet::Known("InternetHeaders");
        ExtendedName::Named { set, name: name.into(), kind: PropertyType::String }
    }

    /// The type of the property.
    pub fn kind(&self) -> PropertyType {
        match self {
            ExtendedName::Tag { kind, .. }
            | ExtendedName::Named { kind, .. }
            | ExtendedName::Numbered { kind, .. } => *kind,
        }
    }

    fn check(&self) -> Result<(), String> {
        let (ExtendedName::Named { set, .. } | ExtendedName::Numbered { set, .. }) = self else {
            // Tags from 0x8000 on are mapped anew in every mailbox.
            return match self {
                ExtendedName::Tag { tag, .. } if *tag >= 0x8000 => Err(format!(
                    "the tag {tag:#06x} means something else in every mailbox; name the property by its set"
                )),
                _ => Ok(()),
            };
        };
        set.check()
    }

    /// Writes the path element.
    pub(crate) fn write(&self, out: &mut Writer) {
        if let Err(words) = self.check() {
            out.refuse(words);
        }
        let kind = self.kind().as_str();
        match self {
            ExtendedName::Tag { tag, .. } => {
                let tag = format!("{tag:#06x}");
                out.empty("t:ExtendedFieldURI", &[("PropertyTag", &tag), ("PropertyType", kind)]);
            }
            ExtendedName::Named { set, name, .. } => {
                let (attribute, set) = set.attribute();
                out.empty(
                    "t:ExtendedFieldURI",
                    &[(attribute, set), ("PropertyName", name), ("PropertyType", kind)],
                );
            }
            ExtendedName::Numbered { set, number, .. } => {
                let (attribute, set) = set.attribute();
                let number = number.to_string();
                out.empty(
                    "t:ExtendedFieldURI",
                    &[(attribute, set), ("PropertyId", &number), ("PropertyType", kind)],
                );
            }
        }
    }
}

/// The set a named property belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropertySet {
    /// One of those that EWS has a name for, e.g. `PublicStrings` (see [`PropertySet::KNOWN`]).
    Known(&'static str),
    /// Any other, by its GUID.
    Guid(String),
}

impl PropertySet {
    /// The [sets with a name](https://learn.microsoft.com/exchange/client-developer/web-service-reference/extendedfielduri).
    pub const KNOWN: [&'static str; 10] = [
        "Address",
        "Appointment",
        "CalendarAssistant",
        "Common",
        "InternetHeaders",
        "Meeting",
        "PublicStrings",
        "Sharing",
        "Task",
        "UnifiedMessaging",
    ];

    /// The set with this name, if there is one.
    pub fn known(name: &str) -> Option<Self> {
        PropertySet::KNOWN.into_iter().find(|known| *known == name).map(PropertySet::Known)
    }

    fn attribute(&self) -> (&'static str, &str) {
        match self {
            PropertySet::Known(name) => ("DistinguishedPropertySetId", name),
            PropertySet::Guid(guid) => ("PropertySetId", guid),
        }
    }

    fn check(&self) -> Result<(), String> {
        let fits = match self {
            PropertySet::Known(name) => PropertySet::KNOWN.contains(name),
            PropertySet::Guid(guid) => is_guid(guid),
        };
        if fits {
            return Ok(());
        }
        let (_, name) = self.attribute();
        Err(format!(
            "`{}` is no set of properties: use a GUID, or one of {}",
            shown(name, 60),
            PropertySet::KNOWN.join(", ")
        ))
    }
}

/// Whether a text is a GUID as the schema writes it: `00020329-0000-0000-c000-000000000046`.
fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The type of a MAPI property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PropertyType {
    /// Text.
    String,
    /// Several texts.
    StringArray,
    /// A number of 32 bits.
    Integer,
    /// Several of them.
    IntegerArray,
    /// A number of 16 bits.
    Short,
    /// A number of 64 bits.
    Long,
    /// Yes or no.
    Boolean,
    /// A floating-point number.
    Double,
    /// A moment in UTC.
    SystemTime,
    /// Several of them.
    SystemTimeArray,
    /// Bytes, as base64.
    Binary,
    /// Several of them.
    BinaryArray,
    /// A GUID.
    Guid,
}

impl PropertyType {
    /// Every one of them.
    pub const ALL: [PropertyType; 13] = [
        PropertyType::String,
        PropertyType::StringArray,
        PropertyType::Integer,
        PropertyType::IntegerArray,
        PropertyType::Short,
        PropertyType::Long,
        PropertyType::Boolean,
        PropertyType::Double,
        PropertyType::SystemTime,
        PropertyType::SystemTimeArray,
        PropertyType::Binary,
        PropertyType::BinaryArray,
        PropertyType::Guid,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PropertyType::String => "String",
            PropertyType::StringArray => "StringArray",
            PropertyType::Integer => "Integer",
            PropertyType::IntegerArray => "IntegerArray",
            PropertyType::Short => "Short",
            PropertyType::Long => "Long",
            PropertyType::Boolean => "Boolean",
            PropertyType::Double => "Double",
            PropertyType::SystemTime => "SystemTime",
            PropertyType::SystemTimeArray => "SystemTimeArray",
            PropertyType::Binary => "Binary",
            PropertyType::BinaryArray => "BinaryArray",
            PropertyType::Guid => "CLSID",
        }
    }

    /// Whether it holds several values.
    pub fn is_array(self) -> bool {
        self.as_str().ends_with("Array")
    }
}

/// A MAPI property as it came: which one, as the server names it, and its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExtendedValue {
    /// The tag, e.g. `0xe07`.
    pub tag: Option<String>,
    /// The name of the set, or its GUID.
    pub set: Option<String>,
    /// The name or number in the set.
    pub name: Option<String>,
    /// The type.
    pub kind: String,
    /// Its value, or several.
    pub values: Vec<String>,
}
