//! Conditions of any shape on messages, as data: what [`Query`](crate::Query) cannot say.
//!
//! A playbook builds them with `aqs.*`, which makes JSON (`{"and": [{"eq": {"field": "from", "value": "…"}}]}`);
//! reading that JSON checks everything, so an instance is never blank, never too large, and compares each field
//! only in a way that a server can. There is no query text anywhere, so no value can become a condition. Left
//! out: sizes by range, headers, and whatever a wire cannot ask for.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, de};

/// How deep conditions may nest.
pub const MAX_DEPTH: usize = 16;
/// How many conditions one restriction may have, those that only join others included. Servers refuse some
/// hundreds as too complex.
pub const MAX_CONDITIONS: usize = 200;
/// How long a text to compare with may be, in characters.
pub const MAX_TEXT: usize = 1_024;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// What a condition looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The sender: `eq` the address, `contains` and `starts_with` the address or the display name.
    From,
    /// Each recipient: address or display name.
    To,
    /// Each recipient of a copy: address or display name.
    Cc,
    /// The subject.
    Subject,
    /// The body, as plain text or HTML.
    Body,
    /// The `Message-ID` header, angle brackets included.
    MessageId,
    /// When the server received it.
    Received,
    /// When the sender says it was sent.
    Sent,
    /// Size in bytes.
    Size,
    /// Whether it has attachments a mail client would show.
    HasAttachments,
    /// Whether it was read.
    IsRead,
    /// `low`, `normal` or `high`.
    Importance,
    /// Each category somebody put on it.
    Category,
}

impl Field {
    /// Every one of them.
    pub const ALL: [Field; 13] = [
        Field::From,
        Field::To,
        Field::Cc,
        Field::Subject,
        Field::Body,
        Field::MessageId,
        Field::Received,
        Field::Sent,
        Field::Size,
        Field::HasAttachments,
        Field::IsRead,
        Field::Importance,
        Field::Category,
    ];

    /// The name in playbooks, e.g. `message_id`.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::From => "from",
            Field::To => "to",
            Field::Cc => "cc",
            Field::Subject => "subject",
            Field::Body => "body",
            Field::MessageId => "message_id",
            Field::Received => "received",
            Field::Sent => "sent",
            Field::Size => "size",
            Field::HasAttachments => "has_attachments",
            Field::IsRead => "is_read",
            Field::Importance => "importance",
            Field::Category => "category",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A field that holds text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// See [`Field::From`].
    From,
    /// See [`Field::To`].
    To,
    /// See [`Field::Cc`].
    Cc,
    /// See [`Field::Subject`].
    Subject,
    /// See [`Field::Body`].
    Body,
    /// See [`Field::MessageId`].
    MessageId,
    /// See [`Field::Category`].
    Category,
}

/// How a text is compared; never by case. Of several texts (recipients) one that fits is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// The whole text.
    Equals,
    /// A part of it.
    Contains,
    /// Its beginning.
    StartsWith,
}

/// A field that is a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeField {
    /// See [`Field::Received`].
    Received,
    /// See [`Field::Sent`].
    Sent,
}

/// A field that is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlagField {
    /// See [`Field::HasAttachments`].
    HasAttachments,
    /// See [`Field::IsRead`].
    IsRead,
}

/// How important the sender says a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Importance {
    /// Low.
    Low,
    /// Neither.
    Normal,
    /// High.
    High,
}

/// A condition on a message. Made by reading JSON, which checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restriction {
    /// Every one of them; never empty.
    All(Vec<Restriction>),
    /// One of them; never empty.
    Any(Vec<Restriction>),
    /// Not this.
    Not(Box<Restriction>),
    /// A text; the value is never blank.
    Text(TextField, TextMatch, String),
    /// Before this time.
    Before(TimeField, Timestamp),
    /// At or after this time.
    NotBefore(TimeField, Timestamp),
    /// True or false.
    Flag(FlagField, bool),
    /// The size in bytes.
    Size(u32),
    /// The importance.
    Importance(Importance),
    /// The field is there at all.
    Exists(Field),
}

