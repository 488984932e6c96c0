//! Static types: what JSON Schema says about a value, as far as the checker can use it.
//!
//! The lattice is small on purpose. `any` is the gradual type: it goes everywhere and everything goes into it,
//! so a schema that says nothing costs checks and not correctness. Every type carries two labels, *untrusted* (an
//! attacker may have chosen the value) and *secret* (it must not be shown). Labels belong to the type and not to
//! the value, so they cost nothing at run time and cannot be lost there.

mod assign;
mod display;
mod schema;
mod width;

pub use assign::Mismatch;

use std::collections::BTreeMap;
use std::sync::Arc;

/// The static type of a value. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    pub(crate) kind: Kind,
    labels: Labels,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Labels {
    untrusted: bool,
    secret: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Any,
    /// No value at all: the elements of `[]`.
    Never,
    Null,
    Bool,
    Int,
    Double,
    /// An int or a double, not known which: JSON Schema's `number`.
    Number,
    Text(Option<Arc<TextFacts>>),
    Timestamp,
    Duration,
    /// What `aqs.*` makes. Nominal: nothing else is one, whatever it looks like.
    Restriction,
    List(Arc<ListType>),
    Object(Arc<ObjectType>),
    Map(Arc<Type>),
    /// At least two, none of them a union or `any`.
    Union(Arc<[Type]>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TextFacts {
    /// All values it can have, if they are known.
    pub(crate) values: Option<Vec<String>>,
    pub(crate) format: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListType {
    pub(crate) element: Type,
    /// The list has at least this many elements.
    pub(crate) at_least: usize,
    /// The list has at most this many elements, if its schema says so.
    pub(crate) at_most: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ObjectType {
    pub(crate) fields: BTreeMap<String, Field>,
    /// The type of members that are not in `fields`; `None` if there are none.
    pub(crate) rest: Option<Type>,
}

/// A member of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The type of its value.
    pub ty: Type,
    /// Whether it is always there.
    pub required: bool,
}

/// What an object type says about a member.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// It is always there.
    Present(Type),
    /// It is declared and may be missing.
    Optional(Type),
    /// It is not declared; the object may have it all the same.
    Undeclared(Type),
    /// The object cannot have it.
    Absent,
}

impl Type {
    pub(crate) fn of(kind: Kind) -> Type {
        Type { kind, labels: Labels::default() }
    }

    /// Nothing is known; every operation is allowed and checked at run time.
    pub fn any() -> Type {
        Type::of(Kind::Any)
    }

    /// No value at all.
    pub fn never() -> Type {
        Type::of(Kind::Never)
    }

    /// Only `null`.
    pub fn null() -> Type {
        Type::of(Kind::Null)
    }

    /// `true` or `false`.
    pub fn bool() -> Type {
        Type::of(Kind::Bool)
    }

    /// A whole number of 64 bits.
    pub fn int() -> Type {
        Type::of(Kind::Int)
    }

    /// A number with fraction.
    pub fn double() -> Type {
        Type::of(Kind::Double)
    }

    /// An int or a double.
    pub fn number() -> Type {
        Type::of(Kind::Number)
    }

    /// Any text.
    pub fn string() -> Type {
        Type::of(Kind::Text(None))
    }

    /// Exactly this text.
    pub fn literal(text: &str) -> Type {
        Type::one_of([text.to_owned()])
    }

    /// One of these texts.
    pub fn one_of(values: impl IntoIterator<Item = String>) -> Type {
        let facts = TextFacts { values: Some(values.into_iter().collect()), format: None };
        Type::of(Kind::Text(Some(Arc::new(facts))))
    }

    /// A text of a JSON Schema format, such as `date-time` or `email`.
    pub fn format(format: &str) -> Type {
        let facts = TextFacts { values: None, format: Some(format.to_owned()) };
        Type::of(Kind::Text(Some(Arc::new(facts))))
    }

    /// A point in time; outside expressions it is text of format `date-time`.
    pub fn timestamp() -> Type {
        Type::of(Kind::Timestamp)
    }

    /// A length of time; outside expressions it is text.
    pub fn duration() -> Type {
        Type::of(Kind::Duration)
    }

    /// What to look for in mailboxes, made by `aqs.*` and by nothing else; in schemas `"x-type": "restriction"`.
    /// Not even `any` fits where one is expected, so data from outside can never become one.
    pub fn restriction() -> Type {
        Type::of(Kind::Restriction)
    }

    /// A list of any length.
    pub fn list(element: Type) -> Type {
        Type::list_at_least(element, 0)
    }

    /// A list that has at least so many elements.
    pub fn list_at_least(element: Type, at_least: usize) -> Type {
        Type::of(Kind::List(Arc::new(ListType { element, at_least, at_most: None })))
    }

    /// An object with any names and values of one type.
    pub fn map(value: Type) -> Type {
        Type::of(Kind::Map(Arc::new(value)))
    }

    /// An object with exactly these members, all required.
    pub fn closed(fields: impl IntoIterator<Item = (String, Type)>) -> Type {
        Type::object(fields.into_iter().map(|(name, ty)| (name, Field { ty, required: true })), None)
    }

    /// An object; `rest` is the type of undeclared members, `None` closes it.
    pub fn object(fields: impl IntoIterator<Item = (String, Field)>, rest: Option<Type>) -> Type {
        Type::of(Kind::Object(Arc::new(ObjectType { fields: fields.into_iter().collect(), rest })))
    }

    /// The type or null.
    pub fn nullable(inner: Type) -> Type {
        Type::union([inner, Type::null()])
    }

    /// What can stand inside a text.
    pub(crate) fn printable() -> Type {
        Type::union([Type::string(), Type::number(), Type::bool(), Type::timestamp(), Type::duration()])
    }

    /// One of several types. Nested unions are flattened, equal members merged; `any` swallows everything. Labels
    /// of all members are joined, because the checker cannot know which one it will be.
    pub fn union(types: impl IntoIterator<Item = Type>) -> Type {
        let mut labels = Labels::default();
        let mut members: Vec<Type> = Vec::new();
        let mut anything = false;
        let mut queue: Vec<Type> = types.into_iter().collect();
        queue.reverse();
        while let Some(next) = queue.pop() {
            labels = labels.join(next.labels);
            match next.kind {
                Kind::Any => anything = true,
                Kind::Never => {}
                Kind::Union(inner) => queue.extend(inner.iter().rev().cloned()),
                kind => merge(&mut members, Type { kind, labels: next.labels }),
            }
        }
        let kind = match (anything, members.len()) {
            (true, _) => Kind::Any,
            (_, 0) => Kind::Never,
            (_, 1) => members.pop().map_or(Kind::Never, |only| only.kind),
            _ => Kind::Union(members.into()),
        };
        Type { kind, labels }
    }

    /// Whether an attacker may have chosen the value.
    pub fn is_untrusted(&self) -> bool {
        self.labels.untrusted
    }

    /// Whether the value must not be shown.
    pub fn is_secret(&self) -> bool {
        self.labels.secret
    }

    /// Whether the value or anything inside it is untrusted.
    pub fn contains_untrusted(&self) -> bool {
        self.any_label(&|labels| labels.untrusted)
    }

    /// Whether the value or anything inside it is secret.
    pub fn contains_secret(&self) -> bool {
        self.any_label(&|labels| labels.secret)
    }

    fn any_label(&self, test: &dyn Fn(Labels) -> bool) -> bool {
        test(self.labels)
            || match &self.kind {
                Kind::List(list) => list.element.any_label(test),
                Kind::Map(value) => value.any_label(test),
                Kind::Object(object) => {
                    object.fields.values().any(|f| f.ty.any_label(test))
                        || object.rest.as_ref().is_some_and(|t| t.any_label(test))
                }
                Kind::Union(members) => members.iter().any(|t| t.any_label(test)),
                _ => false,
            }
    }

    /// The same type, untrusted.
    #[must_use]
    pub fn with_untrusted(mut self) -> Type {
        self.labels.untrusted = true;
        self
    }

    /// The same type, secret.
    #[must_use]
    pub fn with_secret(mut self) -> Type {
        self.labels.secret = true;
        self
    }

    /// The same type, trusted on the outside. For what passed a builder that quotes, an assertion or an approval.
    #[must_use]
    pub fn without_untrusted(mut self) -> Type {
        self.labels.untrusted = false;
        self
    }

    /// The same type with the labels that `other` has anywhere inside it as well.
    #[must_use]
    pub fn with_labels_of(mut self, other: &Type) -> Type {
        self.labels.untrusted |= other.contains_untrusted();
        self.labels.secret |= other.contains_secret();
        self
    }

    /// The same type with the labels that `outer` itself has: what a member takes from its object.
    #[must_use]
    pub(crate) fn inside(mut self, outer: &Type) -> Type {
        self.labels = self.labels.join(outer.labels);
        self
    }

    /// Whether a restriction is somewhere inside it.
    fn holds_restriction(&self) -> bool {
        match &self.kind {
            Kind::Restriction => true,
            Kind::List(list) => list.element.holds_restriction(),
            Kind::Map(value) => value.holds_restriction(),
            Kind::Object(object) => {
                object.fields.values().any(|f| f.ty.holds_restriction())
                    || object.rest.as_ref().is_some_and(Type::holds_restriction)
            }
            Kind::Union(members) => members.iter().any(Type::holds_restriction),
            _ => false,
        }
    }

    /// Whether nothing is known about the type.
    pub fn is_any(&self) -> bool {
        matches!(self.kind, Kind::Any)
    }

    /// Whether it is a list and nothing else.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    /// Whether the value can be null. False for `any`, about which nothing is known.
    pub fn is_nullable(&self) -> bool {
        self.members().iter().any(|t| matches!(t.kind, Kind::Null))
    }

    /// The type without null.
    #[must_use]
    pub fn without_null(&self) -> Type {
        match &self.kind {
            Kind::Union(members) => {
                let rest = members.iter().filter(|t| !matches!(t.kind, Kind::Null)).cloned();
                Type { labels: self.labels, ..Type::union(rest) }
            }
            _ => self.clone(),
        }
    }

    /// The types this is one of: the members of a union, otherwise the type itself.
    pub fn members(&self) -> &[Type] {
        match &self.kind {
            Kind::Union(members) => members,
            _ => std::slice::from_ref(self),
        }
    }

    /// Whether every value is a point in time, or a text that its schema says is one.
    pub fn is_time(&self) -> bool {
        self.members().iter().all(|ty| match &ty.kind {
            Kind::Timestamp => true,
            Kind::Text(Some(facts)) => facts.format.as_deref() == Some("date-time"),
            _ => false,
        })
    }

    /// The values the text can have, if the type is a text with a fixed set of values.
    pub fn values(&self) -> Option<&[String]> {
        match &self.kind {
            Kind::Text(Some(facts)) => facts.values.as_deref(),
            _ => None,
        }
    }

    /// The type of the elements of a list or of the values of an object; of a union, of all that have some.
    /// `any` if there are none. Elements of an untrusted list are untrusted.
    #[must_use]
    pub fn element(&self) -> Type {
        let found = match &self.kind {
            Kind::List(list) => list.element.clone(),
            Kind::Map(value) => (**value).clone(),
            Kind::Object(object) => {
                Type::union(object.fields.values().map(|f| f.ty.clone()).chain(object.rest.clone()))
            }
            Kind::Union(members) => {
                Type::union(members.iter().filter(|t| t.is_container()).map(Type::element))
            }
            _ => Type::any(),
        };
        found.inside(self)
    }

    fn is_container(&self) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Map(_) | Kind::Object(_))
    }

    /// What `flatten` makes of an element: the elements of a list, everything else as it is.
    pub(crate) fn flattened(&self) -> Type {
        let each = |t: &Type| if t.is_list() { t.element() } else { t.clone() };
        Type::union(self.members().iter().map(each)).inside(self)
    }

    /// How many elements a list has at least.
    pub fn at_least(&self) -> usize {
        match &self.kind {
            Kind::List(list) => list.at_least,
            Kind::Union(members) => members.iter().map(Type::at_least).min().unwrap_or(0),
            _ => 0,
        }
    }

    /// What is known about a member; `None` if the type has no members at all. Looks at one object type, not at
    /// unions.
    pub fn field(&self, name: &str) -> Option<Lookup> {
        Some(match &self.kind {
            Kind::Any => Lookup::Undeclared(Type::any().inside(self)),
            Kind::Map(value) => Lookup::Undeclared((**value).clone().inside(self)),
            Kind::Object(object) => match (object.fields.get(name), &object.rest) {
                (Some(field), _) if field.required => Lookup::Present(field.ty.clone().inside(self)),
                (Some(field), _) => Lookup::Optional(field.ty.clone().inside(self)),
                (None, Some(rest)) => Lookup::Undeclared(rest.clone().inside(self)),
                (None, None) => Lookup::Absent,
            },
            _ => return None,
        })
    }

    /// The names of the declared members.
    pub fn field_names(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Object(object) => object.fields.keys().map(String::as_str).collect(),
            Kind::Union(members) => members.iter().flat_map(Type::field_names).collect(),
            _ => Vec::new(),
        }
    }

    /// The declared members in the order of their names; empty if it is not an object type.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        let fields = match &self.kind {
            Kind::Object(object) => Some(object.fields.iter().map(|(name, field)| (name.as_str(), field))),
            _ => None,
        };
        fields.into_iter().flatten()
    }
}

