//! The words of inputs: mailbox, folder, item id, recipient, one line of text.
//!
//! Each is a type of its own, so that its rule, its schema and its mark as a guarded sink (`x-guard`: text from
//! a mail may not get there unless somebody said so) stand in one place. What an instance holds has been
//! checked; an empty, blank or match-all value does not exist here.

use std::borrow::Cow;

pub(crate) use action_api::{no_null_defaults, present};
use exchange::{Address, FolderRef, ItemRef, Mailbox, WellKnownFolder};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// One SMTP address and nothing else.
pub(crate) const ADDRESS: &str = r"^[^\s\x00-\x1f\x7f<>,;@]+@[^\s\x00-\x1f\x7f<>,;@]+$";
/// Ids of EWS and Graph are base64, in one of its two alphabets. A wildcard is none.
const ITEM_ID: &str = r"^[A-Za-z0-9+/=_.-]{1,1024}$";
/// RFC 3339 in UTC.
const TIME: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$";
/// One line: no control character at all.
const LINE: &str = r"^[^\x00-\x1f\x7f]*$";

fn read<'de, D, T>(
    deserializer: D,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom(format_args!("expected {expected}")))
}

fn is_line(text: &str) -> bool {
    !text.chars().any(|letter| letter.is_ascii_control())
}

/// The schema of a restriction: what `aqs.*` makes, and nothing else can.
///
/// Its own depth is one: a schema that refers to itself cannot be put into others, and reading the value checks
/// all of it anyway.
pub(crate) fn restriction_schema(_: &mut SchemaGenerator) -> Schema {
    let fields: Vec<&str> = exchange::restriction::Field::ALL.iter().map(|field| field.as_str()).collect();
    let field = serde_json::json!({ "description": "What it looks at", "type": "string", "enum": fields });
    let compare = |what: &str, value: Value| {
        serde_json::json!({
            "description": what,
            "type": "object",
            "additionalProperties": false,
            "required": ["field", "value"],
            "properties": { "field": field, "value": value }
        })
    };
    let inner = serde_json::json!({
        "description": "A condition of the same shape",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1
    });
    let most = exchange::restriction::MAX_CONDITIONS;
    let many = |what: &str| serde_json::json!({ "description": what, "type": "array", "minItems": 1, "maxItems": most, "items": inner });
    let text = serde_json::json!({
        "description": "What it is compared with; never blank",
        "type": "string",
        "pattern": r"\S",
        "maxLength": exchange::restriction::MAX_TEXT
    });
    let any = serde_json::json!({
        "description": "What it is compared with: text, a size in bytes, true or false",
        "type": ["string", "integer", "boolean"],
        "pattern": r"\S",
        "minimum": 0
    });
    let time = serde_json::json!({
        "description": "A time, RFC 3339",
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
    });
    json_schema!({
        "x-type": "restriction",
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "and": many("Every one of these"),
            "or": many("One of these"),
            "not": inner,
            "eq": compare("Equal, text whatever its case", any),
            "contains": compare("Contains this text, whatever its case", text.clone()),
            "starts_with": compare("Begins with this text, whatever its case", text),
            "before": compare("Before this time", time.clone()),
            "after": compare("At this time or later", time),
            "exists": {
                "description": "The field is there at all",
                "type": "object",
                "additionalProperties": false,
                "required": ["field"],
                "properties": { "field": field }
            }
        }
    })
}

/// A point in time, RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(Timestamp);

impl Time {
    pub(crate) fn get(self) -> Timestamp {
        self.0
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Time(time)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "a time such as 2026-11-21T05:00:00Z", |text| text.parse().ok()).map(Time)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": TIME })
    }
}

/// The address of a mailbox. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MailboxName(Mailbox);

impl MailboxName {
    pub(crate) fn get(&self) -> &Mailbox {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Somebody to write as.
    pub(crate) fn address(&self) -> Address {
        Address { name: None, address: self.0.as_str().to_owned() }
    }
}

impl From<Mailbox> for MailboxName {
    fn from(mailbox: Mailbox) -> Self {
        MailboxName(mailbox)
    }
}

impl<'de> Deserialize<'de> for MailboxName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "the address of one mailbox, such as alice@corp.example", Mailbox::new)
            .map(MailboxName)
    }
}

impl JsonSchema for MailboxName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MailboxName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": ADDRESS, "maxLength": 320, "x-guard": "mailbox" })
    }
}

/// A folder as an author names it. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FolderName(FolderRef);

impl FolderName {
    pub(crate) fn get(&self) -> &FolderRef {
        &self.0
    }

    pub(crate) fn inbox() -> Self {
        FolderName(FolderRef::WellKnown(WellKnownFolder::Inbox))
    }

    pub(crate) fn all_items() -> Self {
        FolderName(FolderRef::WellKnown(WellKnownFolder::AllItems))
    }

    pub(crate) fn top() -> Self {
        FolderName(FolderRef::WellKnown(WellKnownFolder::MsgFolderRoot))
    }