/// As it is written.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    And(Vec<Written>),
    Or(Vec<Written>),
    Not(Box<Written>),
    Eq(Comparison),
    Contains(Comparison),
    StartsWith(Comparison),
    Before(Comparison),
    After(Comparison),
    Exists(Named),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparison {
    field: Field,
    value: Operand,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    field: Field,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text, a number, true or false")]
enum Operand {
    Flag(bool),
    Number(u32),
    Text(String),
}

impl<'de> Deserialize<'de> for Restriction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut left = MAX_CONDITIONS;
        Written::deserialize(deserializer)?.check(0, &mut left).map_err(de::Error::custom)
    }
}

impl Written {
    fn check(self, depth: usize, left: &mut usize) -> Result<Restriction, String> {
        if depth >= MAX_DEPTH {
            return Err(format!("the restriction nests deeper than {MAX_DEPTH} conditions"));
        }
        *left = left
            .checked_sub(1)
            .ok_or_else(|| format!("the restriction has more than {MAX_CONDITIONS} conditions"))?;
        let mut inner = |name: &str, all: Vec<Written>| {
            if all.is_empty() {
                return Err(format!("`{name}` joins no conditions; it would match nothing or everything"));
            }
            all.into_iter().map(|one| one.check(depth + 1, left)).collect::<Result<Vec<_>, _>>()
        };
        match self {
            Written::And(all) => inner("and", all).map(Restriction::All),
            Written::Or(all) => inner("or", all).map(Restriction::Any),
            Written::Not(one) => Ok(Restriction::Not(Box::new(one.check(depth + 1, left)?))),
            Written::Eq(one) => equal(one),
            Written::Contains(one) => text(one, "contains", TextMatch::Contains),
            Written::StartsWith(one) => text(one, "starts_with", TextMatch::StartsWith),
            Written::Before(one) => time(one, "before").map(|(field, at)| Restriction::Before(field, at)),
            Written::After(one) => time(one, "after").map(|(field, at)| Restriction::NotBefore(field, at)),
            Written::Exists(Named { field }) => Ok(Restriction::Exists(field)),
        }
    }
}

fn equal(one: Comparison) -> Result<Restriction, String> {
    let field = one.field;
    match (field, one.value) {
        (Field::HasAttachments, Operand::Flag(value)) => {
            Ok(Restriction::Flag(FlagField::HasAttachments, value))
        }
        (Field::IsRead, Operand::Flag(value)) => Ok(Restriction::Flag(FlagField::IsRead, value)),
        (Field::HasAttachments | Field::IsRead, _) => Err(format!("`{field}` is true or false")),
        (Field::Size, Operand::Number(bytes)) => Ok(Restriction::Size(bytes)),
        (Field::Size, _) => Err("`size` is a whole number of bytes, at most 4294967295".to_owned()),
        (Field::Importance, Operand::Text(word)) => {
            let words =
                [("low", Importance::Low), ("normal", Importance::Normal), ("high", Importance::High)];
            let found = words.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
            let (_, importance) = found.ok_or("`importance` is `low`, `normal` or `high`")?;
            Ok(Restriction::Importance(*importance))
        }
        (Field::Importance, _) => Err("`importance` is `low`, `normal` or `high`".to_owned()),
        (Field::Received | Field::Sent, value) => {
            let (field, start) = time(Comparison { field, value }, "eq")?;
            // Servers keep parts of a second that they do not show.
            let span = if start.subsec_nanosecond() == 0 { SECOND } else { MILLISECOND };
            let end = start.checked_add(span).map_err(|_| format!("`{}` has no such time", one.field))?;
            Ok(Restriction::All(vec![Restriction::NotBefore(field, start), Restriction::Before(field, end)]))
        }
        (_, value) => text(Comparison { field, value }, "eq", TextMatch::Equals),
    }
}

fn text(one: Comparison, word: &str, how: TextMatch) -> Result<Restriction, String> {
    let field = match one.field {
        Field::From => TextField::From,
        Field::To => TextField::To,
        Field::Cc => TextField::Cc,
        Field::Subject => TextField::Subject,
        Field::Body => TextField::Body,
        Field::MessageId => TextField::MessageId,
        Field::Category => TextField::Category,
        other => return Err(format!("`{word}` compares text, and `{other}` is none")),
    };
    let Operand::Text(value) = one.value else {
        return Err(format!("`{}` is compared with a text", one.field));
    };
    if value.trim().is_empty() {
        return Err(format!("the text to compare `{}` with is blank; it would match too much", one.field));
    }
    if value.chars().count() > MAX_TEXT {
        return Err(format!("the text to compare `{}` with is longer than {MAX_TEXT} characters", one.field));
    }
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(format!("the text to compare `{}` with has a control character", one.field));
    }
    Ok(Restriction::Text(field, how, value))
}