impl Labels {
    fn join(self, other: Labels) -> Labels {
        Labels { untrusted: self.untrusted || other.untrusted, secret: self.secret || other.secret }
    }
}

/// Adds a member to a union unless one that is there already covers it.
fn merge(members: &mut Vec<Type>, new: Type) {
    for old in members.iter_mut() {
        let merged = match (&old.kind, &new.kind) {
            (a, b) if a == b => Some(a.clone()),
            (Kind::Number, Kind::Int | Kind::Double) | (Kind::Int | Kind::Double, Kind::Number) => {
                Some(Kind::Number)
            }
            (Kind::Int, Kind::Double) | (Kind::Double, Kind::Int) => Some(Kind::Number),
            (Kind::Text(a), Kind::Text(b)) => Some(Kind::Text(join_texts(a.as_deref(), b.as_deref()))),
            (Kind::List(a), Kind::List(b)) => Some(Kind::List(Arc::new(ListType {
                element: Type::union([a.element.clone(), b.element.clone()]),
                at_least: a.at_least.min(b.at_least),
                at_most: a.at_most.zip(b.at_most).map(|(a, b)| a.max(b)),
            }))),
            _ => None,
        };
        if let Some(kind) = merged {
            old.kind = kind;
            old.labels = old.labels.join(new.labels);
            return;
        }
    }
    members.push(new);
}

fn join_texts(a: Option<&TextFacts>, b: Option<&TextFacts>) -> Option<Arc<TextFacts>> {
    let (Some(a), Some(b)) = (a, b) else { return None };
    let values = match (&a.values, &b.values) {
        (Some(a), Some(b)) => {
            let mut all = a.clone();
            all.extend(b.iter().filter(|value| !a.contains(value)).cloned());
            Some(all)
        }
        _ => None,
    };
    let format = if a.format == b.format { a.format.clone() } else { None };
    (values.is_some() || format.is_some()).then(|| Arc::new(TextFacts { values, format }))
}
