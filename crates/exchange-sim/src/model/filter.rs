//! What a search asks of an item or a folder: EWS restrictions as data, and how they are decided.
//!
//! Text compares whatever its case, as the store of a real server does, unless `Contains` asks for `Exact`.

use std::borrow::Cow;

use jiff::Timestamp;

use super::extended::PropertyName;
use super::folder::Folder;
use super::item::Item;

/// A property a search or a sort can name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Subject,
    Body,
    ItemClass,
    Importance,
    Categories,
    InReplyTo,
    References,
    MessageId,
    From,
    FromAddress,
    Sender,
    To,
    Cc,
    Bcc,
    DisplayTo,
    DisplayCc,
    Received,
    Sent,
    Created,
    Modified,
    Size,
    HasAttachments,
    AttachmentNames,
    IsRead,
    IsDraft,
    FolderName,
    FolderClass,
    /// What only calendar items or contacts have, by its name without the family.
    Detail(String),
    Header(String),
    Extended(PropertyName),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Where `Contains` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Containment {
    FullString,
    Prefixed,
    Substring,
    PrefixOnWords,
    ExactPhrase,
}

/// The other side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Text(String),
    Field(Field),
}

/// A condition on an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare { field: Field, how: Comparison, with: Operand },
    Contains { field: Field, mode: Containment, ignore_case: bool, text: String },
    Exists(Field),
}

/// A property's value. Text may be several texts, e.g. of a list of people: one that fits is enough.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Missing,
    Text(Vec<Cow<'a, str>>),
    Number(i64),
    Flag(bool),
    Time(Timestamp),
}

/// Something that has properties.
pub(crate) trait Valued {
    /// The value of a property.
    fn value(&self, field: &Field) -> Value<'_>;
}

impl Filter {
    /// Whether it holds for `item`.
    pub(crate) fn holds(&self, item: &impl Valued) -> bool {
        match self {
            Filter::All(all) => all.iter().all(|filter| filter.holds(item)),
            Filter::Any(any) => any.iter().any(|filter| filter.holds(item)),
            Filter::Not(filter) => !filter.holds(item),
            Filter::Exists(field) => item.value(field) != Value::Missing,
            Filter::Compare { field, how, with } => compare(&item.value(field), *how, with, item),
            Filter::Contains { field, mode, ignore_case, text } => match item.value(field) {
                Value::Text(texts) => texts.iter().any(|found| contains(found, text, *mode, *ignore_case)),
                _ => false,
            },
        }
    }
}

/// Compares two items by a property, for sorting.
pub(crate) fn order(field: &Field, a: &Item, b: &Item) -> std::cmp::Ordering {
    let (a, b) = (a.value(field), b.value(field));
    match (&a, &b) {
        (Value::Text(a), Value::Text(b)) => {
            let fold = |texts: &[Cow<'_, str>]| texts.first().map(|text| text.to_lowercase());
            fold(a).cmp(&fold(b))
        }
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Flag(a), Value::Flag(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => (a != Value::Missing).cmp(&(b != Value::Missing)),
    }
}

impl Valued for Item {
    fn value(&self, field: &Field) -> Value<'_> {
        let mail = &self.mail;

        match field {
            Field::Subject => text(mail.subject.as_deref()),
            Field::Body => match (&mail.text, &mail.html) {
                (None, None) => Value::Missing,
                (plain, html) => Value::Text(
                    [plain, html].into_iter().flatten().map(|t| Cow::Borrowed(t.as_str())).collect(),
                ),
            },
            Field::ItemClass => text(Some(&self.item_class)),
            Field::Importance => text(Some(&self.importance)),
            Field::Categories => {
                texts_or_missing(self.categories.iter().map(|c| Cow::Borrowed(c.as_str())).collect())
            }
            Field::InReplyTo => text(mail.in_reply_to.as_deref()),
            Field::References => text(mail.references.as_deref()),
            Field::MessageId => text(mail.message_id.as_deref()),
            Field::From => people(mail.from.as_slice()),
            Field::FromAddress => text(mail.from.as_ref().map(|from| from.address.as_str())),
            Field::Sender => people(
                mail.sender.as_ref().or(mail.from.as_ref()).map(std::slice::from_ref).unwrap_or_default(),
            ),
            Field::To => people(&mail.to),
            Field::Cc => people(&mail.cc),
            Field::Bcc => people(&mail.bcc),
            Field::DisplayTo => Value::Text(vec![Cow::Owned(display(&mail.to))]),
            Field::DisplayCc => Value::Text(vec![Cow::Owned(display(&mail.cc))]),
            Field::Received => Value::Time(self.received),
            Field::Sent => mail.sent_at.map_or(Value::Missing, Value::Time),
            Field::Created => Value::Time(self.created),
            Field::Modified => Value::Time(self.modified),
            Field::Size => Value::Number(i64::try_from(self.raw.len()).unwrap_or(i64::MAX)),
            Field::HasAttachments => Value::Flag(mail.has_attachments()),
            Field::AttachmentNames => {
                texts_or_missing(mail.attachments.iter().map(|a| Cow::Borrowed(a.name.as_str())).collect())
            }
            Field::IsRead => Value::Flag(self.is_read),
            Field::IsDraft => Value::Flag(self.is_draft),
            Field::FolderName | Field::FolderClass => Value::Missing,
            Field::Detail(name) => match self.detail.as_ref() {
                None => Value::Missing,
                Some(detail) => match detail.time(name) {
                    Some(time) => Value::Time(time),
                    None => text(detail.text(name)),
                },
            },
            Field::Header(name) => texts_or_missing(
                mail.headers
                    .iter()
                    .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                    .map(|(_, v)| Cow::Borrowed(v.as_str()))
                    .collect(),
            ),
            Field::Extended(property) => texts_or_missing(
                self.property(property).unwrap_or_default().into_iter().map(Cow::Owned).collect(),
            ),
        }
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Missing, |text| Value::Text(vec![Cow::Borrowed(text)]))
}

/// Names and addresses.
fn people(people: &[super::mail::Person]) -> Value<'_> {
    let texts = people.iter().flat_map(|person| [person.name.as_deref(), Some(person.address.as_str())]);
    texts_or_missing(texts.flatten().map(Cow::Borrowed).collect())
}