fn time(one: Comparison, word: &str) -> Result<(TimeField, Timestamp), String> {
    let field = match one.field {
        Field::Received => TimeField::Received,
        Field::Sent => TimeField::Sent,
        other => return Err(format!("`{word}` compares times, and `{other}` is none")),
    };
    let Operand::Text(value) = one.value else {
        return Err(format!("`{word}` takes a time such as 2026-11-21T05:00:00Z"));
    };
    let time = value.parse().map_err(|_| format!("`{word}` takes a time such as 2026-11-21T05:00:00Z"))?;
    Ok((field, time))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Restriction, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_is_read() {
        let tree = read(json!({ "and": [
            { "eq": { "field": "from", "value": "eve@evil.test" } },
            { "not": { "or": [
                { "after": { "field": "received", "value": "2026-11-21T06:00:00+01:00" } },
                { "exists": { "field": "category" } }
            ] } }
        ] }));
        let expected = Restriction::All(vec![
            Restriction::Text(TextField::From, TextMatch::Equals, "eve@evil.test".to_owned()),
            Restriction::Not(Box::new(Restriction::Any(vec![
                Restriction::NotBefore(TimeField::Received, "2026-11-21T05:00:00Z".parse().unwrap()),
                Restriction::Exists(Field::Category),
            ]))),
        ]);
        assert_eq!(tree, Ok(expected));
    }

    #[test]
    fn what_would_match_too_much_or_means_nothing_is_refused_with_the_reason() {
        let eq = |field: &str, value: Value| json!({ "eq": { "field": field, "value": value } });
        for (bad, word) in [
            (json!({ "and": [] }), "`and`"),
            (json!({ "or": [] }), "`or`"),
            (json!({}), "expected"),
            (json!(null), "invalid type"),
            (json!({ "eq": { "field": "subject" } }), "value"),
            (json!({ "and": [eq("subject", json!("a"))], "or": [] }), "expected"),
            (json!({ "like": { "field": "subject", "value": "a" } }), "like"),
            (json!({ "eq": { "field": "subject", "value": "a", "case": true } }), "case"),
            (eq("subject", json!("")), "blank"),
            (eq("subject", json!(" \u{a0}")), "blank"),
            (eq("subject", json!(null)), "a text"),
            (eq("subject", json!(["a"])), "a text"),
            (eq("subject", json!(true)), "a text"),
            (eq("subject", json!("a\r\nb")), "control"),
            (eq("subject", json!("a".repeat(MAX_TEXT + 1))), "longer"),
            (eq("bcc", json!("a")), "bcc"),
            (eq("received", json!("yesterday")), "time such as"),
            (eq("received", json!(7)), "time such as"),
            (eq("is_read", json!("true")), "true or false"),
            (eq("size", json!(-1)), "number"),
            (eq("importance", json!("urgent")), "low"),
            (json!({ "contains": { "field": "size", "value": "1" } }), "none"),
            (json!({ "before": { "field": "subject", "value": "2026-11-21T05:00:00Z" } }), "none"),
            (json!({ "before": { "field": "sent", "value": "2026-02-30T05:00:00Z" } }), "time such as"),
            (json!({ "before": { "field": "sent", "value": "yesterday" } }), "time such as"),
        ] {
            let error = read(bad.clone()).unwrap_err();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }

    #[test]
    fn depth_and_number_are_capped() {
        let leaf = json!({ "exists": { "field": "cc" } });
        let nested = |depth: usize| (1..depth).fold(leaf.clone(), |inner, _| json!({ "not": inner }));
        assert!(read(nested(MAX_DEPTH)).is_ok());
        assert!(read(nested(MAX_DEPTH + 1)).unwrap_err().contains("deeper"));
        let many = |count: usize| json!({ "or": vec![leaf.clone(); count - 1] });
        assert!(read(many(MAX_CONDITIONS)).is_ok());
        assert!(read(many(MAX_CONDITIONS + 1)).unwrap_err().contains("more than"));
    }
}
