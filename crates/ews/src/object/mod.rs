//! Items as an embedder sees them: what to show of them, how to name their properties, what they hold, what is
//! put into new ones and what is changed in old ones.
//!
//! Reading gives one [`ExchangeItem`] for whatever kind of item comes; writing takes [`Field`]s, which create and
//! update share, so that what can be put into a new item can be changed in an old one. Left out: tasks, posts and
//! distribution lists as things to write, and properties that only Exchange itself sets.

mod calendar;
mod change;
mod condition;
mod contact;
mod field;
mod field_value;
mod folder_at;
mod item;
mod item_at;
mod new_attachment;
mod new_item;
mod path;
mod path_names;
mod people;
mod recurrence;
mod search;
mod shape;
mod value;

pub use calendar::{Attendee, CalendarPart, Meeting, OccurrenceInfo};
pub use change::{Conflict, ItemChange, Update};
pub use condition::{ItemCondition, Relation, TextMode};
pub use contact::{ContactPart, PostalAddress};
pub use exchange::{Month, Pattern, Recurrence, RecurrenceEnd, Week, Weekday};
pub use field::{ContactText, Field, Flag, PhoneKind, PostalKind, PostalPart};
pub use folder_at::FolderAt;
pub use item::{ExchangeItem, ItemKind, MessagePart};
pub use item_at::ItemAt;
pub use new_attachment::{AttachmentContent, NewAttachment};
pub use new_item::{NewItem, NewKind};
pub use path::{ExtendedName, ExtendedValue, PropertyPath, PropertySet, PropertyType};
pub use search::{ItemPage, ItemSearch, ItemView, Sort, Traversal};
pub use shape::{BaseShape, BodyType, ItemShape};
pub use value::{Body, FreeBusy, Importance, Sensitivity};

pub(crate) use condition::write as write_condition;
pub(crate) use item_at::Named;
pub(crate) use new_item::write_version;
