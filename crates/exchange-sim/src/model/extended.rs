//! Extended (MAPI) properties on items.

use serde::{Deserialize, Serialize};

/// Which property: EWS's
/// [ExtendedFieldURI](https://learn.microsoft.com/exchange/client-developer/web-service-reference/extendedfielduri).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(default)]
pub(crate) struct PropertyName {
    /// Well-known name of the set, e.g. `PublicStrings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set: Option<String>,
    /// GUID of the set, in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_id: Option<String>,
    /// MAPI tag as a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<u32>,
    /// Name in the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Number in the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<i64>,
    /// Type, e.g. `String` or `StringArray`.
    pub(crate) kind: String,
}

/// The set whose properties are header lines.
pub(crate) const INTERNET_HEADERS: &str = "InternetHeaders";

impl PropertyName {
    /// The property in which our own key is kept on an item.
    pub(crate) fn portcullis_key() -> Self {
        PropertyName {
            set: Some(String::from("PublicStrings")),
            name: Some(String::from("X-Portcullis-Key")),
            kind: String::from("String"),
            ..PropertyName::default()
        }
    }

    /// The header line this property stands for.
    pub(crate) fn header(&self) -> Option<&str> {
        self.set.as_deref().filter(|set| *set == INTERNET_HEADERS)?;
        self.name.as_deref()
    }
}

/// A property and its value or values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Extended {
    pub(crate) property: PropertyName,
    pub(crate) values: Vec<String>,
}