impl Valued for Folder {
    fn value(&self, field: &Field) -> Value<'_> {
        match field {
            Field::FolderName => text(Some(&self.name)),
            Field::FolderClass => text(Some(&self.class)),
            _ => Value::Missing,
        }
    }
}

fn texts_or_missing(texts: Vec<Cow<'_, str>>) -> Value<'_> {
    if texts.is_empty() { Value::Missing } else { Value::Text(texts) }
}

/// A list of people as a client shows it.
pub(crate) fn display(people: &[super::mail::Person]) -> String {
    people.iter().map(|p| p.name.as_deref().unwrap_or(&p.address)).collect::<Vec<_>>().join("; ")
}

fn compare(left: &Value<'_>, how: Comparison, with: &Operand, item: &impl Valued) -> bool {
    use std::cmp::Ordering;
    let decide = |ordering: Ordering| match how {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
    };
    let right = match with {
        Operand::Field(field) => item.value(field),
        Operand::Text(text) => constant(left, text),
    };
    match (left, &right) {
        (Value::Text(lefts), Value::Text(rights)) => {
            let same = |a: &str, b: &str| decide(cmp_ignoring_case(a, b));
            // Of several texts one must fit; to differ, all must.
            if how == Comparison::NotEqual {
                lefts.iter().all(|a| rights.iter().all(|b| same(a, b)))
            } else {
                lefts.iter().any(|a| rights.iter().any(|b| same(a, b)))
            }
        }
        (Value::Number(a), Value::Number(b)) => decide(a.cmp(b)),
        (Value::Flag(a), Value::Flag(b)) => decide(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => decide(a.cmp(b)),
        _ => how == Comparison::NotEqual,
    }
}

/// A constant read as the type of what it is compared with.
fn constant<'a>(like: &Value<'_>, text: &'a str) -> Value<'a> {
    match like {
        Value::Number(_) => text.trim().parse().map_or(Value::Missing, Value::Number),
        Value::Flag(_) => match text.trim() {
            "1" => Value::Flag(true),
            "0" => Value::Flag(false),
            word => word.to_ascii_lowercase().parse().map_or(Value::Missing, Value::Flag),
        },
        Value::Time(_) => parse_time(text).map_or(Value::Missing, Value::Time),
        Value::Text(_) | Value::Missing => Value::Text(vec![Cow::Borrowed(text)]),
    }
}

/// Reads an `xs:dateTime`; without a zone it is UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}

fn cmp_ignoring_case(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() {
        let lower = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>();
        return if a.len() == b.len() && a.eq_ignore_ascii_case(b) {
            std::cmp::Ordering::Equal
        } else {
            lower(a).cmp(&lower(b))
        };
    }
    a.to_lowercase().cmp(&b.to_lowercase())
}

fn contains(found: &str, wanted: &str, mode: Containment, ignore_case: bool) -> bool {
    let fold = |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let (found, wanted) = (fold(found), fold(wanted));
    let word_starts = || {
        let mut before = ' ';
        found.char_indices().filter_map(move |(at, c)| {
            let starts = !before.is_alphanumeric();
            before = c;
            starts.then_some(at)
        })
    };
    let rest = |at: usize| found.get(at..).unwrap_or_default();
    match mode {
        Containment::FullString => found == wanted,
        Containment::Prefixed => found.starts_with(&wanted),
        Containment::Substring => found.contains(&wanted),
        Containment::PrefixOnWords => word_starts().any(|at| rest(at).starts_with(&wanted)),
        Containment::ExactPhrase => word_starts().any(|at| {
            let rest = rest(at);
            rest.strip_prefix(wanted.as_str())
                .is_some_and(|after| !after.chars().next().is_some_and(char::is_alphanumeric))
        }),
    }
}
