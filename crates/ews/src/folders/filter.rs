//! Conditions on folders.

use crate::condition::Condition;
use crate::property::Property;

const NAME: Property<'static> = Property::Field("folder:DisplayName");
const CLASS: Property<'static> = Property::Field("folder:FolderClass");

/// A condition on folders. Texts compare whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderFilter {
    /// Called exactly this.
    Named(String),
    /// With this in its name.
    NameContains(String),
    /// Of exactly this class, e.g. `IPF.Note`.
    Class(String),
    /// Of a class that begins like this.
    ClassBegins(String),
    /// Not this.
    Not(Box<FolderFilter>),
    /// Every one of them; all folders if there are none.
    All(Vec<FolderFilter>),
    /// One of them; all folders if there are none.
    Any(Vec<FolderFilter>),
}

impl FolderFilter {
    /// As the wire has it; `None` if it asks for nothing.
    pub(crate) fn condition(&self) -> Option<Condition<'_>> {
        match self {
            FolderFilter::Named(name) => Some(Condition::Same(NAME, name.into())),
            FolderFilter::NameContains(part) => Some(Condition::Contains(NAME, part.into())),
            FolderFilter::Class(class) => Some(Condition::Same(CLASS, class.into())),
            FolderFilter::ClassBegins(start) => Some(Condition::Begins(CLASS, start.into())),
            FolderFilter::Not(filter) => Some(Condition::Not(Box::new(filter.condition()?))),
            FolderFilter::All(all) => joined(all, Condition::All),
            FolderFilter::Any(any) => joined(any, Condition::Any),
        }
    }
}

/// The schema wants two conditions at least in a list.
fn joined<'a>(
    filters: &'a [FolderFilter],
    join: fn(Vec<Condition<'a>>) -> Condition<'a>,
) -> Option<Condition<'a>> {
    let mut conditions: Vec<Condition<'a>> = filters.iter().filter_map(FolderFilter::condition).collect();
    match conditions.len() {
        0 | 1 => conditions.pop(),
        _ => Some(join(conditions)),
    }
}