    fn parse(text: &str) -> Option<Self> {
        let folder = match text.strip_prefix("id:") {
            Some(id) => ItemId::parse(id).map(|id| FolderRef::Id(id.0)),
            None => FolderRef::parse(text),
        };
        folder.map(FolderName)
    }
}

impl<'de> Deserialize<'de> for FolderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a folder: a well-known name such as `inbox`, a path such as `Inbox/Processed` without empty \
                        parts, or `id:` and the server's id";
        read(deserializer, expected, FolderName::parse)
    }
}

impl Serialize for FolderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            FolderRef::Id(id) => serializer.collect_str(&format_args!("id:{id}")),
            other => serializer.collect_str(other),
        }
    }
}

impl JsonSchema for FolderName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FolderName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"\S", "maxLength": 1100, "x-guard": "folder" })
    }
}

/// The server's id of one message. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ItemId(String);

impl ItemId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn item(&self) -> ItemRef {
        ItemRef::new(&self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= 1024
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_.-".contains(&byte));
        fits.then(|| ItemId(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "the id of one message, as mail.search gives it", ItemId::parse)
    }
}

impl JsonSchema for ItemId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ItemId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": ITEM_ID, "x-guard": "item" })
    }
}

/// The server's id of one inbox rule. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleId(ItemId);

impl RuleId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "the id of one rule, as inbox_rule.list gives it", ItemId::parse).map(RuleId)
    }
}

impl JsonSchema for RuleId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RuleId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": ITEM_ID, "x-guard": "rule" })
    }
}

/// The server's id of one attachment. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AttachmentId(ItemId);

impl AttachmentId {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for AttachmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "the id of one attachment, as mail.get gives it", ItemId::parse).map(AttachmentId)
    }
}

impl JsonSchema for AttachmentId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AttachmentId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": ITEM_ID, "x-guard": "attachment" })
    }
}

/// Somebody to write to. A guarded sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient(Mailbox);

impl Recipient {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// As a port takes them.
    pub(crate) fn addresses(recipients: &[Recipient]) -> Vec<Address> {
        recipients
            .iter()
            .map(|recipient| Address { name: None, address: recipient.as_str().to_owned() })
            .collect()
    }
}

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "one address, such as alice@corp.example", Mailbox::new).map(Recipient)
    }
}

impl JsonSchema for Recipient {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Recipient".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": ADDRESS, "maxLength": 320, "x-guard": "recipient" })
    }
}

/// One line of a message's head: a subject, or the value of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer, "one line, without line ends or other control characters", |text| {
            is_line(text).then(|| Line(text.to_owned()))
        })
    }
}

impl JsonSchema for Line {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Line".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": LINE, "maxLength": 255 })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepted<T: for<'de> Deserialize<'de>>(value: Value) -> bool {
        serde_json::from_value::<T>(value).is_ok()
    }

    #[test]
    fn an_item_id_is_never_empty_blank_or_a_pattern() {
        for hostile in ["", " ", "*", "%", "a*", "a b", "a\n", "\u{a0}", "<all>", "\"", "..\u{0}", "ä"] {
            assert!(!accepted::<ItemId>(json!(hostile)), "{hostile:?}");
        }
        for hostile in [json!(null), json!([]), json!({}), json!(1), json!(true)] {
            assert!(!accepted::<ItemId>(hostile.clone()), "{hostile}");
        }
        assert!(accepted::<ItemId>(json!("AAMkAGI2+/=_-")));
    }

    #[test]
    fn a_folder_has_no_empty_part() {
        for bad in ["", "/", "Inbox/", "/Inbox", "Inbox//x", "id:", "id:*", "Inbox/a\nb"] {
            assert!(!accepted::<FolderName>(json!(bad)), "{bad:?}");
        }
        for (text, folder) in [
            ("Inbox", FolderRef::WellKnown(WellKnownFolder::Inbox)),
            ("allitems", FolderRef::WellKnown(WellKnownFolder::AllItems)),
            ("Inbox/Processed", FolderRef::Path(vec!["Inbox".to_owned(), "Processed".to_owned()])),
            ("id:AAM=", FolderRef::Id("AAM=".to_owned())),
        ] {
            assert_eq!(serde_json::from_value::<FolderName>(json!(text)).unwrap().get(), &folder);
        }
    }

    #[test]
    fn a_line_has_no_line_end() {
        for bad in ["a\r\nBcc: eve@evil.test", "a\nb", "a\rb", "a\u{0}b"] {
            assert!(!accepted::<Line>(json!(bad)), "{bad:?}");
            assert!(!accepted::<Recipient>(json!(format!("{bad}@corp.example"))), "{bad:?}");
        }
        assert!(accepted::<Line>(json!("Grüße – “quoted”")));
    }

    #[test]
    fn a_recipient_is_one_address() {
        for bad in
            ["a@b.test, c@d.test", "a@b.test;c@d.test", "Name <a@b.test>", "a b@c.test", "@b.test", "a@", "a"]
        {
            assert!(!accepted::<Recipient>(json!(bad)), "{bad:?}");
        }
        assert!(accepted::<Recipient>(json!("a.b+c@corp.example")));
    }
}
